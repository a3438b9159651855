/**
 * A folder of its own for a measurement's files, gone afterwards.
 */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#include "folder.h"
#include "group.h"

/** Makes `PARENT/bench-XXXXXX`, PARENT too if it is missing.  Collective: `path` is the same on
 *  every rank; "" on failure. */
STATUS_CHECKED enum status bench_folder_make(char path[FOLDER_PATH_BYTES], struct group *group,
                                             const char *parent);

/** Removes it with all it holds; "" is allowed.  Collective. */
void bench_folder_remove(const char *path, struct group *group);

#endif
