/**
 * The wish to stop early: signals and a time limit.
 *
 * Handlers only set a flag; the trainer asks once a step and tells the other ranks.
 */
#ifndef STOP_H
#define STOP_H

#include "status.h"

#include <stdbool.h>

/** Catches SIGUSR1, SIGTERM and SIGINT; a second one ends the process the usual way.  Ignores
 *  SIGPIPE.  Local. */
void stop_catch_signals(void);

/** Whether a signal came.  Local. */
bool stop_signalled(void);

/** Whether it was SIGTERM, after which launchers leave seconds.  Local. */
bool stop_terminated(void);

/** Seconds of a monotonic clock.  Local. */
double stop_clock(void);

/** Reads `90`, `90s`, `15m`, `2h`, `1d` or `[D-]HH:MM:SS` as seconds.  USAGE otherwise.  Local. */
STATUS_CHECKED enum status stop_parse_duration(double *seconds, const char *text);

#endif
