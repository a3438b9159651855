/* bars: signatures mapped, regrouped, split, cut. */
#include "bars.h"
#include "music.h"

#include <stdio.h>

static struct music music; /* too large for the stack */

/* Asserts that the piece's first bars are as listed, "4/4 2/4 3/4". */
static void expect_bars(int grid, const char *expected)
{
    const struct events_vocabulary v = music_vocabulary(grid, 8);
    struct bars bars;
    char text[256] = "";
    int64_t step = 0;
    CU_ASSERT_EQUAL_FATAL(bars_init(&bars, &music.score, &v, false), OK);
    while (strlen(text) < strlen(expected)) {
        const struct bar bar = bars_find(&bars, step);
        CU_ASSERT_EQUAL(bar.start, step);
        CU_ASSERT_EQUAL_FATAL(v.bar_steps[bar.symbol], bar.steps);
        for (int64_t i = step; i < step + bar.steps; i++)
            CU_ASSERT_EQUAL(bars_find(&bars, i).start, step);
        step += bar.steps;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d/%d", *text ? " " : "",
                 v.numerator[bar.symbol], v.denominator[bar.symbol]);
    }
    CU_ASSERT_STRING_EQUAL(text, expected);
    bars_fini(&bars);
}

static void one_signature(int numerator, int denominator, int grid, const char *expected)
{
    music_init(&music, 96);
    music_signature(&music, 0, numerator, denominator);
    expect_bars(grid, expected);
}

static void common_signatures(void)
{
    music_init(&music, 96);
    expect_bars(4, "4/4 4/4");
    one_signature(3, 4, 4, "3/4 3/4");
    one_signature(6, 8, 4, "6/8 6/8");
    one_signature(7, 8, 4, "7/8 7/8");
    one_signature(2, 2, 12, "2/2 2/2");
    one_signature(5, 16, 4, "5/16 5/16");
}

static void degenerate_signatures_are_regrouped(void)
{
    one_signature(1, 4, 4, "4/4 4/4");
    one_signature(1, 8, 4, "4/4 4/4");
    one_signature(1, 1, 4, "4/4 4/4");
    music_init(&music, 96);
    music_signature(&music, 0, 1, 4);
    music_signature(&music, 96 * 10, 3, 4); /* after two and a half 4/4 */
    expect_bars(4, "4/4 4/4 2/4 3/4 3/4");
    music_init(&music, 96);
    music_signature(&music, 0, 1, 4); /* an upbeat */
    music_signature(&music, 96, 4, 4);
    expect_bars(4, "1/4 4/4 4/4");
    music_init(&music, 96);
    music_signature(&music, 0, 1, 8);
    music_signature(&music, 48, 6, 8);
    expect_bars(4, "1/8 6/8 6/8");
}

static void foreign_signatures_are_split(void)
{
    one_signature(4, 1, 4, "4/4 4/4");
    one_signature(16, 4, 4, "4/4 4/4");
    one_signature(12, 4, 4, "6/4 6/4");
    one_signature(10, 4, 4, "5/4 5/4");
    one_signature(24, 8, 4, "12/8 12/8");
    one_signature(18, 8, 4, "9/8 9/8");
    one_signature(6, 2, 4, "3/2 3/2");
    one_signature(6, 32, 4, "3/16 3/16");
    one_signature(24, 32, 4, "3/4 3/4");
    one_signature(17, 8, 4, "4/4 4/4");
    one_signature(3, 64, 4, "4/4 4/4");
    one_signature(7, 8, 1, "4/4 4/4");
    one_signature(255, 128, 24, "4/4 4/4");
}

static void changes_cut_bars(void)
{
    music_init(&music, 96);
    music_signature(&music, 0, 4, 4);
    music_signature(&music, 96 * 6, 3, 4); /* half a bar early */
    music_signature(&music, 96 * 9, 6, 8);
    music_signature(&music, 96 * 9 + 144 + 48, 2, 4); /* after four eighths */
    expect_bars(4, "4/4 2/4 3/4 4/8 2/4 2/4");
}

static void changes_round_to_steps(void)
{
    music_init(&music, 96);
    music_signature(&music, 0, 4, 4);
    music_signature(&music, 384 - 11, 3, 4); /* less than half a step of 24 ticks early */
    music_signature(&music, 384 + 288 + 11, 2, 4);
    expect_bars(4, "4/4 3/4 2/4");
}

static void repeats_change_nothing(void)
{
    music_init(&music, 96);
    for (int i = 0; i < 9; i++) music_signature(&music, 96 * i, 3, 4);
    expect_bars(4, "3/4 3/4 3/4 3/4");
}

static void the_latest_of_two_at_one_place_counts(void)
{
    music_init(&music, 96);
    music_signature(&music, 0, 3, 4);
    music_signature(&music, 0, 2, 4);
    music_signature(&music, 384, 5, 4);
    music_signature(&music, 386, 2, 4); /* the same step; no change at all */
    expect_bars(4, "2/4 2/4 2/4 2/4 2/4");
}

static void impossible_cuts_move(void)
{
    music_init(&music, 96); /* grid 12: 8 ticks a step, a 1/16 is 3 steps */
    music_signature(&music, 0, 4, 4);
    music_signature(&music, 8 * 49, 3, 4); /* one step late: no bar of one step */
    expect_bars(12, "4/4 3/4 3/4");
    music_signature(&music, 8 * (48 + 36 + 35), 4, 4); /* one early */
    expect_bars(12, "4/4 3/4 3/4 4/4");
    music_init(&music, 96);
    music_signature(&music, 0, 4, 4);
    music_signature(&music, 8 * 14, 3, 4); /* 14 steps: between 4/16 and 5/16 */
    expect_bars(12, "5/16 3/4 3/4");
}

static void signatures_far_away(void)
{
    music_init(&music, 1);
    music_signature(&music, -5, 3, 4);
    music_signature(&music, (int64_t)1 << 40, 2, 4);
    music_signature(&music, INT64_MAX, 2, 2);
    expect_bars(24, "3/4 3/4");
}

static void random_layouts_tile_the_grid(void)
{
    uint64_t state = 11;
    for (int trial = 0; trial < 300; trial++) {
        const int grid = 1 + music_random(&state, 24);
        const struct events_vocabulary v = music_vocabulary(grid, 8);
        struct bars bars;
        int64_t tick = 0;
        music_init(&music, (uint32_t)(1 + music_random(&state, 500)));
        for (int i = 0; i < 8; i++, tick += music_random(&state, 4000))
            music_signature(&music, tick, 1 + music_random(&state, 20),
                            1 << music_random(&state, 8));
        CU_ASSERT_EQUAL_FATAL(bars_init(&bars, &music.score, &v, false), OK);
        for (int64_t step = 0; step < 4000;) {
            const struct bar bar = bars_find(&bars, step);
            CU_ASSERT_EQUAL(bar.start, step);
            CU_ASSERT_FATAL(bar.symbol >= 0 && bar.symbol < (int)v.n_signature && bar.steps > 0);
            CU_ASSERT_EQUAL(bar.steps, v.bar_steps[bar.symbol]);
            CU_ASSERT_EQUAL(bars_find(&bars, step + bar.steps - 1).start, step);
            step += bar.steps;
        }
        bars_fini(&bars);
    }
}

const char *const suite_name = "bars";
const struct suite_test suite_tests[] = {
    {"common signatures", common_signatures},
    {"degenerate signatures are regrouped", degenerate_signatures_are_regrouped},
    {"foreign signatures are split", foreign_signatures_are_split},
    {"changes cut bars", changes_cut_bars},
    {"changes round to steps", changes_round_to_steps},
    {"repeats change nothing", repeats_change_nothing},
    {"the latest of two at one place counts", the_latest_of_two_at_one_place_counts},
    {"impossible cuts move", impossible_cuts_move},
    {"signatures far away", signatures_far_away},
    {"random layouts tile the grid", random_layouts_tile_the_grid},
    {NULL, NULL},
};
