/* grid and tempo_map: phase, concentration, rounding, seconds. */
#include "grid.h"
#include "music.h"

#include <math.h>

static struct music music; /* too large for the stack */

static void estimates_a_constant_phase(void)
{
    for (int shift = -58; shift <= 60; shift += 2) { /* half a step is 60 ticks */
        double phase;
        double concentration;
        music_init(&music, 480);
        for (int i = 2; i < 66; i++) music_note(&music, 120 * i + shift, 100, 60, 40 + i);
        grid_phase(&phase, &concentration, music.notes, music.score.n_notes, 480, 4);
        CU_ASSERT_DOUBLE_EQUAL(phase, shift / 120.0, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(concentration, 1.0, 1e-9);
        const struct grid grid = {NULL, 4.0 / 480, phase};
        for (size_t i = 0; i < 64; i++)
            CU_ASSERT_EQUAL(grid_step(&grid, music.notes[i].onset), (int64_t)i + 2);
    }
}

static void weighs_by_velocity(void)
{
    double phase;
    double concentration;
    music_init(&music, 480);
    music_note(&music, 0, 10, 60, 90);
    music_note(&music, 30, 10, 60, 30); /* a quarter of a step: at right angles */
    grid_phase(&phase, &concentration, music.notes, 2, 480, 4);
    CU_ASSERT_DOUBLE_EQUAL(concentration, sqrt(90.0 * 90.0 + 30.0 * 30.0) / 120.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(phase, atan2(30.0, 90.0) / (2 * acos(-1.0)), 1e-12);
}

static void scattered_onsets_do_not_concentrate(void)
{
    uint64_t state = 5;
    double phase;
    double concentration;
    music_init(&music, 480);
    for (int i = 0; i < 4000; i++) music_note(&music, music_random(&state, 1 << 20), 9, 60, 80);
    grid_phase(&phase, &concentration, music.notes, 4000, 480, 4);
    CU_ASSERT(concentration < 0.05);
}

static void late_onsets_keep_their_phase(void)
{
    double phase;
    double concentration;
    music_init(&music, 480);
    music_note(&music, (GRID_MAX_TICK / 120 - 9) * 120 + 30, 10, 60, 90);
    grid_phase(&phase, &concentration, music.notes, 1, 480, 4);
    CU_ASSERT_DOUBLE_EQUAL(phase, 0.25, 1e-9);
}

static void rounds_lengths(void)
{
    const struct grid grid = {NULL, 4.0 / 480, 0.3};
    CU_ASSERT_EQUAL(grid_length(&grid, 7, 8), 1);
    CU_ASSERT_EQUAL(grid_length(&grid, 7, 7 + 179), 1);
    CU_ASSERT_EQUAL(grid_length(&grid, 7, 7 + 180), 2);
    CU_ASSERT_EQUAL(grid_step(&grid, 0), 0);
}

static void tempo_map_sums_seconds(void)
{
    struct tempo_map map;
    music_init(&music, 100);
    music_tempo(&music, 100, 1000000);
    music_tempo(&music, 300, 250000);
    music_tempo(&music, 300, 2000000); /* of two at one tick the later counts */
    CU_ASSERT_EQUAL(tempo_map_init(&map, &music.score), OK);
    CU_ASSERT_DOUBLE_EQUAL(tempo_map_seconds(&map, 50.0), 0.25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(tempo_map_seconds(&map, 100.0), 0.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(tempo_map_seconds(&map, 200.5), 1.505, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(tempo_map_seconds(&map, 300.5), 2.51, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(tempo_map_seconds(&map, 400.0), 4.5, 1e-12);
    const struct grid grid = {&map, 2.0 * 4, 0.0};
    CU_ASSERT_EQUAL(grid_step(&grid, 200), 12);
    CU_ASSERT_EQUAL(grid_length(&grid, 200, 400), 24);
    tempo_map_fini(&map);
    music.score.seconds = true; /* SMPTE: tempo events do not count */
    CU_ASSERT_EQUAL(tempo_map_init(&map, &music.score), OK);
    CU_ASSERT_DOUBLE_EQUAL(tempo_map_seconds(&map, 400.0), 2.0, 1e-12);
    tempo_map_fini(&map);
}

const char *const suite_name = "grid";
const struct suite_test suite_tests[] = {
    {"estimates a constant phase", estimates_a_constant_phase},
    {"weighs by velocity", weighs_by_velocity},
    {"scattered onsets do not concentrate", scattered_onsets_do_not_concentrate},
    {"late onsets keep their phase", late_onsets_keep_their_phase},
    {"rounds lengths", rounds_lengths},
    {"tempo map sums seconds", tempo_map_sums_seconds},
    {NULL, NULL},
};
