/**
 * A micro-batch: rows of consecutive segments, packed without padding, as symbols.
 *
 * Rows hold segments, segments hold events; `row_segment` and `segment_event` give the boundaries.
 * Symbols of fields that an event lacks are SYMBOL_NONE.  The caller owns every array.
 */
#ifndef BATCH_H
#define BATCH_H

#include "layers.h"

enum {
    BATCH_ROW_STEPS = 2048, /* a row has fewer decoder steps than this */
    BATCH_PITCH_CLASSES = 12,
    BATCH_FADERS = 4,            /* rhythm density, note density, mode margin, register */
    BATCH_RHYTHM_ATTRIBUTES = 5, /* note rate, tempo, note length, velocity, polyphony */
    BATCH_TONAL_ATTRIBUTES = 3,  /* mode margin, register, pitch spread */
};

/** What a cell of the onset grid holds; SYMBOL_NONE beyond the end of a bar. */
enum onset { ONSET_REST, ONSET_START, ONSET_HOLD, N_ONSET };

enum { TYPE_BAR, TYPE_NOTE, N_TYPES };

/** Fields of an event: a bar has the first two, a note the next four. */
enum field {
    FIELD_TEMPO,
    FIELD_SIGNATURE,
    FIELD_POSITION,
    FIELD_PITCH,
    FIELD_DURATION,
    FIELD_VELOCITY,
    N_FIELDS,
};
extern const char *const field_names[N_FIELDS];

/** Vocabulary sizes, filled by whoever knows the tokeniser. */
struct vocabulary {
    size_t size[N_FIELDS]; /* symbols of each field; tempo 0 is `unknown` */
    size_t n_tonal;        /* pitch minus tonic */
    size_t bars;           /* bars a segment */
};

struct batch {
    size_t n_rows, n_segments, n_events;
    const uint32_t *row_segment;     /* (n_rows + 1) */
    const uint32_t *segment_event;   /* (n_segments + 1) */
    const uint32_t *row_id;          /* (n_rows) place in the global batch: keys random numbers */
    const uint8_t *symbol[N_FIELDS]; /* (n_events) each */
    const uint8_t *tonal; /* (n_events) the encoder's pitch symbols; SYMBOL_NONE for bars */
    const uint8_t *bar;   /* (n_events) bar in the segment */
    const uint8_t *tonic; /* (n_segments) 0-11 */
    const int8_t *label;  /* (n_segments) 0-3, or -1 */
    const uint8_t *onset; /* (n_segments, bars x positions) enum onset */
    const real *chroma;   /* (n_segments, bars, 12) tonic-relative, rows sum to 1 or 0 */
    const real *faders;   /* (n_segments, BATCH_FADERS) measured, any unit */
    const real *rhythm_attributes; /* (n_segments, BATCH_RHYTHM_ATTRIBUTES) standardised, or NAN */
    const real *tonal_attributes;  /* (n_segments, BATCH_TONAL_ATTRIBUTES) standardised, or NAN */
};

/** Decoder steps: one before the first event of each row, then one an event. */
static inline size_t batch_steps(const struct batch *batch)
{
    return batch->n_events + batch->n_rows;
}

/** Whether event i is a bar. */
static inline int batch_is_bar(const struct batch *batch, size_t i)
{
    return batch->symbol[FIELD_POSITION][i] == SYMBOL_NONE;
}

#endif
