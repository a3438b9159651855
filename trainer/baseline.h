/**
 * Emotion from hand-made features: what a model's latents must beat.
 *
 * A logistic regression (measures_logistic.h) or a random forest (measures_forest.h) over the
 * attributes of a piece, the mean over its segments that know them.
 */
#ifndef BASELINE_H
#define BASELINE_H

#include "corpus.h"
#include "measures_forest.h"

enum baseline_features {
    BASELINE_RHYTHM, /* densities, note rate, tempo, note length, velocity, polyphony */
    BASELINE_FULL,   /* the same, mode margin and register */
    BASELINE_FOREST, /* a forest over all attributes; the others are regressions */
    N_BASELINES,
};
extern const char
    *const baseline_names[N_BASELINES]; /* "rhythm", "rhythm_mode_register", "forest" */

/** Labelled pieces, borrowed. */
struct baseline_pieces {
    const double *attributes; /* (n, N_ATTRIBUTES), NAN: unknown */
    const int8_t *label;      /* (n) 0-3 */
    size_t n;
};

/** The attributes of a piece: means over its segments, NAN where none knows it.  Local. */
void baseline_attributes(double out[N_ATTRIBUTES], const struct corpus_segment *segments, size_t n);

/**
 * Learns from the pieces `known` and tells the emotion of the pieces `asked`, whose labels are not
 * read.  Local.  Fails without a known piece, or for want of memory.
 *
 * @param[out] told  (asked->n)
 * @param seed       of the forest
 */
STATUS_CHECKED enum status baseline_tell(int8_t *told, enum baseline_features features,
                                         const struct baseline_pieces *known,
                                         const struct baseline_pieces *asked, uint64_t seed);

#endif
