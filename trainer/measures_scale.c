/* Standardising features. */
#include "measures_scale.h"

#include <math.h>

void scale_measure(struct scale *scale, const double *x, size_t n_rows)
{
    for (size_t f = 0; f < scale->n_features; f++) {
        double n = 0, sum = 0, square = 0;
        for (size_t i = 0; i < n_rows; i++) {
            const double value = x[i * scale->n_features + f];
            if (isnan(value)) continue;
            n++;
            sum += value;
        }
        const double mean = n > 0 ? sum / n : 0;
        for (size_t i = 0; i < n_rows; i++) {
            const double gap = x[i * scale->n_features + f] - mean;
            if (!isnan(gap)) square += gap * gap;
        }
        const double variance = n > 0 ? square / n : 0;
        scale->mean[f] = mean;
        scale->deviation[f] = variance > 1e-20 * (1 + mean * mean) ? sqrt(variance) : 1;
    }
}

void scale_row(const struct scale *scale, const double *x, double *out)
{
    for (size_t f = 0; f < scale->n_features; f++)
        out[f] = isnan(x[f]) ? 0 : (x[f] - scale->mean[f]) / scale->deviation[f];
}
