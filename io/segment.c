/* Segments: runs of bars of bounded size, their tonic and their attributes. */
#include "events.h"
#include "tonic.h"

#include <math.h>
#include <string.h>

const char *const attribute_names[N_ATTRIBUTES] = {
    "rhythm_density", "note_density", "note_rate",   "tempo",    "note_length",
    "velocity",       "polyphony",    "mode_margin", "register", "pitch_spread",
};

/* Sums over a run of events. */
struct tally {
    int64_t bars, steps, notes, onsets;
    int64_t velocity, pitch, pitch_squares;
    int64_t weights[12];        /* grid steps sounded a pitch class */
    double seconds;             /* of the bars */
    double sounded;             /* seconds, summed over notes */
    double quarters_with_tempo; /* of the bars whose tempo is known */
    double seconds_with_tempo;
};

static void tally_bar(struct tally *tally, const struct event *event, int steps, int grid,
                      double step_seconds)
{
    tally->bars++;
    tally->steps += steps;
    tally->seconds += steps * step_seconds;
    if (event->pitch == EVENTS_TEMPO_UNKNOWN) return;
    tally->quarters_with_tempo += (double)steps / grid;
    tally->seconds_with_tempo += steps * step_seconds;
}

static void tally_note(struct tally *tally, const struct event *event, int steps,
                       double step_seconds)
{
    tally->notes++;
    tally->velocity += event->velocity;
    tally->pitch += event->pitch;
    tally->pitch_squares += event->pitch * event->pitch;
    tally->weights[event->pitch % 12] += steps;
    tally->sounded += steps * step_seconds;
}

static void tally_events(struct tally *tally, const struct event *events, size_t n_events,
                         const struct events_vocabulary *vocabulary, double unknown_seconds)
{
    const int grid = vocabulary->settings.grid;
    double step_seconds = 0.0;
    for (size_t i = 0; i < n_events; i++) {
        const struct event *event = &events[i];
        if (event->position == EVENTS_BAR) {
            const bool unknown = event->pitch == EVENTS_TEMPO_UNKNOWN;
            step_seconds = unknown ? unknown_seconds : 60.0 / events_tempo_bpm(event->pitch);
            step_seconds /= grid;
            tally_bar(tally, event, vocabulary->bar_steps[event->duration], grid, step_seconds);
            continue;
        }
        tally_note(tally, event, vocabulary->duration_steps[event->duration], step_seconds);
        tally->onsets += event->position != events[i - 1].position;
    }
}

static int first_pitch(const struct event *events, size_t n_events)
{
    for (size_t i = 0; i < n_events; i++)
        if (events[i].position != EVENTS_BAR) return events[i].pitch;
    return 0;
}

static void fill_attributes(struct segment *segment, const struct tally *tally,
                            const struct tonic *tonic)
{
    const double notes = (double)tally->notes;
    const double pitch = (double)tally->pitch / notes;
    const int64_t variance = tally->notes * tally->pitch_squares - tally->pitch * tally->pitch;
    float *to = segment->attributes;
    to[ATTRIBUTE_RHYTHM_DENSITY] = (float)((double)tally->onsets / (double)tally->steps);
    to[ATTRIBUTE_NOTE_DENSITY] = (float)(notes / (double)tally->bars);
    to[ATTRIBUTE_NOTE_RATE] = (float)log(notes / tally->seconds);
    if (tally->seconds_with_tempo > 0.0)
        to[ATTRIBUTE_TEMPO] =
            (float)log(60.0 * tally->quarters_with_tempo / tally->seconds_with_tempo);
    to[ATTRIBUTE_NOTE_LENGTH] = (float)log(tally->sounded / notes);
    to[ATTRIBUTE_VELOCITY] = (float)((double)tally->velocity / notes);
    to[ATTRIBUTE_POLYPHONY] = (float)(notes / (double)tally->onsets);
    to[ATTRIBUTE_MODE_MARGIN] = (float)(tonic->major - tonic->minor);
    to[ATTRIBUTE_REGISTER] = (float)(pitch - segment->tonic);
    to[ATTRIBUTE_PITCH_SPREAD] = (float)(sqrt((double)variance) / notes);
}

void segment_measure(struct segment *segment, const struct event *events,
                     const struct events_vocabulary *vocabulary, double seconds_a_quarter)
{
    const double seconds = seconds_a_quarter > 0.0 ? seconds_a_quarter : 0.5;
    struct tally tally = {0};
    struct tonic tonic;
    tally_events(&tally, events, segment->count, vocabulary, seconds);
    for (int i = 0; i < N_ATTRIBUTES; i++) segment->attributes[i] = NAN;
    segment->tonic = 0;
    if (tally.notes == 0) return;
    tonic_estimate(&tonic, tally.weights, first_pitch(events, segment->count) % 12);
    segment->tonic = (int8_t)tonic_signed(tonic.root);
    fill_attributes(segment, &tally, &tonic);
}

/* The order in which a bar that is too full gives up its notes: quiet first, then short. */
enum { N_LOUDNESS = 128 * EVENTS_MAX_DURATIONS };

static int loudness(const struct event *note)
{
    return note->velocity * EVENTS_MAX_DURATIONS + note->duration;
}

/* Keeps the `room` loudest of n notes, in order; of equals the first. */
static void thin_notes(struct event *to, const struct event *notes, size_t n, size_t room)
{
    uint16_t counts[N_LOUDNESS] = {0};
    for (size_t i = 0; i < n; i++) counts[loudness(&notes[i])]++;
    int threshold = N_LOUDNESS - 1;
    size_t left = room; /* for the notes as loud as the threshold */
    while (counts[threshold] < left) left -= counts[threshold--];
    for (size_t i = 0; i < n; i++) {
        const int value = loudness(&notes[i]);
        if (value < threshold || (value == threshold && left == 0)) continue;
        left -= value == threshold;
        *to++ = notes[i];
    }
}

/* The end of the bar that starts at `first`. */
static size_t bar_end(const struct event *events, size_t n_events, size_t first)
{
    size_t end = first + 1;
    while (end < n_events && events[end].position != EVENTS_BAR) end++;
    return end;
}

/* Thins every bar that alone exceeds a segment; returns the number of bars. */
static size_t thin_bars(struct piece *piece)
{
    const size_t room = EVENTS_SEGMENT_EVENTS - 1;
    struct event *events = piece->events;
    size_t n_bars = 0;
    size_t n = 0;
    for (size_t first = 0, end; first < piece->n_events; first = end, n_bars++) {
        end = bar_end(events, piece->n_events, first);
        const size_t notes = end - first - 1;
        events[n] = events[first];
        if (notes > room)
            thin_notes(&events[n + 1], &events[first + 1], notes, room);
        else
            memmove(&events[n + 1], &events[first + 1], notes * sizeof *events);
        n += 1 + (notes > room ? room : notes);
    }
    piece->n_events = n;
    return n_bars;
}

/* The cutting of a piece: segments are packed towards the front of its events. */
struct cutter {
    struct piece *piece;
    const struct events_vocabulary *vocabulary;
    const size_t *starts; /* (n_bars + 1) first event of each bar */
    size_t n_events;      /* packed so far */
};

static void add_segment(struct cutter *cutter, size_t bar, size_t end_bar)
{
    struct piece *piece = cutter->piece;
    const size_t count = cutter->starts[end_bar] - cutter->starts[bar];
    if (count == end_bar - bar) return; /* nothing but silence */
    struct segment *segment = &piece->segments[piece->n_segments++];
    struct event *events = piece->events + cutter->n_events;
    memmove(events, piece->events + cutter->starts[bar], count * sizeof *events);
    *segment = (struct segment){
        .first = (uint32_t)cutter->n_events,
        .count = (uint32_t)count,
        .bars = (uint16_t)(end_bar - bar),
    };
    segment_measure(segment, events, cutter->vocabulary, 0.0);
    cutter->n_events += count;
}

/* One segment, or two halves (and so on) of a run that holds too many events. */
static void cut_run(struct cutter *cutter, size_t bar, size_t end_bar)
{
    if (cutter->starts[end_bar] - cutter->starts[bar] <= EVENTS_SEGMENT_EVENTS) {
        add_segment(cutter, bar, end_bar);
        return;
    }
    const size_t middle = bar + (end_bar - bar + 1) / 2;
    cut_run(cutter, bar, middle);
    cut_run(cutter, middle, end_bar);
}

static void cut_piece(struct piece *piece, const struct events_vocabulary *vocabulary,
                      const size_t *starts, size_t n_bars)
{
    struct cutter cutter = {piece, vocabulary, starts, 0};
    const size_t bars = (size_t)vocabulary->settings.bars;
    for (size_t bar = 0; bar < n_bars; bar += bars)
        cut_run(&cutter, bar, n_bars - bar < bars ? n_bars : bar + bars);
    piece->n_events = cutter.n_events;
}

enum status piece_segment(struct piece *piece, const struct events_vocabulary *vocabulary)
{
    enum status status = OK;
    size_t *starts = NULL;
    free(piece->segments);
    piece->segments = NULL;
    piece->n_segments = 0;
    TRY(events_validate(piece->events, piece->n_events, vocabulary));
    if (piece->n_events > UINT32_MAX) FAIL(FAILED, "%zu events a piece", piece->n_events);
    const size_t n_bars = thin_bars(piece);
    if (n_bars == piece->n_events) FAIL(FAILED, "no notes in %zu bars", n_bars);
    starts = status_fault() ? NULL : malloc((n_bars + 1) * sizeof *starts);
    if (!starts) FAIL(FAILED, "no memory for %zu bars", n_bars);
    piece->segments = status_fault() ? NULL : malloc(n_bars * sizeof *piece->segments);
    if (!piece->segments) FAIL(FAILED, "no memory for %zu segments", n_bars);
    size_t n = 0;
    for (size_t i = 0; i < piece->n_events; i++)
        if (piece->events[i].position == EVENTS_BAR) starts[n++] = i;
    starts[n] = piece->n_events;
    cut_piece(piece, vocabulary, starts, n_bars);
done:
    free(starts);
    return status;
}
