/**
 * The state of a training run on one rank, and one step of it.
 *
 * Every rank holds the whole parameter block and, unless they are sharded, its moments; a step's
 * micro-batches are shared out and their gradients summed.  `step` counts the updates done: with
 * the corpus and the configuration it is all that the future depends on.
 */
#ifndef TRAINER_H
#define TRAINER_H

#include "cluster_window.h"
#include "emotion.h"
#include "micro.h"
#include "optimiser.h"
#include "schedule.h"
#include "spike.h"
#include "timeline.h"

/** Early stopping's state (patience.h); whole numbers, in doubles as checkpoints keep them. */
struct patience {
    double emotion, label; /* of the best validation so far */
    double step;           /* its updates; 0: none yet */
    double waited;         /* validations since */
};

struct trainer {
    struct config config;
    struct group *group;         /* borrowed */
    const struct corpus *corpus; /* borrowed */
    struct vae vae;
    struct standard standard;
    struct sampler sampler;
    struct micro_plan plan;
    struct reduce *reduce; /* owned */
    struct optimiser optimiser;
    real *theta, *gradient; /* views into `block` */
    real *first, *second;   /* the same: moments, of this rank's parts only when sharded */
    struct arena block, batches, activations, scratch;
    size_t max_segments; /* of a global batch */
    double *shared;      /* owned: the exchange of a step */
    real *faders; /* owned: coordinates, then attributes, each (BATCH_FADERS, max_segments) */
    uint64_t step;
    int64_t n_ruled[N_EMOTIONS]; /* segments whose emotion the fit took from the rule */
    struct patience patience;
    struct spike spike;
    struct cluster_window window;
    struct timeline timeline; /* off unless somebody switches it on; tells the watchdog */
};

/** What a step did; the same on every rank. */
struct step_report {
    uint64_t step; /* its number, from 1 */
    double loss;   /* J */
    double part[N_LOSS_PARTS];
    double information;          /* I */
    double posterior_entropy;    /* H(qbar) */
    double separation, distance; /* L_sep; least Bhattacharyya distance between emotions */
    double gradient_norm, learning_rate;
    struct mixture_weights weights;
    size_t n_events, n_segments, n_labelled;
    struct cluster_change clusters; /* in stage 3 */
    bool normal;                    /* stage 1 */
    double event_loss;              /* J over the mean events of a segment */
    double spike;                   /* deviations of that above the last steps'; 0: none */
    bool finite;                    /* loss and gradient were */
    bool skipped;                   /* no update: not finite, or a spike that is to be left out */
    bool stop;                      /* a rank asked to stop */
};

/** The model's shape as a configuration and a tokeniser make it.  Local. */
struct vae_shape trainer_shape(const struct config *config,
                               const struct events_vocabulary *vocabulary);

/** Allocates everything; weights are initial.  Collective.  Fails on every rank alike. */
STATUS_CHECKED enum status trainer_init(struct trainer *trainer, struct group *group,
                                        const struct corpus *corpus, const struct config *config);
void trainer_fini(struct trainer *trainer);

/**
 * One training step, the mixture fit before it when it is due.  Collective.
 *
 * @param stop  this rank wants to stop; report->stop tells whether any does
 */
STATUS_CHECKED enum status trainer_step(struct trainer *trainer, bool stop,
                                        struct step_report *report);

/** Bytes that a rank reserves, by use: the worst case, touched only as needed (expect.h).  Local.
 */
struct trainer_memory {
    size_t block, reduction, batches, activations, scratch;
};
struct trainer_memory trainer_memory(const struct config *config,
                                     const struct events_vocabulary *vocabulary,
                                     const struct vae *vae, int n_ranks);

#endif
