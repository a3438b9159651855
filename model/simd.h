/**
 * Row loops for the compiler to vectorise.
 *
 * SIMD_CLONES compiles a function for several instruction sets; the loader takes the best one for
 * the CPU.  Inside such a function the sums below are reassociated, so that their last bits are
 * those of a CPU type.  In double everything falls back to libm's exp and plain code.
 */
#ifndef SIMD_H
#define SIMD_H

#include "real.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(REAL_DOUBLE)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif

#ifdef __GNUC__
#define SIMD_INLINE static inline __attribute__((always_inline))
#else
#define SIMD_INLINE static inline
#endif

/** Has the line of memory at `place` brought near, should it be there.  Local. */
SIMD_INLINE void simd_fetch(const void *place)
{
#ifdef __GNUC__
    __builtin_prefetch(place, 0, 3);
#else
    (void)place;
#endif
}

#ifdef REAL_DOUBLE
SIMD_INLINE real simd_exp(real x)
{
    return real_exp(x);
}
#else
/**
 * e^x to 2 ulp for x in [-87, 88], clamped outside; NaN stays NaN.  Local.  Cannot fail.
 *
 * x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial is the minimax one of relative error 3.1e-9.
 */
SIMD_INLINE real simd_exp(real x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: an addition rounds to a whole number */
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float shifted = x * 1.44269504f + shift;
    const float n = shifted - shift;
    const float r = x - n * 0.693145752f - n * 1.42860677e-6f; /* ln 2 in two parts */
    float p = 0.0013814599f;
    p = p * r + 0.008368717f;
    p = p * r + 0.04166839f;
    p = p * r + 0.16666521f;
    p = p * r + 0.49999994f;
    p = p * r * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}
#endif

SIMD_INLINE real simd_sum(const real *x, size_t n)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

SIMD_INLINE real simd_dot(const real *x, const real *y, size_t n)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/** The largest of n >= 1 numbers; NaNs are passed over. */
SIMD_INLINE real simd_max(const real *x, size_t n)
{
    real max = x[0];
#pragma omp simd reduction(max : max)
    for (size_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    return max;
}

/** y = exp(x - shift) a number; y may be x. */
SIMD_INLINE void simd_exp_row(real *y, const real *x, real shift, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = simd_exp(x[i] - shift);
}

#endif
