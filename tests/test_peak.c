/* The loops at the machine's limits do what they say. */
#include "peak.h"

#include "runner.h"

#include <math.h>
#include <stdlib.h>

enum { N = 1003 };

static void multiply_adds_are_proportional(void)
{
    float sum = NAN, more = NAN;
    const double one = peak_multiply_add(&sum, 1000), two = peak_multiply_add(&more, 2000);
    CU_ASSERT(one > 0);
    CU_ASSERT_DOUBLE_EQUAL(two, 2 * one, 0.5);
    CU_ASSERT(isfinite(sum) && isfinite(more));
    CU_ASSERT(sum > 0 && more > 0);
    CU_ASSERT_STRING_NOT_EQUAL(peak_vectors(), "");
}

/* x = x f + a from x0 converges to a / (1 - f) = 1: each lane holds 1 in the end. */
static void chains_compute(void)
{
    float few = NAN, many = NAN;
    const double per_round = peak_multiply_add(&few, 1);
    const double lanes = per_round / 2;
    peak_multiply_add(&many, 100000);
    CU_ASSERT_DOUBLE_EQUAL((double)many, lanes, 0.01 * lanes);
    CU_ASSERT((double)few > 1.01 * lanes); /* they start above 1 */
}

static void memory_loops_compute(void)
{
    static float a[N], b[N], c[N];
    double sum = 0;
    for (int i = 0; i < N; i++) {
        b[i] = (float)i;
        c[i] = (float)(i % 7);
    }
    CU_ASSERT_DOUBLE_EQUAL(peak_triad(a, b, c, 2, N), 16.0 * N, 0.5);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(a[i], (float)(i + 2 * (i % 7)));
        sum += (double)a[i];
    }
    CU_ASSERT_DOUBLE_EQUAL((double)peak_read(a, N), sum, 0.5);
    CU_ASSERT_EQUAL(peak_read(a, 0), 0);
}

const char *const suite_name = "peak";
const struct suite_test suite_tests[] = {
    {"multiply-adds are proportional", multiply_adds_are_proportional},
    {"chains compute", chains_compute},
    {"memory loops compute", memory_loops_compute},
    {NULL, NULL},
};
