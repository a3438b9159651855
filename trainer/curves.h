/**
 * The learning curves of a run, read back from its metrics.jsonl.
 *
 * Anything may be in that file: a line that is not an object with a whole `step` of 0 or more, or
 * that is longer than CURVES_LINE, is passed over and counted; a value that is null, no
 * number, or beyond 1e30 is no point of its curve.
 */
#ifndef CURVES_H
#define CURVES_H

#include "status.h"

#include <stddef.h>

enum {
    CURVES_LINE = 1 << 16, /* bytes a line at most */
    CURVES_STAGES = 8,     /* changes of the stage that are kept */
};

enum curve_name {
    CURVE_LOSS,              /* of training, nats a row */
    CURVE_KL,                /* nats a row */
    CURVE_RATE,              /* the learning rate */
    CURVE_VALIDATION,        /* nats an event, divergence included */
    CURVE_VALIDATION_EVENTS, /* nats an event of the events alone */
    CURVE_BIGRAM,            /* the baseline's nats an event */
    CURVE_EMOTION,           /* shares of validation pieces heard aright */
    CURVE_AROUSAL,
    CURVE_VALENCE,
    N_CURVES
};

struct curve {
    double *step, *value; /* (n) owned; finite, in the file's order */
    size_t n, room;
};

struct curves {
    struct curve curve[N_CURVES];
    size_t n_lines, n_bad; /* all lines; those passed over */
    double last_step;      /* -1 without any */
    size_t n_stages;
    struct {
        double step; /* the first one of the stage */
        int stage;
    } stage[CURVES_STAGES];
};

/**
 * Reads a file.  Local.
 *
 * @param[out] curves  to be freed by curves_fini; zeroed on failure
 * @return FAILED with `path: reason` when it cannot be read, or memory is short
 */
STATUS_CHECKED enum status curves_read(struct curves *curves, const char *path);
void curves_fini(struct curves *curves);

/** The place of the least value (`sign` 1) or the greatest (-1), the first of equals; n without
 *  points.  Local. */
size_t curve_best(const struct curve *curve, int sign);

/**
 * Thins a curve to at most `most` points, each the mean, in step and value, of as many points in a
 * row; the last may stand for fewer.  Local.
 *
 * @param[out] step, value  (most) caller-owned
 * @param most             1 or more
 * @return how many points there are
 */
size_t curve_thin(double *step, double *value, const struct curve *curve, size_t most);

#endif
