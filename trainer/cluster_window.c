/* Shared cluster statistics. */
#include "cluster_window.h"

#include "random.h"
#include "trainer.h"
#include "weak_label.h"

#include <math.h>
#include <string.h>

static const double DEAD = 0.01; /* of the window's segments */

static struct mixture mixture_of(const struct trainer *trainer)
{
    return vae_mixture(&trainer->vae, trainer->theta);
}

/* Adds one segment, within its emotion when it has one. */
static void add_segment(double *mass, const double *q, const struct mixture_shape *shape, int label)
{
    const size_t first = label < 0 ? 0 : (size_t)label * shape->per_emotion;
    const size_t n = label < 0 ? shape->n_components : shape->per_emotion;
    double inside = 0;
    for (size_t k = first; k < first + n; k++) inside += q[k];
    for (size_t k = first; k < first + n; k++)
        mass[k] += inside > 0 ? q[k] / inside : 1 / (double)n;
}

void cluster_window_take(struct trainer *trainer, const struct row *rows, const double *slots,
                         size_t stride)
{
    const struct mixture_shape shape = mixture_of(trainer).shape;
    double *mass = trainer->window.step;
    memset(mass, 0, sizeof trainer->window.step);
    for (size_t row = 0, i = 0; i < trainer->plan.n_segments; row++)
        for (uint32_t s = 0; s < rows[row].n_segments; s++, i++)
            add_segment(mass, slots + i * stride, &shape, rows[row].label);
}

/* Whether the step that has ended was the last of a window. */
static bool window_ends(const struct trainer *trainer)
{
    const size_t every = trainer->config.mixture.update_every;
    const uint64_t since = trainer->step - schedule_fit_step(&trainer->config);
    return every > 0 && since % every == 0;
}

/* Whether training has a labelled piece of an emotion. */
static bool has_labels(const struct trainer *trainer, int emotion)
{
    const struct corpus *corpus = trainer->corpus;
    for (size_t i = 0; i < corpus->n_pieces; i++)
        if (trainer->sampler.label[i] == emotion &&
            sampler_split(&trainer->config, &corpus->pieces[i]) == SPLIT_TRAIN)
            return true;
    return false;
}

/* What tells a segment's emotion: the label, or the rule as well. */
typedef int8_t tell_segment(const struct trainer *trainer, const struct row *row, uint32_t s);

static int8_t tell_by_label(const struct trainer *trainer, const struct row *row, uint32_t s)
{
    (void)trainer;
    (void)s;
    return row->label;
}

/* The segment of the batch that is the index-th told so; n_segments past the last.  *n gets how
 * many there are up to it. */
static size_t find_told(const struct trainer *trainer, const struct row *rows, tell_segment *tell,
                        int told, size_t index, size_t *n)
{
    *n = 0;
    size_t i = 0;
    for (size_t row = 0; i < trainer->plan.n_segments; row++)
        for (uint32_t s = 0; s < rows[row].n_segments; s++, i++)
            if (tell(trainer, &rows[row], s) == told && (*n)++ == index) return i;
    return i;
}

/* Draws the segment at which a component is placed; n_segments: there is none. */
static size_t draw_segment(const struct trainer *trainer, const struct row *rows, size_t component)
{
    const size_t none = trainer->plan.n_segments;
    const bool by_rule = trainer->config.fit.weak > 0;
    int emotion = (int)(component / trainer->vae.shape.per_emotion);
    size_t n = 0;
    tell_segment *tell = tell_by_label;
    if (!has_labels(trainer, emotion)) {
        tell = by_rule ? weak_told : tell_by_label;
        emotion = by_rule ? emotion : CORPUS_UNLABELLED;
    }
    (void)find_told(trainer, rows, tell, emotion, none, &n);
    if (n == 0) return none;
    const uint32_t index = random_below((uint32_t)n, trainer->config.train.seed, RANDOM_FIT,
                                        trainer->step, (uint32_t)component + 1, 0);
    return find_told(trainer, rows, tell, emotion, index, &n);
}

/* The segment's latent, from the rank that has it to all. */
static void place_mean(struct trainer *trainer, real *mean, size_t segment, size_t dimensions)
{
    for (size_t i = 0; i < trainer->plan.n_micros; i++) {
        const struct micro *micro = &trainer->plan.micros[i];
        if (segment < micro->first_segment || segment >= micro->first_segment + micro->n_segments)
            continue;
        if (micro->rank == group_rank(trainer->group))
            memcpy(mean, micro->tape.m + (segment - micro->first_segment) * dimensions,
                   dimensions * sizeof *mean);
        group_broadcast(trainer->group, mean, dimensions * sizeof *mean, micro->rank);
        return;
    }
}

/* The variance of the components that are alive, by what they held. */
static void pool_variance(const struct trainer *trainer, real *log_variance, double total)
{
    const struct mixture mixture = mixture_of(trainer);
    const size_t d = mixture.shape.dimensions;
    const double *mass = trainer->window.mass;
    for (size_t j = 0; j < d; j++) {
        double sum = 0, weight = 0;
        for (size_t k = 0; k < mixture.shape.n_components; k++) {
            if (mass[k] < DEAD * total) continue;
            sum += mass[k] * exp((double)mixture.log_variance[k * d + j]);
            weight += mass[k];
        }
        log_variance[j] = (real)log(sum / weight);
    }
    mixture_project(log_variance, d);
}

static bool place_anew(struct trainer *trainer, const struct row *rows, size_t k, double total)
{
    const size_t d = mixture_of(trainer).shape.dimensions;
    const size_t mean = trainer->vae.mixture_mean + k * d;
    const size_t log_variance = trainer->vae.mixture_log_variance + k * d;
    const size_t segment = draw_segment(trainer, rows, k);
    if (segment == trainer->plan.n_segments) return false;
    place_mean(trainer, trainer->theta + mean, segment, d);
    pool_variance(trainer, trainer->theta + log_variance, total);
    optimiser_forget(&trainer->optimiser, mean, d);
    optimiser_forget(&trainer->optimiser, log_variance, d);
    return true;
}

/* The end of a window: components placed anew, and weights.  A new one gets an even share: from 1 %
 * it would hardly rise where components overlap. */
static void settle(struct trainer *trainer, const struct row *rows, struct cluster_change *change)
{
    const size_t n = mixture_of(trainer).shape.n_components;
    double *mass = trainer->window.mass, total = 0;
    for (size_t k = 0; k < n; k++) total += mass[k];
    if (!(total > 0)) return; /* all steps were skipped */
    for (size_t k = 0; k < n; k++)
        if (mass[k] < DEAD * total && place_anew(trainer, rows, k, total))
            change->moved |= UINT64_C(1) << k;
    for (size_t k = 0; k < n; k++)
        if (change->moved >> k & 1) mass[k] = total / (double)n;
    mixture_fit_weights(trainer->theta + trainer->vae.mixture_log_weight, mass, n);
    memset(mass, 0, sizeof trainer->window.mass);
}

void cluster_window_close(struct trainer *trainer, const struct row *rows, bool skipped,
                          struct cluster_change *change)
{
    const struct mixture mixture = mixture_of(trainer);
    for (size_t k = 0; k < mixture.shape.n_components && !skipped; k++)
        trainer->window.mass[k] += trainer->window.step[k];
    if (window_ends(trainer)) settle(trainer, rows, change);
    change->least_weight = 1;
    change->per_emotion = mixture.shape.per_emotion;
    for (size_t k = 0; k < mixture.shape.n_components; k++)
        change->least_weight = fmin(change->least_weight, exp((double)mixture.log_weight[k]));
}
