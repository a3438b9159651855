/**
 * Replacing a file so that its name never means an incomplete one: the new content is written to a
 * temporary file in the same folder, then takes the name.  All functions are Local.
 */
#ifndef REPLACE_H
#define REPLACE_H

#include "status.h"

#include <stdint.h>

/**
 * Creates an empty file at `temporary` (an older one goes first), with room for `bytes` bytes tried
 * out and given back: a full disk or an unwritable folder shows here, before anything is written.
 */
STATUS_CHECKED enum status replace_begin(const char *temporary, uint64_t bytes);

/**
 * Reserves room for `bytes` bytes without changing the file's length.  File systems that cannot
 * reserve are asked for their free space instead; those that tell neither are trusted.
 */
STATUS_CHECKED enum status replace_reserve(const char *temporary, uint64_t bytes);

/**
 * Syncs `temporary`, gives it the name `path`, and syncs the folder.  On failure `path` is what it
 * was before, except when only the folder's sync failed: then it is the new file, complete, but a
 * power cut may bring the old one back.
 */
STATUS_CHECKED enum status replace_finish(const char *temporary, const char *path);

#endif
