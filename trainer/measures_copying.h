/**
 * Runs of notes that some pieces share with others: how much of generated music is copied.
 *
 * A note is a token of its position in the bar, its interval from the note before, its duration and
 * the bar lines since then, so that transposed copies count and velocity and tempo do not matter.
 * The pieces in question are indexed as one suffix automaton, through which any amount of other
 * music is read once, in time linear in its notes.
 *
 * Source: Blumer et al. 1985, "The smallest automaton recognizing the subwords of a text".
 */
#ifndef MEASURES_COPYING_H
#define MEASURES_COPYING_H

#include "events.h"

struct copying_note {
    uint32_t token; /* below 2^31 */
    uint32_t bar;   /* in the piece, from 0 */
};

/** The notes of legal events, of at most `most_bars` bars.  Local.  Returns their number.
 *
 * @param[out] notes  (n_events) room
 */
size_t copying_notes(struct copying_note *notes, const struct event *events, size_t n_events,
                     size_t most_bars);

struct copying; /* opaque: the automaton, and how far each of its states was matched */

/**
 * Indexes pieces of notes.  Local.  Fails for want of memory.
 *
 * @param start  (n_pieces + 1) first note of each piece, the end of the last one last
 */
STATUS_CHECKED enum status copying_create(struct copying **copying,
                                          const struct copying_note *notes, const size_t *start,
                                          size_t n_pieces);
void copying_destroy(struct copying *copying);

/** Reads a piece of other music.  Local. */
void copying_read(struct copying *copying, const struct copying_note *notes, size_t n);

/** What was matched so far, to be made the maximum over ranks.  Local. */
double *copying_matches(struct copying *copying, size_t *n);

/** The longest run shared with what was read, in notes, that ends at each indexed note; call it
 *  once, when all is read.  Local.  Fails for want of memory.
 *
 * @param[out] run  (start[n_pieces])
 */
STATUS_CHECKED enum status copying_runs(struct copying *copying, uint32_t *run);

#endif
