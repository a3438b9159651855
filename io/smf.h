/**
 * Standard MIDI Files: a bounded reader and a writer.
 *
 * The reader takes any bytes: formats 0, 1, 2 (tracks one after another), an RMID wrapper, running
 * status, PPQ and SMPTE time.  It never reads past the buffer, never loops without progress, and
 * its memory is bounded by a constant times the input's length.
 */
#ifndef SMF_H
#define SMF_H

#include "score.h"

enum {
    SMF_MAX_BYTES = 64 << 20,   /* a larger file is refused */
    SMF_MAX_NOTES = 1 << 20,    /* notes a file */
    SMF_MAX_QUARTERS = 1 << 20, /* events later than this many quarter notes are dropped */
    SMF_MAX_TRACKS = 65535,     /* tracks a file */
    SMF_WARNING_SIZE = 160,
};

struct smf_options {
    bool pedal; /* lengthen notes while the sustain pedal (controller 64) is down */
};

/** What the reader had to overlook; `damaged` says that part of the file could not be used. */
struct smf_report {
    bool damaged;
    char warning[SMF_WARNING_SIZE]; /* one line, "" if none */
};

/**
 * Reads a file's bytes.  Local.
 *
 * @param[out] score    owned by the caller on OK; zeroed on failure
 * @param[out] report   what was overlooked; filled on OK
 * @return FAILED with the reason (`not a MIDI file`, `no notes`, ...; no file name: the caller has
 * it)
 */
STATUS_CHECKED enum status smf_parse(struct score *score, struct smf_report *report,
                                     const unsigned char *bytes, size_t size,
                                     const struct smf_options *options);

/**
 * Encodes a score as a format 1 file: a track of tempi and signatures, then one piano track, or two
 * hands split at `split` (pitches >= split in the first).  Local.
 *
 * @param[out] bytes  malloc'ed, owned by the caller
 * @param      split  0: one track
 */
STATUS_CHECKED enum status smf_encode(unsigned char **bytes, size_t *size,
                                      const struct score *score, int split);

/** Reads a file; the message of a failure starts with the path.  Local. */
STATUS_CHECKED enum status smf_read(struct score *score, struct smf_report *report,
                                    const char *path, const struct smf_options *options);

/** Writes a file: a temporary beside it, then renamed.  Local. */
STATUS_CHECKED enum status smf_write(const struct score *score, int split, const char *path);

#endif
