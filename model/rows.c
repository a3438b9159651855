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

SIMD_CLONES void rows_product(real *y, const real *x, const struct rows_matrix *matrix, size_t n)
{
    const struct rows_matrix m = *matrix;
    size_t i = 0;
    for (; i + TALL <= n; i += TALL) {
        size_t j = 0;
        for (; j + NARROW <= m.out; j += NARROW)
            tile(y + i * m.out, x + i * m.in, &m, j, TALL, NARROW);
        if (j < m.out) tile(y + i * m.out, x + i * m.in, &m, j, TALL, m.out - j);
    }
    for (; i < n; i++) {
        size_t j = 0;
        for (; j + WIDE <= m.out; j += WIDE) tile(y + i * m.out, x + i * m.in, &m, j, 1, WIDE);
        for (; j + NARROW <= m.out; j += NARROW)
            tile(y + i * m.out, x + i * m.in, &m, j, 1, NARROW);
        if (j < m.out) tile(y + i * m.out, x + i * m.in, &m, j, 1, m.out - j);
    }
}
