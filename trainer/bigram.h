/**
 * The field-wise bigram baseline: every field given the same field of the event before it, with
 * additive smoothing, counted on the training split.  What a model must beat.
 */
#ifndef BIGRAM_H
#define BIGRAM_H

#include "batch.h"
#include "group.h"
#include "sampler.h"

struct bigram; /* opaque: counts */

/** Counts the training split, each rank a share of the pieces.  Collective. */
STATUS_CHECKED enum status bigram_create(struct bigram **bigram, struct group *group,
                                         const struct corpus *corpus, const struct config *config);
void bigram_destroy(struct bigram *bigram);

/** -log p in nats of the rows of a micro-batch, all fields summed; an unknown tempo counts nothing.
 *  Local. */
double bigram_nats(const struct bigram *bigram, const struct batch *batch);

#endif
