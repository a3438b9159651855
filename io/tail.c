/* Files that grow by whole records. */
#define _GNU_SOURCE
#include "tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum status tail_open(struct tail *tail, const char *path)
{
    *tail =
        (struct tail){.descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
    return tail->descriptor < 0 ? status_fail(FAILED, "cannot open: %s", strerror(errno)) : OK;
}

enum status tail_cut(struct tail *tail, off_t end)
{
    tail->end = end;
    return ftruncate(tail->descriptor, end) != 0
               ? status_fail(FAILED, "cannot cut: %s", strerror(errno))
               : OK;
}

enum status tail_append(struct tail *tail, const void *record, size_t size)
{
    ssize_t n;
    do n = write(tail->descriptor, record, size);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)size) {
        tail->end += n;
        return OK;
    }
    const int reason = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(tail->descriptor, tail->end) != 0)
        return status_fail(FAILED, "torn record");
    return status_fail(FAILED, "cannot write: %s", strerror(reason));
}

enum status tail_tell(struct tail *tail, enum status status, const char *path, int64_t step)
{
    const bool told = tail->failing;
    tail->failing = status != OK;
    tail->lost += status != OK;
    if (status == OK || told) return OK;
    return status_prefix(status, "%.200s: step %" PRId64 " lost", path, step);
}

void tail_close(struct tail *tail)
{
    if (tail->descriptor >= 0) close(tail->descriptor);
    tail->descriptor = -1;
}
