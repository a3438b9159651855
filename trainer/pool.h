/**
 * Evaluations of many runs pooled: variants over folds and seeds, their differences with intervals.
 *
 * A pool is a name and the runs of one variant; it reads RUN/evaluation.json and RUN/config.ini of
 * each.  All pools hold the same labelled pieces.  A piece's score is its mean over the seeds that
 * told it, and accuracies are bootstrapped over pieces, so that seeds make no false precision;
 * other figures are bootstrapped over runs.
 *
 * A pool `NAME@SHARE` is that of NAME with fewer labels: `gmm@10` beside `gmm`.  The pool `gmm`,
 * and `gmm@SHARE` for those with fewer labels, is what the others are compared with.
 */
#ifndef POOL_H
#define POOL_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct json_t; /* jansson's */

#define POOL_REFERENCE "gmm"

/** A pool to make. */
struct pool_request {
    const char *name;
    const char *const *runs; /* (n_runs) folders */
    size_t n_runs;
};

/**
 * Pools evaluations.  Local.  Figures are objects {value, low, high}, null where undefined.  A
 * `group` is `all` or a source of pieces, a `teller` who told the emotion (mixture, probe, or one
 * of the baselines), a `score` one of score_names:
 *
 *     pools.POOL                                        {runs, seeds}
 *     pieces.GROUP                                      count
 *     emotion.GROUP.POOL.TELLER.SCORE                   accuracy
 *     less_baselines.GROUP.POOL.TELLER_less_BASELINE    paired difference, by score
 *     less_gmm.GROUP.POOL.TELLER                        the same, from the pool gmm
 *     fewer_labels.GROUP.NAME.TELLER                    accuracy of NAME less that of NAME@SHARE
 *     fewer_labels_less.GROUP.NAME.TELLER_less_OTHER    difference of two such losses
 *     figures.POOL.FIGURE                               mean over runs of every other figure
 *     figures_less_gmm.POOL.FIGURE                      mean over pairs of runs of one fold and
 * seed figures_over_gmm.POOL.FIGURE                      ratio of means over the same pairs
 *
 * @param[out] document  owned by the caller; NULL on failure
 * @param      requests  (n) pools, names distinct
 * @param      seed      of the resamples
 * @return FAILED: an evaluation is missing, of an older version or damaged; two runs of a pool told
 *         one piece with one seed; pools of different pieces
 */
STATUS_CHECKED enum status pool_evaluations(struct json_t **document,
                                            const struct pool_request *requests, size_t n,
                                            uint64_t seed);

#endif
