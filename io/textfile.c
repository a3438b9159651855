/* Whole text files: bounded reading, atomic writing. */
#define _GNU_SOURCE
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status check_kind(int descriptor, const char *path, size_t limit)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return status_fail(FAILED, "%s: cannot read: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) return status_fail(FAILED, "%s: is a folder", path);
    if (S_ISREG(info.st_mode) && (size_t)info.st_size > limit)
        return status_fail(FAILED, "%s: %lld bytes, at most %zu are read", path,
                           (long long)info.st_size, limit);
    return OK;
}

/* Reads until the end, or one byte over the limit: pipes tell no size beforehand. */
static enum status read_all(int descriptor, const char *path, char *text, size_t *size,
                            size_t limit)
{
    size_t filled = 0;
    while (filled <= limit) {
        const ssize_t n = read(descriptor, text + filled, limit + 1 - filled);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return status_fail(FAILED, "%s: cannot read: %s", path, strerror(errno));
        if (n == 0) break;
        filled += (size_t)n;
    }
    if (filled > limit) return status_fail(FAILED, "%s: more than %zu bytes", path, limit);
    text[filled] = 0;
    *size = filled;
    return OK;
}

enum status textfile_read(char **text, size_t *size, const char *path, size_t limit)
{
    enum status status = OK;
    *text = NULL;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) FAIL(FAILED, "%s: cannot open: %s", path, strerror(errno));
    TRY(check_kind(descriptor, path, limit));
    *text = status_fault() ? NULL : malloc(limit + 2);
    if (!*text) FAIL(FAILED, "%s: no memory for %zu bytes", path, limit + 2);
    TRY(read_all(descriptor, path, *text, size, limit));
done:
    if (descriptor >= 0) close(descriptor);
    if (status != OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

static int write_all(int descriptor, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(descriptor, text, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

enum status textfile_write(const char *path, const char *text)
{
    enum status status = OK;
    char temporary[4096];
    int descriptor = -1;
    const int length = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof temporary)
        return status_fail(FAILED, "%.60s...: the path is too long", path);
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) FAIL(FAILED, "%s: cannot create: %s", path, strerror(errno));
    if (status_fault())
        errno = ENOSPC;
    else if (write_all(descriptor, text, strlen(text)) == 0 && fsync(descriptor) == 0)
        errno = 0;
    if (errno) FAIL(FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (rename(temporary, path) != 0) FAIL(FAILED, "%s: cannot rename: %s", path, strerror(errno));
done:
    if (descriptor >= 0) close(descriptor);
    if (descriptor >= 0 && status != OK) unlink(temporary);
    return status;
}
