/* Products of a few rows: tiles of sums that stay in registers. */
#include "rows.h"

#include "simd.h"

enum { TALL = 4, NARROW = 32, WIDE = 128 };

/* `height` <= TALL rows of y, `width` <= WIDE columns; both constant where speed matters. */
SIMD_INLINE void tile(real *y, const real *x, const struct rows_matrix *matrix, size_t column,
                      size_t height, size_t width)
{
    real sum[TALL * NARROW > WIDE ? TALL * NARROW : WIDE];
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++)
            sum[i * width + j] = matrix->bias ? matrix->bias[column + j] : 0;
    for (size_t k = 0; k < matrix->in; k++) {
        const real *row = matrix->data + k * matrix->stride + column;
        for (size_t i = 0; i < height; i++) {
            const real factor = x[i * matrix->in + k];
#pragma omp simd
            for (size_t j = 0; j < width; j++) sum[i * width + j] += factor * row[j];
        }
    }
    for (size_t i = 0; i < height; i++)
        memcpy(y + i * matrix->out + column, sum + i * width, width * sizeof(real));
}

/* All rows of some columns: the columns stay in the nearest cache. */
SIMD_INLINE void columns(real *y, const real *x, const struct rows_matrix *matrix, size_t column,
                         size_t n, size_t width)
{
    size_t i = 0;
    for (; i + TALL <= n; i += TALL)
        tile(y + i * matrix->out, x + i * matrix->in, matrix, column, TALL, width);
    for (; i < n; i++) tile(y + i * matrix->out, x + i * matrix->in, matrix, column, 1, width);
}

SIMD_CLONES void rows_product(real *y, const real *x, const struct rows_matrix *matrix, size_t n)
{
    const struct rows_matrix m = *matrix;
    size_t j = 0;
    for (; n < TALL && j + WIDE <= m.out; j += WIDE)
        for (size_t i = 0; i < n; i++) tile(y + i * m.out, x + i * m.in, &m, j, 1, WIDE);
    for (; j + NARROW <= m.out; j += NARROW) columns(y, x, &m, j, n, NARROW);
    if (j < m.out) columns(y, x, &m, j, n, m.out - j);
}
