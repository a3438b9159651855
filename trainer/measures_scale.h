/**
 * Standardising features: less their mean, by their standard deviation (divisor n), over some rows.
 */
#ifndef MEASURES_SCALE_H
#define MEASURES_SCALE_H

#include <stddef.h>

/** Means and deviations of n_features features; a constant feature has deviation 1. */
struct scale {
    size_t n_features;
    double *mean, *deviation; /* (n_features) borrowed */
};

/** Measures rows x (n, n_features); NAN is left out, a feature that is always NAN has mean 0.
 *  Local. */
void scale_measure(struct scale *scale, const double *x, size_t n);

/** Standardises one row; NAN becomes 0, the mean.  Local. */
void scale_row(const struct scale *scale, const double *x, double *out);

#endif
