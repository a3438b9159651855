/**
 * What the mixture's components have held lately, and what follows from it.
 *
 * In stage 3 the gradient owns the means and variances; the weights follow the data.  Over a window
 * of mixture.update_every steps the responsibilities of all segments of the global batches are
 * summed, a labelled segment's within its emotion.  At its end they become the weights, none under
 * 1 %, and a component that held less than 1 % is placed anew: at the latent of a segment of the
 * batch, drawn by a key, with the variance of the others pooled, an even share for its weight and
 * its moments zeroed.  It stays within its emotion: it takes a labelled segment of that emotion;
 * when the batch has none, it waits for the next window.  When training has none at all, segments
 * that the rule tells so (weak_label.h) stand in for them, or with fit.weak = 0 any unlabelled one.
 *
 * A window ends where the steps since the mixture fit are a multiple of its length; what it holds
 * goes into checkpoints, so that a resumed run is the uninterrupted one.  Every rank sees every
 * responsibility, in the order of the batch: the bits do not depend on the number of ranks.
 *
 * Source: model.md section 6, stage 3.
 */
#ifndef CLUSTER_WINDOW_H
#define CLUSTER_WINDOW_H

#include "mixture.h"
#include "sampler.h"

struct trainer;

struct cluster_window {
    double mass[MIXTURE_MAX_COMPONENTS]; /* segments that each component has held */
    double step[MIXTURE_MAX_COMPONENTS]; /* the same of the step under way */
};

/** What the end of a step did; zeroed otherwise. */
struct cluster_change {
    uint64_t moved;      /* a bit for each component that was placed anew */
    double least_weight; /* of all components, after the step */
    size_t per_emotion;  /* components */
};

/**
 * Takes in the step's responsibilities.  Local.
 *
 * @param[in] rows   the global batch
 * @param[in] slots  (n_segments, stride) of the global batch, the responsibilities first in each
 */
void cluster_window_take(struct trainer *trainer, const struct row *rows, const double *slots,
                         size_t stride);

/** Adds a step that was not skipped; at the end of the window, its consequences.  Collective, while
 *  the step's tapes still stand. */
void cluster_window_close(struct trainer *trainer, const struct row *rows, bool skipped,
                          struct cluster_change *change);

#endif
