/* Sync, rename, sync the folder. */
#define _GNU_SOURCE
#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int sync_path(const char *path, int flags)
{
    const int descriptor = open(path, flags | O_CLOEXEC);
    if (descriptor < 0) return -1;
    const int failed = status_fault() ? (errno = EIO, -1) : fsync(descriptor);
    const int reason = errno;
    close(descriptor);
    errno = reason;
    return failed;
}

enum status durable_rename(const char *temporary, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int n = slash == path ? 1 : slash ? (int)(slash - path) : 0;
    if (n >= PATH_MAX) return status_fail(FAILED, "%s: name too long", path);
    snprintf(folder, sizeof folder, "%.*s", n ? n : 1, n ? path : ".");
    if (sync_path(temporary, O_RDONLY) != 0)
        return status_fail(FAILED, "%s: cannot sync: %s", path, strerror(errno));
    if (rename(temporary, path) != 0)
        return status_fail(FAILED, "%s: cannot rename: %s", path, strerror(errno));
    /* Some file systems cannot sync a folder, and say EINVAL. */
    if (sync_path(folder, O_RDONLY | O_DIRECTORY) != 0 && errno != EINVAL)
        return status_fail(FAILED, "%s: cannot sync the folder: %s", path, strerror(errno));
    return OK;
}
