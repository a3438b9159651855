/**
 * Early stopping: which validation heard emotions best, and how many have passed since.
 *
 * Only validations with a fitted mixture and labelled pieces count.  The state belongs to the
 * checkpoint, so that a resumed run stops where an uninterrupted one does.
 */
#ifndef PATIENCE_H
#define PATIENCE_H

#include "validate.h"

/** Takes a validation after `step` updates into account; whether it is the best so far: the highest
 *  accuracy over quadrants, and of equal ones the lowest -log p(y).  Local. */
bool patience_judge(struct patience *patience, uint64_t step,
                    const struct validation_report *report);

/** Whether the run may end: train.patience validations (0: never) without a better one.  Local. */
bool patience_is_over(const struct patience *patience, const struct config *config);

#endif
