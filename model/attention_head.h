/**
 * What attention's forward and backward passes share: one head of one span.
 *
 * Keys are counted from the first step of the context, queries from the span's first step; place
 * p = key - query + count - 1 numbers their distances, so that a query's relative terms lie in the
 * order of its keys.  Scores are made some queries at a time.  Key j of row i of a score matrix is
 * score[i * stride + ATTENTION_MARGIN + j]; a product by places with rows one number further apart
 * writes every term at its key (and reads it there): nothing is shifted in memory.  What it writes
 * beside a row's keys falls into the margins.
 */
#ifndef ATTENTION_HEAD_H
#define ATTENTION_HEAD_H

#include "attention.h"
#include "panel.h"

enum {
    ATTENTION_QUERIES = 48, /* rows of a score matrix at most, a multiple of PANEL_ROWS */
    ATTENTION_MARGIN =
        64, /* more than ATTENTION_QUERIES + PANEL_ROWS, PANEL_COLUMNS + PANEL_ROWS */
};

struct attention_head {
    const struct attention *a;
    const struct span *span;
    size_t head, depth, padded; /* numbers a head; rounded up to whole panels */
    size_t column;              /* the head's first */
    size_t key;                 /* packed step of key 0 */
    size_t n_keys, n_places;
    size_t stride;  /* of a row of scores */
    real scale;     /* 1 / sqrt(depth) */
    real *keys;     /* K^T in panels of keys, (panels, depth, 32) */
    real *places;   /* the relative rows likewise */
    real *content;  /* (queries, padded) (q + u), scaled */
    real *position; /* (queries, padded) (q + v), scaled */
    real *score;    /* (queries, stride) */
};

/** Some queries: rows [0, count) of a score matrix. */
struct attention_rows {
    size_t first, count; /* first query of the span */
};

/** The arrays (n, 3 width), (relative rows, width), (width), (width) of attention_forward. */
struct attention_inputs {
    const real *qkv, *r, *u, *v_bias;
};

/** Takes what the head needs from `scratch` and packs keys and places.  Local.  Cannot fail. */
void attention_head_make(struct attention_head *h, const struct attention *a,
                         const struct span *span, size_t head, const struct attention_inputs *in,
                         struct arena *scratch);

/** Fills content, position and score for some queries.  Local.  Cannot fail.  Scores of keys out of
 *  sight are undefined, as are rows after the last. */
void attention_head_score(struct attention_head *h, const struct attention_rows *rows,
                          const struct attention_inputs *in);

/** n steps of the head's part of a matrix, x the first: in panels of columns, (panels of the depth,
 *  n, 32), or in panels of steps, (panels of n, depth, 32), which are those of the transpose.  What
 *  lies beyond is zero.  Local. */
real *attention_head_columns(const struct attention_head *h, const real *x, ptrdiff_t step_stride,
                             size_t n, struct arena *scratch);
real *attention_head_steps(const struct attention_head *h, const real *x, ptrdiff_t step_stride,
                           size_t n, struct arena *scratch);

/** Where the head's part of a packed matrix (n, parts * width) starts at step `step`. */
static inline const real *attention_head_part(const struct attention_head *h, const real *x,
                                              size_t step, size_t part, size_t parts)
{
    return x + step * parts * h->a->width + part * h->a->width + h->column;
}

/** Keys that query i sees: keys 0 to that number. */
static inline size_t attention_head_limit(const struct attention_head *h, size_t i)
{
    const size_t last = h->span->context + i + 1;
    return h->a->causal && last < h->n_keys ? last : h->n_keys;
}

/** The run of places [first, end) that queries [i, i + n) need for their keys in sight. */
struct attention_run {
    size_t first, end;
};
struct attention_run attention_head_run(const struct attention_head *h, size_t i, size_t n);

/** The number of a score matrix at place p of row `row`, whose query is i; the next place is the
 *  next number, the next row stride + 1 further. */
static inline real *attention_head_at_place(const struct attention_head *h, real *score, size_t row,
                                            size_t i, size_t p)
{
    return score + row * h->stride + ATTENTION_MARGIN + p + i - (h->span->count - 1);
}

/** First row of the relative table for place 0; the table's rows run against the places. */
static inline size_t attention_head_relative_row(const struct attention_head *h)
{
    return (h->a->causal ? 0 : h->a->reach) + h->n_keys - 1;
}

/** Bytes of scratch that one head of the longest span needs at most.  Local. */
size_t attention_head_bytes(const struct attention *a);

/** Calls work(context, head, scratch) for every head, on the threads of gemm_init, each with
 * `bytes` of scratch of its own.  Local.  Cannot fail. */
struct attention_work {
    void (*run)(const void *context, size_t head, struct arena *scratch);
    const void *context;
    size_t bytes;
};
void attention_for_heads(const struct attention_work *work, size_t heads, struct arena *scratch);

#endif
