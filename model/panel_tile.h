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

/* TALL x WIDE sums.  The loops over rows are short and constant: they vanish, and the sums are
 * registers. */
SIMD_INLINE void tile(real *c, size_t ldc, const struct panel_left *left, size_t row,
                      const real *right, size_t stride, size_t depth, bool add)
{
    lanes sum[TALL][2];
    const real *a = left->data + row * left->row_stride;
#pragma GCC unroll 12
    for (size_t i = 0; i < TALL; i++) sum[i][0] = sum[i][1] = (lanes){0};
    for (size_t k = 0; k < depth; k++) {
        const lanes b0 = *(const lanes_at *)(right + k * stride);
        const lanes b1 = *(const lanes_at *)(right + k * stride + LANES);
#pragma GCC unroll 12
        for (size_t i = 0; i < TALL; i++) {
            const real x = a[i * left->row_stride + k * left->term_stride];
            sum[i][0] += b0 * x;
            sum[i][1] += b1 * x;
        }
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < TALL; i++) {
        lanes_at *const out0 = (lanes_at *)(c + (row + i) * ldc);
        lanes_at *const out1 = (lanes_at *)(c + (row + i) * ldc + LANES);
        *out0 = add ? *out0 + sum[i][0] : sum[i][0];
        *out1 = add ? *out1 + sum[i][1] : sum[i][1];
    }
}

/* Panel after panel, each for all rows: it stays in the nearest cache.  The strides that occur are
 * constants, so that addresses cost no instructions. */
SIMD_INLINE void product(real *c, size_t ldc, const struct panel_left *left,
                         const struct panel_right *right, struct panel_size size, bool add)
{
    const struct panel_left down = {left->data, 1, left->term_stride};
    const struct panel_left across = {left->data, left->row_stride, 1};
    const bool by_rows = left->term_stride == 1;
    for (size_t j = 0; j < size.columns; j += PANEL_COLUMNS)
        for (size_t i = 0; i < size.rows; i += TALL)
            for (size_t part = 0; part < PANEL_COLUMNS; part += WIDE) {
                const real *b = right->data + j / PANEL_COLUMNS * right->panel_stride + part;
                if (by_rows)
                    tile(c + j + part, ldc, &across, i, b, right->term_stride, size.depth, add);
                else
                    tile(c + j + part, ldc, &down, i, b, right->term_stride, size.depth, add);
            }
}

#endif
