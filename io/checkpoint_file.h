/**
 * A checkpoint open for reading: completion record checked, HDF5 content behind its guard.  All
 * functions are Local.
 */
#ifndef CHECKPOINT_FILE_H
#define CHECKPOINT_FILE_H

#include "checkpoint_item.h"

/** Receives a dataset's bytes in order, in pieces; a failure ends the walk. */
typedef enum status checkpoint_visit(void *context, const void *bytes, size_t n);

/** Opens the checkpoint at `path`; to be closed with hdf5_guard_close. */
STATUS_CHECKED enum status checkpoint_file_open(struct hdf5_guard_file *file, const char *path);

/** Hands all bytes of an open dataset, as values of `memory_type`, to `visit`. */
STATUS_CHECKED enum status checkpoint_file_walk(const struct hdf5_guard_dataset *dataset,
                                                hid_t memory_type, checkpoint_visit *visit,
                                                void *context);

/** Fails unless the file holds the item with its type and shape at its place. */
STATUS_CHECKED enum status checkpoint_file_holds(struct hdf5_guard_file *file,
                                                 const struct checkpoint_item *item);

#endif
