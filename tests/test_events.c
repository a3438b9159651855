/* events: scores become events and scores again; tempo, phase, silence, failures. */
#include "music.h"
#include "smf.h"

#include <math.h>

static struct music music; /* too large for the stack */

static struct piece read_piece(const struct events_vocabulary *v, int track)
{
    struct piece piece;
    const enum status status = piece_from_score(&piece, &music.score, v, track);
    CU_ASSERT_EQUAL(status, OK);
    if (status == OK) {
        CU_ASSERT_EQUAL(events_validate(piece.events, piece.n_events, v), OK);
    }
    return piece;
}

/* The signature of bar i as numerator * 100 + denominator. */
static int bar_signature(const struct piece *piece, const struct events_vocabulary *v, int i)
{
    for (size_t e = 0; e < piece->n_events; e++) {
        if (piece->events[e].position != EVENTS_BAR || i--) continue;
        const int symbol = piece->events[e].duration;
        return v->numerator[symbol] * 100 + v->denominator[symbol];
    }
    return 0;
}

/* A random score on the grid: notes whose durations are in the table, no two on one place. */
static void random_score(uint64_t *state, const struct events_vocabulary *v)
{
    static const int signatures[][2] = {{4, 4}, {3, 4}, {6, 8}, {2, 2}, {5, 4}, {12, 8}, {2, 4}};
    const int64_t grid = v->settings.grid;
    const int n_notes = 1 + music_random(state, 400);
    const int rest = 1 + music_random(state, (int)grid * 3);
    int64_t step = 0;
    music_init(&music, (uint32_t)(grid * 20));
    for (int i = 0, bars = 0; i < 6; i++) {
        const int *s = signatures[music_random(state, 7)];
        music_signature(&music, bars * 20 * grid, s[0], s[1]);
        bars += s[0] * 4 / s[1] * (1 + music_random(state, 4)); /* quarters */
        if (music_random(state, 2))
            music_tempo(&music, bars * 20 * grid, (uint32_t)(300000 + music_random(state, 900000)));
    }
    for (int i = 0; i < n_notes; i++) {
        int pitch = 21 + music_random(state, 60);
        const int64_t before = step;
        step += music_random(state, rest + 1);
        if (i && step == before) pitch = music.notes[i - 1].pitch + 1;
        if (pitch > 108) {
            pitch = 30;
            step++;
        }
        const int64_t length = v->duration_steps[music_random(state, (int)v->n_duration)];
        music_note(&music, step * 20, length * 20, pitch, 1 + music_random(state, 127));
    }
}

static void expect_same_notes(const struct score *score, const struct events_vocabulary *v,
                              const struct piece *piece)
{
    /* leading empty bars are dropped: notes may move by whole steps, all alike */
    const int64_t grid = v->settings.grid;
    const int64_t first = music.notes[0].onset / 20;
    const int64_t moved = (score->notes[0].onset * grid + 240) / 480;
    CU_ASSERT_EQUAL_FATAL(score->n_notes, music.score.n_notes);
    CU_ASSERT_EQUAL(score->n_notes + music_n_bars(piece->events, piece->n_events), piece->n_events);
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *a = &music.notes[i];
        const struct score_note *b = &score->notes[i];
        CU_ASSERT_EQUAL((b->onset * grid + 240) / 480 - moved, a->onset / 20 - first);
        CU_ASSERT_EQUAL(((b->end - b->onset) * grid + 240) / 480, (a->end - a->onset) / 20);
        CU_ASSERT_EQUAL(a->pitch, b->pitch);
        CU_ASSERT_EQUAL(a->velocity, b->velocity);
    }
}

static void random_scores_survive(void)
{
    uint64_t state = 1;
    for (int trial = 0; trial < 400; trial++) {
        const struct events_vocabulary v = music_vocabulary(1 + trial % 24, 8);
        struct score score;
        struct piece again;
        random_score(&state, &v);
        struct piece piece = read_piece(&v, -1);
        CU_ASSERT_FALSE(piece.off_grid);
        CU_ASSERT_EQUAL_FATAL(score_from_events(&score, piece.events, piece.n_events, &v), OK);
        expect_same_notes(&score, &v, &piece);
        CU_ASSERT_EQUAL_FATAL(piece_from_score(&again, &score, &v, -1), OK);
        CU_ASSERT_EQUAL_FATAL(again.n_events, piece.n_events);
        CU_ASSERT_EQUAL(memcmp(again.events, piece.events, piece.n_events * sizeof *piece.events),
                        0);
        CU_ASSERT_EQUAL(again.n_segments, piece.n_segments);
        CU_ASSERT_EQUAL(
            memcmp(again.segments, piece.segments, piece.n_segments * sizeof *piece.segments), 0);
        piece_fini(&again);
        piece_fini(&piece);
        score_fini(&score);
    }
}

/* Through the bytes of a MIDI file; without notes that ring over another of their pitch, which
 * MIDI's note-offs cannot tell apart. */
static void random_scores_survive_midi(void)
{
    uint64_t state = 2;
    const struct smf_options options = {0};
    for (int trial = 0; trial < 100; trial++) {
        const struct events_vocabulary v = music_vocabulary(1 + trial % 24, 8);
        struct score score;
        struct score read;
        struct smf_report report;
        struct piece again;
        unsigned char *bytes;
        size_t size;
        random_score(&state, &v);
        for (size_t i = 0; i < music.score.n_notes; i++) {
            music.notes[i].end = music.notes[i].onset + 20;
            music.notes[i].pitch = (uint8_t)(21 + i % 88);
        }
        struct piece piece = read_piece(&v, -1);
        CU_ASSERT_EQUAL_FATAL(score_from_events(&score, piece.events, piece.n_events, &v), OK);
        CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &score, trial % 2 * 60), OK);
        CU_ASSERT_EQUAL_FATAL(smf_parse(&read, &report, bytes, size, &options), OK);
        CU_ASSERT_EQUAL_FATAL(piece_from_score(&again, &read, &v, -1), OK);
        CU_ASSERT_EQUAL_FATAL(again.n_events, piece.n_events);
        CU_ASSERT_EQUAL(memcmp(again.events, piece.events, piece.n_events * sizeof *piece.events),
                        0);
        piece_fini(&again);
        piece_fini(&piece);
        score_fini(&read);
        score_fini(&score);
        free(bytes);
    }
}

static void phase_is_taken_out(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct piece still = {0};
    for (int shift = 0; shift <= 54; shift += 9) {
        music_init(&music, 480);
        music_tempo(&music, 0, 500000);
        for (int i = 0; i < 64; i++) {
            const int swing = i % 2 ? 10 : -10; /* takes the last shift over half a step */
            music_note(&music, 1920 + 240 * i + shift + (shift ? swing : 0), 200, 60 + i % 7, 80);
        }
        struct piece piece = read_piece(&v, -1);
        CU_ASSERT_DOUBLE_EQUAL((double)piece.phase, shift / 120.0, 1e-6);
        CU_ASSERT(piece.concentration > 0.8F);
        if (shift == 0) {
            still = piece;
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(piece.n_events, still.n_events);
        CU_ASSERT_EQUAL(memcmp(piece.events, still.events, 4 * still.n_events), 0);
        piece_fini(&piece);
    }
    piece_fini(&still);
}

static void performances_are_read_in_seconds(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    uint64_t state = 9;
    int64_t tick = 0;
    music_init(&music, 480);
    music_tempo(&music, 0, 1000000); /* 60 bpm: 8 grid steps a quarter */
    music_signature(&music, 0, 3, 4);
    for (int i = 0; i < 300; i++) {
        music_note(&music, tick, 480, 60 + i % 12, 80);
        tick += 97 + music_random(&state, 400);
    }
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_TRUE(piece.off_grid);
    CU_ASSERT(piece.concentration < 0.6F);
    CU_ASSERT_EQUAL(piece.phase, 0.0F);
    CU_ASSERT_TRUE(piece.tempo_declared && piece.tempo_single);
    CU_ASSERT_EQUAL(piece.tempo_microseconds, 1000000);
    int bar = -1;
    size_t note = 0;
    for (size_t i = 0; i < piece.n_events; i++) {
        const struct event *event = &piece.events[i];
        if (event->position == EVENTS_BAR) {
            CU_ASSERT_EQUAL(event->pitch, EVENTS_TEMPO_UNKNOWN);
            CU_ASSERT_EQUAL(bar_signature(&piece, &v, ++bar), 404);
            continue;
        }
        const double step = (double)music.notes[note++].onset / 480 * 8;
        CU_ASSERT_EQUAL(bar * 16 + event->position, (int)floor(step + 0.5));
        CU_ASSERT_EQUAL(v.duration_steps[event->duration], 8);
    }
    CU_ASSERT_EQUAL(note, 300);
    CU_ASSERT(isnan(piece.segments[0].attributes[ATTRIBUTE_TEMPO]));
    CU_ASSERT_FALSE(isnan(piece.segments[0].attributes[ATTRIBUTE_NOTE_RATE]));
    piece_fini(&piece);
}

static void triplets_stay_on_the_beat(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    music_init(&music, 480);
    music_tempo(&music, 0, 400000);
    for (int i = 0; i < 96; i++) music_note(&music, 160 * i, 160, 60 + i % 7, 80);
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_FALSE(piece.off_grid);
    CU_ASSERT(piece.concentration < 0.6F);
    CU_ASSERT_EQUAL(piece.events[0].pitch, events_tempo_symbol(150.0));
    CU_ASSERT_EQUAL(music_n_bars(piece.events, piece.n_events), 8);
    piece_fini(&piece);
}

static void smpte_is_read_in_seconds(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    music_init(&music, 500); /* 1000 ticks a second */
    music.score.seconds = true;
    music_tempo(&music, 0, 123456);
    for (int i = 0; i < 16; i++) music_note(&music, 500 * i, 250, 60, 80);
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_TRUE(piece.off_grid);
    CU_ASSERT_EQUAL(music_n_bars(piece.events, piece.n_events), 4);
    CU_ASSERT_EQUAL(piece.events[0].pitch, EVENTS_TEMPO_UNKNOWN);
    CU_ASSERT_EQUAL(piece.events[2].position, 4);
    CU_ASSERT_EQUAL(piece.events[2].duration, 1);
    piece_fini(&piece);
}

static void tempo_is_averaged_over_a_bar(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    music_init(&music, 480);
    music_tempo(&music, 0, 500000);
    music_tempo(&music, 480 * 2, 1000000); /* two quarters of 120, two of 60: 80 on average */
    music_tempo(&music, 480 * 4, 250000);
    for (int i = 0; i < 8; i++) music_note(&music, 480 * i, 480, 60, 80);
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_EQUAL(piece.events[0].pitch, events_tempo_symbol(80.0));
    CU_ASSERT_EQUAL(piece.events[5].pitch, events_tempo_symbol(240.0));
    CU_ASSERT_TRUE(piece.tempo_declared);
    CU_ASSERT_FALSE(piece.tempo_single);
    CU_ASSERT_EQUAL(piece.tempo_microseconds, 0);
    const float rate = piece.segments[0].attributes[ATTRIBUTE_NOTE_RATE];
    CU_ASSERT_DOUBLE_EQUAL((double)rate, log(8 / 4.0), 0.03);
    piece_forget_tempo(&piece);
    CU_ASSERT_EQUAL(piece.events[5].pitch, EVENTS_TEMPO_UNKNOWN);
    CU_ASSERT_EQUAL(piece.events[6].pitch, 60);
    CU_ASSERT(isnan(piece.segments[0].attributes[ATTRIBUTE_TEMPO]));
    CU_ASSERT_EQUAL(piece.segments[0].attributes[ATTRIBUTE_NOTE_RATE], rate);
    piece_fini(&piece);
}

static void undeclared_tempo_is_unknown(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct score score;
    music_init(&music, 480);
    for (int i = 0; i < 8; i++) music_note(&music, 480 * i, 480, 60, 80);
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_FALSE(piece.tempo_declared || piece.tempo_single || piece.off_grid);
    CU_ASSERT_EQUAL(piece.events[0].pitch, EVENTS_TEMPO_UNKNOWN);
    CU_ASSERT_DOUBLE_EQUAL((double)piece.segments[0].attributes[ATTRIBUTE_NOTE_RATE], log(2.0),
                           1e-6);
    CU_ASSERT_EQUAL_FATAL(score_from_events(&score, piece.events, piece.n_events, &v), OK);
    CU_ASSERT_EQUAL(score.n_tempi, 0);
    CU_ASSERT_EQUAL(score.n_signatures, 1);
    score_fini(&score);
    piece_fini(&piece);
}

static void signatures_reach_the_events(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    music_init(&music, 480);
    music_signature(&music, 0, 1, 4);
    music_signature(&music, 480 * 6, 3, 4);
    music_signature(&music, 480 * 9, 6, 8);
    for (int i = 0; i < 15; i++) music_note(&music, 480 * i, 480, 60, 80);
    struct piece piece = read_piece(&v, -1);
    const int expected[] = {404, 204, 304, 608, 608, 0};
    for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(bar_signature(&piece, &v, i), expected[i]);
    piece_fini(&piece);
}

static void a_last_upbeat_survives(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct score score;
    struct piece piece;
    const struct event events[] = {
        music_bar(&v, 20, 4, 4), {0, 60, 3, 80}, music_bar(&v, 20, 1, 4), {2, 60, 3, 80}};
    CU_ASSERT_EQUAL_FATAL(score_from_events(&score, events, 4, &v), OK);
    CU_ASSERT_EQUAL(score.end, 5 * 480); /* of the bar, not of its note */
    CU_ASSERT_EQUAL_FATAL(piece_from_score(&piece, &score, &v, -1), OK);
    CU_ASSERT_EQUAL_FATAL(piece.n_events, 4);
    CU_ASSERT_EQUAL(memcmp(piece.events, events, sizeof events), 0);
    piece_fini(&piece);
    score_fini(&score);
}

static void silence_is_bounded(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 16);
    music_init(&music, 480);
    music_note(&music, 1920 * 5, 480, 60, 80);        /* five empty bars before */
    music_note(&music, 1920 * 14, 480, 60, 80);       /* eight between */
    music_note(&music, 1920 * 25 + 480, 480, 60, 80); /* ten */
    music_note(&music, (int64_t)1 << 39, 480, 60, 80);
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_EQUAL(music_n_bars(piece.events, piece.n_events), 4 + 3 * EVENTS_MAX_SILENCE);
    CU_ASSERT_EQUAL(piece.events[1].position, 0);
    CU_ASSERT_EQUAL(piece.events[piece.n_events - 11].position, 4);
    piece_fini(&piece);
}

static void notes_on_one_place_merge(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    music_init(&music, 480);
    music_note(&music, 0, 480, 60, 50);
    music_note(&music, 3, 960, 60, 40);
    music_note(&music, 5, 100, 60, 90);
    music_note(&music, 0, 100, 62, 90);
    music_note(&music, 0, 100, 20, 90);
    music_note(&music, 0, 100, 109, 90);
    music_note(&music, 0, 100, 64, 90);
    music.notes[6].channel = 9;
    music_note(&music, 0, 100, 66, 90);
    music.notes[7].track = 3;
    struct piece piece = read_piece(&v, -1);
    CU_ASSERT_EQUAL_FATAL(piece.n_events, 4);
    const struct event merged = {0, 60, 7, 90};
    CU_ASSERT_EQUAL(memcmp(&piece.events[1], &merged, sizeof merged), 0);
    piece_fini(&piece);
    piece = read_piece(&v, 3);
    CU_ASSERT_EQUAL_FATAL(piece.n_events, 2);
    CU_ASSERT_EQUAL(piece.events[1].pitch, 66);
    piece_fini(&piece);
}

static void refuses_scores_without_music(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct piece piece;
    music_init(&music, 480);
    CU_ASSERT_EQUAL(piece_from_score(&piece, &music.score, &v, -1), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "no pitched notes");
    CU_ASSERT_PTR_NULL(piece.events);
    music_note(&music, 0, 480, 60, 80);
    CU_ASSERT_EQUAL(piece_from_score(&piece, &music.score, &v, 1), FAILED);
    music_note(&music, INT64_MAX - 10, 10, 60, 80);
    CU_ASSERT_EQUAL(piece_from_score(&piece, &music.score, &v, -1), FAILED);
    music.notes[1] = music.notes[0];
    music.notes[1].onset = -1;
    CU_ASSERT_EQUAL(piece_from_score(&piece, &music.score, &v, -1), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "note from tick -1 to 480: want 0 to 1099511627776");
}

static void faults_fail_cleanly(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    struct piece piece;
    struct score score;
    uint64_t state = 4;
    random_score(&state, &v);
    music_tempo(&music, 1 << 20, 500000);
    long k = 1;
    for (;; k++) {
        status_fault_set(k);
        const enum status status = piece_from_score(&piece, &music.score, &v, -1);
        if (status == OK) break;
        CU_ASSERT_NSTRING_EQUAL(status_message(), "no memory", 9);
        CU_ASSERT_PTR_NULL(piece.events);
    }
    CU_ASSERT_EQUAL(k, 8);
    for (k = 1; k <= 3; k++) {
        status_fault_set(k);
        CU_ASSERT_EQUAL(score_from_events(&score, piece.events, piece.n_events, &v), FAILED);
        CU_ASSERT_PTR_NULL(score.notes);
    }
    status_fault_set(0);
    piece_fini(&piece);
}

const char *const suite_name = "events";
const struct suite_test suite_tests[] = {
    {"random scores survive", random_scores_survive},
    {"random scores survive MIDI", random_scores_survive_midi},
    {"phase is taken out", phase_is_taken_out},
    {"performances are read in seconds", performances_are_read_in_seconds},
    {"triplets stay on the beat", triplets_stay_on_the_beat},
    {"SMPTE is read in seconds", smpte_is_read_in_seconds},
    {"tempo is averaged over a bar", tempo_is_averaged_over_a_bar},
    {"undeclared tempo is unknown", undeclared_tempo_is_unknown},
    {"signatures reach the events", signatures_reach_the_events},
    {"a last upbeat survives", a_last_upbeat_survives},
    {"silence is bounded", silence_is_bounded},
    {"notes on one place merge", notes_on_one_place_merge},
    {"refuses scores without music", refuses_scores_without_music},
    {"faults fail cleanly", faults_fail_cleanly},
    {NULL, NULL},
};
