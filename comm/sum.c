/*
 * A value is 54 limbs of 40 bits in units of 2^-1074, least significant first, and two counters of
 * infinite terms.  A limb may leave [0, 2^40) until carries are taken; only the highest is signed
 * afterwards.  One term adds less than 2^40 to a limb, in magnitude.
 */
#include "sum.h"

#include <math.h>
#include <string.h>

enum {
    LIMB_BITS = 40,
    LIMBS = 54,          /* 2160 bits: 2^1024 has place 2098, so no number of terms overflows */
    PLUS_INFINITY = 54,  /* place of the number of terms +inf or NaN */
    MINUS_INFINITY = 55, /* place of the number of terms -inf or NaN */
    WORDS = 56,
    LOWEST_EXPONENT = -1074,
    CARRY_AFTER = 1 << 22, /* additions, before 2^23 could overflow a limb */
};
static const int64_t LIMB_MASK = (INT64_C(1) << LIMB_BITS) - 1;

struct sum {
    size_t count;
    long additions; /* since carries were taken, to any one value at most */
    int64_t *words; /* (count, WORDS) owned */
};

enum status sum_create(struct sum **sum, size_t count)
{
    enum status status = OK;
    struct sum *made = NULL;
    *sum = NULL;
    if (count >= SIZE_MAX / (WORDS * sizeof *made->words))
        FAIL(FAILED, "%zu sums are too many", count);
    made = status_fault() ? NULL : calloc(1, sizeof *made);
    if (!made) FAIL(FAILED, "no memory for %zu sums", count);
    made->count = count;
    made->words = status_fault() ? NULL : calloc(count + 1, WORDS * sizeof *made->words);
    if (!made->words) FAIL(FAILED, "no memory for %zu sums", count);
    *sum = made;
    made = NULL;
done:
    sum_destroy(made);
    return status;
}

void sum_destroy(struct sum *sum)
{
    if (!sum) return;
    free(sum->words);
    free(sum);
}

void sum_clear(struct sum *sum)
{
    memset(sum->words, 0, sum->count * WORDS * sizeof *sum->words);
    sum->additions = 0;
}

/* Brings every limb but the highest into [0, 2^40). */
static void carry(int64_t *words)
{
    for (int i = 0; i + 1 < LIMBS; i++) {
        const int64_t low = words[i] & LIMB_MASK;
        words[i + 1] += (words[i] - low) / (LIMB_MASK + 1);
        words[i] = low;
    }
}

static void carry_all(struct sum *sum)
{
    for (size_t i = 0; i < sum->count; i++) carry(sum->words + i * WORDS);
    sum->additions = 0;
}

static void add_term(int64_t *words, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int exponent = (int)(bits >> 52 & 0x7ff);
    const bool negative = bits >> 63;
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff) {
        words[PLUS_INFINITY] += mantissa != 0 || !negative;
        words[MINUS_INFINITY] += mantissa != 0 || negative;
        return;
    }
    if (exponent > 0) mantissa |= UINT64_C(1) << 52;
    const int place = exponent > 0 ? exponent - 1 : 0; /* of the lowest bit */
    const int shift = place % LIMB_BITS;
    const int64_t low = (int64_t)(mantissa << shift) & LIMB_MASK;
    const int64_t rest = (int64_t)(mantissa >> (LIMB_BITS - shift));
    const int64_t sign = negative ? -1 : 1;
    int64_t *const at = words + place / LIMB_BITS;
    at[0] += sign * low;
    at[1] += sign * (rest & LIMB_MASK);
    at[2] += sign * (rest >> LIMB_BITS);
}

void sum_add(struct sum *sum, size_t first, const double *x, size_t n)
{
    ASSERT(n <= sum->count && first <= sum->count - n);
    if (sum->additions == CARRY_AFTER) carry_all(sum);
    sum->additions++;
    for (size_t i = 0; i < n; i++) add_term(sum->words + (first + i) * WORDS, x[i]);
}

void sum_over_ranks(struct sum *sum, struct group *group)
{
    carry_all(sum);
    group_sum_int64(group, sum->words, sum->count * WORDS);
    carry_all(sum);
}

/* Makes limbs the magnitude of a sum, carried; returns whether it was negative. */
static bool take_sign(int64_t *limbs)
{
    carry(limbs);
    const bool negative = limbs[LIMBS - 1] < 0;
    for (int i = 0; negative && i < LIMBS; i++) limbs[i] = -limbs[i];
    if (negative) carry(limbs);
    return negative;
}

/* The number of bits of a magnitude: its highest set bit has place bits - 1. */
static int count_bits(const int64_t *limbs)
{
    int top = LIMBS - 1, bits = 0;
    while (top > 0 && limbs[top] == 0) top--;
    while (limbs[top] >> bits != 0) bits++;
    return top * LIMB_BITS + bits;
}

/*
 * The double nearest to a magnitude.  The conversion rounds 64 bits to 53; whatever lies below them
 * counts only as being there or not.  A subnormal result has at most 52 bits, so that scaling never
 * rounds a second time.
 */
static double round_limbs(const int64_t *limbs)
{
    const int bits = count_bits(limbs);
    const int from = bits > 64 ? bits - 64 : 0; /* place of the lowest bit in `lead` */
    uint64_t lead = 0;
    bool more = false;
    if (limbs[LIMBS - 1] != 0) return HUGE_VAL;
    for (int i = 0; i * LIMB_BITS < bits; i++) {
        const int up = i * LIMB_BITS - from;
        const int down = -up < LIMB_BITS ? -up : LIMB_BITS;
        const uint64_t limb = (uint64_t)limbs[i];
        lead |= up >= 0 ? limb << up : limb >> down;
        more = more || (up < 0 && (limb & ((UINT64_C(1) << down) - 1)) != 0);
    }
    return ldexp((double)(lead | more), from + LOWEST_EXPONENT);
}

static double read_value(const int64_t *words)
{
    const bool plus = words[PLUS_INFINITY] > 0, minus = words[MINUS_INFINITY] > 0;
    int64_t limbs[LIMBS];
    if (plus && minus) return (double)NAN;
    if (plus || minus) return plus ? HUGE_VAL : -HUGE_VAL;
    memcpy(limbs, words, sizeof limbs);
    const bool negative = take_sign(limbs);
    return negative ? -round_limbs(limbs) : round_limbs(limbs);
}

void sum_read(const struct sum *sum, double *x)
{
    for (size_t i = 0; i < sum->count; i++) x[i] = read_value(sum->words + i * WORDS);
}
