/* Score -> events: notes kept, put on the grid, merged, and laid out in bars. */
#include "events.h"

#include "bars.h"
#include "grid.h"
#include "merge_sort.h"

#include <math.h>
#include <string.h>

enum { DRUM_CHANNEL = 9 };

/* A note on the grid. */
struct grid_note {
    int64_t step;
    uint8_t pitch;
    uint8_t duration; /* symbol */
    uint8_t velocity;
};

/* What the steps of one reading share. */
struct reading {
    const struct score *score;
    const struct events_vocabulary *vocabulary;
    struct score_note *kept; /* (n_kept) notes inside the vocabulary */
    size_t n_kept;
    struct grid_note *notes; /* (n_notes) by (step, pitch), strictly increasing */
    size_t n_notes;
    struct tempo_map map;
    struct bars bars;
    bool tempo_known;
};

static bool is_kept(const struct score_note *note, int track)
{
    if (note->channel == DRUM_CHANNEL) return false;
    if (track >= 0 && note->track != track) return false;
    return note->pitch >= EVENTS_PITCH_LOW && note->pitch <= EVENTS_PITCH_HIGH;
}

static enum status keep_notes(struct reading *reading, int track)
{
    enum status status = OK;
    const struct score *score = reading->score;
    for (size_t i = 0; i < score->n_notes; i++) reading->n_kept += is_kept(&score->notes[i], track);
    if (reading->n_kept == 0) FAIL(FAILED, "no pitched notes");
    reading->kept = status_fault() ? NULL : malloc(reading->n_kept * sizeof *reading->kept);
    if (!reading->kept) FAIL(FAILED, "no memory for %zu notes", reading->n_kept);
    reading->n_kept = 0;
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        if (!is_kept(note, track)) continue;
        if (note->onset < 0 || note->end > GRID_MAX_TICK)
            FAIL(FAILED, "note from tick %lld to %lld: want 0 to %lld", (long long)note->onset,
                 (long long)note->end, (long long)GRID_MAX_TICK);
        reading->kept[reading->n_kept++] = *note;
    }
done:
    return status;
}

/* By (step, pitch). */
static bool note_before(const void *left, const void *right, const void *context)
{
    const struct grid_note *a = left;
    const struct grid_note *b = right;
    (void)context;
    return a->step < b->step || (a->step == b->step && a->pitch < b->pitch);
}

/* Of notes on one step and pitch: the longest duration, the loudest velocity. */
static void merge_notes(struct reading *reading)
{
    size_t n = 0;
    for (size_t i = 0; i < reading->n_notes; i++) {
        const struct grid_note *note = &reading->notes[i];
        struct grid_note *latest = n ? &reading->notes[n - 1] : NULL;
        if (!latest || note_before(latest, note, NULL)) {
            reading->notes[n++] = *note;
            continue;
        }
        if (note->duration > latest->duration) latest->duration = note->duration;
        if (note->velocity > latest->velocity) latest->velocity = note->velocity;
    }
    reading->n_notes = n;
}

static enum status place_notes(struct reading *reading, const struct grid *grid)
{
    const size_t n = reading->n_kept;
    reading->notes = status_fault() ? NULL : malloc(2 * n * sizeof *reading->notes);
    if (!reading->notes) return status_fail(FAILED, "no memory for %zu notes", n);
    for (size_t i = 0; i < n; i++) {
        const struct score_note *note = &reading->kept[i];
        const int64_t length = grid_length(grid, note->onset, note->end);
        reading->notes[i] = (struct grid_note){
            .step = grid_step(grid, note->onset),
            .pitch = note->pitch,
            .duration = (uint8_t)events_duration_symbol(reading->vocabulary, length),
            .velocity = note->velocity,
        };
    }
    reading->n_notes = n;
    merge_sort(reading->notes, n, sizeof *reading->notes, note_before, NULL, reading->notes + n);
    merge_notes(reading);
    return OK;
}

/* The tempo at which the bar lasts as long as in the file, whatever happens inside it. */
static int bar_tempo(const struct reading *reading, const struct bar *bar)
{
    if (!reading->tempo_known) return EVENTS_TEMPO_UNKNOWN;
    const double grid = reading->vocabulary->settings.grid;
    const double step_ticks = reading->score->division / grid;
    const double start = tempo_map_seconds(&reading->map, (double)bar->start * step_ticks);
    const double end =
        tempo_map_seconds(&reading->map, (double)(bar->start + bar->steps) * step_ticks);
    return events_tempo_symbol(60.0 * bar->steps / grid / (end - start));
}

/* Counts events, and writes them unless `events` is NULL. */
struct sink {
    struct event *events;
    size_t n;
};

static void emit_bar(struct sink *sink, const struct reading *reading, const struct bar *bar)
{
    if (sink->events)
        sink->events[sink->n] = (struct event){
            .position = EVENTS_BAR,
            .pitch = (uint8_t)bar_tempo(reading, bar),
            .duration = (uint8_t)bar->symbol,
        };
    sink->n++;
}

/* Emits the bars after `bar` up to the one that holds `step`, which becomes `bar`. */
static void emit_bars_until(struct sink *sink, const struct reading *reading, struct bar *bar,
                            int64_t step)
{
    int silent = 0;
    *bar = bars_find(&reading->bars, bar->start + bar->steps);
    for (; step >= bar->start + bar->steps && silent < EVENTS_MAX_SILENCE; silent++) {
        emit_bar(sink, reading, bar);
        *bar = bars_find(&reading->bars, bar->start + bar->steps);
    }
    *bar = bars_find(&reading->bars, step);
    emit_bar(sink, reading, bar);
}

static void emit_all(struct sink *sink, const struct reading *reading)
{
    struct bar bar = bars_find(&reading->bars, reading->notes[0].step);
    emit_bar(sink, reading, &bar);
    for (size_t i = 0; i < reading->n_notes; i++) {
        const struct grid_note *note = &reading->notes[i];
        if (note->step >= bar.start + bar.steps) emit_bars_until(sink, reading, &bar, note->step);
        if (sink->events)
            sink->events[sink->n] = (struct event){
                .position = (uint8_t)(note->step - bar.start),
                .pitch = note->pitch,
                .duration = note->duration,
                .velocity = note->velocity,
            };
        sink->n++;
    }
}

static enum status write_events(struct piece *piece, const struct reading *reading)
{
    struct sink sink = {NULL, 0};
    emit_all(&sink, reading);
    sink.events = status_fault() ? NULL : malloc(sink.n * sizeof *sink.events);
    if (!sink.events) return status_fail(FAILED, "no memory for %zu events", sink.n);
    sink.n = 0;
    emit_all(&sink, reading);
    piece->events = sink.events;
    piece->n_events = sink.n;
    return OK;
}

static void describe_tempo(struct piece *piece, const struct score *score)
{
    piece->tempo_declared = score->n_tempi > 0;
    piece->tempo_single = piece->tempo_declared;
    for (size_t i = 1; i < score->n_tempi; i++)
        piece->tempo_single &= score->tempi[i].microseconds == score->tempi[0].microseconds;
    if (piece->tempo_single) piece->tempo_microseconds = score->tempi[0].microseconds;
}

/*
 * Chooses the piece's clock: musical ticks on the grid, seconds off it.  Triplets fall between the
 * steps of a grid of 4 without leaving the beat, so a grid of 12 is asked before giving up.
 */
static void choose_grid(struct grid *grid, struct piece *piece, const struct reading *reading)
{
    const struct score *score = reading->score;
    const int steps = reading->vocabulary->settings.grid;
    double phase;
    double own;
    grid_phase(&phase, &own, reading->kept, reading->n_kept, score->division, steps);
    double best = own;
    if (own < GRID_CONCENTRATION) {
        grid_phase(&phase, &best, reading->kept, reading->n_kept, score->division, GRID_TRIPLETS);
        phase *= (double)steps / GRID_TRIPLETS;
    }
    piece->off_grid = score->seconds || best < GRID_CONCENTRATION;
    piece->phase = piece->off_grid ? 0.0F : (float)phase;
    piece->concentration = (float)own;
    /* as reported, in single precision: the phase in the piece explains every rounding */
    *grid = (struct grid){.scale = (double)steps / score->division, .phase = (double)piece->phase};
    if (piece->off_grid) *grid = (struct grid){.map = &reading->map, .scale = 2.0 * steps};
}

enum status piece_from_score(struct piece *piece, const struct score *score,
                             const struct events_vocabulary *vocabulary, int track)
{
    enum status status = OK;
    struct reading reading = {.score = score, .vocabulary = vocabulary};
    struct grid grid;
    memset(piece, 0, sizeof *piece);
    TRY(keep_notes(&reading, track));
    TRY(tempo_map_init(&reading.map, score));
    describe_tempo(piece, score);
    choose_grid(&grid, piece, &reading);
    reading.tempo_known = piece->tempo_declared && !piece->off_grid;
    TRY(place_notes(&reading, &grid));
    TRY(bars_init(&reading.bars, score, vocabulary, piece->off_grid));
    TRY(write_events(piece, &reading));
    TRY(piece_segment(piece, vocabulary));
done:
    if (status != OK) piece_fini(piece);
    bars_fini(&reading.bars);
    tempo_map_fini(&reading.map);
    free(reading.notes);
    free(reading.kept);
    return status;
}

void piece_forget_tempo(struct piece *piece)
{
    for (size_t i = 0; i < piece->n_events; i++)
        if (piece->events[i].position == EVENTS_BAR) piece->events[i].pitch = EVENTS_TEMPO_UNKNOWN;
    for (size_t i = 0; i < piece->n_segments; i++)
        piece->segments[i].attributes[ATTRIBUTE_TEMPO] = NAN;
}

void piece_fini(struct piece *piece)
{
    free(piece->events);
    free(piece->segments);
    memset(piece, 0, sizeof *piece);
}
