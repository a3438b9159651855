/**
 * A training run: folder, resume, loop, validation, checkpoints, early stop.
 */
#ifndef RUN_H
#define RUN_H

#include "expect.h"
#include "model_file.h"
#include "progress.h"
#include "validate.h"

struct run_settings {
    const char *corpus, *out;
    const char *resume; /* "auto", "never", or a checkpoint */
    const char *trace;  /* NULL, or where to write a trace of the last steps (timeline.h) */
    double max_seconds; /* from the begin of the process; 0: no limit */
    bool dry_run;
};

struct run_result {
    uint64_t step; /* updates done in all */
    bool stopped;  /* before the last step */
    double seconds, events_per_second;
    size_t parameters;
    struct step_report last;
    struct validation_report validation;
    struct trainer_memory memory; /* reserved */
    struct expected expected;     /* of a dry run; on the rank with the largest program */
};

/**
 * Trains until config.train.steps.  Collective.
 *
 * A signal to any rank is answered by all of them: once the step under way is done, with the fit
 * before it and the validation or save after it, and one step more, they save and return; with a
 * checkpoint of that very step they return at once.  A time limit is answered early enough for two
 * of the longest steps and two of the slowest saves so far; where none has been saved after a tenth
 * of the time, one is.  What takes longer than ever before may still miss the limit: then the
 * process ends by itself, with the code STOPPED and what the newest checkpoint holds.
 *
 * @return STOPPED after a signal or the time limit, with the state saved; FAILED on every rank
 *         alike otherwise
 */
STATUS_CHECKED enum status run_train(struct group *group, const struct config *config,
                                     const struct run_settings *settings, struct progress *progress,
                                     struct run_result *result);

#endif
