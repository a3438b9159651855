/**
 * Reads the events of one track chunk.  Private to io/smf*.c.
 *
 * What is only odd (running status after a meta event, no end of track, a note never switched off)
 * is read and reported.  What cannot be read (a data byte without a status or over 7f, an event
 * beyond the track, a length over 4 bytes) ends the track there: its notes so far stay, the report
 * says damaged.
 */
#ifndef SMF_TRACK_H
#define SMF_TRACK_H

#include "smf_collect.h"

struct smf_track {
    const unsigned char *file; /* the whole file */
    size_t at;                 /* next byte of the track; moves */
    size_t end;                /* end of the track's bytes */
    size_t number;             /* of the track, from 0 */
    int64_t tick;              /* start of the track; moves */
    uint32_t scale;            /* score ticks a file tick */
    bool ended;                /* an end-of-track event was read */
};

/** Reads events until the end of the track, of its bytes, or of its sense.  Local. */
STATUS_CHECKED enum status smf_track_read(struct smf_track *track, struct smf_collect *collect);

#endif
