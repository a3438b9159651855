/**
 * Music of the four emotions as others hear it: made on all ranks, measured piece by piece.
 */
#ifndef EVALUATE_GENERATION_H
#define EVALUATE_GENERATION_H

#include "evaluate_parts.h"
#include "measures_copying.h"
#include "measures_music.h"

/** Generated pieces, on every rank, in the order of emotions. */
struct evaluate_music {
    size_t n;
    int8_t *asked;      /* owned; (n) the emotion asked for */
    double *attributes; /* owned; (n, N_ATTRIBUTES), as baseline_attributes; then the figures */
    double *figures;    /* (n, N_MUSIC) */
    double *n_notes;    /* (n) */
    double *bars;       /* (n, MUSIC_BARS) contents, see measures_bars.h; 0 without notes */
    double *notes;      /* (n, note_room): token + 2^32 bar of each note, see measures_copying.h */
    size_t note_room;
};

/**
 * Generates settings->count pieces of MUSIC_BARS bars, the emotions that the model can be asked for
 * in equal shares, with the defaults of `affekt generate`.  They are read back as MIDI of unknown
 * origin would be. Collective.
 */
STATUS_CHECKED enum status evaluate_music_create(struct evaluate_music *music,
                                                 const struct evaluation *evaluation);
void evaluate_music_fini(struct evaluate_music *music);

/** Of each piece, generated ones first, then as many of the measured split: what is shared with the
 *  training split. */
struct evaluate_copies {
    size_t n, n_made; /* pieces; those generated */
    double *longest;  /* owned; (n) notes of the longest run; then */
    double *bars;     /* (n) bars with notes, of the first MUSIC_BARS */
    double *copied;   /* (n) those of them that lie in shared runs of COPIED_RUN notes or more */
    double *filled;   /* (n) bars with notes, of the first MUSIC_BARS */
    double *found;    /* (n) those of them whose content some bar of the training split has */
};
enum { COPIED_RUN = 16 };

/** Compares with the training split.  Collective. */
STATUS_CHECKED enum status evaluate_copies_create(struct evaluate_copies *copies,
                                                  const struct evaluation *evaluation,
                                                  const struct evaluate_music *music);
void evaluate_copies_fini(struct evaluate_copies *copies);

/** Counts filled and found bars; a part of evaluate_copies_create.  Collective. */
STATUS_CHECKED enum status evaluate_bars_find(struct evaluate_copies *copies,
                                              const struct evaluation *evaluation,
                                              const struct evaluate_music *music);

/** What was copied.  Local. */
STATUS_CHECKED enum status evaluate_copying(const struct evaluation *evaluation, json_t *section);

/** How the judge hears them, and how they compare with the measured split.  Local. */
STATUS_CHECKED enum status evaluate_generation(const struct evaluation *evaluation,
                                               json_t *section);

#endif
