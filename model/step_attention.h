/**
 * Attention of one new step a piece over the keys and values of its earlier steps, which are kept:
 * the incremental twin of attention_forward.
 *
 * A head's keys lie in panels (rows.h) and its values in a row a step, so that a step reads both
 * from end to end.  Forgetting drops whole panels; `first` says where in the first one a piece's
 * memory begins.
 */
#ifndef STEP_ATTENTION_H
#define STEP_ATTENTION_H

#include "arena.h"

#include <stdint.h>

struct step_attention {
    size_t n_pieces, layers, heads, depth; /* depth: width of a head */
    size_t memory;                         /* steps that survive step_attention_forget */
    size_t capacity;                       /* steps a piece can hold, whole panels */
    /* a head's run is capacity * depth reals; memory of the arena given at creation: */
    real *keys;            /* (layers, n_pieces, heads): panels (depth, ROWS_PANEL) of steps */
    real *values;          /* (layers, n_pieces, heads, capacity, depth) */
    real *relative;        /* (layers, heads): panels of distances, distance 0 last */
    size_t *first, *count; /* (n_pieces) the steps held are first .. first + count */
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
