/* The metrics log: cut on resuming, then appended to a line at a time. */
#define _GNU_SOURCE
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct metrics {
    char *path;
    int descriptor;
    off_t end;  /* of the last whole line, bytes */
    char *line; /* (room) the line being written */
    size_t room;
    size_t lost;
    bool failing; /* the line before was lost */
};

/* The step of a whole line, or -1 when it is not one of ours. */
static int64_t line_step(const char *line, size_t length)
{
    json_t *object = json_loadb(line, length, 0, NULL);
    const json_t *step = json_object_get(object, "step");
    const int64_t value = json_is_integer(step) ? json_integer_value(step) : -1;
    json_decref(object);
    return value;
}

/* Where the lines to keep end: a damaged line is kept only when a good one follows it. */
static enum status find_end(off_t *end, FILE *file, int64_t last_step)
{
    char *line = NULL;
    size_t room = 0;
    off_t place = 0;
    ssize_t length;
    *end = 0;
    while ((length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n') {
        const int64_t step = line_step(line, (size_t)length);
        place += length;
        if (step > last_step) break;
        if (step >= 0) *end = place;
    }
    free(line);
    return ferror(file) ? status_fail(FAILED, "cannot read: %s", strerror(errno)) : OK;
}

static enum status cut(struct metrics *m, int64_t last_step)
{
    enum status status = OK;
    FILE *file = status_fault() ? NULL : fopen(m->path, "re");
    if (!file) FAIL(FAILED, "cannot open: %s", strerror(errno));
    TRY(find_end(&m->end, file, last_step));
    if (ftruncate(m->descriptor, m->end) != 0) FAIL(FAILED, "cannot cut: %s", strerror(errno));
done:
    if (file) fclose(file);
    return status;
}

enum status metrics_open(struct metrics **metrics, const char *path, int64_t last_step)
{
    enum status status = OK;
    struct metrics *m = status_fault() ? NULL : calloc(1, sizeof *m);
    *metrics = NULL;
    if (!m) FAIL(FAILED, "%s: no memory", path);
    m->descriptor = -1;
    m->path = strdup(path);
    if (!m->path) FAIL(FAILED, "%s: no memory", path);
    m->descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (m->descriptor < 0) FAIL(FAILED, "%s: cannot open: %s", path, strerror(errno));
    status = cut(m, last_step);
    if (status != OK) FAIL(status, "%s: %s", path, status_message());
    *metrics = m;
done:
    if (status != OK) metrics_close(m);
    return status;
}

/* Makes room for one more value after `length` bytes. */
static bool grow(struct metrics *m, size_t length, size_t more)
{
    if (length + more <= m->room) return true;
    const size_t room = 2 * (length + more);
    char *line = status_fault() ? NULL : realloc(m->line, room);
    if (!line) return false;
    m->line = line;
    m->room = room;
    return true;
}

enum { NUMBER_SIZE = 32 }; /* any number and the punctuation around it */

/* Writes the line into m->line; its length, or 0 when memory is short. */
static size_t format_line(struct metrics *m, int64_t step, const struct metric *values,
                          size_t n_values)
{
    if (!grow(m, 0, 2 * NUMBER_SIZE)) return 0;
    size_t length = (size_t)snprintf(m->line, m->room, "{\"step\":%" PRId64, step);
    for (size_t i = 0; i < n_values; i++) {
        const char *name = values[i].name;
        ASSERT(!strpbrk(name, "\"\\\n"));
        if (!grow(m, length, strlen(name) + 2 * NUMBER_SIZE)) return 0;
        char *place = m->line + length;
        const size_t room = m->room - length;
        const int n = isfinite(values[i].value)
                          ? snprintf(place, room, ",\"%s\":%.9g", name, values[i].value)
                          : snprintf(place, room, ",\"%s\":null", name);
        length += (size_t)n;
    }
    memcpy(m->line + length, "}\n", 3);
    return length + 2;
}

/* One write; what a full disk took of the line is cut off again. */
static enum status append(struct metrics *m, size_t length)
{
    ssize_t n;
    do n = write(m->descriptor, m->line, length);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)length) {
        m->end += n;
        return OK;
    }
    const int reason = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(m->descriptor, m->end) != 0) return status_fail(FAILED, "torn line");
    return status_fail(FAILED, "cannot write: %s", strerror(reason));
}

enum status metrics_write(struct metrics *m, int64_t step, const struct metric *values,
                          size_t n_values)
{
    const size_t length = format_line(m, step, values, n_values);
    const enum status status = length ? append(m, length) : status_fail(FAILED, "no memory");
    const bool reported = m->failing;
    m->failing = status != OK;
    if (status == OK) return OK;
    m->lost++;
    return reported ? OK : status_prefix(status, "%.200s: step %" PRId64 " lost", m->path, step);
}

size_t metrics_lost(const struct metrics *m)
{
    return m->lost;
}

void metrics_close(struct metrics *m)
{
    if (!m) return;
    if (m->descriptor >= 0) close(m->descriptor);
    free(m->line);
    free(m->path);
    free(m);
}
