/* random: the published Philox vector, streams apart, moments. */
#include "random.h"
#include "runner.h"

/* Counter and key of ones, from the known-answer file of Random123: philox4x32-10. */
static void matches_known_answer(void)
{
    uint32_t out[4];
    random_block(out, 0, 0, 0, 0, 0);
    CU_ASSERT_EQUAL(out[0], 0x6627e8d5u);
    CU_ASSERT_EQUAL(out[1], 0xe169c58du);
    CU_ASSERT_EQUAL(out[2], 0xbc57ac4cu);
    CU_ASSERT_EQUAL(out[3], 0x9b00dbd8u);
}

static void streams_differ(void)
{
    const double a = random_uniform(7, RANDOM_POSTERIOR, 1, 2, 3);
    CU_ASSERT_EQUAL(a, random_uniform(7, RANDOM_POSTERIOR, 1, 2, 3));
    CU_ASSERT_NOT_EQUAL(a, random_uniform(7, RANDOM_DROPOUT, 1, 2, 3));
    CU_ASSERT_NOT_EQUAL(a, random_uniform(8, RANDOM_POSTERIOR, 1, 2, 3));
    CU_ASSERT_NOT_EQUAL(a, random_uniform(7, RANDOM_POSTERIOR, 2, 1, 3));
}

static void normals_have_moments(void)
{
    enum { N = 20001 };
    static real x[N];
    random_normals(x, N, 1, RANDOM_TEST, 0, 0);
    double mean = 0, square = 0;
    for (int i = 0; i < N; i++) {
        mean += (double)x[i] / N;
        square += (double)x[i] * (double)x[i] / N;
    }
    CU_ASSERT_DOUBLE_EQUAL(mean, 0, 0.03);
    CU_ASSERT_DOUBLE_EQUAL(square, 1, 0.04);
}

static void below_stays_below(void)
{
    int count[7] = {0};
    for (uint32_t i = 0; i < 7000; i++) {
        const uint32_t x = random_below(7, 3, RANDOM_TEST, 0, 0, i);
        CU_ASSERT_FATAL(x < 7);
        count[x]++;
    }
    for (int i = 0; i < 7; i++) CU_ASSERT(count[i] > 850 && count[i] < 1150);
}

const char *const suite_name = "random";
const struct suite_test suite_tests[] = {
    {"matches known answer", matches_known_answer},
    {"streams differ", streams_differ},
    {"normals have moments", normals_have_moments},
    {"below stays below", below_stays_below},
    {NULL, NULL},
};
