/**
 * The wish to stop early: signals and a time limit.
 *
 * Handlers only set a flag; the trainer asks once a step and tells the other ranks.  A second
 * signal and the deadline end the process where it is: files under their final names are whole by
 * then.
 */
#ifndef STOP_H
#define STOP_H

#include "status.h"

#include <stdbool.h>

/** Catches SIGUSR1, SIGTERM and SIGINT; a second one ends the process the usual way.  Ignores
 *  SIGPIPE.  Local. */
void stop_catch_signals(void);

/**
 * Ends the process, with the code STOPPED, once it is that old, whatever it does then.  Local.
 *
 * @param seconds  since its begin; 0: no longer
 * @param line     for stderr, with its newline, of static storage; NULL: ends in silence
 */
void stop_deadline(double seconds, const char *line);

/** Whether a signal came.  Local. */
bool stop_signalled(void);

/** Whether it was SIGTERM, after which launchers leave seconds.  Local. */
bool stop_terminated(void);

/** Seconds of a monotonic clock.  Local. */
double stop_clock(void);

/** That clock when this process began.  Local. */
double stop_begun(void);

/** Reads `90`, `90s`, `15m`, `2h`, `1d` or `[D-]HH:MM:SS` as seconds.  USAGE otherwise.  Local. */
STATUS_CHECKED enum status stop_parse_duration(double *seconds, const char *text);

#endif
