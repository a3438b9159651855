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
    double tempo_ratio; /* multiplies every tempo that is known */
};

/**
 * Local.  Tempi and signatures are the score's.  The division is the score's own, or a multiple of
 * it that makes grid steps whole; off the grid notes lie where their seconds are.  Notes end with
 * the last bar, and where their key is struck again.
 *
 * @param[out] score     owned by the caller on OK
 * @param      events    with the bars of layout->bars, in order
 */
STATUS_CHECKED enum status transfer_score(struct score *score, const struct transfer_layout *layout,
                                          const struct event *events, size_t n_events);

/** Whether the layout's score has a tempo map, and keeps to its beat.  Local. */
bool transfer_tempo_known(const struct transfer_layout *layout);

#endif
