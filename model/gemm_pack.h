/**
 * Panels: a few lines of a matrix side by side, so that a micro-kernel reads them in order.
 *
 * A panel of height h over a depth k is (k, h): for each term the h lines' numbers.  Lines beyond
 * the matrix are zero.
 */
#ifndef GEMM_PACK_H
#define GEMM_PACK_H

#include "real.h"

#include <stddef.h>

/** Where the lines come from: number (line, term) is data[line * line_stride + term * term_stride];
 *  one of the strides is 1, the other may be negative. */
struct gemm_lines {
    const real *data;
    ptrdiff_t line_stride, term_stride;
};

/**
 * One panel.  Local.  Cannot fail.
 *
 * @param[out] panel  (depth, height)
 * @param      count  lines that exist, at most height
 * @param[in,out] sums  (count) += each line's sum, or NULL
 */
void gemm_pack(real *panel, const struct gemm_lines *lines, size_t height, size_t count,
               size_t depth, real *sums);

#endif
