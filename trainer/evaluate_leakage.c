/* What each latent tells of each kind of attribute, against what attributes tell of each other. */
#include "encode.h"
#include "evaluate_parts.h"
#include "measures_ridge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TARGETS = 7 };

/* Attributes of one kind. */
struct kind {
    const char *name;
    size_t n;
    enum attribute of[MAX_TARGETS];
};

static const struct kind KINDS[N_FACTORS] = {
    {"rhythm",
     7,
     {ATTRIBUTE_RHYTHM_DENSITY, ATTRIBUTE_NOTE_DENSITY, ATTRIBUTE_NOTE_RATE, ATTRIBUTE_TEMPO,
      ATTRIBUTE_NOTE_LENGTH, ATTRIBUTE_VELOCITY, ATTRIBUTE_POLYPHONY}},
    {"tonal", 3, {ATTRIBUTE_MODE_MARGIN, ATTRIBUTE_REGISTER, ATTRIBUTE_PITCH_SPREAD}},
};

/* Features of the segments of a split. */
struct features {
    const double *train, *held; /* (n_segments, n) */
    size_t n;
};

/* Sums of the held-out segments of each piece, from which R^2 of resampled pieces follows. */
struct sums {
    double *n, *sum, *square, *error; /* (n_pieces) each */
};

/* The sums of several attributes. */
struct targets {
    size_t n, n_pieces;
    double *block; /* (n, 4, n_pieces) */
};

static struct sums sums_of(const struct targets *targets, size_t target)
{
    const size_t n = targets->n_pieces;
    double *first = targets->block + target * 4 * n;
    return (struct sums){first, first + n, first + 2 * n, first + 3 * n};
}

/* 1 - residual / total sum of squares, averaged over the attributes that vary. */
static double determination(const void *context, const uint32_t *index, size_t n_pieces)
{
    const struct targets *targets = context;
    double total = 0, defined = 0;
    for (size_t t = 0; t < targets->n; t++) {
        const struct sums sums = sums_of(targets, t);
        double n = 0, sum = 0, square = 0, error = 0;
        for (size_t i = 0; i < n_pieces; i++) {
            n += sums.n[index[i]];
            sum += sums.sum[index[i]];
            square += sums.square[index[i]];
            error += sums.error[index[i]];
        }
        const double variation = n > 1 ? square - sum * sum / n : 0;
        if (!(variation > 1e-12 * square)) continue;
        total += 1 - error / variation;
        defined++;
    }
    return defined > 0 ? total / defined : (double)NAN;
}

static void copy_attribute(double *y, const struct evaluation *evaluation,
                           const struct evaluate_latents *latents, enum attribute attribute)
{
    for (size_t s = 0; s < latents->n_segments; s++)
        y[s] = (double)evaluation->corpus.segments[latents->segment[s]].attributes[attribute];
}

/* Fits one attribute on the training split, and sums up its errors on the measured one.  Numbers
 * are taken less their training mean, which keeps the sums of squares small. */
static enum status measure_target(struct targets *targets, size_t target,
                                  const struct evaluation *evaluation,
                                  const struct features *features, enum attribute attribute)
{
    enum status status = OK;
    const struct evaluate_latents *train = &evaluation->train, *held = &evaluation->held;
    const size_t n = train->n_segments > held->n_segments ? train->n_segments : held->n_segments;
    struct sums sums = sums_of(targets, target);
    struct ridge ridge = {0};
    double *y = malloc((n + 1) * sizeof *y);
    if (!y || status_fault()) FAIL(FAILED, "no memory for %zu segments", n);
    copy_attribute(y, evaluation, train, attribute);
    TRY(ridge_fit(&ridge, features->train, y, train->n_segments, features->n));
    copy_attribute(y, evaluation, held, attribute);
    for (size_t s = 0; s < held->n_segments; s++) {
        if (isnan(y[s])) continue;
        const uint32_t piece = held->piece[s];
        const double centred = y[s] - ridge.intercept;
        const double error = y[s] - ridge_predict(&ridge, features->held + s * features->n);
        sums.n[piece]++;
        sums.sum[piece] += centred;
        sums.square[piece] += centred * centred;
        sums.error[piece] += error * error;
    }
done:
    ridge_fini(&ridge);
    free(y);
    return status;
}

static enum status add_cell(json_t *section, const char *name, const struct evaluation *evaluation,
                            const struct features *features, const struct kind *kind)
{
    enum status status = OK;
    struct targets targets = {.n = kind->n, .n_pieces = evaluation->held.n_pieces};
    targets.block = calloc(4 * targets.n * targets.n_pieces + 1, sizeof *targets.block);
    if (!targets.block || status_fault())
        FAIL(FAILED, "no memory for the attributes of %zu pieces", targets.n_pieces);
    for (size_t t = 0; t < kind->n; t++)
        TRY(measure_target(&targets, t, evaluation, features, kind->of[t]));
    TRY(evaluate_figure(section, name, determination, &targets, targets.n_pieces,
                        evaluation->settings->seed));
done:
    free(targets.block);
    return status;
}

static double *kind_features(const struct evaluation *evaluation,
                             const struct evaluate_latents *latents, const struct kind *kind)
{
    double *x = status_fault() ? NULL : malloc((latents->n_segments * kind->n + 1) * sizeof *x);
    for (size_t s = 0; x && s < latents->n_segments; s++)
        for (size_t i = 0; i < kind->n; i++)
            x[s * kind->n + i] =
                (double)evaluation->corpus.segments[latents->segment[s]].attributes[kind->of[i]];
    return x;
}

/* The floor: true attributes of one kind from those of the other. */
static enum status add_floor(json_t *section, const struct evaluation *evaluation, int from)
{
    enum status status = OK;
    char name[64];
    const struct kind *source = &KINDS[from], *target = &KINDS[1 - from];
    double *train = kind_features(evaluation, &evaluation->train, source);
    double *held = kind_features(evaluation, &evaluation->held, source);
    if (!train || !held) FAIL(FAILED, "no memory for the attributes of all segments");
    const struct features features = {train, held, source->n};
    snprintf(name, sizeof name, "%s_from_%s_attributes", target->name, source->name);
    TRY(add_cell(section, name, evaluation, &features, target));
done:
    free(train);
    free(held);
    return status;
}

/* The coordinates of a factor that are in use on the training split; returns how many.  The means
 * of the others vary by thousandths of the noise that the decoder sees on them: a regression that
 * is free in its scale would read there what no decoder can. */
static size_t find_active(size_t *active, const struct evaluate_latents *train, int factor)
{
    size_t n_active = 0;
    const double n = (double)train->n_segments;
    for (size_t d = 0; d < train->latent; d++) {
        double sum = 0, square = 0;
        for (size_t s = 0; s < train->n_segments; s++) {
            const double x = train->z[factor][s * train->latent + d];
            sum += x;
            square += x * x;
        }
        if (square / n - sum / n * (sum / n) > ENCODE_ACTIVE) active[n_active++] = d;
    }
    return n_active;
}

static double *active_features(const struct evaluate_latents *latents, int factor,
                               const size_t *active, size_t n)
{
    double *x = status_fault() ? NULL : malloc((latents->n_segments * n + 1) * sizeof *x);
    for (size_t s = 0; x && s < latents->n_segments; s++)
        for (size_t i = 0; i < n; i++)
            x[s * n + i] = latents->z[factor][s * latents->latent + active[i]];
    return x;
}

/* What a factor's latent tells of both kinds. */
static enum status add_factor(json_t *section, const struct evaluation *evaluation, int factor)
{
    enum status status = OK;
    char name[64];
    double *train = NULL, *held = NULL;
    size_t *active = malloc((evaluation->train.latent + 1) * sizeof *active);
    if (!active || status_fault()) FAIL(FAILED, "no memory for the coordinates of a latent");
    const size_t n = find_active(active, &evaluation->train, factor);
    train = active_features(&evaluation->train, factor, active, n);
    held = active_features(&evaluation->held, factor, active, n);
    if (!train || !held) FAIL(FAILED, "no memory for the latents of all segments");
    const struct features features = {train, held, n};
    snprintf(name, sizeof name, "%s_coordinates_in_use", KINDS[factor].name);
    if (json_object_set_new(section, name, json_integer((json_int_t)n)) != 0)
        FAIL(FAILED, "no memory for the results");
    for (int k = 0; k < N_FACTORS; k++) {
        snprintf(name, sizeof name, "%s_from_%s_latent", KINDS[k].name, KINDS[factor].name);
        TRY(add_cell(section, name, evaluation, &features, &KINDS[k]));
    }
done:
    free(active);
    free(train);
    free(held);
    return status;
}

enum status evaluate_leakage(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    for (int f = 0; f < N_FACTORS; f++) TRY(add_factor(section, evaluation, f));
    for (int f = 0; f < N_FACTORS; f++) TRY(add_floor(section, evaluation, f));
done:
    return status;
}
