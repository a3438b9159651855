/**
 * The tile of panel.h for one vector length, private to panel*.c: a file for one level of CPUs
 * defines LANES (numbers of a vector) and TALL (rows of a tile, a divisor of PANEL_ROWS) before it
 * includes this.
 */
#ifndef PANEL_TILE_H
#define PANEL_TILE_H

#include "panel.h"

#include "simd.h"

#ifndef LANES /* any CPU */
#define LANES 4
#define TALL 4
#endif

typedef real lanes __attribute__((vector_size(LANES * sizeof(real))));
/* The same anywhere in memory. */
typedef real lanes_at __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real))));

enum { WIDE = 2 * LANES };

/* TALL x (vectors x LANES) sums.  The loops over rows and vectors are short and constant: they
 * vanish, and the sums are registers. */
SIMD_INLINE void tile(real *c, size_t ldc, const struct panel_left *left, size_t row,
                      const struct panel_right *right, size_t depth, bool add, size_t vectors)
{
    lanes sum[TALL][2];
    const real *a = left->data + row * left->row_stride;
#pragma GCC unroll 12
    for (size_t i = 0; i < TALL; i++) sum[i][0] = sum[i][1] = (lanes){0};
    for (size_t k = 0; k < depth; k++) {
        const real *b = right->data + k * right->term_stride;
        const lanes b0 = *(const lanes_at *)b;
        const lanes b1 = vectors > 1 ? *(const lanes_at *)(b + LANES) : b0;
#pragma GCC unroll 12
        for (size_t i = 0; i < TALL; i++) {
            const real x = a[i * left->row_stride + k * left->term_stride];
            sum[i][0] += b0 * x;
            if (vectors > 1) sum[i][1] += b1 * x;
        }
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < TALL; i++)
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++) {
            lanes_at *const out = (lanes_at *)(c + (row + i) * ldc + v * LANES);
            *out = add ? *out + sum[i][v] : sum[i][v];
        }
}

/* All rows of at most WIDE columns.  The strides that occur are constants, so that addresses cost
 * no instructions. */
SIMD_INLINE void strip(real *c, size_t ldc, const struct panel_left *left,
                       const struct panel_right *right, struct panel_size size, bool add,
                       size_t vectors)
{
    const struct panel_left down = {left->data, 1, left->term_stride};
    const struct panel_left across = {left->data, left->row_stride, 1};
    if (left->term_stride == 1)
        for (size_t i = 0; i < size.rows; i += TALL)
            tile(c, ldc, &across, i, right, size.depth, add, vectors);
    else
        for (size_t i = 0; i < size.rows; i += TALL)
            tile(c, ldc, &down, i, right, size.depth, add, vectors);
}

/* Strip after strip, each for all rows: its part of a panel stays in the nearest cache. */
SIMD_INLINE void product(real *c, size_t ldc, const struct panel_left *left,
                         const struct panel_right *right, struct panel_size size, bool add)
{
    for (size_t j = 0; j < size.columns; j += WIDE) {
        const struct panel_right part = {right->data + j / PANEL_COLUMNS * right->panel_stride +
                                             j % PANEL_COLUMNS,
                                         right->panel_stride, right->term_stride};
        if (size.columns - j > LANES)
            strip(c + j, ldc, left, &part, size, add, 2);
        else
            strip(c + j, ldc, left, &part, size, add, 1);
    }
}

#endif
