/**
 * Events on the bars of another score -> a score on that one's axis of ticks.
 */
#ifndef TRANSFER_SCORE_H
#define TRANSFER_SCORE_H

#include "bar_map.h"

/** Where events go. */
struct transfer_layout {
    const struct score *score; /* whose ticks, tempi and signatures count */
    const struct piece *piece; /* read from it */
    const struct bar_map *bars;
    const struct events_vocabulary *vocabulary;
    double tempo_ratio; /* every tempo is multiplied by it; 1 keeps the tempo map as it is */
};

/**
 * Local.  The division is the score's own, or a multiple of it that makes grid steps whole.  Notes
 * end with the last bar, and where their key is struck again.
 *
 * @param[out] score     owned by the caller on OK
 * @param      events    with the bars of layout->bars, in order
 */
STATUS_CHECKED enum status transfer_score(struct score *score, const struct transfer_layout *layout,
                                          const struct event *events, size_t n_events);

/** Whether the tempo map of the layout's score is carried over: it has one, and keeps to the
 *  beat.  Local. */
bool transfer_keeps_tempo(const struct transfer_layout *layout);

#endif
