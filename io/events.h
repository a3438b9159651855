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
    EVENTS_N_TONAL = 99,      /* pitch - tonic + EVENTS_TONAL_OFFSET, see segment.tonic */
    EVENTS_MAX_DURATIONS = 64,
    EVENTS_MAX_SIGNATURES = 64,
    EVENTS_SEGMENT_EVENTS = 384, /* a longer segment is cut at a bar */
};
/* tonal symbol = pitch - tonic - (EVENTS_PITCH_LOW - 6), tonic in -5..+6 */

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

/** The tables behind the symbols, a function of the settings alone. */
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

/** Attributes of a segment; NAN where unknown.  The order is part of the corpus format. */
enum attribute {
    ATTRIBUTE_RHYTHM_DENSITY, /* share of grid steps with an onset, 0-1 */
    ATTRIBUTE_NOTE_DENSITY,   /* notes a bar */
    ATTRIBUTE_NOTE_RATE,      /* log notes a second */
    ATTRIBUTE_TEMPO,          /* log bpm; NAN when unknown */
    ATTRIBUTE_NOTE_LENGTH,    /* log of the mean note length in seconds */
    ATTRIBUTE_VELOCITY,       /* mean MIDI velocity */
    ATTRIBUTE_POLYPHONY,      /* mean notes an onset position */
    ATTRIBUTE_MODE_MARGIN,    /* best major minus best minor profile correlation */
    ATTRIBUTE_REGISTER,       /* mean of pitch minus tonic, semitones */
    ATTRIBUTE_PITCH_SPREAD,   /* standard deviation of pitch, semitones */
    N_ATTRIBUTES,
};
/** "rhythm_density", "note_density", ...: index by enum attribute. */
extern const char *const attribute_names[N_ATTRIBUTES];

/** A run of bars of one piece. */
struct segment {
    uint32_t first; /* first event in the piece; always a bar event */
    uint32_t count; /* events */
    uint16_t bars;  /* bars, 1..settings.bars */
    int8_t tonic;   /* root of the best profile, -5..+6 (pitch class 0-11 mapped) */
    float attributes[N_ATTRIBUTES];
};

/** A piece as events.  Owns its arrays; piece_fini frees them. */
struct piece {
    struct event *events;
    size_t n_events;
    struct segment *segments;
    size_t n_segments;
    bool off_grid;               /* read in seconds at 120 bpm */
    bool tempo_declared;         /* the file has a tempo event */
    bool tempo_single;           /* the whole file has one tempo */
    uint32_t tempo_microseconds; /* that tempo */
    float phase;                 /* estimated shift of the grid, in grid steps */
    float concentration;         /* circular concentration of onsets after the shift, 0-1 */
};

/** Fills the tables.  Local.  Fails (USAGE) on settings out of range. */
STATUS_CHECKED enum status events_vocabulary_init(struct events_vocabulary *vocabulary,
                                                  const struct events_settings *settings);

/** The symbol of a tempo in bpm (nearest in log; clamped).  Local. */
int events_tempo_symbol(double bpm);
/** The bpm of a tempo symbol; 120 for unknown.  Local. */
double events_tempo_bpm(int symbol);
/** The symbol of the nearest duration.  Local. */
int events_duration_symbol(const struct events_vocabulary *vocabulary, int64_t steps);
/** The symbol of a signature, or -1 when the vocabulary has none.  Local. */
int events_signature_symbol(const struct events_vocabulary *vocabulary, int numerator,
                            int denominator);
/** The velocity at the middle of a velocity symbol.  Local. */
int events_velocity_value(int symbol);

/**
 * Score -> events, segments, attributes.  Local.
 *
 * @param[out] piece  owned by the caller on OK; zeroed on failure
 * @param track       one track of the file, or -1 for all but drums
 * @return FAILED with the reason (`no pitched notes`, ...)
 */
STATUS_CHECKED enum status piece_from_score(struct piece *piece, const struct score *score,
                                            const struct events_vocabulary *vocabulary, int track);

/** Makes the piece's tempo unknown in every bar event and attribute.  Local. */
void piece_forget_tempo(struct piece *piece);

void piece_fini(struct piece *piece);

/** Cuts events into segments and computes tonic and attributes (piece_from_score calls it).  Local.
 */
STATUS_CHECKED enum status piece_segment(struct piece *piece,
                                         const struct events_vocabulary *vocabulary);

/**
 * Tonic and attributes of one run of events that starts with a bar event.  Local.  With the tempo
 * unknown, seconds are those of 120 bpm unless `seconds_a_quarter` > 0 says otherwise.
 */
void segment_measure(struct segment *segment, const struct event *events,
                     const struct events_vocabulary *vocabulary, double seconds_a_quarter);

/** Events -> score (division 480).  A note may ring over later bars.  Local. */
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
