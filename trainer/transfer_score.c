/* Scores on another score's bars. */
#include "transfer_score.h"

#include "written.h"

#include <math.h>
#include <stdlib.h>

enum {
    DIVISION = 480,        /* off the grid, where a quarter note is half a second */
    LEAST_DIVISION = 96,   /* room for the finest grid's steps */
    MOST_DIVISION = 32767, /* a file's limit */
    DEFAULT_TEMPO = 500000,
    MOST_TEMPO = 0xffffff, /* microseconds, a file's limit */
};

bool transfer_keeps_tempo(const struct transfer_layout *layout)
{
    return !layout->piece->off_grid && layout->score->n_tempi > 0;
}

/* The least factor of the division that makes it fine enough and, where one does, grid steps
 * whole. */
static uint32_t choose_factor(const struct transfer_layout *layout)
{
    const uint32_t division = layout->score->division;
    const uint32_t grid = (uint32_t)layout->vocabulary->settings.grid;
    const uint32_t least = (LEAST_DIVISION + division - 1) / division;
    for (uint32_t k = least; k < least + grid && k * division <= MOST_DIVISION; k++)
        if (k * division % grid == 0) return k;
    return least;
}

static int64_t step_tick(const struct score *score, const struct transfer_layout *layout,
                         int64_t step)
{
    const int64_t grid = layout->vocabulary->settings.grid;
    return (2 * step * score->division + grid) / (2 * grid);
}

static uint32_t scaled(uint32_t microseconds, double tempo_ratio)
{
    const double value = round(microseconds / tempo_ratio);
    return (uint32_t)fmin(fmax(value, 1), MOST_TEMPO);
}

/* Tempi and signatures of the layout's score, `factor` times as many ticks apart. */
static void carry_over(struct score *score, const struct transfer_layout *layout, uint32_t factor)
{
    const struct score *from = layout->score;
    if (transfer_keeps_tempo(layout) && from->tempi[0].tick > 0 && layout->tempo_ratio != 1)
        score->tempi[score->n_tempi++] =
            (struct score_tempo){0, scaled(DEFAULT_TEMPO, layout->tempo_ratio)};
    for (size_t i = 0; transfer_keeps_tempo(layout) && i < from->n_tempi; i++)
        score->tempi[score->n_tempi++] = (struct score_tempo){
            from->tempi[i].tick * factor, scaled(from->tempi[i].microseconds, layout->tempo_ratio)};
    for (size_t i = 0; !layout->piece->off_grid && i < from->n_signatures; i++) {
        score->signatures[i] = from->signatures[i];
        score->signatures[i].tick *= factor;
        score->n_signatures++;
    }
}

static void place_notes(struct score *score, const struct transfer_layout *layout,
                        const struct event *events, size_t n_events)
{
    const struct bar *bar = NULL;
    size_t n_bars = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].position == EVENTS_BAR) {
            ASSERT(n_bars < layout->bars->n);
            bar = &layout->bars->bars[n_bars++];
            continue;
        }
        const int64_t step = bar->start + events[i].position;
        const int64_t end = step + layout->vocabulary->duration_steps[events[i].duration];
        score->notes[score->n_notes++] =
            (struct score_note){.onset = step_tick(score, layout, step),
                                .end = step_tick(score, layout, end),
                                .pitch = events[i].pitch,
                                .velocity = events[i].velocity};
    }
    ASSERT(n_bars == layout->bars->n);
    score->end = step_tick(score, layout, bar->start + bar->steps);
}

enum status transfer_score(struct score *score, const struct transfer_layout *layout,
                           const struct event *events, size_t n_events)
{
    enum status status = OK;
    const bool off = layout->piece->off_grid;
    const uint32_t factor = off ? 1 : choose_factor(layout);
    *score = (struct score){.division = off ? DIVISION : factor * layout->score->division};
    if (!status_fault()) {
        score->notes = malloc((n_events + 1) * sizeof *score->notes);
        score->tempi = malloc((layout->score->n_tempi + 1) * sizeof *score->tempi);
        score->signatures = malloc((layout->score->n_signatures + 1) * sizeof *score->signatures);
    }
    if (!score->notes || !score->tempi || !score->signatures)
        FAIL(FAILED, "no memory for a score of %zu events", n_events);
    carry_over(score, layout, factor);
    place_notes(score, layout, events, n_events);
    written_cut_notes(score);
done:
    if (status != OK) score_fini(score);
    return status;
}
