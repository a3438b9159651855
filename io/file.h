/**
 * Whole files: read at once, or written so that the final name never holds an incomplete file.
 */
#ifndef FILE_H
#define FILE_H

#include "status.h"

#include <stddef.h>

/**
 * Reads a regular file whole.  Local.
 *
 * @param[out] bytes  malloc'ed, owned by the caller; not zero-terminated; NULL on failure
 * @param[out] size   bytes read
 * @param      limit  a larger file is refused, bytes
 * @return FAILED with `path: reason`
 */
STATUS_CHECKED enum status file_read(unsigned char **bytes, size_t *size, const char *path,
                                     size_t limit);

/**
 * Replaces a file: writes PATH.PID.tmp beside it, syncs that, renames it over `path` and syncs the
 * folder.  On failure the temporary is gone and `path` is untouched, unless only the last sync
 * failed: then the new file is in place but may not survive a power cut.  Local.
 *
 * @return FAILED with `path: reason`
 */
STATUS_CHECKED enum status file_write(const char *path, const void *bytes, size_t size);

#endif
