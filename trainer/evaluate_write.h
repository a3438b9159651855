/**
 * What an evaluation leaves in its run folder: RUN/evaluation.json and RUN/latents.h5.
 *
 * latents.h5 has the layout of a checkpoint, and for each split that was encoded, under its name,
 * one row a segment: `segment`, `piece` (places in the corpus), `label` (0-3 or -1, as the model
 * could know it), `rhythm`, `tonal` (posterior means, the mixture's coordinates first) and, of a
 * model with a mixture, `emotion` (log p(y | x)).  `trainer/step` and the texts `config` and
 * `tokeniser` are the model's; text `corpus` is the corpus's path.
 */
#ifndef EVALUATE_WRITE_H
#define EVALUATE_WRITE_H

#include "evaluate_parts.h"

/** Replaces both files.  Without effect for a checkpoint file, which has no folder to keep them in.
 *  Local: rank 0 calls it. */
STATUS_CHECKED enum status evaluate_write(const struct evaluation *evaluation,
                                          const json_t *document);

#endif
