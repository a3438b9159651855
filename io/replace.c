/* Replacing files in one step. */
#define _GNU_SOURCE
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static enum status fail_errno(const char *path, const char *what)
{
    return status_fail(FAILED, "%s: %s: %s", path, what, strerror(errno));
}

/* For file systems without reservation; 0 blocks means that this one does not know. */
static enum status check_free_space(int descriptor, const char *path, uint64_t bytes)
{
    struct statvfs about;
    if (fstatvfs(descriptor, &about) != 0 || about.f_blocks == 0) return OK;
    const uint64_t room = (uint64_t)about.f_bavail * about.f_frsize;
    if (room >= bytes) return OK;
    return status_fail(FAILED, "%s: needs %" PRIu64 " bytes, the disk has %" PRIu64 " left", path,
                       bytes, room);
}

static enum status reserve(int descriptor, const char *path, uint64_t bytes)
{
    int result;
    if (bytes == 0) return OK;
    do result = fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
    while (result != 0 && errno == EINTR);
    if (status_fault()) {
        errno = ENOSPC;
        result = -1;
    }
    if (result == 0) return OK;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return check_free_space(descriptor, path, bytes);
    return status_fail(FAILED, "%s: no room for %" PRIu64 " bytes: %s", path, bytes,
                       strerror(errno));
}

enum status replace_begin(const char *temporary, uint64_t bytes)
{
    if (unlink(temporary) != 0 && errno != ENOENT)
        return fail_errno(temporary, "cannot be removed");
    /* O_EXCL: whatever appears under this name meanwhile is not ours to write through. */
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 || status_fault()) {
        if (descriptor >= 0) close(descriptor);
        return fail_errno(temporary, "cannot be created");
    }
    enum status status = reserve(descriptor, temporary, bytes);
    if (status == OK && ftruncate(descriptor, 0) != 0)
        status = fail_errno(temporary, "cannot be truncated");
    close(descriptor);
    return status;
}

enum status replace_reserve(const char *temporary, uint64_t bytes)
{
    const int descriptor = open(temporary, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno(temporary, "cannot be opened");
    const enum status status = reserve(descriptor, temporary, bytes);
    close(descriptor);
    return status;
}

static enum status sync_file(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    const int result = descriptor < 0 || status_fault() ? -1 : fsync(descriptor);
    const enum status status = result == 0 ? OK : fail_errno(path, "cannot be synced");
    if (descriptor >= 0) close(descriptor);
    return status;
}

static int open_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, path, length);
    folder[length] = 0;
    if (!slash) return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return open(length ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum status replace_finish(const char *temporary, const char *path)
{
    enum status status = OK;
    const int folder = open_folder(path);
    if (folder < 0 || status_fault()) FAIL(FAILED, "%s: its folder: %s", path, strerror(errno));
    TRY(sync_file(temporary));
    if (status_fault() || rename(temporary, path) != 0)
        TRY(fail_errno(path, "cannot be given its name"));
    /* Some file systems cannot sync a folder and say EINVAL; their renames are then as durable as
     * they get. */
    if (status_fault() || (fsync(folder) != 0 && errno != EINVAL))
        TRY(fail_errno(path, "complete, but its folder cannot be synced"));
done:
    if (folder >= 0) close(folder);
    return status;
}
