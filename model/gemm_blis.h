/**
 * BLIS's micro-kernel: one tile of a matrix product on packed panels.  The one place that calls
 * BLIS.
 *
 * Debian's BLIS does not know new CPUs and would fall back to its `generic` kernels; the kernel is
 * therefore chosen from the CPU's features before BLIS's first call.  gemm's own loops and packing
 * stand in for BLIS's, whose packing of small products costs more than a third of their time.
 */
#ifndef GEMM_BLIS_H
#define GEMM_BLIS_H

#include "gemm_micro.h"
#include "status.h"

/**
 * Chooses the kernel; comes before any tile.  Local.  A BLIS_ARCH_TYPE in the environment, a number
 * or a name, is respected.  USAGE: it is no kernel for this CPU.
 */
STATUS_CHECKED enum status gemm_blis_init(struct gemm_tile_shape *shape);

/**
 * C = alpha A B + beta C, row-major.  Local.  Cannot fail.
 *
 * @param[in,out] c       (rows, columns), rows ldc apart; not read when beta is 0
 * @param         rows    at most shape.rows; columns likewise
 * @param[in]     a       (depth, shape.rows): a panel of rows of A, transposed; what lies beyond
 *                        `rows` must be finite
 * @param[in]     b       (depth, shape.columns): a panel of columns of B, 64-byte aligned, likewise
 */
void gemm_blis_tile(const struct gemm_tile *tile, const real *a, const real *b, real *c,
                    size_t ldc);

/** The kernel in use; before gemm_blis_init, what it would choose.  Local. */
const char *gemm_blis_kernel(void);

/** BLIS's version.  Local. */
const char *gemm_blis_version(void);

#endif
