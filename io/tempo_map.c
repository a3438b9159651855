/* Ticks to seconds: prefix sums over the tempo events, then a binary search. */
#include "tempo_map.h"

static const double default_microseconds = 500000.0;

/* Index of the last tempo event at or before the tick, plus one; 0 before the first. */
static size_t tempi_until(const struct tempo_map *map, double tick)
{
    size_t low = 0;
    size_t high = map->n_tempi;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((double)map->tempi[middle].tick <= tick)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double seconds_after(const struct tempo_map *map, size_t n_before, double tick)
{
    const struct score_tempo *tempo = n_before ? &map->tempi[n_before - 1] : NULL;
    const double since = tick - (tempo ? (double)tempo->tick : 0.0);
    const double microseconds = tempo ? tempo->microseconds : default_microseconds;
    const double start = tempo ? map->seconds[n_before - 1] : 0.0;
    return start + since * map->quarter_a_tick * microseconds * 1e-6;
}

enum status tempo_map_init(struct tempo_map *map, const struct score *score)
{
    *map = (struct tempo_map){.quarter_a_tick = 1.0 / score->division};
    if (score->seconds || score->n_tempi == 0) return OK;
    map->seconds = status_fault() ? NULL : malloc(score->n_tempi * sizeof *map->seconds);
    if (!map->seconds) return status_fail(FAILED, "no memory for %zu tempi", score->n_tempi);
    map->tempi = score->tempi;
    for (size_t i = 0; i < score->n_tempi; i++) {
        map->seconds[i] = seconds_after(map, i, (double)score->tempi[i].tick);
        map->n_tempi = i + 1;
    }
    return OK;
}

void tempo_map_fini(struct tempo_map *map)
{
    free(map->seconds);
    *map = (struct tempo_map){0};
}

double tempo_map_seconds(const struct tempo_map *map, double tick)
{
    return seconds_after(map, tempi_until(map, tick), tick);
}
