/**
 * Latents of many rows: each rank encodes its share of the micro-batches, without noise and
 * augmentation.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "trainer.h"

/** Variance of a coordinate's posterior means from which it counts as in use: Burda et al. 2016. */
#define ENCODE_ACTIVE 0.01

/**
 * Called for each of this rank's micro-batches in order; the tape is gone afterwards.
 *
 * @param micro  batch and tape filled
 */
typedef void encode_visit(void *context, const struct micro *micro);

/**
 * Encodes rows (labelled and unlabelled may alternate).  Collective in the sense that every rank
 * passes the same rows and takes its share; makes no collective call.  Fails for want of memory.
 */
STATUS_CHECKED enum status encode_rows(struct trainer *trainer, const struct row *rows,
                                       size_t n_rows, double temperature, encode_visit *visit,
                                       void *context);

#endif
