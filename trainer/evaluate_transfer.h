/**
 * Held-out music moved to other emotions: whether it gets there, and what is left of it.
 *
 * Moved is what `affekt transfer` makes at strength 1, by its own code, of the first MUSIC_BARS
 * bars of a piece, written as a score and read again.  The same bars decoded in place, at strength
 * 0, show what encoding and decoding alone change.
 */
#ifndef EVALUATE_TRANSFER_H
#define EVALUATE_TRANSFER_H

#include "evaluate_parts.h"

enum transfer_measure {
    /* first the attributes, as the judge wants them */
    TRANSFER_CHROMA = N_ATTRIBUTES, /* music_compare_pieces with the source */
    TRANSFER_GROOVE,
    N_TRANSFER_MEASURES,
};

/** Pieces spread evenly over the labelled ones, and what became of them; on every rank. */
struct evaluate_transfers {
    size_t n;
    uint32_t *place;      /* owned; (n) among the labelled pieces of the measured split */
    bool can[N_EMOTIONS]; /* emotions that the model was trained with */
    double *source;       /* owned; (n, N_ATTRIBUTES) of the bars themselves */
    double *made;         /* (n, N_EMOTIONS, N_TRANSFER_MEASURES) by target; that of the own emotion
                             was decoded in place */
};

/** Moves settings->transfers pieces, at most all labelled ones, to each other emotion.
 *  Collective. */
STATUS_CHECKED enum status evaluate_transfers_create(struct evaluate_transfers *transfers,
                                                     const struct evaluation *evaluation);
void evaluate_transfers_fini(struct evaluate_transfers *transfers);

/** How the judge hears them, and how alike they are to their sources.  Local. */
STATUS_CHECKED enum status evaluate_transfer(const struct evaluation *evaluation, json_t *section);

#endif
