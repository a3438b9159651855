/**
 * One decoder step at a time for several pieces, with cached keys and values: the incremental twin
 * of decoder_loss's forward pass.
 */
#ifndef STEP_H
#define STEP_H

#include "decoder.h"

/** Caches of n_pieces pieces.  Memory of the arena given at creation. */
struct step_cache {
    const struct decoder *decoder;
    const real *theta;
    size_t n_pieces, capacity; /* steps a piece can hold */
    real *keys;                /* (layers, n_pieces, width, capacity): scores run along a row */
    real *values;              /* (layers, n_pieces, capacity, width) */
    real *relative;            /* (layers, width, capacity) projected sinusoids, distance 0 last */
    real *shift;               /* (layers, n_pieces, width) condition of the segment */
    size_t *count;             /* (n_pieces) steps held */
    struct arena scratch;      /* owned */
};

STATUS_CHECKED enum status step_cache_init(struct step_cache *cache, const struct decoder *decoder,
                                           const real *theta, size_t n_pieces,
                                           size_t segment_steps);
void step_cache_fini(struct step_cache *cache);

/** Sets the condition (n_pieces, condition) of the segment that starts, and forgets all but the
 *  last `memory` steps of each piece.  Local. */
void step_begin_segment(struct step_cache *cache, const real *condition);

/** Takes the latest step of a piece back.  Local. */
void step_pop(struct step_cache *cache, size_t piece);

/** The events read by one step: one a piece listed. */
struct step_input {
    size_t n;
    const uint32_t *piece;           /* (n) */
    const uint8_t *type;             /* (n) TYPE_BAR, TYPE_NOTE, DECODER_START */
    const uint8_t *bar;              /* (n) */
    const uint8_t *symbol[N_FIELDS]; /* (n) */
};

/** h (n, width): normalised outputs, ready for the heads; each piece listed grows by one step. */
void step_advance(struct step_cache *cache, real *h, const struct step_input *input);

#endif
