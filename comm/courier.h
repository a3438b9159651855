/**
 * Takes the buckets of an array through their reduction in order, a few at a time, while the array
 * becomes final from its front.
 *
 * MPI libraries progress inside their calls only, so somebody has to make some while the caller
 * computes.  A courier with a thread has that thread make all calls between courier_begin and
 * courier_finish, during which the caller makes none (MPI_THREAD_SERIALIZED); it sleeps for some
 * microseconds whenever nothing has arrived.  One without works inside courier_finish only.
 */
#ifndef COURIER_H
#define COURIER_H

#include "bucket.h"

enum { COURIER_WINDOW = 4 }; /* buckets under way at once: some travel, one is added up */

struct courier; /* opaque: buckets under way, their thread */

/** When a bucket's reduction began and was known to be complete: seconds of the monotonic clock. */
struct reduce_span {
    double start, end;
};

struct courier_settings {
    size_t bucket_floats; /* 1 to 2^28 */
    bool thread;          /* where MPI allows it */
    bool compress;        /* bfloat16 with error feedback; holds another `count` floats */
};

/** Prepares for arrays of `count` floats in a group of several ranks.  Local.  Fails for want of
 *  memory, or of a thread. */
STATUS_CHECKED enum status courier_create(struct courier **courier, struct group *group,
                                          size_t count, const struct courier_settings *settings);

/** Takes what is under way to its end; NULL is allowed.  Collective then. */
void courier_destroy(struct courier *courier);

/** Begins a task for every bucket of `data` (count), kept until courier_finish; nothing is final
 *  yet.  Local. */
void courier_begin(struct courier *courier, enum bucket_task task, float *data);

/** data[0, ready) is final on this rank.  Local. */
void courier_ready(struct courier *courier, size_t ready);

/** All is final; returns when every bucket's task is done.  Collective. */
void courier_finish(struct courier *courier);

/** The buckets' times of the latest task, valid after courier_finish; returns how many.  Local. */
size_t courier_spans(const struct courier *courier, const struct reduce_span **spans);

/** Bytes of memory that a courier takes.  Local. */
size_t courier_bytes(size_t count, const struct courier_settings *settings);

/** Bytes that this rank has sent, ever.  Local. */
uint64_t courier_sent(const struct courier *courier);

#endif
