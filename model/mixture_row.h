/**
 * One segment against the components: the arithmetic that posterior, losses and fit share.  Private
 * to the mixture_*.c files.  Everything is double, Local, and cannot fail.
 */
#ifndef MIXTURE_ROW_H
#define MIXTURE_ROW_H

#include "mixture.h"

enum { MIXTURE_ROWS = 32 }; /* segments in one call of mixture_divergence */

/** sum_d tau_d (v_d + (x_d - mean_d)^2) over n coordinates. */
double mixture_quadratic(const double *tau, const double *mean, const double *x, const double *v,
                         size_t n);

/** log sum exp of x[0..n), n >= 1. */
double mixture_log_sum(const double *x, size_t n);

/** log_q (K) = log softmax of log_weight - kl / temperature; returns the log normaliser. */
double mixture_log_posterior(double *log_q, const double *kl, const struct mixture *mixture,
                             double temperature);

/** kl (n, K) = KL(N(m, e^s) || component k) of n <= MIXTURE_ROWS segments m, s (n, D). */
void mixture_divergence(double *kl, const struct mixture *mixture, const real *m, const real *s,
                        size_t n);

/** The components [first, first + per_emotion) of a label; aborts when there are none. */
size_t mixture_first(const struct mixture_shape *shape, int label);

#endif
