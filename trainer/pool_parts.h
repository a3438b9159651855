/**
 * The parts of pooling, for pool.c: what was read, and the sections made of it.
 */
#ifndef POOL_PARTS_H
#define POOL_PARTS_H

#include "pool.h"

#include <jansson.h>
#include <stdbool.h>

enum { POOL_MAX_TELLERS = 32, POOL_NAME = 128 };

/** One evaluated run. */
struct pool_run {
    uint64_t seed; /* train.seed */
    size_t fold;   /* data.fold */
    json_t *document;
    const json_t *labelled; /* borrowed from the document */
};

/** What one teller told over the runs of a pool. */
struct pool_teller {
    const char *name; /* borrowed from a document */
    double *share;    /* (n_pieces, N_EMOTIONS) share of the seeds that told this emotion */
};

struct pool {
    const struct pool_request *request;
    struct pool_run *runs; /* (n_runs) */
    size_t n_seeds;
    struct pool_teller tellers[POOL_MAX_TELLERS];
    size_t n_tellers;
};

/** A labelled piece; texts borrowed from a document. */
struct pool_piece {
    const char *name, *source;
    int8_t label;
};

/** Everything that was read.  Invariant after pooling_read: every pool tells every piece. */
struct pooling {
    struct pool *pools; /* (n_pools) */
    size_t n_pools;
    struct pool_piece *pieces; /* (n_pieces), of the first pool, in the order of its runs */
    size_t n_pieces;
    json_t *places; /* piece name -> index */
    uint64_t seed;
};

/** Reads and checks all evaluations.  Local.  Also on failure, pooling_fini frees. */
STATUS_CHECKED enum status pooling_read(struct pooling *pooling,
                                        const struct pool_request *requests, size_t n);
void pooling_fini(struct pooling *pooling);

/** The pool of a name, or NULL.  Local. */
const struct pool *pooling_find(const struct pooling *pooling, const char *name);

/** What a pool is compared with: `gmm`, or `gmm@SHARE` for NAME@SHARE; NULL for itself and when it
 *  is not there.  Local. */
const struct pool *pooling_reference(const struct pooling *pooling, const struct pool *pool);

/** Whether a teller hears the model's latents, rather than being a baseline: `mixture`, `probe`,
 *  `latent_...`.  Local. */
bool pool_is_model(const char *teller);

/** Adds the sections of accuracies and their differences.  Local. */
STATUS_CHECKED enum status pool_emotion(const struct pooling *pooling, json_t *document);

/** Adds the sections of all other figures.  Local. */
STATUS_CHECKED enum status pool_figures(const struct pooling *pooling, json_t *document);

/** The member `name` of an object, an empty object made there if missing; NULL for want of memory.
 *  Local. */
json_t *pool_section(json_t *object, const char *name);

#endif
