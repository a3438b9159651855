/**
 * Random legal micro-batches for the tests of the model, made from the tests' own random stream.
 */
#ifndef MAKE_BATCH_H
#define MAKE_BATCH_H

#include "batch.h"

enum { MAKE_BARS = 3, MAKE_POSITIONS = 5, MAKE_MAX_EVENTS = 512, MAKE_MAX_SEGMENTS = 32 };

/** A batch and the storage of its arrays. */
struct made_batch {
    struct batch batch;
    uint32_t row_segment[MAKE_MAX_SEGMENTS + 1], segment_event[MAKE_MAX_SEGMENTS + 1];
    uint32_t row_id[MAKE_MAX_SEGMENTS];
    uint8_t symbol[N_FIELDS][MAKE_MAX_EVENTS], tonal[MAKE_MAX_EVENTS], bar[MAKE_MAX_EVENTS];
    uint8_t tonic[MAKE_MAX_SEGMENTS];
    int8_t label[MAKE_MAX_SEGMENTS];
    uint8_t onset[MAKE_MAX_SEGMENTS * MAKE_BARS * MAKE_POSITIONS];
    real chroma[MAKE_MAX_SEGMENTS * MAKE_BARS * BATCH_PITCH_CLASSES];
    real faders[MAKE_MAX_SEGMENTS * BATCH_FADERS];
    real rhythm[MAKE_MAX_SEGMENTS * BATCH_RHYTHM_ATTRIBUTES];
    real tonal_attributes[MAKE_MAX_SEGMENTS * BATCH_TONAL_ATTRIBUTES];
};

/** A small vocabulary. */
struct vocabulary make_vocabulary(void);

/** `segments_of` (n_rows): segments of each row; `label` of all of them; row i has id first_id + i
 *  and its content depends on that id alone. */
void make_batch(struct made_batch *made, const size_t *segments_of, size_t n_rows,
                uint32_t first_id, int label);

#endif
