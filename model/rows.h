/**
 * Products of a few rows with a matrix, for generation.
 *
 * The matrix lies in panels of ROWS_PANEL columns, each (in, ROWS_PANEL) without gaps, so that a
 * product reads memory in order and never meets an odd width.  Each number is summed in the order
 * of the inner dimension: its bits depend neither on the number of rows nor on its column.
 */
#ifndef ROWS_H
#define ROWS_H

#include "arena.h"

enum { ROWS_PANEL = 32 };

struct rows_matrix {
    const real *panels; /* (panels, in, ROWS_PANEL); what lies beyond `out` does not matter */
    const real *bias;   /* (out, rounded up to whole panels), or NULL */
    size_t in, out;
};

/** Columns rounded up to whole panels.  Local. */
size_t rows_padded(size_t columns);

/** Reals that rows_pack takes from its arena.  Local. */
size_t rows_packed_reals(size_t in, size_t out);

/**
 * A matrix of weights laid out for rows_product, in memory of the arena.  Local.  Cannot fail.
 *
 * @param w     (in, out)
 * @param bias  (out) or NULL
 */
struct rows_matrix rows_pack(struct arena *arena, const real *w, const real *bias, size_t in,
                             size_t out);

/** y (n, out) = x (n, in) matrix + bias; y may not alias x.  Local.  Cannot fail. */
void rows_product(real *y, const real *x, const struct rows_matrix *matrix, size_t n);

/**
 * y (depth) += sum over i of weight[i] rows[i], rows (n, depth), in four interleaved sums.  Local.
 * Cannot fail.
 */
void rows_mix(real *y, const real *weight, const real *rows, size_t n, size_t depth);

#endif
