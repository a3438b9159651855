/* Memory first, then a file that is unlinked as soon as it is open. */
#define _GNU_SOURCE
#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void spill_init(struct spill *spill, const char *path, size_t room)
{
    *spill = (struct spill){.path = path, .room = room, .descriptor = -1};
}

void spill_fini(struct spill *spill)
{
    free(spill->memory);
    if (spill->descriptor >= 0) close(spill->descriptor);
    *spill = (struct spill){.descriptor = -1};
}

static enum status fail_errno(const struct spill *spill, const char *what)
{
    return status_fail(FAILED, "%s: %s: %s", spill->path, what, strerror(errno));
}

static enum status make_file(struct spill *spill)
{
    if (spill->descriptor >= 0) return OK;
    if (unlink(spill->path) != 0 && errno != ENOENT) return fail_errno(spill, "cannot be removed");
    spill->descriptor = status_fault()
                            ? (errno = EIO, -1)
                            : open(spill->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (spill->descriptor < 0) return fail_errno(spill, "cannot be created");
    if (unlink(spill->path) != 0) return fail_errno(spill, "cannot be removed");
    return OK;
}

static enum status write_at(struct spill *spill, const char *bytes, size_t n, uint64_t at)
{
    while (n > 0) {
        const ssize_t put =
            status_fault() ? (errno = EIO, -1) : pwrite(spill->descriptor, bytes, n, (off_t)at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return fail_errno(spill, "cannot put pieces aside");
        bytes += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return OK;
}

static enum status empty_memory(struct spill *spill)
{
    enum status status = OK;
    TRY(make_file(spill));
    TRY(write_at(spill, spill->memory, spill->n_memory, spill->n_file));
    spill->n_file += spill->n_memory;
    spill->n_memory = 0;
done:
    return status;
}

static enum status grow(struct spill *spill, size_t wanted)
{
    if (wanted <= spill->capacity) return OK;
    size_t larger = 2 * spill->capacity + 4096;
    if (larger > spill->room) larger = spill->room;
    if (larger < wanted) larger = wanted;
    char *grown = status_fault() ? NULL : realloc(spill->memory, larger);
    if (!grown) return status_fail(FAILED, "out of memory for %zu bytes", larger);
    spill->memory = grown;
    spill->capacity = larger;
    return OK;
}

enum status spill_add(struct spill *spill, const void *bytes, size_t n, uint64_t *place)
{
    enum status status = OK;
    if (n > spill->room - spill->n_memory) TRY(empty_memory(spill));
    *place = spill->n_file + spill->n_memory;
    if (n > spill->room) {
        TRY(write_at(spill, bytes, n, spill->n_file));
        spill->n_file += n;
        goto done;
    }
    TRY(grow(spill, spill->n_memory + n));
    if (n) memcpy(spill->memory + spill->n_memory, bytes, n);
    spill->n_memory += n;
done:
    return status;
}

enum status spill_read(const struct spill *spill, uint64_t place, void *bytes, size_t n)
{
    if (place >= spill->n_file) {
        if (n) memcpy(bytes, spill->memory + (place - spill->n_file), n);
        return OK;
    }
    char *to = bytes;
    while (n > 0) {
        const ssize_t got =
            status_fault() ? (errno = EIO, -1) : pread(spill->descriptor, to, n, (off_t)place);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = EIO;
        if (got <= 0) return fail_errno(spill, "cannot read what was put aside");
        to += got;
        place += (uint64_t)got;
        n -= (size_t)got;
    }
    return OK;
}

enum status spill_write(struct spill *spill, uint64_t place, const void *bytes, size_t n)
{
    if (place < spill->n_file) return write_at(spill, bytes, n, place);
    if (n) memcpy(spill->memory + (place - spill->n_file), bytes, n);
    return OK;
}
