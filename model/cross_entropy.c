/* Softmax cross-entropy against symbols and against distributions. */
#include "layers.h"

#include "simd.h"

enum { CHUNK = 256 };

/* Sum of exp(x - max); p, unless NULL, gets the terms and may be x. */
SIMD_INLINE real exp_sum(real *p, const real *x, real max, size_t n)
{
    real buffer[CHUNK], sum = 0;
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t count = n - first < CHUNK ? n - first : CHUNK;
        real *terms = p ? p + first : buffer;
        simd_exp_row(terms, x + first, max, count);
        sum += simd_sum(terms, count);
    }
    return sum;
}

SIMD_INLINE void scale_row(real *x, real scale, size_t n)
{
    for (size_t j = 0; j < n; j++) x[j] *= scale;
}

SIMD_CLONES double cross_entropy(real *dlogits, const real *logits, const uint8_t *target,
                                 real scale, size_t n, size_t n_symbols)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const real *row = logits + i * n_symbols;
        real *drow = dlogits ? dlogits + i * n_symbols : NULL;
        if (target[i] == SYMBOL_NONE) {
            if (drow) scale_row(drow, 0, n_symbols);
            continue;
        }
        const real max = simd_max(row, n_symbols), score = row[target[i]] - max;
        const real sum = exp_sum(drow, row, max, n_symbols);
        loss += (double)(real_log(sum) - score);
        if (!drow) continue;
        scale_row(drow, scale / sum, n_symbols);
        drow[target[i]] -= scale;
    }
    return loss;
}

/* -sum_j t_j log p_j of a target that sums to 1; the target is all zero for none. */
SIMD_CLONES double cross_entropy_soft(real *dlogits, const real *logits, const real *target,
                                      real scale, size_t n, size_t n_symbols)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const real *row = logits + i * n_symbols, *t = target + i * n_symbols;
        real *drow = dlogits ? dlogits + i * n_symbols : NULL;
        const real mass = simd_sum(t, n_symbols);
        const real max = simd_max(row, n_symbols);
        real score = 0;
#pragma omp simd reduction(+ : score)
        for (size_t j = 0; j < n_symbols; j++) score += t[j] * (row[j] - max);
        const real sum = exp_sum(drow, row, max, n_symbols);
        loss += (double)(mass * real_log(sum) - score);
        if (!drow) continue;
#pragma omp simd
        for (size_t j = 0; j < n_symbols; j++) drow[j] = scale * (drow[j] / sum * mass - t[j]);
    }
    return loss;
}
