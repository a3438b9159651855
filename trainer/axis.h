/**
 * The axis of a plot: its range, where its ticks are, where a value lies on it.  All functions are
 * Local and cannot fail.
 */
#ifndef AXIS_H
#define AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum { AXIS_TICKS = 12 };

struct axis {
    double low, high; /* low < high; both > 0 on a logarithmic axis */
    bool logarithmic;
    double tick[AXIS_TICKS]; /* round numbers from low to high, ascending */
    size_t n_ticks;
};

/**
 * An axis that holds [low, high], its ends moved outwards to round numbers: 1, 2 or 5 times a power
 * of ten.
 *
 * @param low, high    finite; equal ones get room on both sides, swapped ones are turned
 * @param logarithmic  asked for; only so when low > 0 and high >= 8 low
 */
void axis_fit(struct axis *axis, double low, double high, bool logarithmic);

/** An axis that ends where the values end: no rounding outwards; at least two ticks within. */
void axis_exact(struct axis *axis, double low, double high);

/** Where a value lies, 0 at `low` and 1 at `high`; beyond them the nearer end. */
double axis_place(const struct axis *axis, double value);

#endif
