/* Events -> score. */
#include "events.h"

#include <math.h>

enum { DIVISION = 480 };

/* Where in the score the next event goes. */
struct writer {
    struct score *score;
    const struct events_vocabulary *vocabulary;
    int64_t start; /* of the current bar, grid steps */
    int tempo;     /* symbol in force */
    int signature; /* symbol in force, or -1 */
};

static int64_t step_tick(const struct writer *writer, int64_t step)
{
    const int64_t grid = writer->vocabulary->settings.grid;
    return (2 * step * DIVISION + grid) / (2 * grid);
}

static void write_bar(struct writer *writer, const struct event *event)
{
    struct score *score = writer->score;
    const int64_t tick = step_tick(writer, writer->start);
    if (event->pitch != writer->tempo)
        score->tempi[score->n_tempi++] =
            (struct score_tempo){tick, (uint32_t)lround(60e6 / events_tempo_bpm(event->pitch))};
    writer->tempo = event->pitch;
    if (event->duration != writer->signature)
        score->signatures[score->n_signatures++] = (struct score_signature){
            tick,
            writer->vocabulary->numerator[event->duration],
            writer->vocabulary->denominator[event->duration],
        };
    writer->signature = event->duration;
}

static void write_note(struct writer *writer, const struct event *event)
{
    struct score *score = writer->score;
    const int64_t step = writer->start + event->position;
    score->notes[score->n_notes++] = (struct score_note){
        .onset = step_tick(writer, step),
        .end = step_tick(writer, step + writer->vocabulary->duration_steps[event->duration]),
        .pitch = event->pitch,
        .velocity = event->velocity,
    };
}

/* A signature of numerator 1 counts for one bar only, so a last bar of that kind needs an end. */
static void close_upbeat(struct writer *writer)
{
    struct score *score = writer->score;
    if (writer->vocabulary->numerator[writer->signature] != 1) return;
    score->signatures[score->n_signatures++] =
        (struct score_signature){step_tick(writer, writer->start), 4, 4};
}

static void write_all(struct writer *writer, const struct event *events, size_t n_events)
{
    int64_t next = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].position != EVENTS_BAR) {
            write_note(writer, &events[i]);
            continue;
        }
        writer->start = next;
        next += writer->vocabulary->bar_steps[events[i].duration];
        write_bar(writer, &events[i]);
    }
    writer->start = next;
    writer->score->end = step_tick(writer, next);
    close_upbeat(writer);
}

enum status score_from_events(struct score *score, const struct event *events, size_t n_events,
                              const struct events_vocabulary *vocabulary)
{
    enum status status = OK;
    *score = (struct score){.division = DIVISION};
    TRY(events_validate(events, n_events, vocabulary));
    size_t n_bars = 0;
    for (size_t i = 0; i < n_events; i++) n_bars += events[i].position == EVENTS_BAR;
    const size_t n_signatures = n_bars + 1;
    score->notes = status_fault() ? NULL : malloc((n_events - n_bars + 1) * sizeof *score->notes);
    score->tempi = status_fault() ? NULL : malloc((n_bars + 1) * sizeof *score->tempi);
    score->signatures = status_fault() ? NULL : malloc(n_signatures * sizeof *score->signatures);
    if (!score->notes || !score->tempi || !score->signatures)
        FAIL(FAILED, "no memory for a score of %zu events", n_events);
    struct writer writer = {score, vocabulary, 0, EVENTS_TEMPO_UNKNOWN, -1};
    write_all(&writer, events, n_events);
done:
    if (status != OK) score_fini(score);
    return status;
}
