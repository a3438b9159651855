/**
 * Micro-batches: the global batch cut into runs of rows of one kind, and which rank takes which.
 *
 * The cut depends on the rows alone, so that a micro-batch is the same work, with the same bits, on
 * whatever rank it runs; the assignment balances events.
 */
#ifndef MICRO_H
#define MICRO_H

#include "collate.h"
#include "vae.h"

struct micro {
    size_t first_row, n_rows;         /* in the global batch */
    size_t first_segment, n_segments; /* in the global batch */
    size_t n_events;
    bool labelled;
    int rank;
    struct batch batch;   /* on its rank */
    struct vae_tape tape; /* on its rank */
};

struct micro_plan {
    struct micro *micros; /* owned; room for max_rows */
    size_t n_micros, max_rows;
    size_t n_segments, n_labelled, n_unlabelled; /* segments of the global batch */
    size_t n_events;
    int n_ranks;
    struct micro **order; /* owned; scratch of the assignment */
    size_t *load;         /* owned; (n_ranks) events of each rank */
};

/** Room for max_rows rows, shared out to n_ranks ranks.  Local.  Fails for want of memory. */
STATUS_CHECKED enum status micro_plan_init(struct micro_plan *plan, size_t max_rows, int n_ranks);
void micro_plan_fini(struct micro_plan *plan);

/**
 * Cuts rows into micro-batches of at most max_events events (a longer row stands alone) and of one
 * kind, and assigns them to the ranks.  Local, the same on every rank.
 *
 * There are as few as that allows, one more where these are several and odd, as even as the rows'
 * order allows: ranks wait for the one that has most to do.
 */
void micro_plan_cut(struct micro_plan *plan, const struct source *source, const struct row *rows,
                    size_t n_rows, size_t max_events);

#endif
