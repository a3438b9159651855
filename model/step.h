/**
 * One decoder step at a time for several pieces, with cached keys and values: the incremental twin
 * of decoder_loss's forward pass.
 */
#ifndef STEP_H
#define STEP_H

#include "decoder.h"
#include "step_attention.h"
#include "step_heads.h"

/** The matrices of a layer, laid out for rows_product. */
struct step_layer {
    struct rows_matrix condition, qkv, out, up, down;
};

/** Caches of n_pieces pieces. */
struct step_cache {
    const struct decoder *decoder;
    const real *theta;
    size_t n_pieces;
    struct step_attention attention;
    struct step_layer layer[DECODER_MAX_LAYERS];
    struct step_heads heads;
    real *shift;          /* (layers, n_pieces, width) condition of the segment */
    struct arena scratch; /* owned */
};

/** Reads theta once, into a layout of its own; biases and tables are read from it later.  Local.
 *  Fails only for want of memory. */
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
