/**
 * RUN/heartbeat: a line a rank that says where it is, read by the other ranks when they wait too
 * long, and by people afterwards.
 *
 * A line is written in one call at its own place, by the rank that it is about and nobody else.
 * Ranks of one node see it at once, those of other nodes once it is flushed.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include "phase.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { HEARTBEAT_LINE = 128, HEARTBEAT_PATH = 4096 };

struct beat {
    int rank; /* -1: nothing was read */
    enum phase phase;
    bool traced;    /* by a debugger, which may hold it for any time */
    uint64_t step;  /* from 1 */
    uint64_t beats; /* lines written so far */
    double still;   /* seconds without a change of phase or step */
    long pid;       /* as this host's processes see it */
    uint64_t host;  /* of the node and its process identifiers */
};

struct heartbeat {
    char path[HEARTBEAT_PATH];
    int descriptor; /* -1: not open, and every write is left out */
};

/** Opens the file, after rank 0 has made it anew.  Local. */
STATUS_CHECKED enum status heartbeat_open(struct heartbeat *heartbeat, const char *path, int rank);
void heartbeat_close(struct heartbeat *heartbeat);

/** Writes a rank's line; a failure leaves the old one.  Local. */
void heartbeat_write(const struct heartbeat *heartbeat, const struct beat *beat);

/** Sends what was written to the file system, for other nodes to see.  Local. */
void heartbeat_flush(const struct heartbeat *heartbeat);

/** Reads the lines of `n` ranks; those that are not there get the rank -1.  Local. */
void heartbeat_read(const char *path, struct beat *beats, int n);

/** What an overdue rank has found out. */
struct heartbeat_case {
    const struct beat *before,
        *now; /* (n) the others' lines, some time apart; and this rank's own */
    int n, self;
    double bound; /* seconds that a rank may stand still */
};

/**
 * Who holds this rank up: a rank that has died, whose lines have stopped, or that computes without
 * end; or nobody, when all wait; or unknown.  Local.
 *
 * @param[out] message  (STATUS_MESSAGE_SIZE) the verdict, without this rank's name
 * @return whether there is one; false while another rank is in a slow phase or held by a debugger
 */
bool heartbeat_judge(const struct heartbeat_case *the, char *message);

/** The lowest rank whose lines have stopped between the two readings, or -1.  Local. */
int heartbeat_lost(const struct heartbeat_case *the);

/** "rank 2 died, at step 110: last seen in the update of step 109; this rank is in ...".  Ranks
 * keep step, so it is this rank's step that the other was at; its own line is the older one. Local.
 *
 * @param[out] message  (STATUS_MESSAGE_SIZE)
 * @param[in]  now      lines of both
 * @param[in]  fate     "died"
 */
void heartbeat_report(char *message, const struct beat *now, int self, int lost, const char *fate);

/** Whether this rank is the one to tell of a lost rank: the lowest of those left, unless one on the
 *  lost rank's node is, which sees for itself.  Local. */
bool heartbeat_speaks(const struct heartbeat_case *the, int lost);

#endif
