/**
 * Standard MIDI Files: a bounded reader and a writer.
 *
 * The reader takes any bytes: formats 0, 1, 2 (tracks one after another), an RMID wrapper, running
 * status, PPQ and SMPTE time.  It never reads past the buffer, never loops without progress, and
 * its memory is bounded by a constant times the input's length.
 *
 * Notes are paired within a track by channel and pitch, first in, first out.  A note of no length
 * gets one tick; a note never switched off ends with its track, with a warning.  All tracks and
 * channels are kept, drums too.  Tempi of zero and signatures without meaning are ignored with a
 * warning.  An event that cannot be read ends its track, and the report says damaged.
 *
 * Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0 (RP-001).
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

/**
 * What the reader had to overlook.  `damaged`: the file breaks the format so that part of it could
 * not be used, or had to be guessed (a wrong length).
 */
struct smf_report {
    bool damaged;
    char warning[SMF_WARNING_SIZE]; /* the first one, damage before oddities; "" if none */
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
 * hands split at `split` (pitches >= split in the first).  Drums (channel 9) are left out; all else
 * is piano on channel 0.  Reading it back gives the same notes, except that notes of one pitch that
 * contain one another exchange their ends.  The tracks last until score->end at least, which the
 * reader does not read back.  Local.
 *
 * @param[out] bytes  malloc'ed, owned by the caller
 * @param      score  sorted
 * @param      split  0: one track; else 1-127
 * @return FAILED when a value does not fit a file or the reader's limits
 */
STATUS_CHECKED enum status smf_encode(unsigned char **bytes, size_t *size,
                                      const struct score *score, int split);

/** Reads a file; the message of a failure starts with the path.  Local. */
STATUS_CHECKED enum status smf_read(struct score *score, struct smf_report *report,
                                    const char *path, const struct smf_options *options);

/** Writes a file: a temporary beside it, then renamed.  Local. */
STATUS_CHECKED enum status smf_write(const struct score *score, int split, const char *path);

#endif
