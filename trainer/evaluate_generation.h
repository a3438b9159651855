/**
 * Music of the four emotions as others hear it: made on all ranks, measured piece by piece.
 */
#ifndef EVALUATE_GENERATION_H
#define EVALUATE_GENERATION_H

#include "evaluate_parts.h"
#include "measures_music.h"

/** Generated pieces, on every rank, in the order of emotions. */
struct evaluate_music {
    size_t n;
    int8_t *asked;      /* owned; (n) the emotion asked for */
    double *attributes; /* owned; (n, N_ATTRIBUTES), as baseline_attributes; then the figures */
    double *figures;    /* (n, N_MUSIC) */
};

/**
 * Generates settings->count pieces of MUSIC_BARS bars, the emotions in equal shares, with the
 * defaults of `affekt generate`.  They are read back as MIDI of unknown origin would be.
 * Collective.
 */
STATUS_CHECKED enum status evaluate_music_create(struct evaluate_music *music,
                                                 const struct evaluation *evaluation);
void evaluate_music_fini(struct evaluate_music *music);

/** How the judge hears them, and how they compare with the measured split.  Local. */
STATUS_CHECKED enum status evaluate_generation(const struct evaluation *evaluation,
                                               json_t *section);

#endif
