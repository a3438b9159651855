/**
 * What gemm's loops need of a micro-kernel: panels, and one tile of a product on them.
 */
#ifndef GEMM_MICRO_H
#define GEMM_MICRO_H

#include "gemm_pack.h"

/** What a tile is, by kernel: fixed once chosen. */
struct gemm_tile_shape {
    size_t rows, columns; /* of C, row-major */
    size_t depth;         /* most terms a call sums up: may change the bits of a product */
    size_t grain;         /* terms are packed in multiples of it, zeros at the end */
    size_t terms_a_real;  /* of a panel */
};

/** C = alpha A B + beta C: how much of a tile, over how many terms. */
struct gemm_tile {
    size_t rows, columns, depth;
    real alpha, beta;
};

/** Like gemm_pack. */
typedef void gemm_micro_pack(real *panel, const struct gemm_lines *lines, size_t height,
                             size_t count, size_t depth, real *sums);

/** Like gemm_blis_tile. */
typedef void gemm_micro_tile(const struct gemm_tile *tile, const real *a, const real *b, real *c,
                             size_t ldc);

struct gemm_micro {
    struct gemm_tile_shape shape;
    gemm_micro_pack *pack_rows, *pack_columns; /* of op(A), of op(B) */
    void (*begin)(void);                       /* readies a thread for tiles, and ends that */
    void (*end)(void);
    gemm_micro_tile *tile; /* between begin and end */
};

#endif
