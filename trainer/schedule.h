/**
 * What changes from step to step: stage, learning rate, weights of the objective.
 *
 * Stage 1 (steps before schedule_fit_step) trains with N(0, I) priors; then the mixture is fitted;
 * stage 3 trains with it.  With mixture.prior = normal stage 1 never ends.
 *
 * Source: model.md section 6.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "config.h"
#include "vae.h"

#include <stdint.h>

struct schedule {
    double learning_rate;
    struct objective objective;
};

/** The step before which the mixture is fitted; UINT64_MAX: never.  Local. */
uint64_t schedule_fit_step(const struct config *config);

/** The values of a step (0-based).  Local. */
struct schedule schedule_at(const struct config *config, uint64_t step);

#endif
