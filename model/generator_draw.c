/* Drawing one symbol. */
#include "generator_draw.h"

#include "simd.h"
#include "status.h"

#ifdef REAL_DOUBLE
typedef uint64_t real_bits;
#else
typedef uint32_t real_bits;
#endif

static real real_of(real_bits bits)
{
    real x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Sum of the numbers that are at least `floor`. */
SIMD_INLINE real sum_from(const real *p, size_t n, real floor)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += p[i] >= floor ? p[i] : 0;
    return sum;
}

/* The least probability kept by nucleus sampling: of the most likely symbols that hold `share`.
 * Positive reals are ordered as their bits are, so that halving an interval of bits ends at it. */
SIMD_CLONES static real nucleus_floor(const real *p, size_t n, real share)
{
    const real most = simd_max(p, n);
    real_bits low = 0, high;
    memcpy(&high, &most, sizeof high);
    for (high++; high - low > 1;) {
        const real_bits middle = low + (high - low) / 2;
        if (sum_from(p, n, real_of(middle)) >= share)
            low = middle;
        else
            high = middle;
    }
    return real_of(low);
}

/* p = exp((logit - largest) / temperature) where allowed, 0 elsewhere; returns the sum. */
SIMD_CLONES static real weigh(real *restrict p, const real *restrict logits,
                              const bool *restrict allowed, size_t n, real temperature)
{
    const real slope = 1 / temperature;
    real most = -(real)HUGE_VAL;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++) most = allowed[i] && logits[i] > most ? logits[i] : most;
    ASSERT(most > -(real)HUGE_VAL);
#pragma omp simd
    for (size_t i = 0; i < n; i++) p[i] = allowed[i] ? simd_exp((logits[i] - most) * slope) : 0;
    return sum_from(p, n, 0);
}

size_t generator_draw(const real *logits, const bool *allowed, size_t n, double temperature,
                      double top_p, double uniform)
{
    real p[GENERATOR_MAX_SYMBOLS], floor = 0;
    ASSERT(n <= GENERATOR_MAX_SYMBOLS);
    real total = weigh(p, logits, allowed, n, (real)temperature);
    if (top_p < 1) {
        floor = nucleus_floor(p, n, (real)top_p * total);
        total = sum_from(p, n, floor);
    }
    double left = uniform * (double)total;
    size_t chosen = n;
    for (size_t i = 0; i < n && (chosen == n || left > 0); i++) {
        if (p[i] < floor || p[i] <= 0) continue;
        chosen = i;
        left -= (double)p[i];
    }
    return chosen;
}

SIMD_CLONES static real denominator(real *p, const real *logits, real most, size_t n)
{
    simd_exp_row(p, logits, most, n);
    return simd_sum(p, n);
}

double generator_symbol_nats(const real *logits, size_t n, size_t chosen)
{
    real p[GENERATOR_MAX_SYMBOLS];
    ASSERT(n <= GENERATOR_MAX_SYMBOLS);
    const real most = simd_max(logits, n);
    return log((double)denominator(p, logits, most, n)) + (double)(most - logits[chosen]);
}
