/*
 * events on real music: every onset survives, corpora fall on or off the grid as they should.  The
 * archives lie beside the project; without them the suite says so and passes.
 */
#define _GNU_SOURCE
#include "grid.h"
#include "music.h"
#include "smf.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILES = 1024, MAX_SEGMENTS = 1 << 14 };

/* What is measured over one corpus. */
struct measures {
    size_t files, off_grid, notes, kept, merged, events, bars, astray, changed;
    double seconds;
    size_t n_segments;
    float concentrations[MAX_FILES];
    float counts[MAX_SEGMENTS];
};

static struct measures measures; /* too large for the stack */

/* A note where the test itself puts it. */
struct place {
    int64_t step;
    int pitch;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    if (a->step != b->step) return a->step < b->step ? -1 : 1;
    return a->pitch - b->pitch;
}

static int compare_floats(const void *left, const void *right)
{
    const float a = *(const float *)left;
    const float b = *(const float *)right;
    return (a > b) - (a < b);
}

/* The distinct places of the notes in range, each within half a step of its onset. */
static size_t expected_places(struct place *places, const struct score *score,
                              const struct piece *piece, int grid)
{
    struct tempo_map map;
    size_t n = 0;
    CU_ASSERT_EQUAL_FATAL(tempo_map_init(&map, score), OK);
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        if (note->channel == 9 || note->pitch < 21 || note->pitch > 108) continue;
        double step = (double)note->onset * ((double)grid / score->division) - (double)piece->phase;
        if (piece->off_grid) step = tempo_map_seconds(&map, (double)note->onset) * 2 * grid;
        places[n++] = (struct place){(int64_t)floor(step + 0.5), note->pitch};
    }
    tempo_map_fini(&map);
    measures.notes += n;
    qsort(places, n, sizeof *places, compare_places);
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || compare_places(&places[i], &places[i - 1])) places[distinct++] = places[i];
    measures.merged += n - distinct;
    return distinct;
}

/* Counts the events that are not where expected; silences may shorten, nothing else. */
static void compare_with_places(const struct piece *piece, const struct place *places, size_t n,
                                const struct events_vocabulary *v)
{
    int64_t start = 0;
    int64_t next = 0;
    int64_t drift = 0;
    size_t note = 0;
    for (size_t i = 0; i < piece->n_events; i++) {
        const struct event *event = &piece->events[i];
        if (event->position == EVENTS_BAR) {
            start = next;
            next += v->bar_steps[event->duration];
            continue;
        }
        CU_ASSERT_FATAL(note < n);
        const int64_t moved = places[note].step - start - event->position;
        const int64_t gap = note ? places[note].step - places[note - 1].step : INT64_MAX;
        const bool silence = gap > 8 * v->settings.grid;
        if (event->pitch != places[note].pitch || (moved != drift && !silence)) measures.astray++;
        drift = moved;
        note++;
    }
    CU_ASSERT_EQUAL(note, n);
    measures.kept += note;
}

/* Events -> MIDI bytes -> events: counts the pieces that change. */
static void write_and_read(const struct piece *piece, const struct events_vocabulary *v)
{
    const struct smf_options options = {0};
    struct score score;
    struct score read;
    struct smf_report report;
    struct piece again;
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(score_from_events(&score, piece->events, piece->n_events, v), OK);
    CU_ASSERT_EQUAL_FATAL(piece_from_score(&again, &score, v, -1), OK);
    measures.changed += again.n_events != piece->n_events ||
                        memcmp(again.events, piece->events, 4 * piece->n_events) != 0;
    piece_fini(&again);
    CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &score, 0), OK);
    CU_ASSERT_EQUAL_FATAL(smf_parse(&read, &report, bytes, size, &options), OK);
    CU_ASSERT_EQUAL(read.n_notes, score.n_notes);
    free(bytes);
    score_fini(&read);
    score_fini(&score);
}

static void measure_piece(const struct score *score, const struct events_vocabulary *v)
{
    struct piece piece;
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    const enum status status = piece_from_score(&piece, score, v, -1);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CU_ASSERT_EQUAL_FATAL(status, OK);
    measures.seconds += (double)(after.tv_sec - before.tv_sec);
    measures.seconds += 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    CU_ASSERT_EQUAL(events_validate(piece.events, piece.n_events, v), OK);
    struct place *places = malloc(score->n_notes * sizeof *places);
    CU_ASSERT_PTR_NOT_NULL_FATAL(places);
    const size_t n = expected_places(places, score, &piece, v->settings.grid);
    compare_with_places(&piece, places, n, v);
    write_and_read(&piece, v);
    free(places);
    for (size_t i = 0; i < piece.n_segments; i++) {
        CU_ASSERT_FATAL(measures.n_segments < MAX_SEGMENTS);
        measures.counts[measures.n_segments++] = (float)piece.segments[i].count;
    }
    measures.concentrations[measures.files++] = piece.concentration;
    measures.off_grid += piece.off_grid;
    measures.events += piece.n_events;
    measures.bars += music_n_bars(piece.events, piece.n_events);
    piece_fini(&piece);
}

static void measure_folder(const char *folder, const struct events_vocabulary *v)
{
    const struct smf_options options = {0};
    DIR *directory = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[8192];
        struct score score;
        struct smf_report report;
        if (!strstr(entry->d_name, ".mid")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        CU_ASSERT_EQUAL_FATAL(smf_read(&score, &report, path, &options), OK);
        measure_piece(&score, v);
        score_fini(&score);
    }
    closedir(directory);
}

/* Unpacks and measures a corpus; false, with a line that says so, when its archive is absent. */
static bool measure_corpus(const char *name, int grid)
{
    const char *archives = TEST_SOURCE_DIR "/../shared/data";
    char archive[1024];
    char folder[] = "/tmp/affekt-corpus-XXXXXX";
    char command[4096];
    const struct events_vocabulary v = music_vocabulary(grid, 8);
    memset(&measures, 0, sizeof measures);
    snprintf(archive, sizeof archive, "%s/%s.tar.xz", archives, name);
    if (access(archive, R_OK)) {
        fprintf(stderr, "SKIPPED: no %s\n", archive);
        return false;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(command, sizeof command, "tar -xJf '%s' -C %s", archive, folder);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    snprintf(command, sizeof command, "%s/%s", folder, name);
    measure_folder(access(command, R_OK) ? folder : command, &v);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_FATAL(measures.files > 0);
    qsort(measures.concentrations, measures.files, sizeof(float), compare_floats);
    qsort(measures.counts, measures.n_segments, sizeof(float), compare_floats);
    return true;
}

static double off_share(void)
{
    return (double)measures.off_grid / (double)measures.files;
}

static double median_concentration(void)
{
    return (double)measures.concentrations[measures.files / 2];
}

static void print_measures(const char *name)
{
    fprintf(stderr,
            "\n  %-12s %4zu pieces, %4.1f %% off the grid, concentration %.3f (median), %.2f %% of "
            "notes merged, %.1f events a bar, %zu segments, 99th percentile %g events, %.0f us a "
            "piece",
            name, measures.files, 100 * off_share(), median_concentration(),
            100.0 * (double)measures.merged / (double)measures.notes,
            (double)measures.events / (double)measures.bars, measures.n_segments,
            (double)measures.counts[measures.n_segments * 99 / 100],
            1e6 * measures.seconds / (double)measures.files);
}

/* Measures a corpus and checks what holds for all. */
static bool check_corpus(const char *name)
{
    if (!measure_corpus(name, 4)) return false;
    print_measures(name);
    CU_ASSERT_EQUAL(measures.astray, 0);
    CU_ASSERT_EQUAL(measures.changed, 0);
    CU_ASSERT_EQUAL(measures.kept + measures.merged, measures.notes);
    return true;
}

static void vgmidi_is_on_the_grid(void)
{
    if (!check_corpus("vgmidi")) return;
    CU_ASSERT_EQUAL(measures.files, 156);
    CU_ASSERT(off_share() < 0.05);
    CU_ASSERT(median_concentration() > 0.95);
}

static void pop909_is_on_the_grid(void)
{
    if (!check_corpus("pop909")) return;
    CU_ASSERT_EQUAL(measures.files, 909);
    CU_ASSERT(off_share() < 0.03);
    CU_ASSERT_DOUBLE_EQUAL(median_concentration(), 0.97, 0.005);
    CU_ASSERT_DOUBLE_EQUAL(measures.counts[measures.n_segments * 99 / 100], 290.0F, 20.0F);
}

static void nottingham_is_on_the_grid(void)
{
    if (!check_corpus("nottingham")) return;
    CU_ASSERT_EQUAL(measures.files, 530);
    CU_ASSERT_EQUAL(measures.off_grid, 0);
    CU_ASSERT(median_concentration() > 0.99);
}

static void moodseeds_is_off_the_grid(void)
{
    if (!check_corpus("moodseeds")) return;
    CU_ASSERT(off_share() > 0.9);
    CU_ASSERT_DOUBLE_EQUAL(median_concentration(), 0.04, 0.01);
}

static void lakh_select_is_off_the_grid(void)
{
    if (!check_corpus("lakh_select")) return;
    CU_ASSERT(off_share() > 0.85);
    CU_ASSERT_DOUBLE_EQUAL(median_concentration(), 0.02, 0.005);
}

const char *const suite_name = "events_corpora";
const struct suite_test suite_tests[] = {
    {"vgmidi is on the grid", vgmidi_is_on_the_grid},
    {"pop909 is on the grid", pop909_is_on_the_grid},
    {"nottingham is on the grid", nottingham_is_on_the_grid},
    {"moodseeds is off the grid", moodseeds_is_off_the_grid},
    {"lakh_select is off the grid", lakh_select_is_off_the_grid},
    {NULL, NULL},
};
