/**
 * Reduction of the gradient over ranks, bucket by bucket while it becomes ready.
 *
 * Two ways: float sums (courier.h, each rank sending 2 (P-1)/P of the gradient, the least there
 * is), and deterministic sums, in which every micro-batch's gradient is turned into 64-bit fixed
 * point before it is added, so that the result has the same bits on any number of ranks, in any
 * order of the micro-batches.
 *
 * Deterministic range: a multiple of 2^-40 (9.1e-13, half of which is the rounding error a
 * micro-batch) below 2^22 (4.2e6).  Whatever cannot be held is NaN afterwards, never wrapped: the
 * gradient is kept in blocks of 16 from its start, and a block becomes NaN when the largest
 * magnitudes of its micro-batches, each raised to the next greater integer, add up to 2^22 or more
 * over all ranks, or when one of them is infinite or NaN.  (An arena's 64-byte alignment keeps the
 * blocks of different tensors apart.)  It holds 8.5 bytes a float and sends as many, twice the
 * float way.
 *
 * A group of one communicates nothing.
 */
#ifndef REDUCE_H
#define REDUCE_H

#include "courier.h"

struct reduce; /* opaque: the courier, the fixed-point sums */

/** Whether float sums travel while the caller computes, which takes a thread a rank.  Between ranks
 *  that share memory it cannot pay: moving the data is work of the same processors. */
enum reduce_overlap { REDUCE_OVERLAP_AUTO, REDUCE_OVERLAP_ON, REDUCE_OVERLAP_OFF };

struct reduce_settings {
    size_t bucket_floats; /* > 0; a bucket never has more than 2^28, nor less than 16 */
    bool deterministic;
    enum reduce_overlap overlap; /* AUTO: on when the ranks are on several nodes */
    bool sharded;                /* float mode: each rank ends with the sums of its parts only */
    bool compress;               /* float mode: sent as bfloat16 with error feedback (bucket.h) */
};

/** The shares of a rank where work on the sums is sharded: of every bucket one part.  Local. */
struct reduce_part {
    size_t first, end; /* of the gradient */
};

/**
 * Prepares to reduce one gradient.  Collective.
 *
 * @param[out] reduce    to be freed by reduce_destroy; NULL on failure
 * @param group          kept; must outlive `reduce`
 * @param gradient       (count) the gradient block, owned by the caller, the same place every step
 * @param settings       the same on every rank
 *
 * Fails when memory is short or bucket_floats is 0.
 */
STATUS_CHECKED enum status reduce_create_with(struct reduce **reduce, struct group *group,
                                              float *gradient, size_t count,
                                              const struct reduce_settings *settings);

/** reduce_create_with these, the rest at 0. */
STATUS_CHECKED enum status reduce_create(struct reduce **reduce, struct group *group,
                                         float *gradient, size_t count, size_t bucket_floats,
                                         bool deterministic);

/** Waits for buckets under way, then frees; NULL is allowed.  Collective when buckets are under
 *  way. */
void reduce_destroy(struct reduce *reduce);

/** Starts a step: nothing is ready, no micro-batch has been added.  Local. */
void reduce_begin(struct reduce *reduce);

/**
 * Deterministic mode: adds the gradient of one micro-batch to the fixed-point sum and zeroes it.
 * Float mode: does nothing (the gradient goes on accumulating).  Local.
 */
void reduce_micro_batch(struct reduce *reduce);

/**
 * gradient[first, first + count) is final on this rank.  Called in the same order with the same
 * arguments on every rank, each range starting where the one before ended, from 0.  With overlap,
 * complete buckets begin to travel, and until reduce_finish nobody calls MPI but the courier's
 * thread.  Deterministic mode: does nothing.  Local.
 */
void reduce_ready(void *reduce, size_t first, size_t count);

/** Waits until the gradient holds the sum over ranks, the same bits on each; sharded, until this
 *  rank's parts do, and the rest is undefined.  What was never
 *  announced as ready is final now.  Collective. */
void reduce_finish(struct reduce *reduce);

/**
 * Brings together an array (count) of which each rank has its own parts.  Collective.
 *
 * @param[in,out] array  this rank's parts in, all out
 */
void reduce_gather(struct reduce *reduce, float *array);

/** How many parts a rank has, the empty ones included, and the i-th of rank `rank`.  Local. */
size_t reduce_n_parts(const struct reduce *reduce);
struct reduce_part reduce_part_of(const struct reduce *reduce, size_t i, int rank);

/** Floats of all parts of rank 0, which has the most, in a group of `size` ranks.  Local. */
size_t reduce_shard(size_t count, size_t bucket_floats, int size);

/** Bytes of memory that reduce_create_with takes in a group of `size` ranks.  Local. */
size_t reduce_bytes(size_t count, const struct reduce_settings *settings, int size);

/**
 * The buckets of the step that reduce_finish has ended, in order.  Local.
 *
 * @param[out] spans  owned by `reduce`, valid until the next reduce_begin
 * @return     how many: none in a group of one
 */
size_t reduce_spans(const struct reduce *reduce, const struct reduce_span **spans);

/** Bytes of gradients that this rank has sent since reduce_create; float mode.  Local. */
uint64_t reduce_sent(const struct reduce *reduce);

#endif
