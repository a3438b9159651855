/**
 * The folder a verb writes into.
 */
#ifndef FOLDER_H
#define FOLDER_H

#include "status.h"

enum { FOLDER_PATH_BYTES = 4096 };

/** Makes the folder unless it is there.  Local.  FAILED names it. */
STATUS_CHECKED enum status folder_make(const char *path);

/** Writes `FOLDER/NAME`.  Local.  FAILED when that is too long. */
STATUS_CHECKED enum status folder_join(char path[FOLDER_PATH_BYTES], const char *folder,
                                       const char *name);

#endif
