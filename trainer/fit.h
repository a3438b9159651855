/**
 * The mixture fit between the stages: semi-supervised EM on the latents of training segments.
 *
 * Each rank encodes and keeps its share of the segments.  The components start along the axes that
 * separate the emotions of the labelled segments (discriminant.h): there they are seeded, and one M
 * step takes them to the latents, where EM goes on.  Without labels of two emotions, and without
 * MPI, they are seeded among the latents themselves.  Sufficient statistics are summed exactly, so
 * in deterministic mode the fit has the same bits on any number of ranks.  Labelled
 * responsibilities are clamped to their emotion.  Unlabelled segments weigh together no more than
 * labelled ones, lest the clusters follow whatever varies most (Nigam et al. 2000, EM-lambda).
 *
 * Source: model.md section 6, stage 2.
 */
#ifndef FIT_H
#define FIT_H

#include "trainer.h"

/** Sets the mixture's means, variances and weights and zeroes their moments.  Collective. */
STATUS_CHECKED enum status fit_mixture(struct trainer *trainer);

#endif
