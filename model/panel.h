/**
 * Small matrix products that read their left operand in place, for attention: packing it would cost
 * as much as the product.  Tiles of sums stay in registers, of a size that the CPU chooses.
 */
#ifndef PANEL_H
#define PANEL_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    PANEL_COLUMNS = 32, /* of the right operand's panels */
    PANEL_ROWS = 12,    /* rows are computed by so many: room for them must be there */
};

/** x rounded up to a multiple of `to`. */
static inline size_t panel_round(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/** Number (row, term) is data[row * row_stride + term * term_stride]. */
struct panel_left {
    const real *data;
    size_t row_stride, term_stride;
};

/** Number (term, column) is data[column / 32 * panel_stride + term * term_stride + column % 32]. */
struct panel_right {
    const real *data;
    size_t panel_stride, term_stride;
};

/**
 * C = A B, or C += A B, row-major, ldc apart.  Local.  Cannot fail.  Each number is summed in the
 * order of the terms, so that its bits do not depend on its place.
 *
 * @param[in,out] c     rows rounded up to PANEL_ROWS, columns to PANEL_COLUMNS; what lies beyond
 * may be overwritten
 * @param[in]     left  read up to the rounded rows
 * @param         add   whether to add to C
 */
struct panel_size {
    size_t rows, columns, depth;
};
void panel_product(real *c, size_t ldc, const struct panel_left *left,
                   const struct panel_right *right, struct panel_size size, bool add);

#endif
