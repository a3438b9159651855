/**
 * The reduction of one bucket by messages between pairs of ranks, as a state machine that never
 * waits: started, it is advanced until it is done.
 *
 * A bucket is cut into one part a rank.  Reduce-scatter leaves rank r with the sum of part r;
 * all-gather brings the parts to all.  Each sends (P-1)/P of the bucket, the least there is.  Where
 * the number of ranks is a power of two the parts travel by recursive halving and doubling, 2 log2
 * P hops, else around a ring, 2 (P-1) hops.  Every part is summed on one rank and copied from
 * there, so that all ranks hold the same bits; the order of the sum depends on the number of ranks
 * alone.
 *
 * Compressed, floats travel as bfloat16, rounded to nearest; what rounding takes away stays in a
 * residual on the rank that rounded, and is added the next time (error feedback), so that nothing
 * is lost over several reductions.
 *
 * Source: Thakur, Rabenseifner & Gropp 2005, section 3 (both algorithms); Seide et al. 2014,
 * section 2 (error feedback).
 */
#ifndef BUCKET_H
#define BUCKET_H

#include "group.h"

struct bucket; /* opaque: hops, requests, the parts under way */

enum bucket_task {
    BUCKET_SCATTER = 1, /* reduce-scatter: part r is the sum on rank r, the rest is undefined */
    BUCKET_GATHER = 2,  /* all-gather of the parts */
    BUCKET_SUM = 3,     /* both */
};

/**
 * Prepares a bucket of up to `count` floats.  Local: the communicator is the group's, so that tags
 * are to be told apart from whoever else uses it.  Fails for want of memory.
 *
 * @param compress  floats may travel as bfloat16
 */
STATUS_CHECKED enum status bucket_create(struct bucket **bucket, struct group *group, size_t count,
                                         bool compress);
void bucket_destroy(struct bucket *bucket);

/**
 * Starts a task.  Every rank starts the same tasks with the same counts; those under way at the
 * same time differ in their tags.  Local.
 *
 * @param[in,out] data      (count) kept until the task is done
 * @param[in,out] residual  (count) what earlier roundings left, NULL: floats travel whole
 * @param         tag       below 32,768
 */
void bucket_start(struct bucket *bucket, enum bucket_task task, float *data, float *residual,
                  size_t count, int tag);

/** Lets the task go on as far as messages have arrived.  Returns whether it is done; once more
 *  afterwards is allowed.  Local. */
bool bucket_advance(struct bucket *bucket);

/** Bytes that this rank has sent since bucket_create.  Local. */
uint64_t bucket_sent(const struct bucket *bucket);

/** Part `part` of a bucket of `count` floats cut for `size` ranks is [*first, *end): multiples of
 * 16 floats but for the last.  Local. */
void bucket_part(size_t count, int size, int part, size_t *first, size_t *end);

#endif
