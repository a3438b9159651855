/**
 * From the ranks' records to a corpus's content: order, labels, groups, splits, places.
 */
#ifndef PACK_PLAN_H
#define PACK_PLAN_H

#include "corpus_write.h"
#include "labels.h"
#include "pack.h"
#include "pack_store.h"

/** The records of all ranks and what follows from them; the same on every rank. */
struct pack_plan {
    const struct inputs *inputs;
    const struct corpus *old;   /* NULL: not appending */
    const struct label *labels; /* (inputs->n) */
    struct packed *records;     /* (n_records) of all ranks, in order of rank */
    size_t n_records;
    uint32_t *order; /* (n_pieces) records that become pieces, in the file's order */
    uint64_t n_pieces;
    struct corpus_piece *pieces; /* (n_pieces) */
    uint64_t *first_event;       /* (n_pieces + 1) */
    int32_t *owner;              /* (n_pieces) */
    char *names;
    uint64_t n_name_bytes;
};

/** Collects all ranks' records, replacing those of an earlier call.  Collective. */
STATUS_CHECKED enum status pack_plan_gather(struct pack_plan *plan, struct group *group,
                                            const struct pack_store *store);

/**
 * For each argument the constant tempo that its files declare, microseconds; 0: none.  Local.
 *
 * @param[out] tempi  (inputs->n_arguments)
 */
STATUS_CHECKED enum status pack_plan_tempi(const struct pack_plan *plan, uint32_t *tempi);

/** Orders the pieces and fills all of their fields.  Local; the same on every rank. */
STATUS_CHECKED enum status pack_plan_make(struct pack_plan *plan, const int percent[N_SPLITS]);

/** Counts inputs, pieces, labels, splits.  Local. */
STATUS_CHECKED enum status pack_plan_count(const struct pack_plan *plan,
                                           struct pack_result *result);

void pack_plan_fini(struct pack_plan *plan);

#endif
