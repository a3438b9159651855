/**
 * What one rank has packed: a record an input in memory, and the events and segments of its pieces
 * in a spill, so that memory grows by the records alone.
 */
#ifndef PACK_STORE_H
#define PACK_STORE_H

#include "corpus.h"
#include "inputs.h"
#include "spill.h"

#define PACK_NEW UINT32_MAX /* no enumerator: those are ints */

/** What the report says of an input besides its reason. */
enum pack_note { NOTE_NONE, NOTE_ALREADY_THERE, NOTE_WITH_COPY };

/** What became of an input, or a piece of the corpus that is appended to. */
struct packed {
    uint64_t hash; /* XXH3-64 of its events */
    union {
        uint64_t shape; /* see splits_shape */
        uint64_t group; /* of duplicates, once the splits are dealt */
    };
    uint64_t place;  /* of its segments and then its events in its rank's spill */
    uint32_t reason; /* offset in the texts of its rank, 0: none */
    uint32_t n_events;
    uint32_t n_segments;
    uint32_t input;      /* index of the input, PACK_NEW for an old piece */
    uint32_t old;        /* index in the old corpus, PACK_NEW for an input */
    unsigned tempo : 24; /* microseconds of the only tempo it declares, 0: none or several */
    unsigned outcome : 2;
    unsigned damaged : 1;
    unsigned off_grid : 1;
    unsigned tempo_unknown : 1;
    unsigned note : 2; /* enum pack_note */
    uint8_t split;     /* enum split */
};

/** The rank that holds its events and segments: both old pieces and inputs are dealt in turn.
 *  Local. */
int packed_owner(const struct packed *record, int n_ranks);

struct pack_store {
    const struct events_vocabulary *vocabulary;
    struct packed *records;
    size_t n_records, record_room;
    struct spill spill; /* events and segments, whose `first` counts from the piece's first event */
    char *text;         /* reasons, zero-terminated; offset 0 is "" */
    size_t n_text, text_room;
    char *scratch; /* one piece as it lies in the spill */
    size_t scratch_room;
};

/**
 * An empty store.  Local.
 *
 * @param spill  a path of this rank's own, where pieces go that memory has no room for; borrowed
 * @param room   bytes of that memory
 */
STATUS_CHECKED enum status pack_store_init(struct pack_store *store,
                                           const struct events_vocabulary *vocabulary,
                                           const char *spill, size_t room);

/**
 * Packs one input (an inputs_visit; `context` is the store).  Local.  Only memory and the spill
 * fail; what is wrong with the input becomes its outcome.
 */
STATUS_CHECKED enum status pack_store_visit(void *context, size_t i, enum status read,
                                            const unsigned char *bytes, size_t size);

/** Adds piece i of an open corpus.  Local. */
STATUS_CHECKED enum status pack_store_add_old(struct pack_store *store, const struct corpus *corpus,
                                              uint64_t i);

/** The events of a record of this rank.  Local. */
STATUS_CHECKED enum status pack_store_events(const struct pack_store *store,
                                             const struct packed *record, struct event *events);

/** Likewise its segments. */
STATUS_CHECKED enum status pack_store_segments(const struct pack_store *store,
                                               const struct packed *record,
                                               struct corpus_segment *segments);

/** Makes the tempo of a new piece unknown.  Local. */
STATUS_CHECKED enum status pack_store_forget_tempo(struct pack_store *store, struct packed *record);

void pack_store_fini(struct pack_store *store);

#endif
