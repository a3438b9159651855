/**
 * Matrix products: blocks of packed panels, multiplied by BLIS's micro-kernel (gemm_blis.h).
 *
 * Each number of C is summed over the inner dimension in one fixed order, so that the bits of a row
 * of C depend neither on how many rows there are nor on the threads.  What is to be done with rows
 * of C next (a bias, GELU, a residual) is handed in, and done while they are in the cache.
 *
 * Source of the blocking: Goto & van de Geijn 2008, section 4; the whole of B's block is packed
 * once, since B is the smaller operand here.
 */
#ifndef GEMM_H
#define GEMM_H

#include "real.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Chooses the kernel, takes memory for panels and sets the threads; comes before any product.
 * Local.  Later calls only change the threads.
 *
 * USAGE: BLIS_ARCH_TYPE names no kernel for this CPU, or threads is outside 1..1024.
 */
STATUS_CHECKED enum status gemm_init(int threads);

/** The threads of a product.  Local. */
int gemm_threads(void);

/** Bytes of the panels of all threads.  Local. */
size_t gemm_panel_bytes(void);

/** What products round their operands to; they are summed up in float. */
enum gemm_precision { GEMM_FLOAT, GEMM_BF16 };

/**
 * Readies a precision, once gemm_init is done; products stay in float until gemm_set_precision.
 * Local.  USAGE: GEMM_BF16 is not to be had on this CPU.
 */
STATUS_CHECKED enum status gemm_ready(enum gemm_precision precision);

/** Products from now on are in the given precision, which is GEMM_FLOAT or has been readied.  Not
 *  beside a product.  Local.  Cannot fail. */
void gemm_set_precision(enum gemm_precision precision);

/** The kernel in use: `skx`, `haswell`, `zen3`, `generic`, ...; before gemm_init, what it would
 *  choose; `skx, bf16 (amx)` when that precision was readied last.  Local. */
const char *gemm_kernel(void);

/** BLIS's version.  Local. */
const char *gemm_version(void);

struct gemm_operand {
    const real *data;
    size_t stride; /* reals between rows */
    bool transposed;
};

/** Called once rows [first, first + count) of C are complete, by the thread that made them; every
 *  row once. */
struct gemm_then {
    void (*rows)(const void *context, size_t first, size_t count); /* NULL: nothing */
    const void *context;
    real *column_sums; /* (n) += the columns of op(B), or NULL */
};

/**
 * C = alpha op(A) op(B) + beta C, row-major.  Local.  Cannot fail; aborts before gemm_init.
 *
 * @param[in,out] c  (m, n), rows ldc apart; not read when beta is 0
 * @param[in]  a     op(A) is (m, k): A is (m, k), or (k, m) when a_transposed, rows lda apart
 * @param[in]  b     op(B) is (k, n): B is (k, n), or (n, k) when b_transposed, rows ldb apart
 * @param[in]  then  what follows, NULL for nothing
 */
void gemm(size_t m, size_t n, size_t k, real alpha, struct gemm_operand a, struct gemm_operand b,
          real beta, real *c, size_t ldc);
void gemm_and(size_t m, size_t n, size_t k, struct gemm_operand a, struct gemm_operand b, real beta,
              real *c, size_t ldc, const struct gemm_then *then);

#endif
