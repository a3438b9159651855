/**
 * Draws of random numbers in order, for one piece and one purpose.
 *
 * A purpose has a sequence of its own, so that one more draw for one thing does not change another.
 */
#ifndef DICE_H
#define DICE_H

#include "random.h"

#include <stdbool.h>
#include <stddef.h>

struct dice {
    uint64_t seed;
    uint64_t piece; /* below 2^56 */
    uint32_t purpose;
    uint32_t count; /* draws so far */
};

/** One number in (0, 1).  Local. */
double dice_uniform(struct dice *dice);

/** True with probability p.  Local. */
bool dice_chance(struct dice *dice, double p);

/** One integer in [0, n), n >= 1.  Local. */
int dice_below(struct dice *dice, int n);

/**
 * A nearly normal number, cut at six deviations.  Local.  A sum of 12 uniform numbers: sums are the
 * same bits on every machine, logarithms and cosines are not.
 */
double dice_normal(struct dice *dice, double mean, double deviation);

/** An index below n, with probabilities proportional to the weights; one of them is > 0.  Local. */
int dice_choose(struct dice *dice, const double *weights, int n);

#endif
