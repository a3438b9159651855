/**
 * The update of the weights over ranks: every rank updates all of them, or, sharded, its own parts,
 * whose moments it alone holds, and the weights are brought together afterwards.
 *
 * A rank's parts (reduce.h) stand one after the other in its moments; unsharded there is one part,
 * the whole block.
 */
#ifndef OPTIMISER_H
#define OPTIMISER_H

#include "adam.h"
#include "reduce.h"

/** A run of the block that this rank updates, and the tensors, or pieces of them, that lie in it.
 */
struct shard {
    size_t first, count; /* of the block */
    size_t moment;       /* where its moments begin */
    struct parameters pieces;
};

struct optimiser {
    struct adam adam;
    struct group *group;   /* borrowed */
    struct reduce *reduce; /* borrowed */
    bool sharded;
    bool whole_gradient;  /* every rank has all sums: deterministic, or unsharded */
    size_t count;         /* reals of the block */
    real *first, *second; /* moments; borrowed */
    struct shard *shards; /* (n_shards) owned */
    size_t n_shards;
    struct tensor *tensors; /* owned; the pieces of all shards */
    double *squares;        /* (ranks) owned */
};

struct optimiser_settings {
    struct adam adam;
    struct group *group;   /* borrowed */
    struct reduce *reduce; /* borrowed: the gradient's; tells the parts */
    bool sharded;          /* no difference in a group of one */
    bool whole_gradient;
    real *first, *second; /* borrowed: moments, of the block or (reduce_shard) of the parts */
};

/** Cuts the parameters for this rank.  Local.  Fails for want of memory. */
STATUS_CHECKED enum status optimiser_init(struct optimiser *optimiser,
                                          const struct optimiser_settings *settings,
                                          const struct parameters *parameters);
void optimiser_fini(struct optimiser *optimiser);

/** The norm of the gradient that reduce_finish has left, the same bits on every rank.  Collective.
 */
double optimiser_norm(struct optimiser *optimiser, const real *gradient);

/** Of one update, as adam_step takes them. */
struct optimiser_update {
    double learning_rate, scale;
    uint64_t step;
};

/** One update of all weights of the block.  Collective. */
void optimiser_step(struct optimiser *optimiser, real *theta, const real *gradient,
                    const struct optimiser_update *update);

/** Zeroes the moments of block[first, first + count).  Local. */
void optimiser_forget(struct optimiser *optimiser, size_t first, size_t count);

/** One moment of the whole block from all ranks' parts; and back: this rank keeps its own.
 *  Collective; local. */
void optimiser_collect(struct optimiser *optimiser, real *whole, const real *moment);
void optimiser_keep(const struct optimiser *optimiser, real *moment, const real *whole);

#endif
