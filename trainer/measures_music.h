/**
 * Figures of a piece of music, and how far two collections agree in one of them.
 */
#ifndef MEASURES_MUSIC_H
#define MEASURES_MUSIC_H

#include "events.h"

enum { MUSIC_BARS = 16 }; /* a piece's first bars are measured: figures grow with length */

enum music_figure {
    MUSIC_PITCH_ENTROPY, /* of the pitch classes of notes, bits */
    MUSIC_SCALE,         /* share of notes inside the best of the 12 diatonic scales */
    MUSIC_GROOVE,        /* 1 - mean share of grid steps whose onset differs between neighbouring
                            bars; NAN for one bar */
    MUSIC_NOTE_DENSITY,  /* notes / bars */
    MUSIC_POLYPHONY,     /* mean notes sounding at the grid steps where any does */
    N_MUSIC,
};
extern const char *const music_names[N_MUSIC]; /* "pitch_class_entropy", ... */

/**
 * Measures legal events, at most MUSIC_BARS bars of them.  NAN without a note.  Local.
 *
 * Source: the definitions of MusPy (Dong et al. 2020), section 4.4.
 */
void music_measure(double figures[N_MUSIC], const struct event *events, size_t n_events,
                   const struct events_vocabulary *vocabulary);

/** Legal events, borrowed. */
struct music_run {
    const struct event *events;
    size_t n_events;
};

/** How alike two pieces of the same bars are. */
struct music_likeness {
    double
        chroma; /* cosine of their note counts by pitch class above the tonic; NAN without notes */
    double groove; /* 1 - mean share over bars of grid steps whose onset differs */
};

/**
 * Compares legal events bar by bar, at most MUSIC_BARS bars of them and as many as both have.
 * Local.
 *
 * @param tonic  (MUSIC_BARS) of each bar, -5..+6, for both pieces
 *
 * Source: groove as MUSIC_GROOVE, between the same bar of two pieces in place of neighbours.
 */
struct music_likeness music_compare_pieces(const struct music_run *a, const struct music_run *b,
                                           const int8_t *tonic,
                                           const struct events_vocabulary *vocabulary);

/** Cosine of two counts of pitch classes; NAN when one is of nothing.  Local. */
double music_chroma_cosine(const double a[12], const double b[12]);

/** Two samples as densities on one grid. */
struct music_overlap {
    double area;       /* integral of the lesser density, 0-1 */
    double divergence; /* KL of the first from the second, nats */
};

/**
 * Compares samples by Gaussian kernel densities (Scott's bandwidth, at least a hundredth of the
 * common range) on a grid of 512 points over both, three bandwidths beyond.  NAN values are left
 * out; a sample of none gives NAN.  Local.
 *
 * Source: Yang & Lerch 2020, section 3.3.
 */
struct music_overlap music_compare(const double *a, size_t n_a, const double *b, size_t n_b);

#endif
