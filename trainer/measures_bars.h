/**
 * Bars as numbers: which bars of some music occur, note for note, in other music.
 *
 * A bar's content is the position, the pitch above the tonic of its segment and the duration of
 * each note; velocity, tempo and meter do not matter, nor in which key of how many the music
 * stands. It is kept as a hash of 53 bits, which a double holds, so that ranks can exchange it;
 * that two bars of a million have one by chance has odds of 1 in 10^4.
 */
#ifndef MEASURES_BARS_H
#define MEASURES_BARS_H

#include "events.h"

/** The content of each bar of legal events of one segment, at most `room`; 0: a bar without notes.
 *  Local.  Returns their number. */
size_t bar_contents(double *content, size_t room, const struct event *events, size_t n_events,
                    int tonic);

/** Contents asked for, and which of them occurred. */
struct bar_set {
    double *content; /* owned; (n) ascending, each once */
    double *found;   /* owned through content; (n) 0 or 1: to be made the maximum over ranks */
    size_t n;
};

/** Asks for n contents, zeros left out.  Local.  Owned by the caller on OK, zeroed on failure. */
STATUS_CHECKED enum status bar_set_init(struct bar_set *set, const double *contents, size_t n);
void bar_set_fini(struct bar_set *set);

/** Marks a content that occurs elsewhere; whether one was marked.  Local. */
void bar_set_mark(struct bar_set *set, double content);
bool bar_set_found(const struct bar_set *set, double content);

#endif
