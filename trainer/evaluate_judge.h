/**
 * The judge in an evaluation: which kind it is, how often it is right on real held-out pieces, and
 * how it hears others.
 */
#ifndef EVALUATE_JUDGE_H
#define EVALUATE_JUDGE_H

#include "evaluate_parts.h"
#include "judge.h"

/** Adds, as `name`, how the judge's hearing of some pieces agrees with their labels.  Local. */
STATUS_CHECKED enum status evaluate_hearing(json_t *section, const char *name,
                                            const struct judge *judge,
                                            const struct baseline_pieces *pieces, uint64_t seed);

/** Kind, cross-validated accuracy of both kinds, and scores on the measured split.  Local. */
STATUS_CHECKED enum status evaluate_judge(const struct evaluation *evaluation, json_t *section);

#endif
