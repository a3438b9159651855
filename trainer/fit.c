/* Semi-supervised EM over distributed latents. */
#include "fit.h"

#include "encode.h"
#include "sum.h"

#include <stdlib.h>
#include <string.h>

/* This rank's share of the latents, and what the fit works on. */
struct fit {
    struct mixture_shape shape;
    real *m, *s; /* (n, D) of this rank */
    int8_t *label;
    uint32_t *place;    /* (n) each segment's place among all */
    int8_t *all_labels; /* (room) of all segments, on every rank */
    size_t n, room;
    real *mean, *log_variance, *log_weight; /* the mixture being fitted */
    struct sum *sum;                        /* labelled, then unlabelled statistics */
    double *values;
};

static size_t statistics(const struct mixture_shape *shape)
{
    return shape->n_components * (1 + 2 * shape->dimensions);
}

static void keep_latents(void *context, const struct micro *micro)
{
    struct fit *fit = context;
    const size_t d = fit->shape.dimensions, n = micro->n_segments;
    ASSERT(fit->n + n <= fit->room);
    memcpy(fit->m + fit->n * d, micro->tape.m, n * d * sizeof(real));
    memcpy(fit->s + fit->n * d, micro->tape.s, n * d * sizeof(real));
    memcpy(fit->label + fit->n, micro->batch.label, n);
    for (size_t i = 0; i < n; i++) fit->place[fit->n + i] = (uint32_t)(micro->first_segment + i);
    fit->n += n;
}

static enum status fit_init(struct fit *fit, struct trainer *trainer, size_t room)
{
    enum status status = OK;
    const struct vae *vae = &trainer->vae;
    *fit = (struct fit){.shape = vae_mixture(vae, trainer->theta).shape,
                        .room = room,
                        .mean = trainer->theta + vae->mixture_mean,
                        .log_variance = trainer->theta + vae->mixture_log_variance,
                        .log_weight = trainer->theta + vae->mixture_log_weight};
    fit->m = malloc((room * fit->shape.dimensions + 1) * sizeof *fit->m);
    fit->s = malloc((room * fit->shape.dimensions + 1) * sizeof *fit->s);
    fit->label = malloc(room + 1);
    fit->place = malloc((room + 1) * sizeof *fit->place);
    fit->all_labels = malloc(room + 1);
    fit->values = malloc(2 * statistics(&fit->shape) * sizeof *fit->values);
    if (!fit->m || !fit->s || !fit->label || !fit->place || !fit->all_labels || !fit->values ||
        status_fault())
        FAIL(FAILED, "no memory for the latents of %zu segments", room);
    TRY(sum_create(&fit->sum, 2 * statistics(&fit->shape)));
done:
    return status;
}

static void fit_fini(struct fit *fit)
{
    free(fit->m);
    free(fit->s);
    free(fit->label);
    free(fit->place);
    free(fit->all_labels);
    free(fit->values);
    sum_destroy(fit->sum);
}

static void swap_labelled_first(struct row *rows, size_t n)
{
    size_t front = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].label == CORPUS_UNLABELLED) continue;
        const struct row row = rows[i];
        rows[i] = rows[front];
        rows[front++] = row;
    }
}

/* Training rows in a drawn order, labelled ones first, of at most fit.segments segments. */
static enum status choose_rows(struct trainer *trainer, struct row **rows, size_t *n_rows,
                               size_t *n_segments)
{
    const enum status status =
        sampler_held_out(&trainer->sampler, &trainer->config, SPLIT_TRAIN, SIZE_MAX, rows, n_rows);
    if (status != OK) return status;
    swap_labelled_first(*rows, *n_rows);
    *n_segments = 0;
    for (size_t i = 0; i < *n_rows; i++) {
        *n_segments += (*rows)[i].n_segments;
        if (*n_segments > trainer->config.fit.segments) {
            *n_segments -= (*rows)[i].n_segments;
            *n_rows = i;
        }
    }
    return OK;
}

static void label_segments(struct fit *fit, const struct row *rows, size_t n_rows)
{
    size_t n = 0;
    for (size_t i = 0; i < n_rows; i++)
        for (uint32_t s = 0; s < rows[i].n_segments; s++) fit->all_labels[n++] = rows[i].label;
}

/* The same start on every rank: all latents in the order of the rows.  Each number has one
 * contributor, so the sum over ranks only brings them together. */
static enum status seed_mixture(struct fit *fit, struct trainer *trainer, size_t n_segments)
{
    enum status status = OK;
    const size_t d = fit->shape.dimensions, count = n_segments * 2 * d;
    struct arena scratch = {0};
    double *all = calloc(count + 1, sizeof *all);
    real *m = malloc((count + 1) * sizeof *m);
    enum status local = OK;
    if (!all || !m || status_fault())
        local = status_fail(FAILED, "no memory to gather %zu latents", n_segments);
    if (local == OK)
        local = arena_init(&scratch,
                           (n_segments + fit->shape.n_components * d) * sizeof(double) + 1024);
    TRY(group_agree(trainer->group, local));
    for (size_t i = 0; i < fit->n; i++)
        for (size_t j = 0; j < d; j++) {
            all[fit->place[i] * d + j] = (double)fit->m[i * d + j];
            all[(n_segments + fit->place[i]) * d + j] = (double)fit->s[i * d + j];
        }
    group_sum_doubles(trainer->group, all, count);
    for (size_t i = 0; i < count; i++) m[i] = (real)all[i];
    const struct mixture_rows rows = {
        .m = m, .s = m + n_segments * d, .label = fit->all_labels, .n = n_segments};
    mixture_fit_seed(&fit->shape, fit->mean, fit->log_variance, fit->log_weight, &rows,
                     trainer->config.train.seed, &scratch);
done:
    arena_fini(&scratch);
    free(all);
    free(m);
    return status;
}

/* Statistics of the labelled or the unlabelled segments of this rank, segment by segment, so that
 * the exact sum has the same terms however the segments lie on the ranks. */
static void accumulate(struct fit *fit, double *row)
{
    const size_t d = fit->shape.dimensions, size = statistics(&fit->shape);
    const struct mixture mixture = {fit->shape, fit->mean, fit->log_variance, fit->log_weight};
    for (size_t i = 0; i < fit->n; i++) {
        const bool labelled = fit->label[i] >= 0;
        memset(row, 0, size * sizeof *row);
        (void)mixture_fit_accumulate(row, &mixture, fit->m + i * d, fit->s + i * d, fit->label + i,
                                     1);
        sum_add(fit->sum, labelled ? 0 : size, row, size);
    }
}

static void iterate(struct fit *fit, struct group *group)
{
    const size_t size = statistics(&fit->shape), k = fit->shape.n_components;
    double n_labelled = 0, n_unlabelled = 0;
    double *labelled = fit->values, *unlabelled = fit->values + size;
    sum_clear(fit->sum);
    accumulate(fit, fit->values);
    sum_over_ranks(fit->sum, group);
    sum_read(fit->sum, fit->values);
    for (size_t i = 0; i < k; i++) {
        n_labelled += labelled[i * (size / k)];
        n_unlabelled += unlabelled[i * (size / k)];
    }
    const double lambda =
        n_labelled > 0 && n_unlabelled > n_labelled ? n_labelled / n_unlabelled : 1;
    for (size_t i = 0; i < size; i++) labelled[i] += lambda * unlabelled[i];
    mixture_fit_update(&fit->shape, fit->mean, fit->log_variance, fit->log_weight, labelled);
}

enum status fit_mixture(struct trainer *trainer)
{
    enum status status = OK;
    struct row *rows = NULL;
    size_t n_rows = 0, n_segments = 0;
    struct fit fit = {0};
    enum status local = choose_rows(trainer, &rows, &n_rows, &n_segments);
    if (local == OK) local = fit_init(&fit, trainer, n_segments);
    if (local == OK) label_segments(&fit, rows, n_rows);
    if (local == OK) local = encode_rows(trainer, rows, n_rows, 1, keep_latents, &fit);
    TRY(group_agree(trainer->group, local));
    TRY(seed_mixture(&fit, trainer, n_segments));
    for (size_t i = 0; i < trainer->config.fit.iterations; i++) iterate(&fit, trainer->group);
    optimiser_forget(&trainer->optimiser, trainer->vae.first_mixture,
                     trainer->vae.end_mixture - trainer->vae.first_mixture);
done:
    fit_fini(&fit);
    free(rows);
    return status;
}
