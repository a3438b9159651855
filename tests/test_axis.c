/* axis: round ends, ticks within, places. */
#include "axis.h"
#include "runner.h"

#include <math.h>

const char *const suite_name = "axis";

static void check(const struct axis *axis, double low, double high)
{
    CU_ASSERT(axis->low <= low + 1e-9 * fabs(low) && axis->high >= high - 1e-9 * fabs(high));
    CU_ASSERT(axis->low < axis->high);
    CU_ASSERT(axis->n_ticks >= 2 && axis->n_ticks <= AXIS_TICKS);
    for (size_t i = 0; i < axis->n_ticks; i++) {
        CU_ASSERT(i == 0 || axis->tick[i] > axis->tick[i - 1]);
        CU_ASSERT(axis_place(axis, axis->tick[i]) >= 0 && axis_place(axis, axis->tick[i]) <= 1);
    }
}

static void ends_are_round(void)
{
    struct axis axis;
    axis_fit(&axis, 1433, 2310, false);
    CU_ASSERT_EQUAL(axis.low, 1400);
    CU_ASSERT_EQUAL(axis.high, 2400);
    CU_ASSERT_EQUAL(axis.n_ticks, 6);
    CU_ASSERT_EQUAL(axis.tick[1], 1600);
    axis_fit(&axis, 0, 1, false);
    CU_ASSERT_EQUAL(axis.low, 0);
    CU_ASSERT_EQUAL(axis.high, 1);
    CU_ASSERT_DOUBLE_EQUAL(axis.tick[3], 0.6, 1e-12);
    axis_fit(&axis, -3, 3, false);
    CU_ASSERT_EQUAL(axis.tick[2], 0);
    CU_ASSERT_FALSE(signbit(axis.tick[2]));
}

static void any_range_is_held(void)
{
    static const double RANGES[][2] = {
        {0, 0},         {5, 5},     {-2, -2},     {3, 1},           {1e-9, 2e-9}, {1e30, -1e30},
        {1, 1 + 1e-15}, {-7, 1e-3}, {6.26, 7.79}, {1e15, 1e15 + 1}, {0, 1e-300},  {2399, 2400}};
    for (size_t i = 0; i < sizeof RANGES / sizeof *RANGES; i++) {
        const double low = fmin(RANGES[i][0], RANGES[i][1]),
                     high = fmax(RANGES[i][0], RANGES[i][1]);
        struct axis axis;
        axis_fit(&axis, RANGES[i][0], RANGES[i][1], false);
        check(&axis, low, high);
        axis_exact(&axis, RANGES[i][0], RANGES[i][1]);
        check(&axis, low, high);
    }
}

static void wide_positive_ranges_are_logarithmic(void)
{
    struct axis axis;
    axis_fit(&axis, 1.5, 80, true);
    CU_ASSERT(axis.logarithmic);
    check(&axis, 1.5, 80);
    CU_ASSERT_EQUAL(axis.tick[0], 2);
    CU_ASSERT_DOUBLE_EQUAL(axis_place(&axis, sqrt(1.5 * 80)), 0.5, 1e-12);
    CU_ASSERT_EQUAL(axis_place(&axis, -1), 0);
    axis_fit(&axis, 1e-30, 1e30, true);
    check(&axis, 1e-30, 1e30);
    axis_fit(&axis, 20, 60, true);
    CU_ASSERT_FALSE(axis.logarithmic);
    axis_fit(&axis, 0, 60, true);
    CU_ASSERT_FALSE(axis.logarithmic);
}

static void places_end_at_the_ends(void)
{
    struct axis axis;
    axis_exact(&axis, 100, 300);
    CU_ASSERT_EQUAL(axis.low, 100);
    CU_ASSERT_EQUAL(axis.high, 300);
    CU_ASSERT_EQUAL(axis_place(&axis, 250), 0.75);
    CU_ASSERT_EQUAL(axis_place(&axis, 99), 0);
    CU_ASSERT_EQUAL(axis_place(&axis, 1e9), 1);
}

const struct suite_test suite_tests[] = {
    {"ends are round", ends_are_round},
    {"any range is held", any_range_is_held},
    {"wide positive ranges are logarithmic", wide_positive_ranges_are_logarithmic},
    {"places end at the ends", places_end_at_the_ends},
    {NULL, NULL},
};
