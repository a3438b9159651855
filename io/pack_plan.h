/**
 * From the ranks' records to a corpus's content: order, labels, groups, splits.
 *
 * Memory grows by a record, an input and its name a file; while the splits are dealt by 56 bytes
 * more.  Hence no table of pieces in the file's form, nor a copy of the names.
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
    const struct label *labels; /* (inputs->n), or NULL: no input has one */
    int n_ranks;
    struct packed *records; /* (n_records) of all ranks, in order of rank */
    size_t n_records;
    uint32_t *order; /* (n_pieces) records that become pieces, in the file's order */
    uint64_t n_pieces;
    uint64_t n_events, n_segments, n_name_bytes; /* of the pieces */
};

/**
 * For each argument the constant tempo that its files declare, microseconds; 0: none.  Collective.
 *
 * @param[out] tempi  (inputs->n_arguments)
 */
STATUS_CHECKED enum status pack_plan_tempi(const struct inputs *inputs, struct group *group,
                                           const struct pack_store *store, uint32_t *tempi);

/** Collects all ranks' records, which leave their stores.  Collective. */
STATUS_CHECKED enum status pack_plan_gather(struct pack_plan *plan, struct group *group,
                                            struct pack_store *store);

/** Orders the pieces and deals their groups and splits.  Local; the same on every rank. */
STATUS_CHECKED enum status pack_plan_make(struct pack_plan *plan, const int percent[N_SPLITS]);

/** Counts inputs, pieces, labels, splits.  Local. */
STATUS_CHECKED enum status pack_plan_count(const struct pack_plan *plan,
                                           struct pack_result *result);

/** The record that becomes piece i.  Local. */
const struct packed *pack_plan_record(const struct pack_plan *plan, uint64_t i);

/** The name of piece i.  Local. */
const char *pack_plan_name(const struct pack_plan *plan, uint64_t i);

/** Piece i as the file holds it, but for where its name and segments lie.  Local. */
void pack_plan_piece(const struct pack_plan *plan, uint64_t i, struct corpus_piece *piece);

void pack_plan_fini(struct pack_plan *plan);

#endif
