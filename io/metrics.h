/**
 * metrics.jsonl: one JSON object a line, a line a step, in increasing steps.
 *
 * Every line reaches the file in one write, so a reader that follows it sees whole lines.  Only one
 * rank opens the file.
 */
#ifndef METRICS_H
#define METRICS_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct metrics;

/** A named value of a line; NaN and infinities are written as null. */
struct metric {
    const char *name; /* printable ASCII without quotes and backslashes */
    double value;
};

/**
 * Opens the file for appending, or creates it.  Local.
 *
 * Everything after the last line whose step is at most `last_step` is cut off: the lines of steps
 * that a resumed run will take again, and a line torn by a crash.
 *
 * @param[out] metrics    metrics_close frees it
 * @param      last_step  the step resumed from; -1 keeps nothing
 */
STATUS_CHECKED enum status metrics_open(struct metrics **metrics, const char *path,
                                        int64_t last_step);

/**
 * Appends `{"step":STEP,"NAME":VALUE,...}`.  Local.
 *
 * A line that cannot be written whole is dropped, so that the file stays readable.
 *
 * @return FAILED for the first line lost in a row, OK for those that follow it: a full disk is
 *         reported once, and training goes on
 */
STATUS_CHECKED enum status metrics_write(struct metrics *metrics, int64_t step,
                                         const struct metric *values, size_t n_values);

/** Lines lost so far.  Local. */
size_t metrics_lost(const struct metrics *metrics);

/** Closes the file; NULL is allowed.  Local. */
void metrics_close(struct metrics *metrics);

#endif
