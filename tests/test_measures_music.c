/* Figures of hand-made music against numbers worked out by hand, densities against NumPy. */
#include "measures_music.h"
#include "music.h"
#include "oracle/measures_golden.h"
#include "runner.h"

#include <math.h>

const char *const suite_name = "measures_music";

static struct event note(const struct events_vocabulary *vocabulary, int position, int pitch,
                         int steps)
{
    return (struct event){(uint8_t)position, (uint8_t)pitch,
                          (uint8_t)events_duration_symbol(vocabulary, steps), 80};
}

/* Two bars of 4/4: C for a half and E, G for a quarter at once; then C for a half and C# last. */
static void figures_are_those_by_hand(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event bar = music_bar(&v, 10, 4, 4);
    const struct event events[] = {bar, note(&v, 0, 60, 8), note(&v, 8, 64, 4), note(&v, 8, 67, 4),
                                   bar, note(&v, 0, 72, 8), note(&v, 12, 61, 4)};
    double figures[N_MUSIC];
    music_measure(figures, events, 7, &v);
    const double entropy = -0.4 * log2(0.4) - 3 * 0.2 * log2(0.2);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_PITCH_ENTROPY], entropy, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_SCALE], 0.8, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_GROOVE], 1 - 2.0 / 16, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_NOTE_DENSITY], 2.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_POLYPHONY], 28.0 / 24, 1e-12);
}

static void bars_of_unlike_length_differ_where_one_ends(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event events[] = {music_bar(&v, 10, 3, 4), note(&v, 0, 60, 4),
                                   music_bar(&v, 10, 4, 4), note(&v, 0, 60, 4),
                                   note(&v, 12, 60, 4)};
    double figures[N_MUSIC];
    music_measure(figures, events, 5, &v);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_GROOVE], 1 - 1.0 / 16, 1e-12);
}

static void only_the_first_bars_count(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct event events[2 * (MUSIC_BARS + 4)];
    double figures[N_MUSIC];
    for (int i = 0; i < MUSIC_BARS + 4; i++) {
        events[2 * i] = music_bar(&v, 10, 4, 4);
        events[2 * i + 1] = note(&v, 0, i < MUSIC_BARS ? 60 : 61, 4);
    }
    music_measure(figures, events, 2 * (MUSIC_BARS + 4), &v);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_PITCH_ENTROPY], 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(figures[MUSIC_NOTE_DENSITY], 1, 1e-12);
}

static void silence_has_no_figures(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event bar = music_bar(&v, 10, 4, 4);
    double figures[N_MUSIC];
    music_measure(figures, &bar, 1, &v);
    for (int i = 0; i < N_MUSIC; i++) CU_ASSERT(isnan(figures[i]));
}

/* Two bars, the second on another tonic: classes 0, 4, 7 and 0 of the one, 0, 3 and 0 of the other;
 * onsets on 0, 8 | 0 against 0, 12 | 4 of 16 steps. */
static void likeness_is_that_by_hand(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event bar = music_bar(&v, 10, 4, 4);
    static const int8_t tonic[MUSIC_BARS] = {0, 2};
    const struct event one[] = {bar, note(&v, 0, 60, 8), note(&v, 8, 64, 4), note(&v, 8, 67, 4),
                                bar, note(&v, 0, 74, 8)};
    const struct event two[] = {
        bar, note(&v, 0, 48, 8), note(&v, 12, 63, 4), bar, note(&v, 4, 62, 4),
        bar, note(&v, 0, 61, 4)};
    const struct music_run a = {one, 6}, b = {two, 7}, silent = {&bar, 1};
    const struct music_likeness same = music_compare_pieces(&a, &a, tonic, &v);
    const struct music_likeness like = music_compare_pieces(&a, &b, tonic, &v);
    const struct music_likeness back = music_compare_pieces(&b, &a, tonic, &v);
    CU_ASSERT_DOUBLE_EQUAL(same.chroma, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(same.groove, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(like.chroma, 4 / sqrt(6.0 * 5), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(like.groove, 1 - (2.0 / 16 + 2.0 / 16) / 2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(back.chroma, like.chroma, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(back.groove, like.groove, 1e-12);
    CU_ASSERT(isnan(music_compare_pieces(&a, &silent, tonic, &v).chroma));
    CU_ASSERT_DOUBLE_EQUAL(music_compare_pieces(&a, &silent, tonic, &v).groove, 14.0 / 16, 1e-12);
}

static void overlap_is_that_of_numpy(void)
{
    const struct music_overlap overlap = music_compare(golden_x_0, 40, golden_asked_0, 12);
    CU_ASSERT_DOUBLE_EQUAL(overlap.area, golden_overlap, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(overlap.divergence, golden_divergence, 1e-9);
}

static void like_samples_overlap_wholly(void)
{
    static const double same[] = {3, 3, NAN}, apart[] = {900, 901, 902}, none[] = {NAN};
    const struct music_overlap alike = music_compare(golden_x_0, 40, golden_x_0, 40);
    const struct music_overlap flat = music_compare(same, 3, same, 2);
    const struct music_overlap far = music_compare(golden_x_0, 40, apart, 3);
    CU_ASSERT_DOUBLE_EQUAL(alike.area, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(alike.divergence, 0, 1e-12);
    CU_ASSERT(flat.area == 1 && flat.divergence == 0);
    CU_ASSERT(far.area < 1e-6 && far.divergence > 5);
    CU_ASSERT(isnan(music_compare(none, 1, same, 2).area));
}

const struct suite_test suite_tests[] = {
    {"figures are those by hand", figures_are_those_by_hand},
    {"bars of unlike length differ where one ends", bars_of_unlike_length_differ_where_one_ends},
    {"only the first bars count", only_the_first_bars_count},
    {"silence has no figures", silence_has_no_figures},
    {"likeness is that by hand", likeness_is_that_by_hand},
    {"overlap is that of NumPy", overlap_is_that_of_numpy},
    {"like samples overlap wholly", like_samples_overlap_wholly},
    {NULL, NULL},
};
