/**
 * Matrix products on BLIS: the one file that calls it.
 *
 * Debian's BLIS does not know new CPUs and would fall back to its `generic` kernels; the kernel is
 * therefore chosen from the CPU's features before BLIS's first call.  The block size KC changes the
 * bits of a product, so it comes from a table by kernel; MC, NC and the thread count do not.
 */
#ifndef GEMM_H
#define GEMM_H

#include "real.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Chooses the kernel and the number of threads; comes before any product.  Local.  Later calls only
 * set the threads.
 *
 * A BLIS_ARCH_TYPE in the environment, a number or a name, is respected.  USAGE: it is no kernel
 * for this CPU, or threads is outside 1..1024.
 */
STATUS_CHECKED enum status gemm_init(int threads);

/** The kernel in use: `skx`, `haswell`, `zen3`, `generic`, ...; before gemm_init, what it would
 *  choose.  Local. */
const char *gemm_kernel(void);

/** BLIS's version.  Local. */
const char *gemm_version(void);

/**
 * C = alpha op(A) op(B) + beta C, row-major.  Local.  Cannot fail; aborts before gemm_init.  The
 * bits of a row of C depend neither on how many rows there are nor on the threads.
 *
 * @param[in,out] c  (m, n), rows ldc apart; not read when beta is 0
 * @param[in]  a     op(A) is (m, k): A is (m, k), or (k, m) when a_transposed, rows lda apart
 * @param[in]  b     op(B) is (k, n): B is (k, n), or (n, k) when b_transposed, rows ldb apart
 */
struct gemm_operand {
    const real *data;
    size_t stride; /* reals between rows */
    bool transposed;
};
void gemm(size_t m, size_t n, size_t k, real alpha, struct gemm_operand a, struct gemm_operand b,
          real beta, real *c, size_t ldc);

#endif
