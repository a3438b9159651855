/**
 * Multi-head attention with relative positions over packed sequences.
 *
 * score(i, j) = [ (q_i + u) . k_j + (q_i + v) . r_(i-j) ] / sqrt(width / heads)
 *
 * A span is one segment: its queries are its own steps; its keys are its own steps and the
 * `context` steps before it (memory), into whose values gradients flow but not into the hidden
 * states behind them.  Causal: key <= query.
 *
 * Source: Dai et al. 2019, sections 3.2 and 3.3.
 */
#ifndef ATTENTION_H
#define ATTENTION_H

#include "arena.h"

#include <stdbool.h>

struct span {
    size_t first;   /* first packed step of the segment */
    size_t count;   /* its steps */
    size_t context; /* memory steps right before `first` */
};

struct attention {
    size_t width, heads;
    bool causal;
    const struct span *spans; /* (n_spans) in packed order */
    size_t n_spans;
    size_t reach; /* largest key distance in any span: rows of r from it */
};

/** Rows of the relative table: distances 0..reach when causal, -reach..reach otherwise. */
size_t attention_relative_rows(bool causal, size_t reach);
/** The sinusoids (rows, width) of those distances, in that order. */
void attention_sinusoids(real *s, bool causal, size_t reach, size_t width);
/** Largest key distance over spans. */
size_t attention_reach(const struct span *spans, size_t n_spans);

/**
 * y (n, width) from qkv (n, 3 width: q, k, v, each heads x width/heads), r (relative rows, width),
 * u and v_bias (width).  lse (heads, n) keeps the log of each softmax's denominator (n: packed
 * steps).  Steps in no span get zeros.  Local.  Cannot fail.  scratch is restored.
 */
void attention_forward(real *y, real *lse, const real *qkv, const real *r, const real *u,
                       const real *v_bias, const struct attention *a, size_t n,
                       struct arena *scratch);

/**
 * dqkv (n, 3 width) is set to the gradient that may flow on to the hidden states; dmemory
 * (n, 2 width: k, v) is set to the part that came through memory, which belongs to the weights
 * alone; NULL when no span has context.  dr, du, dv_bias +=.
 */
struct attention_gradient {
    real *dqkv, *dmemory, *dr, *du, *dv_bias;
};
void attention_backward(const struct attention_gradient *g, const real *dy, const real *y,
                        const real *lse, const real *qkv, const real *r, const real *u,
                        const real *v_bias, const struct attention *a, size_t n,
                        struct arena *scratch);

/** Bytes of scratch that both need at most, for spans of at most `count` steps and `context`. */
size_t attention_scratch_bytes(size_t width, size_t heads, size_t count, size_t context);

#endif
