/**
 * Helpers of the suites on arithmetic: test inputs, comparisons, central differences.
 */
#ifndef NUMERIC_H
#define NUMERIC_H

#include "arena.h"
#include "random.h"
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/** x[i] = the i-th number of a fixed sine wave; the oracles compute the same. */
static inline void numeric_wave(real *x, size_t n, double phase)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (real)sin(0.7 * ((double)i + 1) * (1 + 0.01 * (double)i) + phase);
}

/** Standard normal numbers; `key` tells fills apart. */
static inline void numeric_normals(real *x, size_t n, uint64_t key)
{
    random_normals(x, n, 11, RANDOM_TEST, key, 0);
}

/** An arena of exactly `bytes` bytes full of NaN, so that reading what was not written shows. */
static inline void numeric_arena(struct arena *arena, size_t bytes)
{
    CU_ASSERT_EQUAL_FATAL(arena_init(arena, bytes), OK);
    if (bytes > 0) memset(arena->base, 0xff, bytes);
}

/** Largest |x - y| over the n numbers, relative to 1 + |y|; NaN in either gives NaN. */
static inline double numeric_error(const real *x, const double *y, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const double error = fabs((double)x[i] - y[i]) / (1 + fabs(y[i]));
        if (!(error <= worst)) worst = error;
        if (isnan(error)) return error;
    }
    return worst;
}

/** Asserts numeric_error <= limit and names the numbers if not. */
static inline void numeric_check(const char *name, const real *x, const double *y, size_t n,
                                 double limit)
{
    const double error = numeric_error(x, y, n);
    if (!(error <= limit)) fprintf(stderr, "%s: error %g, limit %g\n", name, error, limit);
    CU_ASSERT(error <= limit);
}

/** Checks gradient (n) of loss(context) with respect to x (n) by central differences. */
static inline void numeric_differences(const char *name, real *x, const real *gradient, size_t n,
                                       double (*loss)(void *), void *context)
{
    const double h = 1e-5;
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const real kept = x[i];
        x[i] = (real)((double)kept + h);
        const double above = loss(context);
        x[i] = (real)((double)kept - h);
        const double below = loss(context);
        x[i] = kept;
        const double slope = (above - below) / (2 * h);
        const double error = fabs((double)gradient[i] - slope) / (1 + fabs(slope));
        if (!(error <= worst)) worst = error;
    }
    if (!(worst <= 5e-8)) fprintf(stderr, "%s: gradient off by %g\n", name, worst);
    CU_ASSERT(worst <= 5e-8);
}

/** sum_i x_i w_i in double: a loss whose gradient with respect to x is w. */
static inline double numeric_dot(const real *x, const real *w, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)w[i];
    return sum;
}

#endif
