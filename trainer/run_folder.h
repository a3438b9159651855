/**
 * A run's folder: RUN/config.ini, metrics.jsonl, events.out.tfevents.affekt,
 * checkpoints/step-00001000.h5, checkpoints/latest, and `complete` once the last step is done.
 *
 * Rank 0 alone touches it, save for the checkpoints themselves, which all ranks write.
 */
#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum { RUN_FOLDER_PATH = 4096 };

struct run_folder {
    char path[RUN_FOLDER_PATH - 64];
    int lock; /* descriptor that holds the folder, -1 if none */
};

/** Makes the folder and locks it against a second run; removes temporaries that a killed run left.
 *  A file system without locks is no obstacle.  Local. */
STATUS_CHECKED enum status run_folder_open(struct run_folder *folder, const char *path);
void run_folder_close(struct run_folder *folder);

/** Removes RUN/complete, if it is there.  Local. */
STATUS_CHECKED enum status run_folder_unmark(const struct run_folder *folder);

/** Writes RUN/complete, `{"step":STEP}`: the run has done its last step, and the checkpoint of that
 *  step is in place.  Local. */
STATUS_CHECKED enum status run_folder_mark(const struct run_folder *folder, uint64_t step);

/** RUN/NAME.  Local. */
void run_folder_file(const struct run_folder *folder, char out[RUN_FOLDER_PATH], const char *name);

/** The file of a checkpoint after `step` updates.  Local. */
void run_folder_checkpoint(const struct run_folder *folder, char out[RUN_FOLDER_PATH],
                           uint64_t step);

/** The newest checkpoint that verifies; "" when there is none at all.  FAILED when there are some
 *  and none verifies.  Local. */
STATUS_CHECKED enum status run_folder_newest(const struct run_folder *folder,
                                             char out[RUN_FOLDER_PATH]);

/** Points checkpoints/best to the checkpoint of `step`.  Local. */
STATUS_CHECKED enum status run_folder_point_best(const struct run_folder *folder, uint64_t step);

/** Removes checkpoints/best, if it is there: a run that stops early no more has no best.  Local. */
STATUS_CHECKED enum status run_folder_forget_best(const struct run_folder *folder);

/** Points checkpoints/latest to the checkpoint of `step` and removes all but the newest `keep`
 *  verified ones and the best.  Local. */
STATUS_CHECKED enum status run_folder_commit(const struct run_folder *folder, uint64_t step,
                                             size_t keep);

#endif
