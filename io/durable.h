/**
 * Putting a finished file in place of another so that no crash leaves half of it.
 */
#ifndef DURABLE_H
#define DURABLE_H

#include "status.h"

/**
 * Syncs `temporary`, renames it to `path` and syncs the folder.  Local.
 *
 * @return FAILED, the message starts with the path; `path` is then what it was before, unless
 * only the folder's sync failed
 */
STATUS_CHECKED enum status durable_rename(const char *temporary, const char *path);

#endif
