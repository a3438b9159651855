/**
 * What a run tells: a line of metrics.jsonl a step, the same for TensorBoard, the live line,
 * warnings.
 */
#ifndef RUN_LOG_H
#define RUN_LOG_H

#include "metrics.h"
#include "progress.h"
#include "tensorboard.h"
#include "validate.h"

struct run_log {
    struct metrics *metrics;    /* NULL except on rank 0 */
    struct tensorboard *board;  /* the same numbers; NULL except on rank 0 */
    struct progress *progress;  /* silent except on rank 0 */
    uint64_t first_step, steps; /* resumed from; of the whole run */
    double start;               /* of the clock */
    double events;              /* trained on since the start */
    bool warned_one_hot, warned_collapse, warned_inactive;
};

/** One step: metrics every `log_every`, the live line, warnings of collapse and saturation. */
void run_log_step(struct run_log *log, const struct step_report *report, size_t log_every);

/** A line that stays on a step that was skipped or whose loss is a spike, and the music it read. */
void run_log_spike(struct run_log *log, const struct step_report *report,
                   const struct corpus *corpus, const struct sampler *sampler);

/** A validation: a line of metrics and a line that stays. */
void run_log_validation(struct run_log *log, uint64_t step, const struct validation_report *report);

/** Events a second since the start. */
double run_log_rate(const struct run_log *log);

#endif
