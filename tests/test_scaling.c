/* scaling: the limits of the model, a case by hand, the fit, and monotony. */
#include "runner.h"
#include "scaling.h"

#include <math.h>

/* A step of a second whose last 30 % are the encoders' backward passes. */
static struct scaling example(void)
{
    return (struct scaling){.step = 1,
                            .parameters = 2e6,
                            .share = {0.6, 0.2, 0.2},
                            .after = {0.3, 0.15, 0},
                            .latency = 20e-6,
                            .bandwidth = 1e9,
                            .bucket_bytes = 1e6,
                            .bytes_a_parameter = 4,
                            .overlap = true};
}

static int is_near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(1, fabs(b));
}

static void one_rank_is_what_was_measured(void)
{
    struct scaling scaling = example();
    scaling.fixed = 0.1;
    scaling.imbalance = 0.2;
    for (int weak = 0; weak < 2; weak++) {
        scaling.weak = weak;
        const struct scaling_result one = scaling_predict(&scaling, 1);
        CU_ASSERT(is_near(one.seconds, 1) && is_near(one.efficiency, 1));
        CU_ASSERT(one.reduction == 0 && one.waited == 0);
    }
}

/* Without latency, imbalance or exchange, at the end: work / P + 2 (P-1)/P bytes / bandwidth. */
static void agrees_with_arithmetic(void)
{
    struct scaling scaling = example();
    scaling.latency = 0;
    scaling.overlap = false;
    for (int ranks = 2; ranks <= 1024; ranks *= 2) {
        const struct scaling_result result = scaling_predict(&scaling, ranks);
        const double sent = 2 * (ranks - 1.0) / ranks * 8e6 / 1e9;
        CU_ASSERT(is_near(result.seconds, 1.0 / ranks + sent) && is_near(result.waited, sent));
        CU_ASSERT(is_near(result.hidden, 0));
    }
    /* by hand: 2 ranks, 8 ms in all; decoders' 4.8 ms end before, the last 1.6 ms do not */
    scaling.overlap = true;
    const struct scaling_result two = scaling_predict(&scaling, 2);
    CU_ASSERT(is_near(two.waited, 1.6e-3) && is_near(two.hidden, 0.8));
    CU_ASSERT(is_near(two.seconds, 0.5016) && is_near(two.efficiency, 0.5 / 0.5016));
    /* latency: 8 buckets in 2 rounds of 4, 2 hops each; not a power of two: a ring */
    scaling.latency = 1e-3;
    CU_ASSERT(is_near(scaling_predict(&scaling, 2).reduction, 8e-3 + 2 * 2e-3));
    CU_ASSERT(is_near(scaling_predict(&scaling, 3).reduction, 4.0 / 3 * 8e-3 + 2 * 4e-3));
}

/* What helps helps: overlap, bandwidth, compression, a batch that grows. */
static void better_is_faster(void)
{
    for (int ranks = 2; ranks <= 1024; ranks++) {
        const struct scaling base = example();
        const double seconds = scaling_predict(&base, ranks).seconds;
        struct scaling other = base;
        other.overlap = false;
        CU_ASSERT(scaling_predict(&other, ranks).seconds >= seconds);
        other = base;
        other.bandwidth *= 2;
        CU_ASSERT(scaling_predict(&other, ranks).seconds < seconds);
        other = base;
        other.bytes_a_parameter = 2;
        CU_ASSERT(scaling_predict(&other, ranks).seconds < seconds);
        other = base;
        other.imbalance = 0.1;
        CU_ASSERT(scaling_predict(&other, ranks).seconds > seconds);
        other = base;
        other.weak = true;
        CU_ASSERT(scaling_predict(&other, ranks).efficiency >
                  scaling_predict(&base, ranks).efficiency);
        const struct scaling_result result = scaling_predict(&base, ranks);
        CU_ASSERT(result.hidden >= 0 && result.hidden <= 1 && result.efficiency < 1);
    }
}

/* Measurements that the model made give its parameters back. */
static void fit_finds_the_network(void)
{
    struct scaling scaling = example();
    double bytes[2] = {1e5, 9e5}, seconds[2];
    for (int i = 0; i < 2; i++) {
        scaling.parameters = bytes[i] / 4;
        seconds[i] = scaling_predict(&scaling, 2).reduction;
    }
    struct scaling fitted = {.latency = -1};
    scaling_fit(&fitted, bytes, seconds);
    CU_ASSERT_DOUBLE_EQUAL(fitted.latency, 20e-6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(fitted.bandwidth, 1e9, 1);
}

const char *const suite_name = "scaling";
const struct suite_test suite_tests[] = {
    {"one rank is what was measured", one_rank_is_what_was_measured},
    {"agrees with arithmetic", agrees_with_arithmetic},
    {"better is faster", better_is_faster},
    {"fit finds the network", fit_finds_the_network},
    {NULL, NULL},
};
