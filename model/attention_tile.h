/**
 * What attention's forward and backward passes share: one head of one tile of queries.
 *
 * A span's queries are taken ATTENTION_TILE at a time, so that a score matrix stays in the cache
 * and a causal tile skips the keys after it.  Keys are counted from the first step of the context.
 * The relative term is one product with the run of relative rows that the tile can need; row i
 * reads it backwards: key j takes place shift + i - j.
 */
#ifndef ATTENTION_TILE_H
#define ATTENTION_TILE_H

#include "attention.h"
#include "gemm.h"

enum { ATTENTION_TILE = 128 };

struct attention_tile {
    size_t width, depth, column; /* depth: of a head; column: the head's first */
    size_t query, key;           /* packed steps of the first query and of key 0 */
    size_t count, n_keys;        /* queries and keys */
    size_t context;              /* keys that are memory */
    size_t limit, limit_step;    /* row i sees the keys below limit + i * limit_step */
    size_t row, run, shift;      /* first relative row, how many, place of row 0's key 0 */
    real scale;                  /* 1 / sqrt(depth) */
    real *qu, *qv;               /* (count, depth): (q + u) and (q + v), scaled */
    real *score;                 /* (count, n_keys): qu k^T */
    real *position;              /* (count, run): qv r^T */
};

/** The tile of a span that starts at its query `first`, of head `head`.  Local. */
struct attention_tile attention_tile_make(const struct attention *a, const struct span *span,
                                          size_t head, size_t first);

/** Takes the four matrices from scratch and computes them.  Local.  Cannot fail. */
void attention_tile_score(struct attention_tile *tile, const real *qkv, const real *r,
                          const real *u, const real *v_bias, struct arena *scratch);

/** The head's part of a packed matrix (n, parts * width), part `part`, from step `step` on. */
static inline struct gemm_operand attention_tile_part(const struct attention_tile *tile,
                                                      const real *x, size_t step, size_t part,
                                                      size_t parts)
{
    const size_t stride = parts * tile->width;
    return (struct gemm_operand){x + step * stride + part * tile->width + tile->column, stride,
                                 false};
}

/** Number of keys that row i sees. */
static inline size_t attention_tile_limit(const struct attention_tile *tile, size_t i)
{
    return tile->limit + i * tile->limit_step;
}

#endif
