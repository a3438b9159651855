/* The mixture's start, its posterior, and the sums that ranks share. */
#include "mixture_row.h"
#include "random.h"

/* Counters of RANDOM_INITIALISE that no weight matrix uses: "mixture" in ASCII. */
static const uint64_t INITIALIZE_COUNTER = 0x6d697874757265;

/* Makes x (D) a unit vector orthogonal to the orthonormal basis (n, D). */
static void orthonormalize(real *x, const real *basis, size_t n, size_t dimensions)
{
    for (size_t i = 0; i < 2 * n; i++) { /* twice: one pass leaves rounding behind */
        const real *direction = basis + (i % n) * dimensions;
        double dot = 0;
        for (size_t d = 0; d < dimensions; d++) dot += (double)x[d] * (double)direction[d];
        for (size_t d = 0; d < dimensions; d++) x[d] -= (real)(dot * (double)direction[d]);
    }
    double square = 0;
    for (size_t d = 0; d < dimensions; d++) square += (double)x[d] * (double)x[d];
    for (size_t d = 0; d < dimensions; d++) x[d] = (real)((double)x[d] / sqrt(square));
}

void mixture_initialize(const struct mixture_shape *shape, real *mean, real *log_variance,
                        real *log_weight, double distance, uint64_t seed)
{
    const size_t n = shape->n_components, dimensions = shape->dimensions;
    for (size_t k = 0; k < n; k++) {
        real *x = mean + k * dimensions;
        const size_t n_before = k % dimensions;
        random_normals(x, dimensions, seed, RANDOM_INITIALISE, INITIALIZE_COUNTER, (uint32_t)k);
        orthonormalize(x, x - n_before * dimensions, n_before, dimensions);
        log_weight[k] = (real)-log((double)n);
    }
    for (size_t d = 0; d < dimensions; d++) {
        double center = 0;
        for (size_t k = 0; k < n; k++) center += (double)mean[k * dimensions + d] / (double)n;
        for (size_t k = 0; k < n; k++) {
            const size_t at = k * dimensions + d;
            mean[at] = (real)(distance / sqrt(2.0) * ((double)mean[at] - center));
            log_variance[at] = 0;
        }
    }
}

void mixture_posterior(real *q, real *kl, const struct mixture *mixture, const real *m,
                       const real *s, double temperature, size_t n)
{
    const size_t n_components = mixture->shape.n_components;
    const size_t dimensions = mixture->shape.dimensions;
    double block[MIXTURE_ROWS * MIXTURE_MAX_COMPONENTS], log_q[MIXTURE_MAX_COMPONENTS];
    for (size_t first = 0; first < n; first += MIXTURE_ROWS) {
        const size_t n_rows = n - first < MIXTURE_ROWS ? n - first : MIXTURE_ROWS;
        mixture_divergence(block, mixture, m + first * dimensions, s + first * dimensions, n_rows);
        for (size_t row = 0; row < n_rows; row++) {
            const double *row_kl = block + row * n_components;
            const size_t at = (first + row) * n_components;
            mixture_log_posterior(log_q, row_kl, mixture, temperature);
            for (size_t k = 0; k < n_components; k++) {
                kl[at + k] = (real)row_kl[k];
                q[at + k] = (real)exp(log_q[k]);
            }
        }
    }
}

void mixture_count(double *sums, const struct mixture_shape *shape, const real *q,
                   const int8_t *label, size_t n)
{
    const size_t n_components = shape->n_components;
    for (size_t row = 0; row < n; row++) {
        if (label[row] >= 0) {
            sums[n_components + 1] += 1;
            continue;
        }
        sums[n_components] += 1;
        for (size_t k = 0; k < n_components; k++) sums[k] += (double)q[row * n_components + k];
    }
}

double mixture_information(const struct mixture_share *share, size_t n_components,
                           double mean_entropy)
{
    double entropy = 0;
    for (size_t k = 0; k < n_components; k++) {
        const double q = share->mean_posterior[k];
        if (q > 0) entropy -= q * log(q);
    }
    return entropy - mean_entropy;
}

void mixture_project(real *log_variance, size_t count)
{
    for (size_t i = 0; i < count; i++) { /* NaN stays, to be seen */
        if (log_variance[i] < REAL(-3.0)) log_variance[i] = REAL(-3.0);
        if (log_variance[i] > REAL(1.0)) log_variance[i] = REAL(1.0);
    }
}
