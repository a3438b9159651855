/**
 * Small text files, read and written whole.
 */
#ifndef TEXTFILE_H
#define TEXTFILE_H

#include "status.h"

#include <stddef.h>

/**
 * Reads a file of at most `limit` bytes.  Local.
 *
 * @param[out] text  zero-terminated, malloc'ed, owned by the caller; NULL on failure
 * @param[out] size  bytes without the terminator
 * @return FAILED; the message starts with the path
 */
STATUS_CHECKED enum status textfile_read(char **text, size_t *size, const char *path, size_t limit);

/**
 * Writes a file: a temporary beside it, synced, then renamed, so that under its name the file is
 * either the old one or the whole new one.  Local.
 *
 * @return FAILED; the message starts with the path
 */
STATUS_CHECKED enum status textfile_write(const char *path, const char *text);

#endif
