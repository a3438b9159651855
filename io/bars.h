/**
 * The bars of a piece: its time signatures laid over the grid.
 *
 * Regions of one signature tile the grid from step 0; inside one, bars of equal length follow each
 * other, and the last is cut where the next region starts.  Every bar has the length of a signature
 * of the vocabulary.
 */
#ifndef BARS_H
#define BARS_H

#include "events.h"

/** A run of bars under one signature event. */
struct bars_region {
    int64_t start;        /* grid steps */
    int symbol;           /* signature of its whole bars */
    uint8_t numerator;    /* as the file says */
    uint16_t denominator; /* as the file says; the cut bar prefers it */
};

struct bars {
    const struct events_vocabulary *vocabulary; /* borrowed */
    struct bars_region *regions;                /* (n_regions) by start, the first at 0; owned */
    size_t n_regions;
};

struct bar {
    int64_t start; /* grid steps */
    int steps;     /* its length, that of the symbol */
    int symbol;    /* signature */
};

/**
 * Lays out the bars of a score.  Local.  Fails (FAILED) without memory.
 *
 * A repeated signature changes nothing.  One of numerator 1 lasting over several bars is a file's
 * way of saying nothing: it is read as 4/4, so that a single such bar (an upbeat) stays what it is.
 * A signature outside the vocabulary is split: into 4/4 when they fill it (not for triple time),
 * else into the longest bars of the same denominator, else into up to four bars of any, else it is
 * read as 4/4.  A change inside a bar cuts that bar; when no signature is as long as what is left,
 * the change moves to the nearest place where one is.
 *
 * @param ignore  no signatures: 4/4 throughout
 */
STATUS_CHECKED enum status bars_init(struct bars *bars, const struct score *score,
                                     const struct events_vocabulary *vocabulary, bool ignore);

void bars_fini(struct bars *bars);

/** The bar that holds a step >= 0.  Local. */
struct bar bars_find(const struct bars *bars, int64_t step);

#endif
