/**
 * Exact sums of doubles: the same bits in any order, and on any number of ranks.
 *
 * Every value has an accumulator of fixed point that spans all doubles, from 2^-1074 up, so that
 * nothing is rounded while terms are added; the one rounding happens when the sum is read.  There
 * is no range to choose and no overflow: a sum is the double nearest to the true sum of its terms
 * (ties to even), an infinity when that lies beyond the largest double.  Infinite terms and NaN
 * give what IEEE addition gives.  The sum of no terms is 0.
 *
 * For the scalars and small statistics of a step: a value costs 544 bytes, to hold and to send,
 * and a term some 5 ns.  Gradients have a cheaper way (reduce.h).
 *
 * Source: Kulisch, "Computer Arithmetic and Validity", chapter 8 (the complete register), kept in
 * 32-bit limbs of 64-bit integers, so that carries wait and limbs add up over ranks.
 */
#ifndef SUM_H
#define SUM_H

#include "group.h"

struct sum; /* opaque: the accumulators of `count` values */

/** Makes `count` sums of no terms, to be freed by sum_destroy; NULL on failure.  Local.  Fails
 *  when memory is short. */
STATUS_CHECKED enum status sum_create(struct sum **sum, size_t count);

/** NULL is allowed.  Local. */
void sum_destroy(struct sum *sum);

/** Forgets all terms.  Local.  Cannot fail. */
void sum_clear(struct sum *sum);

/**
 * Adds one term to each of n values.  Local.  Cannot fail.
 *
 * @param     first  the first value; first + n <= count
 * @param[in] x      (n) terms, any doubles
 */
void sum_add(struct sum *sum, size_t first, const double *x, size_t n);

/**
 * Adds up the ranks' terms; every rank then holds the sums over all, and adds no more terms before
 * sum_clear.  Collective: the same count on every rank.
 */
void sum_over_ranks(struct sum *sum, struct group *group);

/**
 * Reads the sums of the terms so far.  Local.  Cannot fail.
 *
 * @param[out] x  (count) caller-owned
 */
void sum_read(const struct sum *sum, double *x);

#endif
