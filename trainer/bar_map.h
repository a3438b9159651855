/**
 * Where the bars of a piece lie in the score that it was read from.
 *
 * A piece leaves out silence before its first note and long silence between notes; its bars are
 * found again by their notes.
 */
#ifndef BAR_MAP_H
#define BAR_MAP_H

#include "bars.h"

struct bar_map {
    struct bar *bars; /* (n) of the piece, on the score's grid steps; owned */
    size_t n;
};

/**
 * Local.  Fails for want of memory.
 *
 * @param piece  what piece_from_score made of `score`, all tracks
 */
STATUS_CHECKED enum status bar_map_init(struct bar_map *map, const struct piece *piece,
                                        const struct score *score,
                                        const struct events_vocabulary *vocabulary);
void bar_map_fini(struct bar_map *map);

#endif
