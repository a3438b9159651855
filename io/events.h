/**
 * Music as compound events: score -> events -> score, on a grid.
 *
 * One event a bar (tempo, signature) and one a note (position in the bar, pitch, duration,
 * velocity).  Within a bar notes are sorted by (position, pitch) and strictly increase.  All
 * vocabulary sizes come from `events_vocabulary`.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "score.h"

enum {
    EVENTS_BAR = 255,         /* position of a bar event */
    EVENTS_PITCH_LOW = 21,    /* lowest pitch kept (A0) */
    EVENTS_PITCH_HIGH = 108,  /* highest pitch kept (C8) */
    EVENTS_TEMPO_UNKNOWN = 0, /* tempo symbol */
    EVENTS_N_TEMPO = 49,      /* unknown, then 24 * 2^(k/12) bpm, k = 0..47 */
    EVENTS_N_VELOCITY = 32,   /* velocity symbols: velocity / 4 */
    EVENTS_TONAL_LOW = 15,    /* pitch minus tonic of the lowest pitch and the highest tonic */
    EVENTS_N_TONAL = 99,      /* pitch minus tonic, see below */
    EVENTS_MAX_DURATIONS = 64,
    EVENTS_MAX_SIGNATURES = 64,
    EVENTS_SEGMENT_EVENTS = 384, /* a longer segment is cut at a bar */
    EVENTS_MAX_SILENCE = 8,      /* empty bars in a row that are kept */
};
/* tonal symbol = pitch - tonic - EVENTS_TONAL_LOW, tonic in -5..+6 */

/** One event, as the corpus stores it. */
struct event {
    uint8_t position; /* grid steps from the bar line, or EVENTS_BAR */
    uint8_t pitch;    /* MIDI pitch; tempo symbol of a bar */
    uint8_t duration; /* duration symbol; signature symbol of a bar */
    uint8_t velocity; /* MIDI velocity 1-127; 0 for a bar */
};

struct events_settings {
    int grid; /* steps a quarter note: 4, 12, ... (1-24) */
    int bars; /* bars a segment (1-32) */
};

/**
 * The tables behind the symbols, a function of the settings alone.
 *
 * Durations: every step up to a whole note (a half note for grids over 13, which would not leave
 * room), then every quarter up to 16.  Signatures: 1-4/2, 1-9/4, 1-15/8 and 1-15/16 as far as their
 * bars are whole in grid steps.
 */
struct events_vocabulary {
    struct events_settings settings;
    size_t n_position; /* the longest bar in grid steps */
    size_t n_pitch;    /* EVENTS_PITCH_HIGH - EVENTS_PITCH_LOW + 1 */
    size_t n_duration;
    size_t n_velocity;
    size_t n_tempo;
    size_t n_signature;
    size_t n_tonal;
    uint16_t duration_steps[EVENTS_MAX_DURATIONS]; /* grid steps of a duration symbol, increasing */
    uint8_t numerator[EVENTS_MAX_SIGNATURES];      /* of a signature symbol */
    uint8_t denominator[EVENTS_MAX_SIGNATURES];
    uint16_t bar_steps[EVENTS_MAX_SIGNATURES]; /* length of its bar in grid steps */
};

/**
 * Attributes of a segment; NAN where unknown, all of them without a note.  The order is part of the
 * corpus format.  Means are over notes, unweighted; a note lasts what its duration symbol says, at
 * the tempo of the bar it starts in; an onset is a grid step on which a note starts.
 */
enum attribute {
    ATTRIBUTE_RHYTHM_DENSITY, /* onsets / grid steps of the bars, 0-1 */
    ATTRIBUTE_NOTE_DENSITY,   /* notes / bars */
    ATTRIBUTE_NOTE_RATE,      /* log of notes / seconds of the bars */
    ATTRIBUTE_TEMPO,          /* log bpm: quarters / minutes of the bars whose tempo is known */
    ATTRIBUTE_NOTE_LENGTH,    /* log of the mean note length in seconds */
    ATTRIBUTE_VELOCITY,       /* mean MIDI velocity */
    ATTRIBUTE_POLYPHONY,      /* notes / onsets */
    ATTRIBUTE_MODE_MARGIN,  /* best major minus best minor correlation, over pitch classes weighted
                               by duration: see tonic.h */
    ATTRIBUTE_REGISTER,     /* mean of pitch minus tonic (-5..+6), semitones */
    ATTRIBUTE_PITCH_SPREAD, /* standard deviation of pitch (divisor n), semitones */
    N_ATTRIBUTES,
};
/** "rhythm_density", "note_density", ...: index by enum attribute. */
extern const char *const attribute_names[N_ATTRIBUTES];

/** A run of bars of one piece. */
struct segment {
    uint32_t first; /* first event in the piece; always a bar event */
    uint32_t count; /* events, at most EVENTS_SEGMENT_EVENTS; at least one is a note */
    uint16_t bars;  /* bars, 1..settings.bars */
    int8_t tonic;   /* root of the best profile, -5..+6 (pitch class 0-11 mapped) */
    float attributes[N_ATTRIBUTES];
};

/** A piece as events; its segments tile them.  Owns its arrays; piece_fini frees them. */
struct piece {
    struct event *events;
    size_t n_events;
    struct segment *segments;
    size_t n_segments;
    bool off_grid;               /* read in seconds at 120 bpm */
    bool tempo_declared;         /* the file has a tempo event */
    bool tempo_single;           /* it has one, and any others repeat it */
    uint32_t tempo_microseconds; /* that tempo, a quarter note; 0 unless single */
    float phase;                 /* estimated shift of the grid, in grid steps; 0 off the grid */
    float concentration;         /* circular concentration of onsets after the shift, 0-1 */
};

/** Fills the tables.  Local.  Fails (USAGE) on settings out of range. */
STATUS_CHECKED enum status events_vocabulary_init(struct events_vocabulary *vocabulary,
                                                  const struct events_settings *settings);

/** The symbol of a tempo in bpm (nearest in log; clamped); unknown for 0 or less.  Local. */
int events_tempo_symbol(double bpm);
/** The bpm of a tempo symbol; 120 for unknown.  Local. */
double events_tempo_bpm(int symbol);
/** The symbol of the nearest duration; of two equally near the shorter.  Local. */
int events_duration_symbol(const struct events_vocabulary *vocabulary, int64_t steps);
/** The symbol of a signature, or -1 when the vocabulary has none.  Local. */
int events_signature_symbol(const struct events_vocabulary *vocabulary, int numerator,
                            int denominator);
/** The velocity at the middle of a velocity symbol.  Local. */
int events_velocity_value(int symbol);

/**
 * Score -> events, segments, attributes.  Local.
 *
 * Notes outside the pitch range are left out, drums always; of notes on one step and pitch the
 * longest duration and the loudest velocity remain.  Empty bars before the first and after the last
 * onset are dropped, as are those of a silence beyond EVENTS_MAX_SILENCE.  bars.h says how
 * signatures become bars, grid.h what is off the grid; off it, and without a tempo event, the tempo
 * is unknown.  The tempo of a bar is the one at which it lasts as long as in the file.
 *
 * @param[out] piece  owned by the caller on OK; zeroed on failure
 * @param track       one track of the file, or -1 for all but drums
 * @return FAILED with the reason (`no pitched notes`, ...)
 */
STATUS_CHECKED enum status piece_from_score(struct piece *piece, const struct score *score,
                                            const struct events_vocabulary *vocabulary, int track);

/**
 * Makes the piece's tempo unknown in every bar event and attribute; what was measured in seconds
 * stays as measured.  Local.
 */
void piece_forget_tempo(struct piece *piece);

void piece_fini(struct piece *piece);

/**
 * Cuts events into segments and computes tonic and attributes (piece_from_score calls it).  Local.
 *
 * Segments are settings.bars bars.  One of more than EVENTS_SEGMENT_EVENTS events is halved at a
 * bar until its parts fit; a bar that alone exceeds that keeps its loudest notes (of equally loud
 * ones the longest, then the first).  A segment without notes is dropped, with its events.
 *
 * @param piece  its events are checked, thinned and packed in place; old segments are freed
 * @return FAILED on illegal events or no notes; there are no segments then
 */
STATUS_CHECKED enum status piece_segment(struct piece *piece,
                                         const struct events_vocabulary *vocabulary);

/**
 * Tonic and attributes of one run of legal events that starts with a bar event.  Local.  With the
 * tempo unknown, seconds are those of 120 bpm unless `seconds_a_quarter` > 0 says otherwise.
 *
 * @param      segment  reads count; writes tonic and attributes
 * @param[in]  events   (segment->count) the run itself, not the piece
 */
void segment_measure(struct segment *segment, const struct event *events,
                     const struct events_vocabulary *vocabulary, double seconds_a_quarter);

/**
 * Events -> score (division 480) that lasts until the end of its last bar.  A note may ring over
 * later bars, over another of its pitch, and over that end.
 * Bars of unknown tempo play at 120 bpm; when all are, the score has no tempo event.  Local.
 *
 * @param[out] score  owned by the caller on OK; zeroed on failure
 */
STATUS_CHECKED enum status score_from_events(struct score *score, const struct event *events,
                                             size_t n_events,
                                             const struct events_vocabulary *vocabulary);

/**
 * Whether the events are legal: starts with a bar, symbols in range, positions inside the bar,
 * (position, pitch) strictly increasing within it.  Local.  FAILED names the first offence.
 */
STATUS_CHECKED enum status events_validate(const struct event *events, size_t n_events,
                                           const struct events_vocabulary *vocabulary);

#endif
