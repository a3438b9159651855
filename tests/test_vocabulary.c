/* vocabulary: tables for every grid, symbols, and the check of events. */
#include "music.h"

#include <math.h>

static void tables_fit_every_grid(void)
{
    for (int grid = 1; grid <= 24; grid++) {
        const struct events_vocabulary v = music_vocabulary(grid, 8);
        CU_ASSERT(v.n_duration <= EVENTS_MAX_DURATIONS);
        CU_ASSERT(v.n_signature <= EVENTS_MAX_SIGNATURES);
        CU_ASSERT_EQUAL(v.n_position, 9 * (size_t)grid);
        CU_ASSERT(v.n_position <= 254);
        CU_ASSERT_EQUAL(v.duration_steps[v.n_duration - 1], 16 * grid);
        for (int i = 0; i < (grid <= 13 ? 4 : 2) * grid; i++)
            CU_ASSERT_EQUAL(v.duration_steps[i], i + 1);
        for (size_t i = 1; i < v.n_duration; i++)
            CU_ASSERT(v.duration_steps[i] > v.duration_steps[i - 1]);
        for (size_t i = 0; i < v.n_signature; i++)
            CU_ASSERT_EQUAL(v.bar_steps[i] * v.denominator[i], 4 * grid * v.numerator[i]);
        CU_ASSERT(events_signature_symbol(&v, 4, 4) >= 0);
    }
}

static void signatures_are_whole(void)
{
    const struct events_vocabulary four = music_vocabulary(4, 8);
    const struct events_vocabulary one = music_vocabulary(1, 8);
    CU_ASSERT_EQUAL(four.n_signature, 43);
    CU_ASSERT_EQUAL(events_signature_symbol(&one, 7, 8), -1);
    CU_ASSERT(events_signature_symbol(&one, 6, 8) >= 0);
    CU_ASSERT_EQUAL(events_signature_symbol(&four, 10, 4), -1);
    CU_ASSERT_EQUAL(events_signature_symbol(&four, 4, 1), -1);
    CU_ASSERT_EQUAL(four.bar_steps[events_signature_symbol(&four, 7, 8)], 14);
}

static void durations_are_nearest(void)
{
    for (int grid = 1; grid <= 24; grid++) {
        const struct events_vocabulary v = music_vocabulary(grid, 8);
        for (int64_t steps = 1; steps <= 20 * grid; steps++) {
            const int symbol = events_duration_symbol(&v, steps);
            const int64_t away = llabs(v.duration_steps[symbol] - steps);
            for (size_t i = 0; i < v.n_duration; i++) {
                const int64_t other = llabs(v.duration_steps[i] - steps);
                CU_ASSERT(away < other || (away == other && symbol <= (int)i));
            }
        }
        CU_ASSERT_EQUAL(events_duration_symbol(&v, INT64_MAX), (int)v.n_duration - 1);
        CU_ASSERT_EQUAL(events_duration_symbol(&v, 0), 0);
    }
}

static void tempi_and_velocities(void)
{
    for (int i = 1; i < EVENTS_N_TEMPO; i++) {
        CU_ASSERT_EQUAL(events_tempo_symbol(events_tempo_bpm(i)), i);
        CU_ASSERT_EQUAL(events_tempo_symbol(events_tempo_bpm(i) * 1.028), i);
        CU_ASSERT_EQUAL(events_tempo_symbol(events_tempo_bpm(i) / 1.028), i);
    }
    CU_ASSERT_EQUAL(events_tempo_symbol(1.0), 1);
    CU_ASSERT_EQUAL(events_tempo_symbol(1e9), EVENTS_N_TEMPO - 1);
    CU_ASSERT_EQUAL(events_tempo_symbol(0.0), EVENTS_TEMPO_UNKNOWN);
    CU_ASSERT_EQUAL(events_tempo_symbol((double)NAN), EVENTS_TEMPO_UNKNOWN);
    CU_ASSERT_EQUAL(events_tempo_bpm(EVENTS_TEMPO_UNKNOWN), 120.0);
    CU_ASSERT_DOUBLE_EQUAL(events_tempo_bpm(13), 48.0, 1e-9);
    for (int i = 0; i < EVENTS_N_VELOCITY; i++) {
        CU_ASSERT_EQUAL(events_velocity_value(i) / 4, i);
        CU_ASSERT(events_velocity_value(i) >= 1 && events_velocity_value(i) <= 127);
    }
}

static void refuses_settings(void)
{
    const struct events_settings wrong[] = {{0, 8}, {25, 8}, {-1, 8}, {4, 0}, {4, 33}};
    struct events_vocabulary v;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_EQUAL(events_vocabulary_init(&v, &wrong[i]), USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(), "segments of 33 bars: want 1 to 32");
}

/* One offence: event `index` of a legal run replaced by `event`. */
struct offence {
    size_t index;
    struct event event;
    const char *names;
};

static void validate_names_each_offence(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event legal[] = {music_bar(&v, 28, 3, 4), {0, 60, 3, 80},
                                  {0, 64, 3, 80},          {11, 40, 3, 1},
                                  music_bar(&v, 0, 4, 4),  {0, 21, 27, 127}};
    const size_t n = sizeof legal / sizeof *legal;
    const uint8_t bar = EVENTS_BAR;
    const struct offence offences[] = {
        {0, {0, 60, 0, 80}, "event 0: want a bar"},
        {4, {bar, EVENTS_N_TEMPO, 0, 0}, "event 4: tempo symbol 49"},
        {4, {bar, 1, (uint8_t)v.n_signature, 0}, "event 4: signature symbol 43"},
        {4, {bar, 1, 0, 1}, "event 4: velocity 1"},
        {3, {12, 60, 0, 80}, "event 3: position 12 in a bar of 12"},
        {3, {11, 20, 0, 80}, "event 3: pitch 20"},
        {3, {11, 109, 0, 80}, "event 3: pitch 109"},
        {3, {11, 60, (uint8_t)v.n_duration, 80}, "event 3: duration symbol 28"},
        {3, {11, 60, 0, 0}, "event 3: velocity 0"},
        {3, {11, 60, 0, 128}, "event 3: velocity 128"},
        {2, {0, 60, 5, 90}, "event 2: position 0, pitch 60 not after"},
        {2, {0, 59, 5, 90}, "event 2: position 0, pitch 59 not after"},
        {1, {5, 60, 5, 90}, "event 2: position 0, pitch 64 not after"},
    };
    CU_ASSERT_EQUAL(events_validate(legal, n, &v), OK);
    CU_ASSERT_EQUAL(events_validate(legal, 0, &v), FAILED);
    for (size_t i = 0; i < sizeof offences / sizeof *offences; i++) {
        struct event events[sizeof legal / sizeof *legal];
        memcpy(events, legal, sizeof legal);
        events[offences[i].index] = offences[i].event;
        CU_ASSERT_EQUAL(events_validate(events, n, &v), FAILED);
        CU_ASSERT_NSTRING_EQUAL(status_message(), offences[i].names, strlen(offences[i].names));
    }
}

const char *const suite_name = "vocabulary";
const struct suite_test suite_tests[] = {
    {"tables fit every grid", tables_fit_every_grid},
    {"signatures are whole", signatures_are_whole},
    {"durations are nearest", durations_are_nearest},
    {"tempi and velocities", tempi_and_velocities},
    {"refuses settings", refuses_settings},
    {"validate names each offence", validate_names_each_offence},
    {NULL, NULL},
};
