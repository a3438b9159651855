/*
 * Semi-supervised EM over latents that are normals themselves: it climbs
 * sum_n log sum_k pi_k exp(-KL(N(m_n, e^s_n) || component k)), a labelled row over its emotion
 * only.
 */
#include "mixture_row.h"

#include <float.h>
#include <stdbool.h>

static const double LEAST_WEIGHT = 0.01; /* of a component; times MAX_COMPONENTS below 1 */
static const double EMPTY = 1e-9;        /* rows in all: too few to divide by */

/* Responsibilities of the row, zero outside its emotion; returns its term of the likelihood. */
static double row_responsibilities(double *q, const struct mixture *mixture, const double *kl,
                                   int label)
{
    const size_t n = mixture->shape.n_components;
    const size_t first = label < 0 ? 0 : mixture_first(&mixture->shape, label);
    const size_t n_inside = label < 0 ? n : mixture->shape.per_emotion;
    double log_q[MIXTURE_MAX_COMPONENTS];
    const double total = mixture_log_posterior(log_q, kl, mixture, 1);
    const double inside = mixture_log_sum(log_q + first, n_inside);
    for (size_t k = 0; k < n; k++)
        q[k] = k >= first && k < first + n_inside ? exp(log_q[k] - inside) : 0;
    return total + inside;
}

/* Adds q times (1, m, m^2 + e^s) to a component's sums. */
static void add_moments(double *sums, double q, const real *m, const real *s, size_t dimensions)
{
    sums[0] += q;
    for (size_t d = 0; d < dimensions; d++) {
        const double x = (double)m[d];
        sums[1 + d] += q * x;
        sums[1 + dimensions + d] += q * (x * x + exp((double)s[d]));
    }
}

double mixture_fit_responsibilities(double *q, const struct mixture *mixture, const real *m,
                                    const real *s, const int8_t *label, size_t n)
{
    const size_t n_components = mixture->shape.n_components;
    const size_t dimensions = mixture->shape.dimensions;
    double kl[MIXTURE_ROWS * MIXTURE_MAX_COMPONENTS], likelihood = 0;
    for (size_t row = 0; row < n; row++) {
        const size_t in_block = row % MIXTURE_ROWS, at = row * dimensions;
        const size_t left = n - row < MIXTURE_ROWS ? n - row : MIXTURE_ROWS;
        if (in_block == 0) mixture_divergence(kl, mixture, m + at, s + at, left);
        likelihood += row_responsibilities(q + row * n_components, mixture,
                                           kl + in_block * n_components, label[row]);
    }
    return likelihood;
}

void mixture_fit_moments(double *sums, const struct mixture_shape *shape, const double *q,
                         const real *m, const real *s, size_t n)
{
    const size_t n_components = shape->n_components, dimensions = shape->dimensions;
    for (size_t row = 0; row < n; row++) {
        const size_t at = row * dimensions;
        for (size_t k = 0; k < n_components; k++) {
            const double weight = q[row * n_components + k];
            if (weight > 0)
                add_moments(sums + k * (1 + 2 * dimensions), weight, m + at, s + at, dimensions);
        }
    }
}

double mixture_fit_accumulate(double *sums, const struct mixture *mixture, const real *m,
                              const real *s, const int8_t *label, size_t n)
{
    const size_t dimensions = mixture->shape.dimensions;
    double q[MIXTURE_ROWS * MIXTURE_MAX_COMPONENTS], likelihood = 0;
    for (size_t row = 0; row < n; row += MIXTURE_ROWS) {
        const size_t take = n - row < MIXTURE_ROWS ? n - row : MIXTURE_ROWS;
        const size_t at = row * dimensions;
        likelihood += mixture_fit_responsibilities(q, mixture, m + at, s + at, label + row, take);
        mixture_fit_moments(sums, &mixture->shape, q, m + at, s + at, take);
    }
    return likelihood;
}

/* The weights of at least LEAST_WEIGHT that maximise sum_k count_k log pi_k: the components under
 * it are held there, the others share the rest in proportion. */
void mixture_fit_weights(real *log_weight, const double *count, size_t n)
{
    bool held[MIXTURE_MAX_COMPONENTS] = {false};
    double total = 0;
    for (size_t k = 0; k < n; k++) total += count[k];
    double rest = 1, each = 1 / total; /* weight left to the others, and a row's share of it */
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t k = 0; k < n; k++) {
            if (held[k] || count[k] * each >= LEAST_WEIGHT) continue;
            held[k] = changed = true;
            total -= count[k];
            rest -= LEAST_WEIGHT;
        }
        each = rest / total;
    }
    for (size_t k = 0; k < n; k++) {
        const double weight = held[k] ? LEAST_WEIGHT : count[k] * each;
        log_weight[k] = (real)log(weight);
    }
}

void mixture_fit_update(const struct mixture_shape *shape, real *mean, real *log_variance,
                        real *log_weight, const double *sums)
{
    const size_t n = shape->n_components, dimensions = shape->dimensions;
    double count[MIXTURE_MAX_COMPONENTS], total = 0;
    ASSERT(n <= MIXTURE_MAX_COMPONENTS);
    for (size_t k = 0; k < n; k++) {
        const double *component = sums + k * (1 + 2 * dimensions);
        count[k] = component[0];
        total += count[k];
        if (count[k] < EMPTY) continue;
        for (size_t d = 0; d < dimensions; d++) {
            const double x = component[1 + d] / count[k];
            const double variance = component[1 + dimensions + d] / count[k] - x * x;
            mean[k * dimensions + d] = (real)x;
            log_variance[k * dimensions + d] = (real)log(fmax(variance, DBL_MIN));
        }
        mixture_project(log_variance + k * dimensions, dimensions);
    }
    if (total >= EMPTY) mixture_fit_weights(log_weight, count, n);
}
