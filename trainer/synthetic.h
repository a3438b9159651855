/**
 * A corpus of full rows for measurements: every piece is one segment of the same number of events,
 * legal music without meaning, in memory or in a file.
 */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

#include "corpus.h"

enum {
    SYNTHETIC_MIN_EVENTS = 16,
    SYNTHETIC_MAX_EVENTS = EVENTS_SEGMENT_EVENTS,
    SYNTHETIC_MAX_ROWS = 65536,
};

struct synthetic {
    struct corpus corpus; /* points into the arrays below; not to be closed */
    struct event *events;
    struct corpus_segment *segments;
    struct corpus_piece *pieces;
    char *names;
};

/**
 * Makes 2 rows pieces of `events` events in 8 bars of 4/4, all to train on, every second one
 * labelled.  Local, the same on every rank.  Fails for want of memory.
 */
STATUS_CHECKED enum status synthetic_init(struct synthetic *synthetic, size_t rows, size_t events);
void synthetic_fini(struct synthetic *synthetic);

/** Writes it as a corpus file.  Local. */
STATUS_CHECKED enum status synthetic_write(const struct synthetic *synthetic, const char *path);

#endif
