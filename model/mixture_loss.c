/*
 * The mixture's losses and their gradients, model.md section 4.
 *
 * Given q, J depends on a segment only through KL(segment || component): the losses of a segment
 * become one coefficient a component, the sum of the direct part q and of what q's softmax hands
 * back.  Dispersion is L_d = sum_k q_k KL(pbar || component k), pbar the normal of the blended
 * natural parameters, stationary in pbar: so it acts like a segment N(pbar) of negative weight.
 */
#include "mixture_row.h"

#include <float.h>
#include <stdbool.h>

struct work {
    const struct mixture *mixture;
    const struct mixture_weights *weights;
    double unlabelled, labelled, all;      /* 1 / B_u, 1 / B_l, 1 / (B_u + B_l) */
    double *mean, *tau, *tau_mean;         /* (K, D) mu, e^-lam, their product */
    double *log_variance;                  /* (K) sum_d lam */
    double *sum, *sum_x, *sum_square;      /* (K), (K, D), (K, D): coefficient times 1, x, */
                                           /* v + x^2 over segments and pbars */
    double *x, *v, *square;                /* (D) the segment: m, e^s, e^s + m^2 */
    double *bar_x, *bar_v, *bar_square;    /* (D) pbar, likewise */
    double *blend_tau, *blend_tau_mean;    /* (D) sums over components */
    double kl[MIXTURE_MAX_COMPONENTS];     /* of the segment */
    double bar_kl[MIXTURE_MAX_COMPONENTS]; /* of pbar */
    double log_q[MIXTURE_MAX_COMPONENTS], q[MIXTURE_MAX_COMPONENTS];
    double coefficient[MIXTURE_MAX_COMPONENTS]; /* dJ / d kl */
    double log_mean_posterior[MIXTURE_MAX_COMPONENTS];
};

static double reciprocal(double x)
{
    return x > 0 ? 1 / x : 0;
}

static double *take(struct arena *scratch, size_t count)
{
    double *x = arena_take(scratch, count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = 0;
    return x;
}

static void work_take(struct work *work, const struct mixture_shape *shape, struct arena *scratch)
{
    const size_t n = shape->n_components, dimensions = shape->dimensions;
    double **const matrices[] = {&work->mean, &work->tau, &work->tau_mean, &work->sum_x,
                                 &work->sum_square};
    double **const rows[] = {
        &work->x,     &work->v,          &work->square,    &work->bar_x,
        &work->bar_v, &work->bar_square, &work->blend_tau, &work->blend_tau_mean};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        *matrices[i] = take(scratch, n * dimensions);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) *rows[i] = take(scratch, dimensions);
    work->log_variance = take(scratch, n);
    work->sum = take(scratch, n);
}

static void work_init(struct work *work, const struct mixture *mixture,
                      const struct mixture_share *share, const struct mixture_weights *weights,
                      struct arena *scratch)
{
    const size_t n = mixture->shape.n_components, dimensions = mixture->shape.dimensions;
    ASSERT(n <= MIXTURE_MAX_COMPONENTS);
    *work = (struct work){.mixture = mixture, .weights = weights};
    work->unlabelled = reciprocal(share->n_unlabelled);
    work->labelled = reciprocal(share->n_labelled);
    work->all = reciprocal(share->n_unlabelled + share->n_labelled);
    work_take(work, &mixture->shape, scratch);
    for (size_t i = 0; i < n * dimensions; i++) {
        work->mean[i] = (double)mixture->mean[i];
        work->tau[i] = exp(-(double)mixture->log_variance[i]);
        work->tau_mean[i] = work->tau[i] * work->mean[i];
        work->log_variance[i / dimensions] += (double)mixture->log_variance[i];
    }
    /* The mean posterior may have been summed from floats that underflowed. */
    for (size_t k = 0; k < n; k++)
        work->log_mean_posterior[k] = log(fmax(share->mean_posterior[k], DBL_MIN));
}

/* a += scale x, b += scale y. */
static void add_scaled(double *restrict a, double *restrict b, double scale,
                       const double *restrict x, const double *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] += scale * x[i];
        b[i] += scale * y[i];
    }
}

/* blend_tau, blend_tau_mean = the components' tau and tau mu, weighed. */
static void blend(struct work *work, const double *weight)
{
    const size_t dimensions = work->mixture->shape.dimensions;
    for (size_t d = 0; d < dimensions; d++) work->blend_tau[d] = work->blend_tau_mean[d] = 0;
    for (size_t k = 0; k < work->mixture->shape.n_components; k++) {
        if (weight[k] == 0) continue;
        add_scaled(work->blend_tau, work->blend_tau_mean, weight[k], work->tau + k * dimensions,
                   work->tau_mean + k * dimensions, dimensions);
    }
}

/* kl (K) of the normal (x, v), whose log-variances sum to `log_variance`. */
static void divergence(double *kl, const struct work *work, const double *x, const double *v,
                       double log_variance)
{
    const size_t dimensions = work->mixture->shape.dimensions;
    for (size_t k = 0; k < work->mixture->shape.n_components; k++) {
        const double square = mixture_quadratic(work->tau + k * dimensions,
                                                work->mean + k * dimensions, x, v, dimensions);
        kl[k] = 0.5 * (work->log_variance[k] - log_variance + square - (double)dimensions);
    }
}

static void segment_load(struct work *work, const real *m, const real *s)
{
    double log_variance = 0;
    for (size_t d = 0; d < work->mixture->shape.dimensions; d++) {
        work->x[d] = (double)m[d];
        work->v[d] = exp((double)s[d]);
        work->square[d] = work->v[d] + work->x[d] * work->x[d];
        log_variance += (double)s[d];
    }
    divergence(work->kl, work, work->x, work->v, log_variance);
    mixture_log_posterior(work->log_q, work->kl, work->mixture, work->weights->temperature);
    for (size_t k = 0; k < work->mixture->shape.n_components; k++) {
        work->q[k] = exp(work->log_q[k]);
        work->coefficient[k] = 0;
    }
}

/* pbar, the normal whose natural parameters are the components' mean under q, and its bar_kl. */
static void blend_normal(struct work *work)
{
    double log_variance = 0;
    blend(work, work->q);
    for (size_t d = 0; d < work->mixture->shape.dimensions; d++) {
        const double tau = fmax(work->blend_tau[d], DBL_MIN);
        work->bar_x[d] = work->blend_tau_mean[d] / tau;
        work->bar_v[d] = 1 / tau;
        work->bar_square[d] = work->bar_v[d] + work->bar_x[d] * work->bar_x[d];
        log_variance -= log(tau);
    }
    divergence(work->bar_kl, work, work->bar_x, work->bar_v, log_variance);
}

/* Adds to coefficient[first..first + n) what a loss of q gives: `slope` (n) is its derivative by q,
 * which goes back through the softmax (H of model.md), and q is the KL's own factor. */
static void add_coefficients(struct work *work, size_t first, size_t n, const double *q,
                             const double *slope, double scale)
{
    double mean = 0;
    for (size_t k = 0; k < n; k++) mean += q[k] * slope[k];
    for (size_t k = 0; k < n; k++)
        work->coefficient[first + k] +=
            scale * q[k] * (1 - (slope[k] - mean) / work->weights->temperature);
}

static void unlabelled(struct work *work, struct mixture_loss *loss)
{
    const struct mixture_weights *weights = work->weights;
    const size_t n = work->mixture->shape.n_components;
    const size_t dimensions = work->mixture->shape.dimensions;
    const double scale = weights->kl * work->unlabelled;
    double slope[MIXTURE_MAX_COMPONENTS] = {0};
    blend_normal(work);
    for (size_t k = 0; k < n; k++) {
        const double q = work->q[k], log_q = work->log_q[k];
        if (q == 0) continue; /* q log q = 0; its logarithm may be infinite */
        const double ratio = log_q - (double)work->mixture->log_weight[k];
        loss->kl += work->unlabelled * q * work->kl[k];
        loss->category += work->unlabelled * q * ratio;
        loss->dispersion += work->unlabelled * q * work->bar_kl[k];
        loss->entropy -= work->unlabelled * q * log_q;
        slope[k] = work->kl[k] - weights->delta * work->bar_kl[k] + ratio +
                   weights->alpha * (work->log_mean_posterior[k] - log_q);
    }
    add_coefficients(work, 0, n, work->q, slope, scale);
    for (size_t k = 0; k < n; k++) {
        const double pull = -weights->delta * scale * work->q[k];
        if (pull == 0) continue;
        work->sum[k] += pull;
        add_scaled(work->sum_x + k * dimensions, work->sum_square + k * dimensions, pull,
                   work->bar_x, work->bar_square, dimensions);
    }
}

static bool is_correct(const struct work *work, int label)
{
    const size_t per_emotion = work->mixture->shape.per_emotion;
    size_t best = 0;
    double most = -1;
    for (size_t y = 0; (y + 1) * per_emotion <= work->mixture->shape.n_components; y++) {
        double sum = 0;
        for (size_t k = 0; k < per_emotion; k++) sum += work->q[y * per_emotion + k];
        if (sum > most) {
            most = sum;
            best = y;
        }
    }
    return best == (size_t)label;
}

static void labelled(struct work *work, struct mixture_loss *loss, int label)
{
    const struct mixture_weights *weights = work->weights;
    const size_t per_emotion = work->mixture->shape.per_emotion;
    const size_t first = mixture_first(&work->mixture->shape, label);
    double log_prior[MIXTURE_MAX_COMPONENTS], slope[MIXTURE_MAX_COMPONENTS] = {0};
    double inside[MIXTURE_MAX_COMPONENTS]; /* q restricted to the emotion, renormalised */
    for (size_t k = 0; k < per_emotion; k++)
        log_prior[k] = (double)work->mixture->log_weight[first + k];
    const double log_prior_total = mixture_log_sum(log_prior, per_emotion);
    const double log_total = mixture_log_sum(work->log_q + first, per_emotion);
    for (size_t k = 0; k < per_emotion; k++) {
        const double log_q = work->log_q[first + k] - log_total;
        inside[k] = exp(log_q);
        if (inside[k] == 0) continue;
        const double ratio = log_q - (log_prior[k] - log_prior_total);
        loss->kl += work->labelled * inside[k] * work->kl[first + k];
        loss->category += work->labelled * inside[k] * ratio;
        slope[k] = work->kl[first + k] + ratio;
    }
    loss->label -= work->labelled * log_total;
    loss->correct += is_correct(work, label) ? work->labelled : 0;
    add_coefficients(work, first, per_emotion, inside, slope, weights->kl * work->labelled);
    const double cross = weights->gamma * work->labelled / weights->temperature;
    for (size_t k = 0; k < work->mixture->shape.n_components; k++)
        work->coefficient[k] -= cross * work->q[k];
    for (size_t k = 0; k < per_emotion; k++) work->coefficient[first + k] += cross * inside[k];
}

/* From the coefficients: the segment's gradient, and its share in the components' sums. */
static void segment_gradient(struct work *work, real *dm, real *ds)
{
    const size_t dimensions = work->mixture->shape.dimensions;
    double total = 0;
    blend(work, work->coefficient);
    for (size_t k = 0; k < work->mixture->shape.n_components; k++) {
        const double coefficient = work->coefficient[k];
        if (coefficient == 0) continue;
        total += coefficient;
        work->sum[k] += coefficient;
        add_scaled(work->sum_x + k * dimensions, work->sum_square + k * dimensions, coefficient,
                   work->x, work->square, dimensions);
    }
    for (size_t d = 0; d < dimensions; d++) {
        dm[d] += (real)(work->blend_tau[d] * work->x[d] - work->blend_tau_mean[d]);
        ds[d] += (real)(0.5 * (work->blend_tau[d] * work->v[d] - total));
    }
}

static void component_gradient(const struct work *work, const struct mixture_gradient *gradient)
{
    const size_t dimensions = work->mixture->shape.dimensions;
    for (size_t i = 0; i < work->mixture->shape.n_components * dimensions; i++) {
        const double sum = work->sum[i / dimensions], mean = work->mean[i];
        const double x = work->sum_x[i] - mean * sum; /* about the mean */
        const double square = work->sum_square[i] - mean * (work->sum_x[i] + x);
        gradient->dmean[i] -= (real)(work->tau[i] * x);
        gradient->dlog_variance[i] += (real)(0.5 * (sum - work->tau[i] * square));
    }
}

void mixture_backward(const struct mixture_gradient *gradient, struct mixture_loss *loss,
                      const struct mixture *mixture, const real *m, const real *s,
                      const int8_t *label, const struct mixture_share *share,
                      const struct mixture_weights *weights, size_t n, struct arena *scratch)
{
    const size_t dimensions = mixture->shape.dimensions, mark = arena_mark(scratch);
    struct work work;
    work_init(&work, mixture, share, weights, scratch);
    for (size_t row = 0; row < n; row++) {
        segment_load(&work, m + row * dimensions, s + row * dimensions);
        double most = 0;
        for (size_t k = 0; k < mixture->shape.n_components; k++) most = fmax(most, work.q[k]);
        loss->max_posterior += work.all * most;
        if (label[row] < 0)
            unlabelled(&work, loss);
        else
            labelled(&work, loss, label[row]);
        segment_gradient(&work, gradient->dm + row * dimensions, gradient->ds + row * dimensions);
    }
    component_gradient(&work, gradient);
    arena_reset(scratch, mark);
}
