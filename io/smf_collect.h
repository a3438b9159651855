/**
 * What the reader gathers while it walks a file's tracks: notes, tempi, signatures, pedal changes
 * and the report.  Private to io/smf*.c.
 *
 * Note-ons and note-offs of one track are paired per channel and pitch, first in, first out.  Each
 * array grows by doubling, so memory stays within a constant times the events read.
 */
#ifndef SMF_COLLECT_H
#define SMF_COLLECT_H

#include "smf.h"

enum { SMF_CHANNELS = 16, SMF_PITCHES = 128 };

/** The sustain pedal of a channel goes down or up. */
struct smf_pedal {
    int64_t tick;
    uint32_t order; /* of reading: ties of one tick keep it */
    uint8_t channel;
    bool down;
};

enum smf_pedal_state { PEDAL_UNKNOWN, PEDAL_UP, PEDAL_DOWN };

struct smf_collect {
    struct score score; /* owned */
    struct smf_report report;
    bool pedal;               /* gather pedal changes */
    struct smf_pedal *pedals; /* (n_pedals) owned */
    size_t n_pedals;
    /* Sounding notes of the track being read: queues of note numbers + 1, 0 for none. */
    uint32_t first[SMF_CHANNELS][SMF_PITCHES];
    uint32_t last[SMF_CHANNELS][SMF_PITCHES];
    uint32_t *next; /* (notes) owned; the note behind this one in its queue */
    size_t n_sounding[SMF_CHANNELS];
    enum smf_pedal_state pedal_state[SMF_CHANNELS]; /* in this track */
    size_t note_capacity, next_capacity, tempo_capacity, signature_capacity, pedal_capacity;
};

/** Frees all it owns.  Local. */
void smf_collect_fini(struct smf_collect *collect);

/** Reports a warning; kept is the first one, or the first that tells of damage.  Local. */
void smf_overlook(struct smf_collect *collect, bool damaged, const char *format, ...)
    STATUS_FORMAT(3, 4);

/** Forgets the pedals of the track before.  Local. */
void smf_start_track(struct smf_collect *collect);

/** A note starts.  Local.  Fails beyond SMF_MAX_NOTES. */
STATUS_CHECKED enum status smf_note_on(struct smf_collect *collect, const struct score_note *note);

/** Ends the longest sounding note of a key, at least a tick after its onset; none: no effect. */
void smf_note_off(struct smf_collect *collect, unsigned channel, unsigned pitch, int64_t tick);

/** Ends all sounding notes of a channel.  Returns their number.  Local. */
size_t smf_notes_off(struct smf_collect *collect, unsigned channel, int64_t tick);

STATUS_CHECKED enum status smf_add_tempo(struct smf_collect *collect, struct score_tempo tempo);
STATUS_CHECKED enum status smf_add_signature(struct smf_collect *collect,
                                             struct score_signature signature);
STATUS_CHECKED enum status smf_add_pedal(struct smf_collect *collect, unsigned channel, bool down,
                                         int64_t tick);

/**
 * Lengthens each note that ends under a pressed pedal of its channel to the pedal's release, the
 * next onset of its key, or `last_tick`, whichever comes first.  The score must be sorted by onset
 * and stays so; ends change.  Local.  Cannot fail.
 */
void smf_apply_pedal(struct smf_collect *collect, int64_t last_tick);

#endif
