/* Reading files whole and replacing them atomically. */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PID_DIGITS = 20 };

static enum status fail_errno(const char *path, const char *doing)
{
    return status_fail(FAILED, "%s: cannot %s: %s", path, doing, strerror(errno));
}

/* Lets tests stand in for a failing system call. */
static bool faulty(void)
{
    if (!status_fault()) return false;
    errno = EIO;
    return true;
}

static enum status read_all(int descriptor, unsigned char *bytes, size_t *size, const char *path)
{
    const size_t wanted = *size;
    *size = 0;
    while (*size < wanted) {
        const ssize_t n = faulty() ? -1 : read(descriptor, bytes + *size, wanted - *size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(path, "read");
        if (n == 0) break; /* it shrank since fstat */
        *size += (size_t)n;
    }
    return OK;
}

enum status file_read(unsigned char **bytes, size_t *size, const char *path, size_t limit)
{
    enum status status = OK;
    *bytes = NULL;
    *size = 0;
    /* O_NONBLOCK: a named pipe must not hang the open; it has no effect on regular files. */
    const int descriptor = faulty() ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return fail_errno(path, "open");
    struct stat about;
    if (fstat(descriptor, &about) != 0) {
        status = fail_errno(path, "stat");
        goto done;
    }
    if (!S_ISREG(about.st_mode)) FAIL(FAILED, "%s: not a regular file", path);
    if ((unsigned long long)about.st_size > limit)
        FAIL(FAILED, "%s: %lld bytes, more than %zu", path, (long long)about.st_size, limit);
    *size = (size_t)about.st_size;
    *bytes = status_fault() ? NULL : malloc(*size ? *size : 1);
    if (!*bytes) FAIL(FAILED, "%s: out of memory (%zu bytes)", path, *size);
    TRY(read_all(descriptor, *bytes, size, path));
done:
    close(descriptor);
    if (status != OK) {
        free(*bytes);
        *bytes = NULL;
        *size = 0;
    }
    return status;
}

static enum status write_all(int descriptor, const unsigned char *bytes, size_t size,
                             const char *path)
{
    while (size) {
        const ssize_t n = faulty() ? -1 : write(descriptor, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(path, "write");
        bytes += n;
        size -= (size_t)n;
    }
    if (faulty() || fsync(descriptor) != 0) return fail_errno(path, "sync");
    return OK;
}

/* Writes and closes the temporary; a close can be the first to report a full quota. */
static enum status write_temporary(const char *temporary, const void *bytes, size_t size,
                                   const char *path)
{
    const int descriptor =
        faulty() ? -1
                 : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) return fail_errno(path, "create");
    enum status status = write_all(descriptor, bytes, size, path);
    const int closed = close(descriptor);
    if (status == OK && (faulty() || closed != 0)) status = fail_errno(path, "close");
    return status;
}

static enum status sync_folder(const char *path, char *folder)
{
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0; /* keeps the slash of the root */
    const int descriptor =
        faulty() ? -1 : open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno(path, "open the folder");
    /* Some file systems cannot sync folders and say so by EINVAL. */
    const bool failed = faulty() || (fsync(descriptor) != 0 && errno != EINVAL);
    const enum status status = failed ? fail_errno(path, "sync the folder") : OK;
    close(descriptor);
    return status;
}

enum status file_write(const char *path, const void *bytes, size_t size)
{
    enum status status = OK;
    const size_t room = strlen(path) + PID_DIGITS + sizeof "..tmp";
    char *temporary = status_fault() ? NULL : malloc(room);
    if (!temporary) return status_fail(FAILED, "%s: out of memory (%zu bytes)", path, room);
    snprintf(temporary, room, "%s.%ld.tmp", path, (long)getpid());
    status = write_temporary(temporary, bytes, size, path);
    if (status == OK && (faulty() || rename(temporary, path) != 0))
        status = fail_errno(path, "rename");
    if (status != OK) {
        unlink(temporary);
        goto done;
    }
    TRY(sync_folder(path, temporary));
done:
    free(temporary);
    return status;
}
