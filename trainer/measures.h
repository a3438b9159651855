/**
 * Intervals by bootstrap, and what predictions of emotion are worth.
 *
 * Everything here works in double on the caller's arrays and makes no collective call.  Resamples
 * are keyed by (seed, replicate, draw) alone: measures of the same pieces with one seed see the
 * same resamples, so the interval of a difference is a paired one.
 */
#ifndef MEASURES_H
#define MEASURES_H

#include "emotion.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum { MEASURES_REPLICATES = 1000 };

/** A figure and its 95 % interval; NAN where undefined. */
struct interval {
    double value, low, high;
};

/** A figure of the pieces index[0..n), which may repeat; NAN when they do not define it. */
typedef double measure_of(const void *context, const uint32_t *index, size_t n);

/**
 * The figure of pieces 0..n-1, and the 2.5 and 97.5 percentiles over resamples with replacement
 * (linear interpolation; resamples that do not define it are left out).  Local.  Fails for want of
 * memory.
 *
 * Source: Efron & Tibshirani 1993, chapter 13 (percentile interval).
 */
STATUS_CHECKED enum status measures_bootstrap(struct interval *interval, measure_of *measure,
                                              const void *context, size_t n, uint64_t seed);

/** Predicted against true emotions of n pieces, both 0-3. */
struct predictions {
    const int8_t *truth, *told; /* (n) */
};

/** context: struct predictions.  Shares of pieces with the right quadrant, arousal, valence;
 *  F1 averaged over the emotions that occur in truth or told.  Local. */
double measures_quadrant(const void *context, const uint32_t *index, size_t n);
double measures_arousal(const void *context, const uint32_t *index, size_t n);
double measures_valence(const void *context, const uint32_t *index, size_t n);
double measures_macro_f1(const void *context, const uint32_t *index, size_t n);

enum emotion_score {
    SCORE_QUADRANT,
    SCORE_AROUSAL,
    SCORE_VALENCE,
    SCORE_MACRO_F1,
    N_SCORES,
};
extern const char *const score_names[N_SCORES]; /* "quadrant", "arousal", ... */
extern measure_of *const score_measures[N_SCORES];

/** Two predictors of the same pieces, and the score whose difference a - b is taken. */
struct comparison {
    struct predictions a, b;
    enum emotion_score score;
};
/** context: struct comparison.  Local. */
double measures_difference(const void *context, const uint32_t *index, size_t n);

/** count[true][told].  Local. */
void measures_confusion(size_t count[N_EMOTIONS][N_EMOTIONS], const struct predictions *predictions,
                        size_t n);

/** Means of numbers by piece, of ratios of sums: context of the measures below. */
struct ratio {
    const double *above, *below; /* (n); below NULL: 1 each */
};
/** context: struct ratio.  sum above / sum below.  Local. */
double measures_ratio(const void *context, const uint32_t *index, size_t n);

/** Two numbers of each piece; a piece that lacks one is left out. */
struct correlated {
    const double *x, *y; /* (n) */
};
/** context: struct correlated.  The squared correlation, R^2 of a line; NAN where one does not
 * vary. Local. */
double measures_correlation(const void *context, const uint32_t *index, size_t n);

#endif
