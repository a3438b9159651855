/* Fader values <-> latent coordinates, by way of quantiles. */
#include "faders.h"

#include "encode.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLE_ROWS = 256 };

const char *const fader_names[BATCH_FADERS] = {"rhythm-density", "note-density", "mode",
                                               "register"};

enum status fader_parse(struct fader_setting *setting, int fader, const char *text)
{
    const bool measured = strncmp(text, "abs:", 4) == 0;
    const char *number = measured ? text + 4 : text;
    char *end;
    const double value = strtod(number, &end);
    const bool decimal = *number && strspn(number, "+-.0123456789eE") == strlen(number) && !*end;
    if (!decimal || !isfinite(value) || (!measured && fabs(value) > 1))
        return status_fail(USAGE, "--%s = %.40s: want a number from -1 to 1, or abs:VALUE",
                           fader_names[fader], text);
    *setting = (struct fader_setting){measured ? FADER_MEASURED : FADER_PLACE, value};
    return OK;
}

/* The table's value at q in [0, 1]. */
static double quantile(const double table[FADERS_QUANTILES], double q)
{
    const double place = q * (FADERS_QUANTILES - 1);
    size_t i = (size_t)place;
    if (i > FADERS_QUANTILES - 2) i = FADERS_QUANTILES - 2;
    return table[i] + (place - (double)i) * (table[i + 1] - table[i]);
}

/* The q of a value inside the table; the middle of them where the table is level. */
static double place_of(const double table[FADERS_QUANTILES], double value)
{
    const size_t last = FADERS_QUANTILES - 1;
    size_t below = 0, above = last;
    while (below < last && table[below + 1] < value) below++;
    while (above > 0 && table[above - 1] > value) above--;
    double low = (double)below, high = (double)above;
    if (table[below] < value) low += (value - table[below]) / (table[below + 1] - table[below]);
    if (table[above] > value) high -= (table[above] - value) / (table[above] - table[above - 1]);
    return (low + high) / 2 / (double)last;
}

static enum status resolve(double *coordinate, const struct faders *faders, int fader,
                           const struct fader_setting *setting, const char *path)
{
    if (setting->kind == FADER_FREE) return OK;
    const double *attribute = faders->attribute[fader];
    const double least = attribute[0], most = attribute[FADERS_QUANTILES - 1];
    if (!faders->known)
        return status_fail(FAILED, "%s: too old for --%s: it holds no faders", path,
                           fader_names[fader]);
    if (setting->kind == FADER_MEASURED && !(setting->value >= least && setting->value <= most))
        return status_fail(USAGE, "--%s = abs:%g: the training set has %g to %g",
                           fader_names[fader], setting->value, least, most);
    const double q = setting->kind == FADER_PLACE ? (setting->value + 1) / 2
                                                  : place_of(attribute, setting->value);
    *coordinate = quantile(faders->coordinate[fader], q);
    return OK;
}

enum status faders_resolve(struct fader_target *target, const struct faders *faders,
                           const struct fader_setting settings[BATCH_FADERS], const char *path)
{
    enum status status = OK;
    *target = (struct fader_target){0};
    for (int i = 0; i < BATCH_FADERS; i++) {
        TRY(resolve(&target->coordinate[i], faders, i, &settings[i], path));
        target->set[i] = settings[i].kind != FADER_FREE;
    }
done:
    return status;
}

double faders_attribute(const struct faders *faders, int fader, double coordinate)
{
    const double *from = faders->coordinate[fader];
    const double low = from[1], high = from[FADERS_QUANTILES - 2];
    return quantile(faders->attribute[fader], place_of(from, fmin(fmax(coordinate, low), high)));
}

void faders_apply(const struct faders *faders, const struct fader_target *target,
                  real *const z[N_FACTORS], size_t latent)
{
    for (int f = 0; f < BATCH_FADERS; f++) {
        real *row = z[vae_fader_factor(f)];
        const size_t own = vae_fader_coordinate(f);
        const double *slope = faders->slope + (size_t)f * latent;
        const double way = target->coordinate[f] - (double)row[own];
        if (!target->set[f]) continue;
        for (size_t d = VAE_FADERS; d < latent; d++) row[d] += (real)(slope[d] * way);
        row[own] = (real)target->coordinate[f];
    }
}

/* Of n segments; zero but for those of this rank. */
struct sample {
    const struct trainer *trainer;
    size_t n, latent;
    double *attribute;    /* (BATCH_FADERS, n) */
    double *z[N_FACTORS]; /* (latent, n) posterior means */
};

static size_t sample_size(const struct sample *sample)
{
    return sample->n * (BATCH_FADERS + N_FACTORS * sample->latent);
}

static void keep_values(void *context, const struct micro *micro)
{
    struct sample *sample = context;
    const size_t latent = sample->latent, n = sample->n;
    for (size_t i = 0; i < micro->n_segments; i++) {
        const size_t at = micro->first_segment + i;
        for (size_t f = 0; f < BATCH_FADERS; f++)
            sample->attribute[f * n + at] = (double)micro->batch.faders[i * BATCH_FADERS + f];
        for (int g = 0; g < N_FACTORS; g++)
            for (size_t d = 0; d < latent; d++)
                sample->z[g][d * n + at] =
                    (double)micro->tape.encoder[g].moments[i * 2 * latent + d];
    }
}

static double covariance(const double *x, const double *y, size_t n)
{
    double x_sum = 0, y_sum = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        x_sum += x[i];
        y_sum += y[i];
    }
    for (size_t i = 0; i < n; i++) sum += (x[i] - x_sum / (double)n) * (y[i] - y_sum / (double)n);
    return sum;
}

/* The slopes of a factor's coordinates on its two faders' by the normal equations; faders that
 * hardly differ or do not vary leave them zero. */
static void measure_slopes(double *slope[VAE_FADERS], const struct sample *sample, enum factor g)
{
    const size_t n = sample->n;
    const double *z = sample->z[g], *x = z, *y = z + n;
    const double xx = covariance(x, x, n), yy = covariance(y, y, n), xy = covariance(x, y, n);
    const double determinant = xx * yy - xy * xy;
    for (size_t d = VAE_FADERS; d < sample->latent && determinant > 1e-6 * xx * yy; d++) {
        const double xz = covariance(x, z + d * n, n), yz = covariance(y, z + d * n, n);
        slope[0][d] = (yy * xz - xy * yz) / determinant;
        slope[1][d] = (xx * yz - xy * xz) / determinant;
    }
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void tabulate(double table[FADERS_QUANTILES], double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    for (size_t j = 0; j < FADERS_QUANTILES; j++) {
        const double place = (double)j * (double)(n - 1) / (FADERS_QUANTILES - 1);
        const size_t i = (size_t)place, next = i + 1 < n ? i + 1 : i;
        table[j] = values[i] + (place - (double)i) * (values[next] - values[i]);
    }
}

/* Sorts the sample's numbers in the end. */
static void tabulate_all(struct faders *faders, struct sample *sample)
{
    *faders = (struct faders){.known = true};
    for (enum factor g = 0; g < N_FACTORS; g++) {
        double *first = faders->slope + (size_t)g * VAE_FADERS * sample->latent;
        double *slope[VAE_FADERS] = {first, first + sample->latent};
        measure_slopes(slope, sample, g);
    }
    for (int f = 0; f < BATCH_FADERS; f++) {
        double *z = sample->z[vae_fader_factor(f)] + vae_fader_coordinate(f) * sample->n;
        tabulate(faders->attribute[f], sample->attribute + (size_t)f * sample->n, sample->n);
        tabulate(faders->coordinate[f], z, sample->n);
    }
}

enum status faders_measure(struct faders *faders, struct trainer *trainer)
{
    enum status status = OK;
    struct sample sample = {.trainer = trainer, .latent = vae_latent(&trainer->vae.shape)};
    struct row *rows = NULL;
    double *block = NULL;
    size_t n_rows = 0;
    enum status local = sampler_held_out(&trainer->sampler, &trainer->config, SPLIT_TRAIN,
                                         SAMPLE_ROWS, &rows, &n_rows);
    for (size_t i = 0; local == OK && i < n_rows; i++) sample.n += rows[i].n_segments;
    if (local == OK) {
        block = status_fault() ? NULL : calloc(sample_size(&sample) + 1, sizeof *block);
        if (!block)
            local = status_fail(FAILED, "no memory for the faders of %zu segments", sample.n);
    }
    sample.attribute = block;
    for (size_t g = 0; block && g < N_FACTORS; g++)
        sample.z[g] = block + (BATCH_FADERS + g * sample.latent) * sample.n;
    if (local == OK) local = encode_rows(trainer, rows, n_rows, 1, keep_values, &sample);
    TRY(group_agree(trainer->group, local));
    group_sum_doubles(trainer->group, block, sample_size(&sample));
    tabulate_all(faders, &sample);
done:
    free(block);
    free(rows);
    return status;
}
