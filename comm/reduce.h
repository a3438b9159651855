/**
 * Reduction of the gradient over ranks, bucket by bucket while it becomes ready.
 *
 * Two ways: float sums (non-blocking all-reduce a bucket), and deterministic sums, in which every
 * micro-batch's gradient is turned into 64-bit fixed point before it is added, so that the result
 * has the same bits on any number of ranks.
 */
#ifndef REDUCE_H
#define REDUCE_H

#include "group.h"

struct reduce;

/**
 * @param gradient       (count) the gradient block, owned by the caller, the same place every step
 * @param bucket_floats  floats a bucket, > 0
 */
STATUS_CHECKED enum status reduce_create(struct reduce **reduce, struct group *group,
                                         float *gradient, size_t count, size_t bucket_floats,
                                         bool deterministic);
void reduce_destroy(struct reduce *reduce);

/** Starts a step: nothing is ready.  Local. */
void reduce_begin(struct reduce *reduce);

/**
 * Deterministic mode: adds the gradient of one micro-batch to the fixed-point sum and zeroes it.
 * Float mode: does nothing (the gradient goes on accumulating).  Local.
 */
void reduce_micro_batch(struct reduce *reduce);

/**
 * gradient[first, first + count) is final on this rank (float mode).  Called in the same order with
 * the same arguments on every rank; starts the buckets that are complete.  Collective.
 */
void reduce_ready(void *reduce, size_t first, size_t count);

/** Waits until the gradient holds the sum over ranks.  Collective. */
void reduce_finish(struct reduce *reduce);

#endif
