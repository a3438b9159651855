/* Products of a few rows: tiles of sums that stay in registers. */
#include "rows.h"

#include "simd.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(REAL_DOUBLE)
#define ROWS_AVX512 1
#else
#define ROWS_AVX512 0
#endif

enum { PANEL = ROWS_PANEL, ABREAST = 4, LANES = 4 };

size_t rows_padded(size_t columns)
{
    return (columns + PANEL - 1) / PANEL * PANEL;
}

size_t rows_packed_reals(size_t in, size_t out)
{
    return rows_padded(out) * (in + 1);
}

struct rows_matrix rows_pack(struct arena *arena, const real *w, const real *bias, size_t in,
                             size_t out)
{
    const size_t padded = rows_padded(out);
    real *panels = arena_zeros(arena, padded * in);
    real *padded_bias = bias ? arena_zeros(arena, padded) : NULL;
    for (size_t j = 0; j < out; j += PANEL) {
        const size_t width = out - j < PANEL ? out - j : PANEL;
        for (size_t k = 0; k < in; k++)
            memcpy(panels + j * in + k * PANEL, w + k * out + j, width * sizeof(real));
    }
    if (bias) memcpy(padded_bias, bias, out * sizeof(real));
    return (struct rows_matrix){panels, padded_bias, in, out};
}

/*
 * `height` rows of y, from `column` on: `width` columns in each of `abreast` panels.  These three
 * are constant wherever this is called, and height * abreast * width sums fit into the registers.
 */
SIMD_INLINE void tile(real *y, const real *x, const struct rows_matrix *m, size_t column,
                      size_t height, size_t abreast, size_t width)
{
    real sum[8 * PANEL];
    const size_t row = abreast * width;
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < row; j++) sum[i * row + j] = m->bias ? m->bias[column + j] : 0;
    const real *panel = m->panels + (column / PANEL * m->in) * PANEL + column % PANEL;
    for (size_t k = 0; k < m->in; k++) {
        if (height > 1) { /* the next panel; a single row reads too fast for it */
            simd_fetch(panel + (m->in + k) * PANEL);
            simd_fetch(panel + (m->in + k) * PANEL + PANEL / 2);
        }
        for (size_t i = 0; i < height; i++) {
            const real factor = x[i * m->in + k];
            for (size_t p = 0; p < abreast; p++)
#pragma omp simd
                for (size_t j = 0; j < width; j++)
                    sum[i * row + p * width + j] += factor * panel[(p * m->in + k) * PANEL + j];
        }
    }
    const size_t left = m->out - column;
    for (size_t i = 0; i < height; i++)
        if (left >= row)
            memcpy(y + i * m->out + column, sum + i * row, row * sizeof(real));
        else
            memcpy(y + i * m->out + column, sum + i * row, left * sizeof(real));
}

/* All rows: `tall` at a time, then four, then one beside several panels at once. */
SIMD_INLINE void product(real *y, const real *x, const struct rows_matrix *m, size_t n, size_t tall,
                         size_t width)
{
    const size_t in = m->in, out = m->out, quarter = n % tall / 4 * 4, most = n - n % tall;
    for (size_t j = 0; j < out && n >= 4; j += width) {
        for (size_t i = 0; i < most; i += tall) tile(y + i * out, x + i * in, m, j, tall, 1, width);
        if (quarter) tile(y + most * out, x + most * in, m, j, 4, 1, width);
    }
    size_t j = 0;
    for (; width == PANEL && j + (ABREAST - 1) * PANEL < out; j += ABREAST * PANEL)
        for (size_t i = most + quarter; i < n; i++)
            tile(y + i * out, x + i * in, m, j, 1, ABREAST, PANEL);
    for (; j < out; j += PANEL)
        for (size_t i = most + quarter; i < n; i++)
            tile(y + i * out, x + i * in, m, j, 1, 1, PANEL);
}

SIMD_CLONES static void product_plain(real *y, const real *x, const struct rows_matrix *m, size_t n)
{
    product(y, x, m, n, 4, PANEL / 2);
}

#if ROWS_AVX512
/* 32 registers of 16 numbers hold sums of eight rows beside one panel. */
__attribute__((target("arch=x86-64-v4"))) static void
product_avx512(real *y, const real *x, const struct rows_matrix *m, size_t n)
{
    product(y, x, m, n, 8, PANEL);
}
#endif

void rows_product(real *y, const real *x, const struct rows_matrix *matrix, size_t n)
{
    const struct rows_matrix m = *matrix;
#if ROWS_AVX512
    if (__builtin_cpu_supports("x86-64-v4")) {
        product_avx512(y, x, &m, n);
        return;
    }
#endif
    product_plain(y, x, &m, n);
}

/* `width` columns of rows_mix. */
SIMD_INLINE void mix(real *y, const real *weight, const real *rows, size_t n, size_t depth,
                     size_t width)
{
    real sum[LANES * PANEL] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
#pragma omp simd
            for (size_t j = 0; j < width; j++)
                sum[lane * PANEL + j] += weight[i + lane] * rows[(i + lane) * depth + j];
    for (; i < n; i++)
#pragma omp simd
        for (size_t j = 0; j < width; j++) sum[j] += weight[i] * rows[i * depth + j];
    for (size_t j = 0; j < width; j++)
        y[j] += (sum[j] + sum[PANEL + j]) + (sum[2 * PANEL + j] + sum[3 * PANEL + j]);
}

SIMD_CLONES void rows_mix(real *y, const real *weight, const real *rows, size_t n, size_t depth)
{
    size_t j = 0;
    for (; j + PANEL <= depth; j += PANEL) mix(y + j, weight, rows + j, n, depth, PANEL);
    if (j < depth) mix(y + j, weight, rows + j, n, depth, depth - j);
}
