/**
 * What one rank has packed: a record an input, and the events and segments of its pieces.
 */
#ifndef PACK_STORE_H
#define PACK_STORE_H

#include "corpus.h"
#include "inputs.h"

#define PACK_NEW UINT32_MAX /* no enumerator: those are ints */

/** What the report says of an input besides its reason. */
enum pack_note { NOTE_NONE, NOTE_ALREADY_THERE, NOTE_WITH_COPY };

/** What became of an input, or a piece of the corpus that is appended to. */
struct packed {
    uint64_t hash;          /* XXH3-64 of its events */
    uint64_t shape;         /* see splits_shape */
    uint64_t reason;        /* offset in the texts of its rank, 0: none */
    uint64_t first_event;   /* in its rank's store */
    uint64_t first_segment; /* likewise */
    uint32_t n_events;
    uint32_t n_segments;
    uint32_t input;  /* index of the input, PACK_NEW for an old piece */
    uint32_t old;    /* index in the old corpus, PACK_NEW for an input */
    uint32_t tempo;  /* microseconds of the only tempo it declares, 0: none or several */
    uint32_t owner;  /* rank */
    uint8_t outcome; /* enum outcome */
    uint8_t damaged;
    uint8_t off_grid;
    uint8_t tempo_unknown;
    uint8_t note; /* enum pack_note */
    uint8_t reserved[3];
};

struct pack_store {
    const struct events_vocabulary *vocabulary;
    uint32_t rank;
    struct packed *records;
    size_t n_records, record_room;
    struct event *events;
    size_t n_events, event_room;
    struct corpus_segment *segments; /* `first` counts from the piece's first event */
    size_t n_segments, segment_room;
    char *text; /* reasons, zero-terminated; offset 0 is "" */
    size_t n_text, text_room;
};

/** An empty store.  Local. */
STATUS_CHECKED enum status pack_store_init(struct pack_store *store,
                                           const struct events_vocabulary *vocabulary, int rank);

/**
 * Packs one input (an inputs_visit; `context` is the store).  Local.  Only memory fails; what is
 * wrong with the input becomes its outcome.
 */
STATUS_CHECKED enum status pack_store_visit(void *context, size_t i, enum status read,
                                            const unsigned char *bytes, size_t size);

/** Adds piece i of an open corpus.  Local. */
STATUS_CHECKED enum status pack_store_add_old(struct pack_store *store, const struct corpus *corpus,
                                              uint64_t i);

/** Makes the tempo of a new piece unknown.  Local. */
void pack_store_forget_tempo(struct pack_store *store, struct packed *record);

void pack_store_fini(struct pack_store *store);

#endif
