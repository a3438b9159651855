/* spike: nothing in noise, a jump when it comes, and a lasting change only for a while. */
#include "runner.h"
#include "spike.h"

#include <math.h>
#include <stddef.h>

enum { STEPS = 4000 };

/* Noise of deviation 1 / sqrt(12) about `level`, the same at every call. */
static double noisy(double level, unsigned step)
{
    return level + (double)(step * 2654435761U >> 8) / 16777216.0 - 0.5;
}

static void noise_is_no_spike(void)
{
    struct spike spike = {0};
    for (unsigned i = 0; i < STEPS; i++) CU_ASSERT_EQUAL(spike_judge(&spike, noisy(10, i), 4), 0);
    CU_ASSERT_DOUBLE_EQUAL(spike.mean, 10, 0.2);
    CU_ASSERT_DOUBLE_EQUAL(sqrt(spike.variance), 1 / sqrt(12), 0.05);
    CU_ASSERT_EQUAL(spike.n, STEPS);
}

/* A falling loss is what training is for. */
static void a_falling_loss_is_no_spike(void)
{
    struct spike spike = {0};
    for (unsigned i = 0; i < STEPS; i++)
        CU_ASSERT_EQUAL(spike_judge(&spike, noisy(5 + 100 * exp(-0.01 * i), i), 4), 0);
}

static void a_jump_is_a_spike(void)
{
    struct spike spike = {0};
    unsigned i = 0;
    for (; i < 49; i++) (void)spike_judge(&spike, noisy(10, i), 4);
    const struct spike early = spike;
    CU_ASSERT_EQUAL(spike_judge(&spike, 20, 4), 0); /* too little is known */
    spike = early;
    for (; i < 300; i++) CU_ASSERT_EQUAL(spike_judge(&spike, noisy(10, i), 4), 0);
    const struct spike before = spike;
    CU_ASSERT_DOUBLE_EQUAL(spike_judge(&spike, 20, 4), (20 - before.mean) / sqrt(before.variance),
                           1e-12);
    CU_ASSERT(spike.mean - before.mean < 0.04 * sqrt(before.variance) + 1e-12);
    spike = before;
    CU_ASSERT_EQUAL(spike_judge(&spike, 0, 4), 0); /* better is no alarm */
    spike = before;
    CU_ASSERT_EQUAL(spike_judge(&spike, 20, 0), 0); /* switched off */
}

static void what_lasts_is_soon_the_rule(void)
{
    struct spike spike = {0};
    unsigned i = 0, alarms = 0;
    for (; i < 300; i++) (void)spike_judge(&spike, noisy(10, i), 8);
    for (; i < 800; i++) alarms += spike_judge(&spike, noisy(20, i), 8) > 0;
    CU_ASSERT(alarms > 0 && alarms < 100);
    for (; i < 1000; i++) CU_ASSERT_EQUAL(spike_judge(&spike, noisy(20, i), 8), 0);
}

const char *const suite_name = "spike";
const struct suite_test suite_tests[] = {
    {"noise is no spike", noise_is_no_spike},
    {"a falling loss is no spike", a_falling_loss_is_no_spike},
    {"a jump is a spike", a_jump_is_a_spike},
    {"what lasts is soon the rule", what_lasts_is_soon_the_rule},
    {NULL, NULL},
};
