/**
 * A piece of music as notes on a tick axis: what a MIDI file says, without its encoding.
 *
 * Times are ticks, `division` to a quarter note.  A score owns its arrays; score_fini frees them.
 */
#ifndef SCORE_H
#define SCORE_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct score_note {
    int64_t onset;    /* ticks */
    int64_t end;      /* ticks, > onset */
    uint16_t track;   /* track of the file */
    uint8_t channel;  /* 0-15; 9 is drums */
    uint8_t pitch;    /* 0-127 */
    uint8_t velocity; /* 1-127 */
};

struct score_tempo {
    int64_t tick;
    uint32_t microseconds; /* a quarter note; >= 1 */
};

struct score_signature {
    int64_t tick;
    uint8_t numerator;    /* >= 1 */
    uint16_t denominator; /* a power of two, 1-128 */
};

struct score {
    uint32_t division;        /* ticks a quarter note, >= 1 */
    bool seconds;             /* SMPTE time: ticks are seconds, read as 120 bpm */
    struct score_note *notes; /* sorted by (onset, pitch, end) */
    size_t n_notes;
    struct score_tempo *tempi; /* sorted by tick; empty: 120 bpm, undeclared */
    size_t n_tempi;
    struct score_signature *signatures; /* sorted by tick; empty: 4/4, undeclared */
    size_t n_signatures;
    int64_t end; /* ticks that the piece lasts at least, silence included; 0: until its last note */
};

/** Frees what the score owns and zeroes it.  A zeroed score is allowed.  Local. */
void score_fini(struct score *score);

/** Sorts notes by (onset, pitch, end), tempi and signatures by tick (stable).  Local. */
void score_sort(struct score *score);

#endif
