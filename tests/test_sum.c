/* sum: the same bits in any order and on any number of ranks, and the right bits. */
#include "runner.h"
#include "sum.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { TERMS = 600, VALUES = 3 };

static struct group *world(void)
{
    struct group *group = NULL;
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    return group;
}

/* A small generator of its own, the same on every rank: xorshift64*. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static double random_term(uint64_t *state)
{
    const double fraction = (double)(int64_t)next_random(state) / 9223372036854775808.0;
    return ldexp(fraction, (int)(next_random(state) % 120) - 60);
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static double sum_of(const double *x, size_t n)
{
    struct sum *sum = NULL;
    double result = 0;
    CU_ASSERT_EQUAL_FATAL(sum_create(&sum, 1), OK);
    for (size_t i = 0; i < n; i++) sum_add(sum, 0, x + i, 1);
    sum_read(sum, &result);
    sum_destroy(sum);
    return result;
}

static void known_sums(void)
{
    const double tiny = 4.9406564584124654e-324, ulp = DBL_EPSILON;
    const struct {
        double terms[4], sum;
    } cases[] = {
        {{0, 0, 0, 0}, 0},
        {{1, 2, 3, -7}, -1},
        {{1e300, 1, -1e300, 1e-300}, 1},
        {{1e300, -1e300, 1e-300, 0}, 1e-300},
        {{DBL_MAX, -DBL_MAX, tiny, 0}, tiny},
        {{DBL_MIN, -tiny, 0, 0}, 2.2250738585072009e-308},
        {{tiny, tiny, -tiny, -tiny}, 0},
        {{DBL_MAX, DBL_MAX, -DBL_MAX, 0}, DBL_MAX},
        {{DBL_MAX, DBL_MAX, 0, 0}, HUGE_VAL},
        {{-DBL_MAX, -DBL_MAX, -DBL_MAX, 0}, -HUGE_VAL},
        {{1, ulp / 2, 0, 0}, 1},                 /* a tie goes to the even */
        {{1 + ulp, ulp / 2, 0, 0}, 1 + 2 * ulp}, /* a tie goes to the even */
        {{1, ulp / 2, tiny, 0}, 1 + ulp},        /* just above the tie */
        {{1 + ulp, ulp / 2, -tiny, 0}, 1 + ulp}, /* just below the tie */
        {{-1, -ulp / 2, -tiny, 0}, -1 - ulp},
        {{HUGE_VAL, 1, 0, 0}, HUGE_VAL},
        {{-HUGE_VAL, DBL_MAX, DBL_MAX, 0}, -HUGE_VAL},
        {{HUGE_VAL, -HUGE_VAL, 0, 0}, (double)NAN},
        {{1, (double)NAN, 0, 0}, (double)NAN},
        {{-(double)NAN, HUGE_VAL, 0, 0}, (double)NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_TRUE(same_bits(sum_of(cases[i].terms, 4), cases[i].sum));
}

/* Any two doubles, drawn as bits: the sum of two is what the processor's own addition rounds to. */
static void pairs_round_as_ieee(void)
{
    uint64_t state = 7;
    int wrong = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits[2] = {next_random(&state), next_random(&state)};
        if (i % 2)
            bits[1] = (bits[0] & UINT64_C(0x7fe) << 52) | (bits[1] & ~(UINT64_C(0x7fe) << 52));
        if (i % 3 == 0) bits[i % 2] &= ~(UINT64_C(0x7fe) << 52);
        double x[2];
        memcpy(x, bits, sizeof x);
        wrong += !same_bits(sum_of(x, 2), x[0] + x[1]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Integers below 2^53 in all, so that ordinary additions give the true sum. */
static void many_terms_carry(void)
{
    struct sum *sum = NULL;
    double expected = 0, got = 0;
    CU_ASSERT_EQUAL_FATAL(sum_create(&sum, 1), OK);
    for (int i = 0; i < (1 << 20) + 1000; i++) {
        const double x = i % 5 ? 4294967295.0 : -4294967295.0;
        sum_add(sum, 0, &x, 1);
        expected += x;
    }
    sum_read(sum, &got);
    CU_ASSERT_TRUE(same_bits(got, expected));
    sum_clear(sum);
    sum_read(sum, &got);
    CU_ASSERT_TRUE(same_bits(got, 0));
    sum_destroy(sum);
}

static void make_terms(double terms[TERMS][VALUES], uint64_t seed)
{
    for (size_t t = 0; t < TERMS; t++)
        for (size_t v = 0; v < VALUES; v++) terms[t][v] = random_term(&seed);
    for (size_t t = 0; t + 1 < TERMS / 2; t += 2) terms[t + 1][0] = -terms[t][0] * (1 + 1e-15);
}

static void permute(double terms[TERMS][VALUES], uint64_t seed)
{
    for (size_t t = TERMS - 1; t > 0; t--) {
        const size_t other = next_random(&seed) % (t + 1);
        for (size_t v = 0; v < VALUES; v++) {
            const double kept = terms[t][v];
            terms[t][v] = terms[other][v];
            terms[other][v] = kept;
        }
    }
}

/* The rank that adds term t, in one of several ways of sharing. */
static int owner(size_t t, int way, int size)
{
    if (way == 0) return (int)(t % (size_t)size);
    if (way == 1) return (int)(t * (size_t)size / TERMS);
    if (way == 2) return size - 1;
    return t < 10 ? 0 : size - 1;
}

static void any_order_and_share(void)
{
    static double terms[TERMS][VALUES];
    struct group *group = world();
    struct sum *serial = NULL, *shared = NULL;
    double expected[VALUES], got[VALUES];
    const enum status status =
        sum_create(&serial, VALUES) == OK ? sum_create(&shared, VALUES) : FAILED;
    CU_ASSERT_EQUAL(group_agree(group, status), OK);
    make_terms(terms, 11);
    for (size_t t = 0; t < TERMS; t++) sum_add(serial, 0, terms[t], VALUES);
    sum_read(serial, expected);
    for (int way = 0; way < 8; way++) {
        permute(terms, (uint64_t)way + 5);
        sum_clear(shared);
        for (size_t t = 0; t < TERMS; t++)
            if (owner(t, way % 4, group_size(group)) == group_rank(group))
                sum_add(shared, 0, terms[t], VALUES);
        sum_over_ranks(shared, group);
        sum_read(shared, got);
        CU_ASSERT_EQUAL(memcmp(got, expected, sizeof got), 0);
    }
    sum_destroy(serial);
    sum_destroy(shared);
    group_world_destroy(group);
}

static void infinite_terms_cross_ranks(void)
{
    struct group *group = world();
    struct sum *sum = NULL;
    const int last = group_size(group) - 1, rank = group_rank(group);
    double got[4];
    CU_ASSERT_EQUAL(group_agree(group, sum_create(&sum, 4)), OK);
    const double ordinary[4] = {1, 2, 3, 4}, special[4] = {HUGE_VAL, -HUGE_VAL, (double)NAN, 1};
    sum_add(sum, 0, ordinary, 4);
    if (rank == last) sum_add(sum, 0, special, 3);
    if (rank == 0) sum_add(sum, 1, special, 1);
    sum_over_ranks(sum, group);
    sum_read(sum, got);
    CU_ASSERT_TRUE(same_bits(got[0], HUGE_VAL));
    CU_ASSERT_TRUE(isnan(got[1]));
    CU_ASSERT_TRUE(isnan(got[2]));
    CU_ASSERT_EQUAL(got[3], 4 * group_size(group));
    sum_destroy(sum);
    group_world_destroy(group);
}

static void no_values(void)
{
    struct sum *sum = NULL;
    CU_ASSERT_EQUAL_FATAL(sum_create(&sum, 0), OK);
    sum_add(sum, 0, NULL, 0);
    sum_clear(sum);
    sum_read(sum, NULL);
    sum_destroy(sum);
    sum_destroy(NULL);
}

static void creation_fails_cleanly(void)
{
    struct sum *sum = NULL;
    enum status status = FAILED;
    int k = 0;
    for (; status != OK && k < 10; k++) {
        status_fault_set(k + 1);
        status = sum_create(&sum, 5);
        status_fault_set(0);
        CU_ASSERT_EQUAL(sum == NULL, status != OK);
    }
    CU_ASSERT_EQUAL(k, 3);
    sum_destroy(sum);
    CU_ASSERT_EQUAL(sum_create(&sum, SIZE_MAX / 8), FAILED);
    CU_ASSERT_PTR_NULL(sum);
}

const char *const suite_name = "sum";
const struct suite_test suite_tests[] = {
    {"known sums", known_sums},
    {"pairs round as IEEE", pairs_round_as_ieee},
    {"many terms carry", many_terms_carry},
    {"any order and share", any_order_and_share},
    {"infinite terms cross ranks", infinite_terms_cross_ranks},
    {"no values", no_values},
    {"creation fails cleanly", creation_fails_cleanly},
    {NULL, NULL},
};
