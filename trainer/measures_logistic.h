/**
 * Multinomial logistic regression with an L2 penalty: the one classifier behind the linear probe,
 * the baselines and the judge.
 *
 * Features are standardised by the training rows; one that is NAN counts as the mean.  The loss is
 * sum over rows of -log p(y) + 1/2 |W|^2, biases free (scikit-learn's LogisticRegression with C = 1
 * after a StandardScaler).  An emotion without a training row is never told.  The fit is
 * deterministic.
 */
#ifndef MEASURES_LOGISTIC_H
#define MEASURES_LOGISTIC_H

#include "emotion.h"
#include "measures_scale.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logistic {
    struct scale scale; /* of the training rows; views into `weight` */
    double *weight;     /* owned; (N_EMOTIONS, n_features + 1), the bias last; then the scale */
    bool present[N_EMOTIONS];
};

/** Labelled rows, borrowed. */
struct logistic_rows {
    const double *x;     /* (n, n_features), NAN: unknown */
    const int8_t *label; /* (n) 0-3 */
    size_t n, n_features;
};

/**
 * Fits by Newton's method.  Local.
 *
 * @param[out] logistic  owned by the caller on OK, zeroed on failure
 * @return FAILED without a row, or for want of memory
 */
STATUS_CHECKED enum status logistic_fit(struct logistic *logistic,
                                        const struct logistic_rows *rows);
void logistic_fini(struct logistic *logistic);

/** log p(y | x) of one row; -HUGE_VAL for an emotion never seen.  Local. */
void logistic_log_p(const struct logistic *logistic, const double *x, double log_p[N_EMOTIONS]);

/** The likeliest emotion of each of n rows.  Local. */
void logistic_tell(const struct logistic *logistic, const double *x, size_t n, int8_t *told);

#endif
