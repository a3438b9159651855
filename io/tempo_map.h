/**
 * Ticks to seconds through a score's tempo events.
 *
 * Before the first tempo event, without one, and in SMPTE scores a quarter note lasts half a
 * second.
 */
#ifndef TEMPO_MAP_H
#define TEMPO_MAP_H

#include "score.h"

struct tempo_map {
    const struct score_tempo *tempi; /* the score's */
    size_t n_tempi;
    double *seconds;       /* (n_tempi) time of each tempo event, owned */
    double quarter_a_tick; /* 1 / division */
};

/** Local.  The score must outlive the map.  Fails (FAILED) without memory. */
STATUS_CHECKED enum status tempo_map_init(struct tempo_map *map, const struct score *score);

void tempo_map_fini(struct tempo_map *map);

/** Seconds from tick 0; `tick` may lie between ticks.  Local. */
double tempo_map_seconds(const struct tempo_map *map, double tick);

#endif
