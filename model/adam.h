/**
 * AdamW: Adam with decoupled weight decay, one pass over the parameter block.
 *
 * Source: Loshchilov & Hutter 2019, algorithm 2; moments without their bias as in Kingma & Ba 2015.
 */
#ifndef ADAM_H
#define ADAM_H

#include "parameters.h"

/**
 * Settings.  beta2 .98 (Vaswani et al. 2017, section 5.3) remembers some 50 steps: the loss weights
 * are ramped, and the .999 of the source would scale by gradients 1,000 steps old.
 */
struct adam {
    double beta1, beta2; /* decay rates of the moments */
    double epsilon;
    double decay; /* weight decay a step, times the learning rate */
};

/** .9, .98, 1e-8, decay as given.  Local. */
struct adam adam_defaults(double decay);

/** The blocks of one run of parameters; caller-owned, none may alias another. */
struct adam_state {
    real *theta, *first, *second; /* weights, moments: updated */
    const real *gradient;
};

/**
 * One update of the whole block.  Local.  Cannot fail.  The padding between tensors is left alone.
 *
 * @param scale  factor on the gradient: clipping, 1 for none
 * @param step   number of this update, from 1: corrects the moments' bias
 */
void adam_step(const struct adam *adam, const struct parameters *parameters,
               const struct adam_state *state, double learning_rate, double scale, uint64_t step);

/**
 * The Euclidean norm of `count` reals, in double: chunks of fixed size summed in fixed order.
 * Local.  NaN or infinity in a gradient gives NaN or infinity.
 */
double adam_gradient_norm(const real *gradient, size_t count);

/** The factor that brings a norm down to `limit`, 1 if it is below or the limit is 0.  Local. */
double adam_clip_scale(double norm, double limit);

#endif
