/**
 * A report: what run folders hold, and the page that tells it.  One function a part of the page;
 * each leaves out what is not there and says so with report_miss.
 */
#ifndef REPORT_H
#define REPORT_H

#include "config.h"
#include "curves.h"
#include "report_page.h"

enum {
    REPORT_RUNS = 32,   /* at most */
    REPORT_PIECES = 12, /* piano rolls a folder */
    REPORT_COLOURS = 8, /* of runs, and shapes of their marks */
    REPORT_PATH = 4096, /* bytes */
};

/** A run folder, read; what is not there is NULL, false or -1. */
struct report_run {
    const char *name;  /* owned; the path given, without slashes at its end */
    char *config_text; /* owned; what config.ini says */
    bool has_config;   /* it could be read: */
    struct config config;
    bool has_curves; /* metrics.jsonl could be read: */
    struct curves curves;
    json_t *evaluation; /* owned; an object */
    long long step;     /* of the newest sound checkpoint */
    long long n_parameters;
    bool complete; /* the last step has been done */
};

struct report {
    struct report_run runs[REPORT_RUNS];
    size_t n_runs;
    const char *music; /* a folder of pieces beside those of the runs, or NULL */
    json_t *left_out;  /* owned; [{run, what, why}] */
    size_t n_pieces;   /* piano rolls drawn */
    struct page page;
};

/** Notes that a part is left out; `run` NULL is no run's.  Short memory fails the page.  Local. */
void report_miss(struct report *report, const char *run, const char *what, const char *why);

/** Reads a run folder into the next of `runs`.  Local.  FAILED names a folder that is none; parts
 *  that are missing or damaged are noted as left out. */
STATUS_CHECKED enum status report_read(struct report *report, const char *path);
void report_run_fini(struct report_run *run);

/** A member of nested objects, `a.b.c`; NULL without.  Local. */
json_t *report_at(const json_t *document, const char *path);

/** Why the run's evaluation left figures out, `otherwise` when it does not say.  Local. */
const char *report_left_out(const struct report_run *run, const char *otherwise);

/** Cards with what each run is.  Local. */
void report_head(struct report *report);

/** Learning curves, all runs in one plot.  Local. */
void report_curves(struct report *report);

/** What evaluations measured.  Local. */
void report_measures(struct report *report);

/** Confusion of the emotions: of the named scores, `rows` what was so and `columns` what was told.
 *  Local. */
void report_confusion(struct report *report, const char *const *paths, const char *rows,
                      const char *columns, const char *caption);

/** What latents tell of attributes, two by two.  Local. */
void report_leakage(struct report *report);

/** Held-out pieces on the first two discriminant axes.  Local. */
void report_plane(struct report *report);

/** Piano rolls of generated pieces.  Local. */
void report_rolls(struct report *report);

#endif
