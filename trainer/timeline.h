/**
 * Where a rank is and where the time of a step goes: marks at the begin and end of its phases, for
 * the watchdog; their sums, and a trace of all ranks for a viewer.
 *
 * A timeline of zeros measures nothing and tells nobody, and every mark returns at once.  Switched
 * on it takes the monotonic clock twice a phase.  Nothing is allocated after timeline_init: what a
 * trace keeps goes round in a ring of fixed size.
 *
 * A phase that begins inside another ends inside it.  PHASE_STEP holds all phases of a step;
 * validating and saving follow it and count as the step's that came before.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "phase.h"
#include "reduce.h"
#include "watchdog.h"

enum {
    TIMELINE_EVENTS = 1 << 15, /* kept a rank: 1 MiB */
    TIMELINE_STEPS = 100,      /* the most that a trace shows: the last ones */
};

struct timeline_event {
    double start, seconds; /* of the monotonic clock */
    uint64_t step;         /* from 1; 0 before the first */
    uint32_t phase;
    uint32_t process; /* 0, or that of a bucket */
};

struct timeline {
    struct watchdog *watchdog;     /* borrowed; told of every phase that begins; NULL: nobody is */
    bool on;                       /* measures */
    uint64_t step;                 /* the step that marks count to */
    double seconds[N_PHASES];      /* sums of that step */
    double begun[N_PHASES];        /* when an open phase began */
    struct timeline_event *events; /* (TIMELINE_EVENTS) owned; NULL: only sums */
    uint64_t n_events;             /* ever; the newest is at (n_events - 1) % TIMELINE_EVENTS */
};

/** Switches a timeline on, with room for a trace when `trace`; leaves it nobody to tell.  Local.
 *  Fails for want of memory. */
STATUS_CHECKED enum status timeline_init(struct timeline *timeline, bool trace);

/** Switches it off and frees; one of zeros is allowed.  Local. */
void timeline_fini(struct timeline *timeline);

/** Begins step `step` (from 1) and PHASE_STEP, of which the watchdog is not told: its parts come at
 *  once.  Forgets the sums of the step before.  Local. */
void timeline_step(struct timeline *timeline, uint64_t step);

/** A phase begins, of which the watchdog is told; or ends and adds to its sum.  Local.  Cannot
 *  fail. */
void timeline_begin(struct timeline *timeline, enum phase phase);
void timeline_end(struct timeline *timeline, enum phase phase);

/** Adds the buckets of the reduction that has just finished.  Local.  Cannot fail. */
void timeline_buckets(struct timeline *timeline, const struct reduce *reduce);

/** Whether a trace can be written to `path`: leaves no file behind.  Local. */
STATUS_CHECKED enum status timeline_check(const char *path);

/**
 * Writes the last steps of all ranks as a Chrome trace: one JSON array of complete events ("ph":
 * "X", times in microseconds from the first event), thread (lane) R being rank R; process 0 holds
 * the phases, processes 1 to 4 the buckets of the reduction in turn, since that many are under way
 * at once.  Every event names its step.
 *
 * It shows the last TIMELINE_STEPS steps, or as many of them as every rank still holds whole.
 * Clocks of other nodes are set by rank 0's, to the precision of a barrier.  Rank 0 writes the file
 * beside its place and renames it.  Collective.
 */
STATUS_CHECKED enum status timeline_write(const struct timeline *timeline, struct group *group,
                                          const char *path);

#endif
