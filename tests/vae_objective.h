/**
 * J of a whole global batch given as micro-batches, and its gradient, as the trainer orders a step:
 * encode all, share, decode and go back.  Shared by the suites of the assembled model.
 */
#ifndef VAE_OBJECTIVE_H
#define VAE_OBJECTIVE_H

#include "make_batch.h"
#include "vae.h"

struct vae_bench {
    struct vae vae;
    real *theta, *gradient;
    struct arena block, activations, scratch;
    struct objective objective;
    struct vae_noise noise;
    double loss[N_LOSS_PARTS];
};

/** A tiny model of the test vocabulary. */
void vae_bench_init(struct vae_bench *bench, size_t memory, size_t per_emotion);
/** A model of that shape, its objective and noise zeroed. */
void vae_bench_init_shape(struct vae_bench *bench, const struct vae_shape *shape);
void vae_bench_fini(struct vae_bench *bench);

/** J; with `backward` bench->gradient is set to its gradient.  Unlabelled micro-batches first. */
double vae_bench_objective(struct vae_bench *bench, const struct batch *const *batches, size_t n,
                           bool backward);

#endif
