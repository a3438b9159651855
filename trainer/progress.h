/**
 * Progress and messages on a stream (stderr): one live line on a terminal, at most one line an
 * interval elsewhere.  Only rank 0 has one; the others pass a NULL stream, and nothing is written.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "status.h"

#include <stdbool.h>
#include <stdio.h>

#define PROGRESS_INTERVAL 10.0 /* seconds between lines off a terminal */

struct progress {
    FILE *stream; /* NULL: silent; not owned */
    bool terminal;
    double interval; /* seconds */
    double last;     /* when a line was last written, seconds */
    bool live;       /* an unfinished line stands on the terminal */
    FILE *log;       /* NULL, or a file that keeps every note with its time; not owned */
};

/**
 * @param stream    NULL or an open stream that outlives the progress
 * @param interval  least seconds between lines off a terminal
 */
void progress_init(struct progress *progress, FILE *stream, double interval);

/** Replaces the live line, or writes a line when the interval has passed since the last.  Local. */
void progress_update(struct progress *progress, const char *format, ...) STATUS_FORMAT(2, 3);

/** Writes a line that stays, whatever the interval: a warning, a result of a stage.  Local. */
void progress_note(struct progress *progress, const char *format, ...) STATUS_FORMAT(2, 3);

/** Ends the live line.  Local. */
void progress_fini(struct progress *progress);

#endif
