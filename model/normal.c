/* The divergence of latents from the standard normal prior. */
#include "mixture.h"

static double row_divergence(const real *m, const real *s, size_t n)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++)
        sum += (double)m[d] * (double)m[d] + expm1((double)s[d]) - (double)s[d];
    return 0.5 * sum;
}

double normal_divergence(real *dm, real *ds, const real *m, const real *s, double scale,
                         double free_nats, size_t n, size_t dimensions)
{
    double total = 0;
    for (size_t row = 0; row < n; row++) {
        const size_t at = row * dimensions;
        const double divergence = row_divergence(m + at, s + at, dimensions);
        total += divergence;
        if (divergence < free_nats) continue;
        for (size_t d = at; d < at + dimensions; d++) {
            dm[d] += (real)(scale * (double)m[d]);
            ds[d] += (real)(scale * 0.5 * expm1((double)s[d]));
        }
    }
    return total;
}
