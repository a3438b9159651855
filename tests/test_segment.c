/* segment: cutting, thinning, tonic and attributes of music made by hand. */
#include "music.h"

#include <math.h>

static struct event many[MUSIC_MAX_EVENTS];

/* A piece that owns a copy of the events. */
static struct piece piece_of(const struct event *events, size_t n_events)
{
    struct piece piece = {.n_events = n_events};
    piece.events = malloc(n_events * sizeof *events);
    CU_ASSERT_PTR_NOT_NULL_FATAL(piece.events);
    memcpy(piece.events, events, n_events * sizeof *events);
    return piece;
}

static void expect_tiles(const struct piece *piece)
{
    size_t n = 0;
    for (size_t i = 0; i < piece->n_segments; i++) {
        const struct segment *segment = &piece->segments[i];
        CU_ASSERT_EQUAL(segment->first, n);
        CU_ASSERT(segment->count <= EVENTS_SEGMENT_EVENTS);
        CU_ASSERT(segment->count > segment->bars);
        CU_ASSERT_EQUAL(music_n_bars(piece->events + n, segment->count), segment->bars);
        n += segment->count;
    }
    CU_ASSERT_EQUAL(n, piece->n_events);
}

/* Two bars of C major in quarters at 120 bpm, grid 4: a chord and a melody. */
static const struct event known[] = {
    {EVENTS_BAR, 0, 0, 0}, {0, 48, 3, 60},  {0, 64, 3, 80},        {0, 67, 3, 80},  {4, 72, 3, 100},
    {8, 71, 1, 100},       {10, 72, 1, 90}, {EVENTS_BAR, 0, 0, 0}, {0, 60, 15, 70},
};

static void attributes_of_known_music(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct event events[sizeof known / sizeof *known];
    memcpy(events, known, sizeof known);
    const int tempo = events_tempo_symbol(96.0); /* exactly symbol 25 */
    for (size_t i = 0; i < 9; i++)
        if (events[i].position == EVENTS_BAR) events[i] = music_bar(&v, tempo, 4, 4);
    struct segment segment = {.count = 9};
    segment_measure(&segment, events, &v, 0.0);
    const float *a = segment.attributes;
    const double quarter = 60.0 / 96.0;
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_RHYTHM_DENSITY], 5.0 / 32, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_NOTE_DENSITY], 3.5, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_NOTE_RATE], log(7 / (8 * quarter)), 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_TEMPO], log(96.0), 1e-6);
    /* four quarters, two eighths, one whole note */
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_NOTE_LENGTH], log(9 * quarter / 7), 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_VELOCITY], 580.0 / 7, 1e-4);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_POLYPHONY], 7.0 / 5, 1e-6);
    CU_ASSERT_EQUAL(segment.tonic, 0);
    CU_ASSERT(a[ATTRIBUTE_MODE_MARGIN] > 0.0F);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_REGISTER], 454.0 / 7, 1e-4);
    double squares = 0;
    for (size_t i = 0; i < 9; i++)
        if (events[i].position != EVENTS_BAR) squares += pow(events[i].pitch - 454.0 / 7, 2);
    CU_ASSERT_DOUBLE_EQUAL((double)a[ATTRIBUTE_PITCH_SPREAD], sqrt(squares / 7), 1e-4);
}

static void unknown_tempo_has_seconds(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event events[] = {music_bar(&v, 0, 4, 4), {0, 60, 3, 60}, {4, 60, 3, 60}};
    struct segment segment = {.count = 3};
    segment_measure(&segment, events, &v, 0.0);
    CU_ASSERT(isnan(segment.attributes[ATTRIBUTE_TEMPO]));
    CU_ASSERT_DOUBLE_EQUAL((double)segment.attributes[ATTRIBUTE_NOTE_RATE], log(2 / 2.0), 1e-6);
    segment_measure(&segment, events, &v, 0.25);
    CU_ASSERT_DOUBLE_EQUAL((double)segment.attributes[ATTRIBUTE_NOTE_RATE], log(2 / 1.0), 1e-6);
    CU_ASSERT_DOUBLE_EQUAL((double)segment.attributes[ATTRIBUTE_NOTE_LENGTH], log(0.25), 1e-6);
    segment.count = 1; /* silence */
    segment_measure(&segment, events, &v, 0.0);
    for (int i = 0; i < N_ATTRIBUTES; i++) CU_ASSERT(isnan(segment.attributes[i]));
}

static void transposition_moves_the_tonic_alone(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    uint64_t state = 3;
    for (int trial = 0; trial < 100; trial++) {
        struct segment still = {.count = 41};
        many[0] = music_bar(&v, 20, 4, 4);
        for (int i = 0; i < 40; i++)
            many[1 + i] = (struct event){(uint8_t)(i * 16 / 40),
                                         (uint8_t)(40 + i % 3 * 10 + music_random(&state, 10)),
                                         (uint8_t)music_random(&state, 28), 80};
        segment_measure(&still, many, &v, 0.0);
        for (int k = -5; k <= 6; k++) {
            struct event moved_events[41];
            struct segment moved = {.count = 41};
            memcpy(moved_events, many, sizeof moved_events);
            for (int i = 1; i < 41; i++)
                moved_events[i].pitch = (uint8_t)(moved_events[i].pitch + k);
            segment_measure(&moved, moved_events, &v, 0.0);
            const int turn = still.tonic + k - moved.tonic; /* octaves */
            CU_ASSERT_EQUAL(turn % 12, 0);
            CU_ASSERT_EQUAL(moved.attributes[ATTRIBUTE_MODE_MARGIN],
                            still.attributes[ATTRIBUTE_MODE_MARGIN]);
            CU_ASSERT_DOUBLE_EQUAL((double)moved.attributes[ATTRIBUTE_REGISTER],
                                   (double)still.attributes[ATTRIBUTE_REGISTER] + turn, 1e-4);
            for (int i = 1; i < 41; i++) {
                const int tonal = moved_events[i].pitch - moved.tonic - (EVENTS_PITCH_LOW - 6);
                CU_ASSERT(tonal >= 0 && tonal < EVENTS_N_TONAL);
                CU_ASSERT_EQUAL(tonal - turn, many[i].pitch - still.tonic - (EVENTS_PITCH_LOW - 6));
            }
        }
    }
}

/* Fills `many` with bars of so many notes each; returns the number of events. */
static size_t fill_bars(const struct events_vocabulary *v, const int *notes, size_t n_bars)
{
    size_t n = 0;
    for (size_t bar = 0; bar < n_bars; bar++) {
        many[n++] = music_bar(v, 20, 4, 4);
        for (int i = 0; i < notes[bar]; i++)
            many[n++] = (struct event){(uint8_t)(i / 88), (uint8_t)(21 + i % 88), 2,
                                       (uint8_t)(1 + i % 127)};
    }
    return n;
}

static void cuts_at_bars(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const int notes[19] = {5, 5, 5, 5, 5, 5, 5, 5, 90, 90, 90, 90, 10, 10, 10, 10, 1, 0, 1};
    struct piece piece = piece_of(many, fill_bars(&v, notes, 19));
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), OK);
    expect_tiles(&piece);
    CU_ASSERT_EQUAL_FATAL(piece.n_segments, 4);
    CU_ASSERT_EQUAL(piece.segments[0].bars, 8);
    CU_ASSERT_EQUAL(piece.segments[1].bars, 4); /* 8 + 400 events: halved */
    CU_ASSERT_EQUAL(piece.segments[2].bars, 4);
    CU_ASSERT_EQUAL(piece.segments[3].bars, 3);
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), OK); /* again: the same */
    CU_ASSERT_EQUAL(piece.n_segments, 4);
    expect_tiles(&piece);
    piece_fini(&piece);
}

static void halves_again(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const int notes[11] = {5, 5, 5, 5, 200, 180, 300, 2, 300, 80, 90};
    const int bars[5] = {4, 2, 2, 2, 1};
    struct piece piece = piece_of(many, fill_bars(&v, notes, 11));
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), OK);
    expect_tiles(&piece);
    CU_ASSERT_EQUAL_FATAL(piece.n_segments, 5);
    for (size_t i = 0; i < 5; i++) CU_ASSERT_EQUAL(piece.segments[i].bars, bars[i]);
    piece_fini(&piece);
}

static void full_bars_keep_the_loudest(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const int notes[3] = {EVENTS_SEGMENT_EVENTS - 1, 1000, 2};
    struct piece piece = piece_of(many, fill_bars(&v, notes, 3));
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), OK);
    CU_ASSERT_EQUAL(events_validate(piece.events, piece.n_events, &v), OK);
    expect_tiles(&piece);
    CU_ASSERT_EQUAL_FATAL(piece.n_segments, 3);
    CU_ASSERT_EQUAL(piece.segments[0].count, EVENTS_SEGMENT_EVENTS);
    CU_ASSERT_EQUAL(piece.segments[1].count, EVENTS_SEGMENT_EVENTS);
    CU_ASSERT_EQUAL(piece.segments[2].count, 3);
    /* 1000 notes over 127 velocities: the loudest 383 are those of velocity 79 (in part) and up */
    int seen[128] = {0};
    const struct event *bar = piece.events + piece.segments[1].first;
    for (int i = 1; i < EVENTS_SEGMENT_EVENTS; i++) seen[bar[i].velocity]++;
    int all[128] = {0};
    for (int i = 0; i < 1000; i++) all[1 + i % 127]++;
    int threshold = 127;
    while (seen[threshold] == all[threshold]) threshold--;
    for (int i = 1; i < threshold; i++) CU_ASSERT_EQUAL(seen[i], 0);
    CU_ASSERT(threshold > 70);
    piece_fini(&piece);
}

static void silent_segments_go(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 2);
    const int notes[9] = {0, 0, 3, 0, 0, 0, 0, 0, 2};
    struct piece piece = piece_of(many, fill_bars(&v, notes, 9));
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), OK);
    expect_tiles(&piece);
    CU_ASSERT_EQUAL(piece.n_segments, 2);
    CU_ASSERT_EQUAL(piece.n_events, 8);
    piece_fini(&piece);
}

static void refuses_what_is_no_music(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 2);
    const int notes[3] = {0, 0, 0};
    struct piece piece = piece_of(many, fill_bars(&v, notes, 3));
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "no notes in 3 bars");
    piece.events[1] = (struct event){20, 60, 1, 60};
    CU_ASSERT_EQUAL(piece_segment(&piece, &v), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "event 1: position 20 in a bar of 16 steps");
    CU_ASSERT_PTR_NULL(piece.segments);
    piece_fini(&piece);
}

const char *const suite_name = "segment";
const struct suite_test suite_tests[] = {
    {"attributes of known music", attributes_of_known_music},
    {"unknown tempo has seconds", unknown_tempo_has_seconds},
    {"transposition moves the tonic alone", transposition_moves_the_tonic_alone},
    {"cuts at bars", cuts_at_bars},
    {"halves again", halves_again},
    {"full bars keep the loudest", full_bars_keep_the_loudest},
    {"silent segments go", silent_segments_go},
    {"refuses what is no music", refuses_what_is_no_music},
    {NULL, NULL},
};
