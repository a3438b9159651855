/**
 * The mixture fit between the stages: semi-supervised EM on the latents of training segments.
 *
 * Each rank encodes and keeps its share of the segments.  The components start along the axes that
 * separate the segments by their emotions (discriminant.h), told by labels and, without one, by
 * rule (weak_label.h): there they are seeded, and one M step takes them to the latents, where EM
 * goes on. With segments of one emotion only, and without MPI, they are seeded among the latents
 * themselves. Sufficient statistics are summed exactly, so in deterministic mode the fit has the
 * same bits on any number of ranks.  Labelled responsibilities are clamped to their emotion.
 * Unlabelled segments count twice, each time by a weight for all of them: clamped to the emotion
 * told by rule, as fit.weak segments an emotion on average at most, a prior that few labels do not
 * overrule; and by the mixture's responsibilities, as fit.unlabelled times all that, lest the
 * clusters follow whatever varies most (Nigam et al. 2000, EM-lambda).
 *
 * Source: model.md section 6, stage 2.
 */
#ifndef FIT_H
#define FIT_H

#include "trainer.h"

/** Sets the mixture's means, variances and weights and zeroes their moments.  Collective. */
STATUS_CHECKED enum status fit_mixture(struct trainer *trainer);

#endif
