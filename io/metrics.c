/* The metrics log: cut on resuming, then appended to a line at a time. */
#define _GNU_SOURCE
#include "metrics.h"

#include "tail.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct metrics {
    char *path;
    struct tail tail;
    char *line; /* (room) the line being written */
    size_t room;
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
    off_t end = 0;
    FILE *file = status_fault() ? NULL : fopen(m->path, "re");
    if (!file) FAIL(FAILED, "cannot open: %s", strerror(errno));
    TRY(find_end(&end, file, last_step));
    TRY(tail_cut(&m->tail, end));
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
    m->tail.descriptor = -1;
    m->path = strdup(path);
    if (!m->path) FAIL(FAILED, "%s: no memory", path);
    status = tail_open(&m->tail, path);
    if (status == OK) status = cut(m, last_step);
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

enum status metrics_write(struct metrics *m, int64_t step, const struct metric *values,
                          size_t n_values)
{
    const size_t length = format_line(m, step, values, n_values);
    const enum status status =
        length ? tail_append(&m->tail, m->line, length) : status_fail(FAILED, "no memory");
    return tail_tell(&m->tail, status, m->path, step);
}

size_t metrics_lost(const struct metrics *m)
{
    return m->tail.lost;
}

void metrics_close(struct metrics *m)
{
    if (!m) return;
    tail_close(&m->tail);
    free(m->line);
    free(m->path);
    free(m);
}
