/**
 * What this CPU can do at most: loops that only multiply and add, or only move memory.
 *
 * The caller times them; the figures are the limits that `affekt bench` holds everything else to.
 * Always in float, whatever `real` is.
 */
#ifndef PEAK_H
#define PEAK_H

#include <stddef.h>

/** The vectors that peak_multiply_add uses: "avx512", "avx2" or "baseline".  Local. */
const char *peak_vectors(void);

/**
 * Multiplies and adds in registers: as many independent chains as hide the latency, on the widest
 * vectors of this CPU.  Local.  Cannot fail.
 *
 * @param[out] sum  of the results, so that no work can be left out; finite
 * @return floating point operations done, two a multiply-add; proportional to `rounds`
 */
double peak_multiply_add(float *sum, size_t rounds);

/**
 * a = b + factor c, each (n).  Local.  Cannot fail.
 *
 * @return bytes moved: two arrays read, one written, which caches read before they write it
 *
 * Source: STREAM's triad (McCalpin 1995).
 */
double peak_triad(float *restrict a, const float *restrict b, const float *restrict c, float factor,
                  size_t n);

/** The sum of x (n), summed in an order of its own.  Local.  Cannot fail.  Reads 4 n bytes. */
float peak_read(const float *x, size_t n);

#endif
