/* One segment against the components. */
#include "mixture_row.h"

enum { LANES = 4, CHUNK = 32 };

double mixture_quadratic(const double *tau, const double *mean, const double *x, const double *v,
                         size_t n)
{
    /* Lanes of their own let the compiler vectorise without reassociating. */
    double lane[LANES] = {0};
    size_t d = 0;
    for (; d + LANES <= n; d += LANES) {
        for (size_t i = 0; i < LANES; i++) {
            const double gap = x[d + i] - mean[d + i];
            lane[i] += tau[d + i] * (v[d + i] + gap * gap);
        }
    }
    for (; d < n; d++) lane[0] += tau[d] * (v[d] + (x[d] - mean[d]) * (x[d] - mean[d]));
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

double mixture_log_sum(const double *x, size_t n)
{
    size_t most = 0;
    double rest = 0; /* beside the largest term: keeps what is small against it */
    for (size_t i = 1; i < n; i++) most = x[i] > x[most] ? i : most;
    for (size_t i = 0; i < n; i++) rest += i == most ? 0 : exp(x[i] - x[most]);
    return x[most] + log1p(rest);
}

double mixture_log_posterior(double *log_q, const double *kl, const struct mixture *mixture,
                             double temperature)
{
    const size_t n = mixture->shape.n_components;
    for (size_t k = 0; k < n; k++) log_q[k] = (double)mixture->log_weight[k] - kl[k] / temperature;
    const double total = mixture_log_sum(log_q, n);
    for (size_t k = 0; k < n; k++) log_q[k] -= total;
    return total;
}

/* A chunk of the segments' coordinates in double. */
struct chunk {
    double x[MIXTURE_ROWS][CHUNK], v[MIXTURE_ROWS][CHUNK];
    double log_variance[MIXTURE_ROWS]; /* summed over the chunk */
};

static void chunk_load(struct chunk *chunk, const real *m, const real *s, size_t n, size_t width,
                       size_t stride)
{
    for (size_t row = 0; row < n; row++) {
        chunk->log_variance[row] = 0;
        for (size_t d = 0; d < width; d++) {
            chunk->x[row][d] = (double)m[row * stride + d];
            chunk->v[row][d] = exp((double)s[row * stride + d]);
            chunk->log_variance[row] += (double)s[row * stride + d];
        }
    }
}

/* Adds component k's part of the chunk to kl, K apart. */
static void chunk_divergence(double *kl, const struct chunk *chunk, const real *mean,
                             const real *log_variance, size_t n, size_t width, size_t n_components)
{
    double center[CHUNK], tau[CHUNK], total = 0;
    for (size_t d = 0; d < width; d++) {
        center[d] = (double)mean[d];
        tau[d] = exp(-(double)log_variance[d]);
        total += (double)log_variance[d];
    }
    for (size_t row = 0; row < n; row++) {
        const double square =
            mixture_quadratic(tau, center, chunk->x[row], chunk->v[row], width) - (double)width;
        kl[row * n_components] += 0.5 * (total - chunk->log_variance[row] + square);
    }
}

void mixture_divergence(double *kl, const struct mixture *mixture, const real *m, const real *s,
                        size_t n)
{
    const size_t n_components = mixture->shape.n_components;
    const size_t dimensions = mixture->shape.dimensions;
    ASSERT(n <= MIXTURE_ROWS && n_components <= MIXTURE_MAX_COMPONENTS);
    struct chunk chunk;
    for (size_t i = 0; i < n * n_components; i++) kl[i] = 0;
    for (size_t d = 0; d < dimensions; d += CHUNK) {
        const size_t width = dimensions - d < CHUNK ? dimensions - d : CHUNK;
        chunk_load(&chunk, m + d, s + d, n, width, dimensions);
        for (size_t k = 0; k < n_components; k++) {
            const size_t at = k * dimensions + d;
            chunk_divergence(kl + k, &chunk, mixture->mean + at, mixture->log_variance + at, n,
                             width, n_components);
        }
    }
}

size_t mixture_first(const struct mixture_shape *shape, int label)
{
    ASSERT(label >= 0 && ((size_t)label + 1) * shape->per_emotion <= shape->n_components);
    return (size_t)label * shape->per_emotion;
}
