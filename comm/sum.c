/*
 * A value is 66 limbs of 32 bits in units of 2^-1074, least significant first, and two counters of
 * infinite terms.  A limb may leave [0, 2^32) until carries are taken; only the highest is signed
 * afterwards.  One term adds less than 2^33 to a limb.
 */
#include "sum.h"

#include <math.h>
#include <string.h>

enum {
    LIMB_BITS = 32,
    LIMBS = 66,          /* 2112 bits: 2^1024 has place 2098 */
    PLUS_INFINITY = 66,  /* place of the number of terms +inf or NaN */
    MINUS_INFINITY = 67, /* place of the number of terms -inf or NaN */
    WORDS = 68,
    LOWEST_EXPONENT = -1074,
    CARRY_AFTER = 1 << 20, /* additions; 2^29 would still do */
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

/* Brings every limb but the highest into [0, 2^32). */
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
    int64_t *const at = words + place / LIMB_BITS;
    const int64_t low = (int64_t)((mantissa & (uint64_t)LIMB_MASK) << place % LIMB_BITS);
    const int64_t high = (int64_t)((mantissa >> LIMB_BITS) << place % LIMB_BITS);
    const int64_t sign = negative ? -1 : 1;
    at[0] += sign * (low & LIMB_MASK);
    at[1] += sign * ((low >> LIMB_BITS) + (high & LIMB_MASK));
    at[2] += sign * (high >> LIMB_BITS);
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

/*
 * The double nearest to a sum of no infinite terms.  Only a sum of at most 53 bits can be
 * subnormal, so scaling never rounds a second time.
 */
static double round_limbs(const int64_t *words)
{
    int64_t limbs[2 + LIMBS] = {
        0}; /* two more below, so that there are always three from the top */
    memcpy(limbs + 2, words, LIMBS * sizeof *limbs);
    carry(limbs + 2);
    const bool negative = limbs[LIMBS + 1] < 0;
    for (int i = 0; negative && i < 2 + LIMBS; i++) limbs[i] = -limbs[i];
    if (negative) carry(limbs + 2);
    if (limbs[LIMBS + 1] > LIMB_MASK) return negative ? -HUGE_VAL : HUGE_VAL;

    int top = LIMBS + 1;
    while (top > 2 && limbs[top] == 0) top--;
    uint64_t lead = (uint64_t)limbs[top] << LIMB_BITS | (uint64_t)limbs[top - 1];
    int exponent = (top - 3) * LIMB_BITS + LOWEST_EXPONENT;
    int shift = 0;
    while (lead != 0 && lead >> 63 == 0) {
        lead <<= 1;
        shift++;
    }
    const uint64_t next = (uint64_t)limbs[top - 2] << shift;
    bool more = (next & (uint64_t)LIMB_MASK) != 0;
    for (int i = 0; i < top - 2; i++) more = more || limbs[i] != 0;
    lead |= next >> LIMB_BITS | more; /* 11 bits lie below a double's last: `more` breaks ties */
    const double magnitude = ldexp((double)lead, exponent - shift);
    return negative ? -magnitude : magnitude;
}

void sum_read(const struct sum *sum, double *x)
{
    for (size_t i = 0; i < sum->count; i++) {
        const int64_t *words = sum->words + i * WORDS;
        const bool plus = words[PLUS_INFINITY] > 0, minus = words[MINUS_INFINITY] > 0;
        x[i] = plus ? HUGE_VAL : minus ? -HUGE_VAL : round_limbs(words);
        if (plus && minus) x[i] = (double)NAN;
    }
}
