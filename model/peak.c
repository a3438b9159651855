/* Loops at the machine's limits. */
#include "peak.h"

#include "simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define PEAK_X86
#endif

/* x = x * FACTOR + ADDEND stays near 1: neither denormal nor infinite. */
static const float FACTOR = 0.999f, ADDEND = 0.001f;

/* Chains: latency (4 to 6 cycles) times two units, as far as registers go. */
enum { CHAINS = 12, CHAINS_512 = 24 };

#ifdef PEAK_X86
__attribute__((target("avx512f"))) static double run_avx512(float *sum, size_t rounds)
{
    __m512 x[CHAINS_512], total = _mm512_setzero_ps();
    const __m512 factor = _mm512_set1_ps(FACTOR), addend = _mm512_set1_ps(ADDEND);
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS_512; i++) x[i] = _mm512_set1_ps(1 + 0.01f * (float)i);
    for (size_t round = 0; round < rounds; round++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS_512; i++) x[i] = _mm512_fmadd_ps(x[i], factor, addend);
    }
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS_512; i++) total = _mm512_add_ps(total, x[i]);
    *sum = _mm512_reduce_add_ps(total);
    return (double)rounds * CHAINS_512 * 16 * 2;
}

__attribute__((target("avx2,fma"))) static double run_avx2(float *sum, size_t rounds)
{
    __m256 x[CHAINS], total = _mm256_setzero_ps();
    const __m256 factor = _mm256_set1_ps(FACTOR), addend = _mm256_set1_ps(ADDEND);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) x[i] = _mm256_set1_ps(1 + 0.01f * (float)i);
    for (size_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) x[i] = _mm256_fmadd_ps(x[i], factor, addend);
    }
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) total = _mm256_add_ps(total, x[i]);
    float lane[8];
    _mm256_storeu_ps(lane, total);
    *sum = 0;
    for (int i = 0; i < 8; i++) *sum += lane[i];
    return (double)rounds * CHAINS * 8 * 2;
}
#endif

static double run_baseline(float *sum, size_t rounds)
{
    enum { LANES = 4 };
    float x[CHAINS * LANES];
    for (int i = 0; i < CHAINS * LANES; i++) x[i] = 1 + 0.01f * (float)i;
    for (size_t round = 0; round < rounds; round++) {
#pragma GCC unroll 48
        for (int i = 0; i < CHAINS * LANES; i++) x[i] = x[i] * FACTOR + ADDEND;
    }
    *sum = 0;
    for (int i = 0; i < CHAINS * LANES; i++) *sum += x[i];
    return (double)rounds * CHAINS * LANES * 2;
}

static const struct {
    const char *name;
    double (*run)(float *sum, size_t rounds);
} VARIANTS[] = {
    {"baseline", run_baseline},
#ifdef PEAK_X86
    {"avx2", run_avx2},
    {"avx512", run_avx512},
#endif
};

static size_t widest(void)
{
#ifdef PEAK_X86
    if (__builtin_cpu_supports("avx512f")) return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

const char *peak_vectors(void)
{
    return VARIANTS[widest()].name;
}

double peak_multiply_add(float *sum, size_t rounds)
{
    return VARIANTS[widest()].run(sum, rounds);
}

SIMD_CLONES double peak_triad(float *restrict a, const float *restrict b, const float *restrict c,
                              float factor, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) a[i] = b[i] + factor * c[i];
    return 4.0 * sizeof(float) * (double)n;
}

SIMD_CLONES float peak_read(const float *x, size_t n)
{
    enum { LANES = 64 }; /* chains enough to hide the latency of additions */
    float lane[LANES] = {0}, sum = 0;
    const size_t whole = n - n % LANES;
    for (size_t i = 0; i < whole; i += LANES)
#pragma omp simd
        for (int j = 0; j < LANES; j++) lane[j] += x[i + (size_t)j];
    for (size_t i = whole; i < n; i++) sum += x[i];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}
