/* Learning curves. */
#define _GNU_SOURCE
#include "curves.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beyond it a plot's range would not be finite, and nothing was learned. */
static const double CURVES_GREATEST = 1e30;

static const char *const names[N_CURVES] = {
    "loss",
    "kl",
    "learning_rate",
    "validation_loss",
    "validation_events",
    "validation_bigram",
    "validation_emotion",
    "validation_arousal",
    "validation_valence",
};

static enum status add_point(struct curve *curve, double step, double value)
{
    if (curve->n == curve->room) {
        const size_t room = curve->room ? 2 * curve->room : 256;
        double *steps = status_fault() ? NULL : realloc(curve->step, room * sizeof *steps);
        if (steps) curve->step = steps;
        double *values = steps ? realloc(curve->value, room * sizeof *values) : NULL;
        if (!values) return status_fail(FAILED, "no memory for %zu points", room);
        curve->value = values;
        curve->room = room;
    }
    curve->step[curve->n] = step;
    curve->value[curve->n++] = value;
    return OK;
}

static void note_stage(struct curves *curves, double step, const json_t *stage)
{
    const size_t n = curves->n_stages;
    if (!json_is_integer(stage) || n == CURVES_STAGES) return;
    const json_int_t value = json_integer_value(stage);
    if (value < 0 || value > 99 || (n > 0 && curves->stage[n - 1].stage == (int)value)) return;
    curves->stage[n].step = step;
    curves->stage[n].stage = (int)value;
    curves->n_stages++;
}

static enum status add_line(struct curves *curves, const char *text, size_t length)
{
    enum status status = OK;
    json_t *line = json_loadb(text, length, 0, NULL);
    const json_t *number = json_object_get(line, "step");
    const bool good = json_is_integer(number) && json_integer_value(number) >= 0;
    curves->n_bad += !good;
    if (!good) goto done;
    const double step = (double)json_integer_value(number);
    if (step > curves->last_step) curves->last_step = step;
    note_stage(curves, step, json_object_get(line, "stage"));
    for (int c = 0; c < N_CURVES; c++) {
        const json_t *value = json_object_get(line, names[c]);
        if (json_is_number(value) && fabs(json_number_value(value)) <= CURVES_GREATEST)
            TRY(add_point(&curves->curve[c], step, json_number_value(value)));
    }
done:
    json_decref(line);
    return status;
}

/* Whether the line that begins in `line` is whole; passes over the rest of one that is not. */
static bool is_whole(const char *line, size_t length, FILE *file)
{
    if (length + 1 < CURVES_LINE || line[length - 1] == '\n') return true;
    for (int c = 0; c != EOF && c != '\n';) c = getc(file);
    return false;
}

static enum status read_lines(struct curves *curves, FILE *file)
{
    enum status status = OK;
    char *line = status_fault() ? NULL : malloc(CURVES_LINE);
    if (!line) FAIL(FAILED, "no memory for a line");
    /* A zero byte ends what strlen sees: the rest of such a line is lost, and JSON refuses it. */
    while (fgets(line, CURVES_LINE, file)) {
        const size_t length = strlen(line);
        curves->n_lines++;
        if (length > 0 && is_whole(line, length, file))
            TRY(add_line(curves, line, length));
        else
            curves->n_bad++;
    }
    if (ferror(file)) FAIL(FAILED, "cannot read: %s", strerror(errno));
done:
    free(line);
    return status;
}

/* A named pipe must not hang the reader. */
static enum status open_regular(FILE **file, const char *path)
{
    struct stat about;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *file = NULL;
    if (descriptor < 0) return status_fail(FAILED, "cannot open: %s", strerror(errno));
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode))
        *file = status_fault() ? NULL : fdopen(descriptor, "r");
    if (*file) return OK;
    close(descriptor);
    return status_fail(FAILED, "not a regular file");
}

enum status curves_read(struct curves *curves, const char *path)
{
    enum status status = OK;
    FILE *file = NULL;
    *curves = (struct curves){.last_step = -1};
    TRY(open_regular(&file, path));
    TRY(read_lines(curves, file));
done:
    if (file) fclose(file);
    if (status == OK) return OK;
    curves_fini(curves);
    return status_prefix(FAILED, "%.300s", path);
}

void curves_fini(struct curves *curves)
{
    for (int c = 0; c < N_CURVES; c++) {
        free(curves->curve[c].step);
        free(curves->curve[c].value);
    }
    *curves = (struct curves){0};
}

size_t curve_best(const struct curve *curve, int sign)
{
    size_t best = 0;
    for (size_t i = 1; i < curve->n; i++)
        if (sign * curve->value[i] < sign * curve->value[best]) best = i;
    return best;
}

size_t curve_thin(double *step, double *value, const struct curve *curve, size_t most)
{
    const size_t together = (curve->n + most - 1) / most;
    size_t n = 0;
    for (size_t i = 0; i < curve->n; i += together, n++) {
        const size_t end = i + together < curve->n ? i + together : curve->n;
        step[n] = value[n] = 0;
        for (size_t j = i; j < end; j++) {
            step[n] += curve->step[j] / (double)(end - i);
            value[n] += curve->value[j] / (double)(end - i);
        }
    }
    return n;
}
