/* Scores on another score's bars. */
#include "transfer_score.h"

#include "tempo_map.h"
#include "written.h"

#include <math.h>
#include <stdlib.h>

enum {
    STEP_TICKS = 4,        /* a grid step has at least that many */
    MOST_DIVISION = 32767, /* a file's limit */
    DEFAULT_TEMPO = 500000,
    MOST_TEMPO = 0xffffff, /* microseconds, a file's limit */
};

/* From grid steps to ticks. */
struct clock {
    const struct transfer_layout *layout;
    struct tempo_map map; /* of the layout's score; off the grid a step is a share of a second */
    uint32_t factor;      /* ticks of the score for one of the layout's */
};

bool transfer_tempo_known(const struct transfer_layout *layout)
{
    return !layout->piece->off_grid && layout->score->n_tempi > 0;
}

/* Grid steps a quarter note: the most that there can be off the grid. */
static double steps_a_quarter(const struct transfer_layout *layout)
{
    const int grid = layout->vocabulary->settings.grid;
    uint32_t slowest = DEFAULT_TEMPO;
    if (!layout->piece->off_grid) return grid;
    for (size_t i = 0; i < layout->score->n_tempi; i++)
        if (layout->score->tempi[i].microseconds > slowest)
            slowest = layout->score->tempi[i].microseconds;
    return (double)grid * slowest / DEFAULT_TEMPO;
}

/* The least factor of the division that makes it fine enough and, where one does, grid steps
 * whole. */
static uint32_t choose_factor(const struct transfer_layout *layout)
{
    const uint32_t division = layout->score->division;
    const uint32_t grid = (uint32_t)layout->vocabulary->settings.grid;
    const double need = ceil(STEP_TICKS * steps_a_quarter(layout) / division);
    const uint32_t most = division < MOST_DIVISION ? MOST_DIVISION / division : 1;
    const uint32_t least = need < most ? (uint32_t)need : most;
    for (uint32_t k = least; k < least + grid && k <= most; k++)
        if (k * division % grid == 0) return k;
    return least;
}

/* The tick, of the layout's score, at which so many seconds have passed. */
static double tick_at(const struct clock *clock, double seconds)
{
    const struct tempo_map *map = &clock->map;
    size_t low = 0, high = map->n_tempi; /* the first tempo after that time */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (map->seconds[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return seconds / (DEFAULT_TEMPO * 1e-6) / map->quarter_a_tick;
    const double quarter = map->tempi[low - 1].microseconds * 1e-6;
    return (double)map->tempi[low - 1].tick +
           (seconds - map->seconds[low - 1]) / quarter / map->quarter_a_tick;
}

static int64_t step_tick(const struct clock *clock, int64_t step)
{
    const struct transfer_layout *layout = clock->layout;
    const int64_t grid = layout->vocabulary->settings.grid;
    if (layout->piece->off_grid)
        return llround(tick_at(clock, (double)step / (2.0 * (double)grid)) * clock->factor);
    return (2 * step * clock->factor * layout->score->division + grid) / (2 * grid);
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
    const double ratio = transfer_tempo_known(layout) ? layout->tempo_ratio : 1;
    if (from->n_tempi > 0 && from->tempi[0].tick > 0 && ratio != 1)
        score->tempi[score->n_tempi++] = (struct score_tempo){0, scaled(DEFAULT_TEMPO, ratio)};
    for (size_t i = 0; i < from->n_tempi; i++)
        score->tempi[score->n_tempi++] = (struct score_tempo){
            from->tempi[i].tick * factor, scaled(from->tempi[i].microseconds, ratio)};
    for (size_t i = 0; i < from->n_signatures; i++) {
        score->signatures[i] = from->signatures[i];
        score->signatures[i].tick *= factor;
        score->n_signatures++;
    }
}

static void place_notes(struct score *score, const struct clock *clock, const struct event *events,
                        size_t n_events)
{
    const struct transfer_layout *layout = clock->layout;
    const struct bar *bar = layout->bars->bars; /* events begin with a bar: the first one */
    size_t n_bars = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].position == EVENTS_BAR) {
            ASSERT(n_bars < layout->bars->n);
            bar = &layout->bars->bars[n_bars++];
            continue;
        }
        const int64_t step = bar->start + events[i].position;
        const int64_t end = step + layout->vocabulary->duration_steps[events[i].duration];
        score->notes[score->n_notes++] = (struct score_note){.onset = step_tick(clock, step),
                                                             .end = step_tick(clock, end),
                                                             .pitch = events[i].pitch,
                                                             .velocity = events[i].velocity};
    }
    ASSERT(n_bars == layout->bars->n);
    score->end = step_tick(clock, bar->start + bar->steps);
}

enum status transfer_score(struct score *score, const struct transfer_layout *layout,
                           const struct event *events, size_t n_events)
{
    enum status status = OK;
    struct clock clock = {.layout = layout, .factor = choose_factor(layout)};
    *score = (struct score){.division = clock.factor * layout->score->division};
    TRY(tempo_map_init(&clock.map, layout->score));
    if (!status_fault()) {
        score->notes = malloc((n_events + 1) * sizeof *score->notes);
        score->tempi = malloc((layout->score->n_tempi + 1) * sizeof *score->tempi);
        score->signatures = malloc((layout->score->n_signatures + 1) * sizeof *score->signatures);
    }
    if (!score->notes || !score->tempi || !score->signatures)
        FAIL(FAILED, "no memory for a score of %zu events", n_events);
    carry_over(score, layout, clock.factor);
    place_notes(score, &clock, events, n_events);
    written_cut_notes(score);
done:
    tempo_map_fini(&clock.map);
    if (status != OK) score_fini(score);
    return status;
}
