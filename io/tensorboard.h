/**
 * An event file that TensorBoard reads: the numbers of metrics.jsonl as scalars.
 *
 * Only one rank opens the file.
 *
 * Source: tensorflow/core/util/event.proto, framework/summary.proto and lib/io/record_writer.h:
 * each record is its length, the masked CRC-32C of that, an Event, the masked CRC-32C of it.
 */
#ifndef TENSORBOARD_H
#define TENSORBOARD_H

#include "metrics.h"

struct tensorboard;

/**
 * Opens the file for appending, or creates it.  Local.
 *
 * Everything after the last event whose step is at most `last_step` is cut off, as in metrics_open.
 *
 * @param[out] board      tensorboard_close frees it
 * @param      last_step  the step resumed from; -1 keeps nothing
 */
STATUS_CHECKED enum status tensorboard_open(struct tensorboard **board, const char *path,
                                            int64_t last_step);

/**
 * Appends one event with the values as scalars GROUP/NAME; a name that begins with `GROUP_` loses
 * it.  Numbers that are not finite are left out.  Local.
 *
 * @return as metrics_write: FAILED for the first event lost in a row
 */
STATUS_CHECKED enum status tensorboard_write(struct tensorboard *board, const char *group,
                                             int64_t step, const struct metric *values,
                                             size_t n_values);

/** Closes the file; NULL is allowed.  Local. */
void tensorboard_close(struct tensorboard *board);

#endif
