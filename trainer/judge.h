/**
 * The external classifier that listens to generated music: a logistic regression over all
 * attributes of real labelled pieces.  It never sees the model, only what came out of it.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "baseline.h"
#include "config.h"

struct judge {
    struct logistic logistic;
    size_t n_known; /* pieces it learned from */
};

/** Learns from every labelled piece of the training split, also those whose label
 *  data.label_fraction hid from the model.  Local.  Fails without any, or for want of memory. */
STATUS_CHECKED enum status judge_init(struct judge *judge, const struct corpus *corpus,
                                      const struct config *config);
void judge_fini(struct judge *judge);

/** The emotion of n pieces from their attributes (n, N_ATTRIBUTES).  Local. */
void judge_tell(const struct judge *judge, const double *attributes, size_t n, int8_t *told);

#endif
