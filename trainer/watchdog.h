/**
 * Watches over a run's ranks: one that died, was stopped or no longer gets on is named, with its
 * step and phase, and the run ends, where the others would wait for it in a collective for ever.
 *
 * A thread a rank writes the rank's line of the heartbeat file.  A rank that stands still for half
 * of the bound begins to look at the others' lines, and judges them when the bound has passed.  A
 * dead rank on the same node, or one that the launcher is ending the run for, is named within
 * seconds.  The bound is at least ten times the longest step so far.  No time counts while the
 * whole process is stopped or asleep; a rank held by a debugger is waited for.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "group.h"
#include "heartbeat.h"

struct watchdog; /* opaque */

struct watchdog_settings {
    const char *path;     /* of the heartbeat file, the same on every rank; copied */
    double bound;         /* seconds */
    bool (*ending)(void); /* whether the launcher has asked the process to end; NULL: never */
    /* ends all ranks; NULL: group_abort.  Called in the watchdog's thread. */
    void (*give_up)(void *context, const char *message);
    void *context;
};

/**
 * Begins to watch.  Collective.
 *
 * @param[out] watchdog  to be freed by watchdog_stop; NULL on failure
 *
 * Fails when a rank can open no file or begin no thread; the run can go on unwatched.
 */
STATUS_CHECKED enum status watchdog_start(struct watchdog **watchdog, struct group *group,
                                          const struct watchdog_settings *settings);

/** Ends the thread and says in the file that this rank is done; rank 0 removes the file, which thus
 *  stays only after a run that broke off.  To be called once all ranks are about to.  NULL is
 *  allowed.  Local. */
void watchdog_stop(struct watchdog *watchdog);

/** This rank gets on: it is in that phase of that step (from 1), again or anew; NULL is allowed.
 *  Local, some 20 ns. */
void watchdog_mark(struct watchdog *watchdog, enum phase phase, uint64_t step);

/** The same phase and step, further; NULL is allowed.  Local. */
void watchdog_on(struct watchdog *watchdog);

#endif
