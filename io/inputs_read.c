/* Reading the listed inputs one at a time, from files and from archives run through once. */
#define _GNU_SOURCE
#include "inputs.h"

#include "members.h"
#include "smf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
    const struct inputs *inputs;
    unsigned char *buffer;
    size_t capacity;
    char *path;              /* of the open archive */
    struct members *members; /* NULL: none open, or it failed */
    char failure[STATUS_MESSAGE_SIZE];
    uint32_t next; /* place of the archive's next member */
};

static enum status input_path(const struct inputs *inputs, size_t i, char **path)
{
    const struct input *input = inputs->items + i;
    const char *name = input_name(inputs, i);
    const int rest = (int)(input->file - input->root);
    const int n = status_fault() ? -1
                                 : asprintf(path, "%s%.*s", inputs->arguments[input->argument],
                                            rest, name + input->root);
    if (n >= 0) return OK;
    *path = NULL;
    return status_fail(FAILED, "out of memory");
}

static enum status read_all(struct reader *reader, int descriptor, size_t n)
{
    if (n > reader->capacity || !reader->buffer) {
        unsigned char *grown = status_fault() ? NULL : realloc(reader->buffer, n + 1);
        if (!grown) return status_fail(FAILED, "out of memory");
        reader->buffer = grown;
        reader->capacity = n + 1;
    }
    for (size_t done = 0; done < n;) {
        const ssize_t got = read(descriptor, reader->buffer + done, n - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return status_fail(FAILED, "%s", strerror(errno));
        if (got == 0) return status_fail(FAILED, "file shrank while it was read");
        done += (size_t)got;
    }
    return OK;
}

/* Non-blocking, so that a FIFO put in the file's place cannot hang the run. */
static enum status read_file(struct reader *reader, size_t i, size_t *size)
{
    enum status status = OK;
    struct stat about;
    char *path = NULL;
    int descriptor = -1;
    TRY(input_path(reader->inputs, i, &path));
    descriptor = status_fault() ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &about) != 0) FAIL(FAILED, "%s", strerror(errno));
    if (!S_ISREG(about.st_mode)) FAIL(FAILED, "not a regular file");
    if (about.st_size > SMF_MAX_BYTES)
        FAIL(FAILED, "%lld bytes, limit %d", (long long)about.st_size, SMF_MAX_BYTES);
    *size = (size_t)about.st_size;
    TRY(read_all(reader, descriptor, *size));
done:
    if (descriptor >= 0) close(descriptor);
    free(path);
    return status;
}

static enum status archive_failed(struct reader *reader, enum status status)
{
    snprintf(reader->failure, sizeof reader->failure, "%s", status_message());
    members_close(reader->members);
    reader->members = NULL;
    return status;
}

/* Opens the input's archive, or keeps it when it is the open one and not yet past the member. */
static enum status seek_archive(struct reader *reader, size_t i)
{
    enum status status = OK;
    char *path = NULL;
    TRY(input_path(reader->inputs, i, &path));
    const bool same = reader->path && strcmp(reader->path, path) == 0;
    if (same && reader->next <= reader->inputs->items[i].member) goto done;
    members_close(reader->members);
    free(reader->path);
    reader->path = path;
    reader->next = 0;
    path = NULL;
    if (members_open(&reader->members, reader->path) != OK) status = archive_failed(reader, FAILED);
done:
    free(path);
    return status;
}

static enum status read_member(struct reader *reader, size_t i, size_t *size)
{
    enum status status = OK;
    struct member member = {0};
    bool end = false;
    TRY(seek_archive(reader, i));
    if (!reader->members) FAIL(FAILED, "%s", reader->failure);
    while (reader->next <= reader->inputs->items[i].member) {
        if (members_next(reader->members, &member, &end) != OK)
            return archive_failed(reader, FAILED);
        if (end) {
            (void)status_fail(FAILED, "archive shrank while it was read");
            return archive_failed(reader, FAILED);
        }
        reader->next++;
    }
    TRY(members_read(reader->members, &reader->buffer, &reader->capacity, size));
done:
    return status;
}

enum status inputs_read(const struct inputs *inputs, size_t first, size_t stride,
                        inputs_visit *visit, void *context)
{
    struct reader reader = {.inputs = inputs};
    enum status status = OK;
    for (size_t i = first; i < inputs->n; i += stride) {
        const struct input *input = inputs->items + i;
        size_t size = 0;
        enum status read;
        if (input->reason)
            read = status_fail(FAILED, "%s", inputs->text + input->reason);
        else if (input->member == INPUT_NO_MEMBER)
            read = read_file(&reader, i, &size);
        else
            read = read_member(&reader, i, &size);
        TRY(visit(context, i, read, read == OK ? reader.buffer : NULL, size));
    }
done:
    members_close(reader.members);
    free(reader.path);
    free(reader.buffer);
    return status;
}
