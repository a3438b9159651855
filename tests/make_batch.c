/* Random legal batches. */
#include "make_batch.h"

#include "random.h"

#include <string.h>

static uint32_t place; /* in the test's random stream */

static uint32_t below(uint32_t n)
{
    return random_below(n, 42, RANDOM_TEST, 0, 0, place++);
}

static real normal(void)
{
    real x;
    random_normals(&x, 1, 42, RANDOM_TEST, 1, place++);
    return x;
}

struct vocabulary make_vocabulary(void)
{
    return (struct vocabulary){
        .size = {4, 3, MAKE_POSITIONS, 7, 4, 3}, .n_tonal = 9, .bars = MAKE_BARS};
}

static void add_event(struct made_batch *made, int bar, int is_bar, uint8_t position)
{
    const struct vocabulary vocabulary = make_vocabulary();
    const size_t i = made->batch.n_events++;
    for (enum field f = 0; f < N_FIELDS; f++) {
        const int has = is_bar == (f == FIELD_TEMPO || f == FIELD_SIGNATURE);
        made->symbol[f][i] = has ? (uint8_t)below((uint32_t)vocabulary.size[f]) : SYMBOL_NONE;
    }
    made->tonal[i] = is_bar ? SYMBOL_NONE : (uint8_t)below((uint32_t)vocabulary.n_tonal);
    made->bar[i] = (uint8_t)bar;
    if (!is_bar) made->symbol[FIELD_POSITION][i] = position;
}

static void add_segment(struct made_batch *made, int label)
{
    const size_t s = made->batch.n_segments++;
    for (int bar = 0; bar < MAKE_BARS; bar++) {
        add_event(made, bar, 1, 0);
        const uint32_t notes = below(4) + (bar == 0);
        for (uint32_t note = 0; note < notes; note++) add_event(made, bar, 0, (uint8_t)note);
    }
    made->segment_event[s + 1] = (uint32_t)made->batch.n_events;
    made->tonic[s] = (uint8_t)below(12);
    made->label[s] = (int8_t)label;
    for (size_t i = 0; i < MAKE_BARS * MAKE_POSITIONS; i++)
        made->onset[s * MAKE_BARS * MAKE_POSITIONS + i] =
            below(5) == 0 ? SYMBOL_NONE : (uint8_t)below(N_ONSET);
    for (size_t bar = 0; bar < MAKE_BARS; bar++) {
        real *row = made->chroma + (s * MAKE_BARS + bar) * BATCH_PITCH_CLASSES;
        memset(row, 0, BATCH_PITCH_CLASSES * sizeof *row);
        if (bar > 0) row[below(12)] = row[below(12)] = REAL(0.5);
        real total = 0;
        for (int c = 0; c < 12; c++) total += row[c];
        for (int c = 0; c < 12 && total > 0; c++) row[c] /= total;
    }
    for (size_t i = 0; i < BATCH_FADERS; i++) made->faders[s * BATCH_FADERS + i] = normal();
    for (size_t i = 0; i < BATCH_RHYTHM_ATTRIBUTES; i++)
        made->rhythm[s * BATCH_RHYTHM_ATTRIBUTES + i] = below(4) ? normal() : (real)NAN;
    for (size_t i = 0; i < BATCH_TONAL_ATTRIBUTES; i++)
        made->tonal_attributes[s * BATCH_TONAL_ATTRIBUTES + i] = normal();
}

void make_batch(struct made_batch *made, const size_t *segments_of, size_t n_rows,
                uint32_t first_id, int label)
{
    memset(made, 0, sizeof *made);
    for (size_t row = 0; row < n_rows; row++) {
        made->row_id[row] = first_id + (uint32_t)row;
        place = made->row_id[row] << 16;
        for (size_t s = 0; s < segments_of[row]; s++) add_segment(made, label);
        made->row_segment[row + 1] = (uint32_t)made->batch.n_segments;
    }
    struct batch *batch = &made->batch;
    batch->n_rows = n_rows;
    batch->row_segment = made->row_segment;
    batch->segment_event = made->segment_event;
    batch->row_id = made->row_id;
    for (enum field f = 0; f < N_FIELDS; f++) batch->symbol[f] = made->symbol[f];
    batch->tonal = made->tonal;
    batch->bar = made->bar;
    batch->tonic = made->tonic;
    batch->label = made->label;
    batch->onset = made->onset;
    batch->chroma = made->chroma;
    batch->faders = made->faders;
    batch->rhythm_attributes = made->rhythm;
    batch->tonal_attributes = made->tonal_attributes;
}
