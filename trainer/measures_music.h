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
