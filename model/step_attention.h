/**
 * Attention of one new step a piece over the keys and values of its earlier steps, which are kept:
 * the incremental twin of attention_forward.
 *
 * Keys and values lie in panels of ROWS_PANEL steps, all heads of a layer side by side, so that a
 * step reads them in order: of each head ROWS_PANEL columns of keys, or as many rows of values. The
 * panels form a ring, outermost in memory: short pieces touch few pages, and forgetting moves
 * nothing.
 */
#ifndef STEP_ATTENTION_H
#define STEP_ATTENTION_H

#include "arena.h"

#include <stdint.h>

struct step_attention {
    size_t n_pieces, layers, heads, depth; /* depth: width of a head */
    size_t memory;                         /* steps that survive step_attention_forget */
    size_t capacity;                       /* steps a piece can hold, whole panels */
    /* memory of the arena given at creation: */
    real *keys;            /* (panels, layers, n_pieces, heads, depth, ROWS_PANEL) */
    real *values;          /* (panels, layers, n_pieces, heads, ROWS_PANEL, depth) */
    real *relative;        /* (layers, heads): panels of distances, distance 0 last */
    size_t *first, *count; /* (n_pieces) first: place in the ring, below capacity */
    struct arena *scratch;
};

/** Steps that a piece has room for, given the memory and the steps between two forgettings. */
size_t step_attention_capacity(size_t memory, size_t segment_steps);

/** Bytes of arena that step_attention_init takes and the other functions need.  Local. */
size_t step_attention_bytes(const struct step_attention *attention);

/** Takes memory for the shape that the caller has set in *attention; no piece holds a step.  Local.
 *  Cannot fail.  The arena serves as scratch from then on. */
void step_attention_init(struct step_attention *attention, struct arena *arena);

/** Sets one layer's projected sinusoids (capacity, width), of distances 0 and up.  Local. */
void step_attention_relative(struct step_attention *attention, size_t layer, const real *projected);

/** Forgets all but the last `memory` steps of each piece.  Local. */
void step_attention_forget(struct step_attention *attention);

/** Makes piece `to` hold what `from` holds.  Local. */
void step_attention_copy(struct step_attention *attention, size_t to, size_t from);

/** One step of some pieces in one layer. */
struct step_queries {
    size_t layer, n;
    const uint32_t *piece;  /* (n) */
    const real *qkv;        /* (n, 3 width) */
    const real *u, *v_bias; /* (width) */
};

/** Keeps the new keys and values behind those held, and sets y (n, width).  `count` stays: all
 *  layers come before the next step.  Local.  Cannot fail. */
void step_attention_forward(struct step_attention *attention, real *y,
                            const struct step_queries *queries);

#endif
