/**
 * Ridge regression: how much of a number can be read, linearly, from some features.
 *
 * Features are standardised by the training rows, NAN counts as the mean; rows whose number is NAN
 * are left out.  The loss is sum of squares + |w|^2, the intercept free.
 */
#ifndef MEASURES_RIDGE_H
#define MEASURES_RIDGE_H

#include "measures_scale.h"
#include "status.h"

struct ridge {
    struct scale scale; /* views into `weight` */
    double *weight;     /* owned; (n_features); then the scale */
    double intercept;
};

/**
 * Fits y (n) on x (n, n_features).  Local.
 *
 * @param[out] ridge  owned by the caller on OK, zeroed on failure
 * @return FAILED for want of memory; without a row the number is taken as 0
 */
STATUS_CHECKED enum status ridge_fit(struct ridge *ridge, const double *x, const double *y,
                                     size_t n, size_t n_features);
void ridge_fini(struct ridge *ridge);

/** Local. */
double ridge_predict(const struct ridge *ridge, const double *x);

#endif
