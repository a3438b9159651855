/* Semi-supervised EM over distributed latents. */
#include "fit.h"

#include "discriminant.h"
#include "encode.h"
#include "process_grid.h"
#include "sum.h"
#include "weak_label.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIT_MAX_DIMENSIONS = 512 }; /* of both factors: twice the most of model.latent_mixture */

/* Statistics are kept apart by what told a segment's emotion. */
enum told_by { TOLD_BY_LABEL, TOLD_BY_RULE, TOLD_BY_MIXTURE, N_TOLD_BY };

/* This rank's latents in some coordinates, and a mixture there. */
struct space {
    struct mixture_shape shape;
    real *m, *s;                            /* (n, D) of this rank */
    real *mean, *log_variance, *log_weight; /* the mixture being fitted */
};

/* This rank's share of the latents, and what the fit works on. */
struct fit {
    struct space latents; /* the mixture is the model's; owns m, s */
    struct space axes;    /* along the discriminant's axes; owns all; empty without */
    int8_t *label;
    uint32_t *place; /* (n) each segment's place among all */
    int8_t *told; /* (room) of all segments, on every rank: the label, or the rule's where none is;
                     CORPUS_UNLABELLED where neither says anything */
    size_t n, room;
    struct sum *sum; /* (N_TOLD_BY) statistics each */
    double *values;
    double weak, unlabelled; /* fit.weak, fit.unlabelled */
};

static size_t statistics(const struct mixture_shape *shape)
{
    return shape->n_components * (1 + 2 * shape->dimensions);
}

static void keep_latents(void *context, const struct micro *micro)
{
    struct fit *fit = context;
    const size_t d = fit->latents.shape.dimensions, n = micro->n_segments;
    ASSERT(fit->n + n <= fit->room);
    memcpy(fit->latents.m + fit->n * d, micro->tape.m, n * d * sizeof(real));
    memcpy(fit->latents.s + fit->n * d, micro->tape.s, n * d * sizeof(real));
    memcpy(fit->label + fit->n, micro->batch.label, n);
    for (size_t i = 0; i < n; i++) fit->place[fit->n + i] = (uint32_t)(micro->first_segment + i);
    fit->n += n;
}

static enum status fit_init(struct fit *fit, struct trainer *trainer, size_t room)
{
    enum status status = OK;
    const struct vae *vae = &trainer->vae;
    const struct mixture_shape shape = vae_mixture(vae, trainer->theta).shape;
    *fit = (struct fit){.latents = {.shape = shape,
                                    .mean = trainer->theta + vae->mixture_mean,
                                    .log_variance = trainer->theta + vae->mixture_log_variance,
                                    .log_weight = trainer->theta + vae->mixture_log_weight},
                        .room = room,
                        .weak = trainer->config.fit.weak,
                        .unlabelled = trainer->config.fit.unlabelled};
    ASSERT(shape.dimensions <= FIT_MAX_DIMENSIONS);
    fit->latents.m = malloc((room * shape.dimensions + 1) * sizeof(real));
    fit->latents.s = malloc((room * shape.dimensions + 1) * sizeof(real));
    fit->label = malloc(room + 1);
    fit->place = malloc((room + 1) * sizeof *fit->place);
    fit->told = malloc(room + 1);
    fit->values = malloc(N_TOLD_BY * statistics(&shape) * sizeof *fit->values);
    if (!fit->latents.m || !fit->latents.s || !fit->label || !fit->place || !fit->told ||
        !fit->values || status_fault())
        FAIL(FAILED, "no memory for the latents of %zu segments", room);
    TRY(sum_create(&fit->sum, N_TOLD_BY * statistics(&shape)));
done:
    return status;
}

static void fit_fini(struct fit *fit)
{
    free(fit->latents.m);
    free(fit->latents.s);
    free(fit->axes.m);
    free(fit->axes.s);
    free(fit->axes.mean);
    free(fit->label);
    free(fit->place);
    free(fit->told);
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

static void tell_segments(struct fit *fit, struct trainer *trainer, const struct row *rows,
                          size_t n_rows)
{
    size_t n = 0;
    memset(trainer->n_ruled, 0, sizeof trainer->n_ruled);
    for (size_t i = 0; i < n_rows; i++)
        for (uint32_t s = 0; s < rows[i].n_segments; s++) {
            const int8_t told = weak_told(trainer, &rows[i], s);
            fit->told[n++] = told;
            if (told != rows[i].label) trainer->n_ruled[told]++;
        }
}

/* The discriminant's axes, none when there is nothing to separate. */
static enum status find_axes(struct discriminant *axes, const struct fit *fit,
                             struct trainer *trainer)
{
    const size_t d = fit->latents.shape.dimensions;
    struct discriminant_rows rows = {.n = fit->n, .dimensions = d, .n_classes = MIXTURE_EMOTIONS};
    *axes = (struct discriminant){0};
    if (!process_grid_possible(trainer->group)) return OK;
    double *x = malloc((fit->n * d + 1) * sizeof *x);
    int8_t *told = malloc(fit->n + 1);
    enum status status = x && told ? OK : status_fail(FAILED, "no memory for %zu latents", fit->n);
    status = group_agree(trainer->group, status);
    for (size_t i = 0; status == OK && i < fit->n * d; i++) x[i] = (double)fit->latents.m[i];
    for (size_t i = 0; status == OK && i < fit->n; i++) told[i] = fit->told[fit->place[i]];
    rows.x = x;
    rows.label = told;
    if (status == OK)
        status =
            discriminant_create(axes, trainer->group, &rows, trainer->config.train.deterministic);
    free(x);
    free(told);
    return status;
}

/* The latents along the axes that separate: at most one fewer than there are emotions. */
static void place_latents(struct fit *fit, const struct discriminant *found)
{
    double x[FIT_MAX_DIMENSIONS], v[FIT_MAX_DIMENSIONS], y[FIT_MAX_DIMENSIONS],
        spread[FIT_MAX_DIMENSIONS];
    const size_t d = fit->latents.shape.dimensions, n_axes = fit->axes.shape.dimensions;
    for (size_t i = 0; i < fit->n; i++) {
        for (size_t j = 0; j < d; j++) {
            x[j] = (double)fit->latents.m[i * d + j];
            v[j] = exp((double)fit->latents.s[i * d + j]);
        }
        discriminant_place(y, found, x);
        discriminant_spread(spread, found, v);
        for (size_t j = 0; j < n_axes; j++) {
            fit->axes.m[i * n_axes + j] = (real)y[j];
            fit->axes.s[i * n_axes + j] = (real)log(spread[j]);
        }
    }
}

static enum status axes_init(struct fit *fit, const struct discriminant *found)
{
    const size_t k = fit->latents.shape.n_components, most = MIXTURE_EMOTIONS - 1;
    const size_t n_axes = found->n_axes < most ? found->n_axes : most;
    struct space *axes = &fit->axes;
    axes->shape = fit->latents.shape;
    axes->shape.dimensions = n_axes;
    axes->m = malloc((fit->n * n_axes + 1) * sizeof(real));
    axes->s = malloc((fit->n * n_axes + 1) * sizeof(real));
    axes->mean = calloc(k * (2 * n_axes + 1), sizeof(real));
    if (!axes->m || !axes->s || !axes->mean || status_fault())
        return status_fail(FAILED, "no memory for the latents of %zu segments", fit->n);
    axes->log_variance = axes->mean + k * n_axes;
    axes->log_weight = axes->log_variance + k * n_axes;
    return OK;
}

/* The same start on every rank: all latents in the order of the rows.  Each number has one
 * contributor, so the sum over ranks only brings them together. */
static enum status seed_mixture(const struct fit *fit, const struct space *space,
                                struct trainer *trainer, size_t n_segments)
{
    enum status status = OK;
    const size_t d = space->shape.dimensions, count = n_segments * 2 * d;
    struct arena scratch = {0};
    double *all = calloc(count + 1, sizeof *all);
    real *m = malloc((count + 1) * sizeof *m);
    enum status local = OK;
    if (!all || !m || status_fault())
        local = status_fail(FAILED, "no memory to gather %zu latents", n_segments);
    if (local == OK)
        local = arena_init(&scratch,
                           (n_segments + space->shape.n_components * d) * sizeof(double) + 1024);
    TRY(group_agree(trainer->group, local));
    for (size_t i = 0; i < fit->n; i++)
        for (size_t j = 0; j < d; j++) {
            all[fit->place[i] * d + j] = (double)space->m[i * d + j];
            all[(n_segments + fit->place[i]) * d + j] = (double)space->s[i * d + j];
        }
    group_sum_doubles(trainer->group, all, count);
    for (size_t i = 0; i < count; i++) m[i] = (real)all[i];
    const struct mixture_rows rows = {
        .m = m, .s = m + n_segments * d, .label = fit->told, .n = n_segments};
    mixture_fit_seed(&space->shape, space->mean, space->log_variance, space->log_weight, &rows,
                     trainer->config.train.seed, &scratch);
done:
    arena_fini(&scratch);
    free(all);
    free(m);
    return status;
}

/* Adds the segment's statistics in `to` by responsibilities of `from`, within `label` if it is one.
 */
static void add_segment(struct fit *fit, const struct space *from, const struct space *to, size_t i,
                        enum told_by by, int8_t label)
{
    const size_t d = from->shape.dimensions, own = to->shape.dimensions;
    const size_t size = statistics(&to->shape);
    const struct mixture mixture = {from->shape, from->mean, from->log_variance, from->log_weight};
    double q[MIXTURE_MAX_COMPONENTS];
    memset(fit->values, 0, size * sizeof *fit->values);
    (void)mixture_fit_responsibilities(q, &mixture, from->m + i * d, from->s + i * d, &label, 1);
    mixture_fit_moments(fit->values, &to->shape, q, to->m + i * own, to->s + i * own, 1);
    sum_add(fit->sum, by * size, fit->values, size);
}

/* Segment by segment, so that the exact sum has the same terms however they lie on the ranks. */
static void accumulate(struct fit *fit, const struct space *from, const struct space *to)
{
    for (size_t i = 0; i < fit->n; i++) {
        if (fit->label[i] >= 0) {
            add_segment(fit, from, to, i, TOLD_BY_LABEL, fit->label[i]);
            continue;
        }
        const int8_t told = fit->told[fit->place[i]];
        if (told >= 0) add_segment(fit, from, to, i, TOLD_BY_RULE, told);
        add_segment(fit, from, to, i, TOLD_BY_MIXTURE, CORPUS_UNLABELLED);
    }
}

/* How many segments the statistics are of. */
static double weight_of(const double *values, const struct mixture_shape *shape)
{
    double n = 0;
    for (size_t i = 0; i < shape->n_components; i++)
        n += values[i * (statistics(shape) / shape->n_components)];
    return n;
}

/* values[TOLD_BY_LABEL] += weight * values[by], a weight that makes them count as `most` segments
 * at most. */
static void add_weighted(double *values, const struct mixture_shape *shape, enum told_by by,
                         double most)
{
    const size_t size = statistics(shape);
    const double *from = values + by * size, n = weight_of(from, shape);
    const double weight = n > most ? most / n : 1;
    for (size_t i = 0; i < size; i++) values[i] += weight * from[i];
}

/* Responsibilities by one space's mixture, the M step in another or the same. */
static void iterate(struct fit *fit, const struct space *from, const struct space *to,
                    struct group *group)
{
    const struct mixture_shape *shape = &to->shape;
    sum_clear(fit->sum);
    accumulate(fit, from, to);
    sum_over_ranks(fit->sum, group);
    sum_read(fit->sum, fit->values);
    add_weighted(fit->values, shape, TOLD_BY_RULE, fit->weak * MIXTURE_EMOTIONS);
    const double told = weight_of(fit->values, shape);
    add_weighted(fit->values, shape, TOLD_BY_MIXTURE, told > 0 ? fit->unlabelled * told : HUGE_VAL);
    mixture_fit_update(shape, to->mean, to->log_variance, to->log_weight, fit->values);
}

/* Starts along the axes that separate the emotions, where there are any, and else among the
 * latents themselves. */
static enum status start(struct fit *fit, struct trainer *trainer, size_t n_segments)
{
    enum status status = OK;
    struct discriminant found = {0};
    TRY(find_axes(&found, fit, trainer));
    if (found.n_axes == 0) {
        TRY(seed_mixture(fit, &fit->latents, trainer, n_segments));
    } else {
        TRY(group_agree(trainer->group, axes_init(fit, &found)));
        place_latents(fit, &found);
        TRY(seed_mixture(fit, &fit->axes, trainer, n_segments));
        iterate(fit, &fit->axes, &fit->latents, trainer->group);
    }
done:
    discriminant_fini(&found);
    return status;
}

enum status fit_mixture(struct trainer *trainer)
{
    enum status status = OK;
    struct row *rows = NULL;
    size_t n_rows = 0, n_segments = 0;
    struct fit fit = {0};
    enum status local = choose_rows(trainer, &rows, &n_rows, &n_segments);
    if (local == OK) local = fit_init(&fit, trainer, n_segments);
    if (local == OK) tell_segments(&fit, trainer, rows, n_rows);
    if (local == OK) local = encode_rows(trainer, rows, n_rows, 1, keep_latents, &fit);
    TRY(group_agree(trainer->group, local));
    TRY(start(&fit, trainer, n_segments));
    for (size_t i = 0; i < trainer->config.fit.iterations; i++)
        iterate(&fit, &fit.latents, &fit.latents, trainer->group);
    optimiser_forget(&trainer->optimiser, trainer->vae.first_mixture,
                     trainer->vae.end_mixture - trainer->vae.first_mixture);
done:
    fit_fini(&fit);
    free(rows);
    return status;
}
