/**
 * Music by rule: pieces of a chosen emotion with known factors.
 *
 * Ground truth for tests and demonstrations: mode and dynamics tell valence and arousal apart as
 * listeners hear them, and so do tempo, register, density and articulation, each with a spread of
 * its own, so that the emotions are separable and overlap a little.
 *
 * Source: factors and their order of importance, Eerola, Friberg & Bresin 2013, section 3; medians
 * by quadrant, EMOPIA (Hung et al. 2021) and VGMIDI (Ferreira & Whitehead 2019).
 */
#ifndef COMPOSER_H
#define COMPOSER_H

#include "score.h"

enum {
    COMPOSER_DIVISION = 480, /* ticks a quarter note */
    COMPOSER_MAX_BARS = 512,
    COMPOSER_MAX_INDEX = 99999,
};

/** What to compose.  Equal requests give equal pieces; more bars do not change the first phrases.
 */
struct composer_request {
    uint64_t seed;
    uint32_t index; /* of the piece within its emotion, 0..COMPOSER_MAX_INDEX */
    int emotion;    /* 0-3, see emotion.h */
    int bars;       /* 1..COMPOSER_MAX_BARS */
};

/** The truth about a piece: what was asked of it, and what its notes measure. */
struct composer_factors {
    int tonic;  /* pitch class, 0-11 */
    bool major; /* mode of its harmony */
    int tempo;  /* bpm */
    int beats;  /* quarter notes a bar: 3 or 4 */
    const char *texture;
    double articulation;  /* sounding share of a melody note's written length, 0-1 */
    double density;       /* rhythmic activity asked for, 0-1 */
    double register_mean; /* mean MIDI pitch */
    double velocity_mean; /* mean MIDI velocity */
    double notes_a_second;
    double notes_a_bar;
};

/**
 * Composes one piece: one tempo, one signature, no two notes of one pitch at once.  Local.
 *
 * @param[out] score    owned by the caller on OK, sorted; zeroed on failure
 * @param[out] factors  filled on OK
 * @return FAILED when memory is short
 */
STATUS_CHECKED enum status composer_piece(struct score *score, struct composer_factors *factors,
                                          const struct composer_request *request);

#endif
