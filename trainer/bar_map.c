/* Bars found by their notes. */
#include "bar_map.h"

#include "grid.h"

#include <stdlib.h>

enum { DRUM_CHANNEL = 9 };

/* The notes of the score that the piece kept, one after another. */
struct cursor {
    const struct score *score;
    const struct grid *grid;
    size_t next;
};

/* The grid step of the next kept note, or -1. */
static int64_t peek(struct cursor *cursor)
{
    for (; cursor->next < cursor->score->n_notes; cursor->next++) {
        const struct score_note *note = &cursor->score->notes[cursor->next];
        if (note->channel != DRUM_CHANNEL && note->pitch >= EVENTS_PITCH_LOW &&
            note->pitch <= EVENTS_PITCH_HIGH)
            return grid_step(cursor->grid, note->onset);
    }
    return -1;
}

static struct bar find_with_notes(struct cursor *cursor, const struct bars *bars)
{
    int64_t step = peek(cursor);
    ASSERT(step >= 0);
    const struct bar bar = bars_find(bars, step);
    for (; step >= 0 && step < bar.start + bar.steps; step = peek(cursor)) cursor->next++;
    return bar;
}

static void find_all(struct bar_map *map, const struct piece *piece, const struct bars *bars,
                     struct cursor *cursor)
{
    const struct event *events = piece->events;
    struct bar bar = {0};
    map->n = 0;
    for (size_t i = 0; i < piece->n_events; i++) {
        if (events[i].position != EVENTS_BAR) continue;
        const bool silent = i + 1 == piece->n_events || events[i + 1].position == EVENTS_BAR;
        bar = silent ? bars_find(bars, bar.start + bar.steps) : find_with_notes(cursor, bars);
        map->bars[map->n++] = bar;
    }
}

enum status bar_map_init(struct bar_map *map, const struct piece *piece, const struct score *score,
                         const struct events_vocabulary *vocabulary)
{
    enum status status = OK;
    const double steps = vocabulary->settings.grid;
    struct tempo_map tempi = {0};
    struct bars bars = {0};
    *map = (struct bar_map){0};
    map->bars = status_fault() ? NULL : malloc(piece->n_events * sizeof *map->bars);
    if (!map->bars) FAIL(FAILED, "no memory for the bars of a piece");
    TRY(tempo_map_init(&tempi, score));
    TRY(bars_init(&bars, score, vocabulary, piece->off_grid));
    const struct grid on = {.scale = steps / score->division, .phase = (double)piece->phase};
    const struct grid off = {.map = &tempi, .scale = 2 * steps};
    struct cursor cursor = {score, piece->off_grid ? &off : &on, 0};
    find_all(map, piece, &bars, &cursor);
done:
    bars_fini(&bars);
    tempo_map_fini(&tempi);
    if (status != OK) bar_map_fini(map);
    return status;
}

void bar_map_fini(struct bar_map *map)
{
    free(map->bars);
    *map = (struct bar_map){0};
}
