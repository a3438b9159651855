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

void faders_apply(const struct fader_target *target, real *const z[N_FACTORS])
{
    for (int i = 0; i < BATCH_FADERS; i++)
        if (target->set[i])
            z[vae_fader_factor(i)][vae_fader_coordinate(i)] = (real)target->coordinate[i];
}

/* Attributes, then coordinates, each (BATCH_FADERS, n): zero but for the segments of this rank. */
struct sample {
    const struct trainer *trainer;
    double *values;
    size_t n;
};

static void keep_values(void *context, const struct micro *micro)
{
    struct sample *sample = context;
    const size_t latent = vae_latent(&sample->trainer->vae.shape);
    for (size_t i = 0; i < micro->n_segments; i++)
        for (int f = 0; f < BATCH_FADERS; f++) {
            const real *mean = micro->tape.encoder[vae_fader_factor(f)].moments + i * 2 * latent;
            double *at = sample->values + (size_t)f * sample->n + micro->first_segment + i;
            at[0] = (double)micro->batch.faders[i * BATCH_FADERS + (size_t)f];
            at[BATCH_FADERS * sample->n] = (double)mean[vae_fader_coordinate(f)];
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

enum status faders_measure(struct faders *faders, struct trainer *trainer)
{
    enum status status = OK;
    struct sample sample = {.trainer = trainer};
    struct row *rows = NULL;
    size_t n_rows = 0;
    enum status local = sampler_held_out(&trainer->sampler, &trainer->config, SPLIT_TRAIN,
                                         SAMPLE_ROWS, &rows, &n_rows);
    for (size_t i = 0; local == OK && i < n_rows; i++) sample.n += rows[i].n_segments;
    const size_t count = 2 * BATCH_FADERS * sample.n;
    if (local == OK) {
        sample.values = status_fault() ? NULL : calloc(count + 1, sizeof *sample.values);
        if (!sample.values)
            local = status_fail(FAILED, "no memory for the faders of %zu segments", sample.n);
    }
    if (local == OK) local = encode_rows(trainer, rows, n_rows, 1, keep_values, &sample);
    TRY(group_agree(trainer->group, local));
    group_sum_doubles(trainer->group, sample.values, count);
    for (size_t f = 0; f < BATCH_FADERS; f++) {
        tabulate(faders->attribute[f], sample.values + f * sample.n, sample.n);
        tabulate(faders->coordinate[f], sample.values + (BATCH_FADERS + f) * sample.n, sample.n);
    }
    faders->known = true;
done:
    free(sample.values);
    free(rows);
    return status;
}
