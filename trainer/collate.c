/* Rows to micro-batches. */
#include "collate.h"

#include "random.h"

#include <math.h>
#include <string.h>

enum {
    TEMPO_SHIFT = 2,    /* symbols either way: 12 % */
    VELOCITY_SHIFT = 8, /* MIDI velocity either way */
};

const enum attribute collate_faders[BATCH_FADERS] = {
    ATTRIBUTE_RHYTHM_DENSITY, ATTRIBUTE_NOTE_DENSITY, ATTRIBUTE_MODE_MARGIN, ATTRIBUTE_REGISTER};

/* The shifts of one row. */
struct shift {
    int pitch, tempo, velocity;
};

struct vocabulary collate_vocabulary(const struct events_vocabulary *vocabulary)
{
    return (struct vocabulary){.size = {[FIELD_TEMPO] = vocabulary->n_tempo,
                                        [FIELD_SIGNATURE] = vocabulary->n_signature,
                                        [FIELD_POSITION] = vocabulary->n_position,
                                        [FIELD_PITCH] = vocabulary->n_tonal,
                                        [FIELD_DURATION] = vocabulary->n_duration,
                                        [FIELD_VELOCITY] = vocabulary->n_velocity},
                               .n_tonal = vocabulary->n_tonal,
                               .bars = (size_t)vocabulary->settings.bars};
}

size_t collate_row_events(const struct source *source, const struct row *row)
{
    size_t n = 0;
    for (uint32_t s = 0; s < row->n_segments; s++)
        n += source->segments[row->first_segment + s].count;
    return n;
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

/* Transposition -5..+6 as far as every pitch of the row stays on the keyboard. */
static struct shift draw_shift(const struct collate *collate, const struct source *source,
                               const struct row *row, uint32_t row_id)
{
    if (!collate->augment) return (struct shift){0, 0, 0};
    const struct corpus_segment *segments = source->segments + row->first_segment;
    int low = EVENTS_PITCH_HIGH, high = EVENTS_PITCH_LOW;
    for (uint32_t s = 0; s < row->n_segments; s++)
        for (uint32_t i = 0; i < segments[s].count; i++) {
            const struct event *event = &source->events[segments[s].first + i];
            if (event->position == EVENTS_BAR) continue;
            if (event->pitch < low) low = event->pitch;
            if (event->pitch > high) high = event->pitch;
        }
    const int down = clamp(EVENTS_PITCH_LOW - low, -5, 0);
    const int up = clamp(EVENTS_PITCH_HIGH - high, 0, 6);
    const uint64_t seed = collate->seed, step = collate->step;
    return (struct shift){
        down + (int)random_below((uint32_t)(up - down + 1), seed, RANDOM_AUGMENT, step, row_id, 0),
        (int)random_below(2 * TEMPO_SHIFT + 1, seed, RANDOM_AUGMENT, step, row_id, 1) - TEMPO_SHIFT,
        (int)random_below(2 * VELOCITY_SHIFT + 1, seed, RANDOM_AUGMENT, step, row_id, 2) -
            VELOCITY_SHIFT};
}

/* The arrays of a batch while they are filled. */
struct filler {
    const struct collate *collate;
    struct batch *batch;
    uint32_t *row_segment, *segment_event, *row_id;
    uint8_t *symbol[N_FIELDS], *bar, *tonic, *onset;
    int8_t *label;
    real *chroma, *faders, *rhythm, *tonal_attributes;
};

static void fill_event(struct filler *f, size_t i, const struct event *event, int tonic,
                       struct shift shift, uint8_t bar)
{
    for (enum field field = 0; field < N_FIELDS; field++) f->symbol[field][i] = SYMBOL_NONE;
    f->bar[i] = bar;
    if (event->position == EVENTS_BAR) {
        const int tempo = event->pitch == EVENTS_TEMPO_UNKNOWN
                              ? EVENTS_TEMPO_UNKNOWN
                              : clamp(event->pitch + shift.tempo, 1, EVENTS_N_TEMPO - 1);
        f->symbol[FIELD_TEMPO][i] = (uint8_t)tempo;
        f->symbol[FIELD_SIGNATURE][i] = event->duration;
        return;
    }
    f->symbol[FIELD_POSITION][i] = event->position;
    f->symbol[FIELD_PITCH][i] = (uint8_t)(event->pitch - tonic - EVENTS_TONAL_LOW);
    f->symbol[FIELD_DURATION][i] = event->duration;
    f->symbol[FIELD_VELOCITY][i] =
        (uint8_t)(clamp(event->velocity + shift.velocity, 1, 127) * EVENTS_N_VELOCITY / 128);
}

enum { MAX_GRID = 32 * 255 }; /* bars a segment times steps a bar */

/* The grid of one segment: where each of its grid steps lies among the cells. */
struct grid {
    uint16_t cell[MAX_GRID], bar_first[32 + 1];
    size_t n;
};

static void lay_grid(struct grid *grid, const struct events_vocabulary *vocabulary,
                     const struct event *events, uint32_t count, uint8_t *onset)
{
    size_t bar = 0;
    grid->n = 0;
    memset(onset, SYMBOL_NONE, (size_t)vocabulary->settings.bars * vocabulary->n_position);
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].position != EVENTS_BAR) continue;
        grid->bar_first[bar] = (uint16_t)grid->n;
        for (size_t j = 0; j < vocabulary->bar_steps[events[i].duration]; j++) {
            const size_t cell = bar * vocabulary->n_position + j;
            onset[cell] = ONSET_REST;
            grid->cell[grid->n++] = (uint16_t)cell;
        }
        bar++;
    }
}

/* Onset grid and tonic-relative chroma of segment s.  A note's hold may cross bar lines. */
static void fill_grids(struct filler *f, size_t s, const struct event *events, uint32_t count,
                       int tonic)
{
    const struct events_vocabulary *vocabulary = f->collate->vocabulary;
    const size_t bars = (size_t)vocabulary->settings.bars;
    uint8_t *onset = f->onset + s * bars * vocabulary->n_position;
    real *chroma = f->chroma + s * bars * BATCH_PITCH_CLASSES;
    struct grid grid;
    size_t bar = 0;
    lay_grid(&grid, vocabulary, events, count, onset);
    memset(chroma, 0, bars * BATCH_PITCH_CLASSES * sizeof *chroma);
    for (uint32_t i = 1; i < count; i++) {
        const struct event *event = &events[i];
        if (event->position == EVENTS_BAR) {
            bar++;
            continue;
        }
        const size_t start = (size_t)grid.bar_first[bar] + event->position;
        const size_t end = start + vocabulary->duration_steps[event->duration];
        onset[grid.cell[start]] = ONSET_START;
        for (size_t j = start + 1; j < end && j < grid.n; j++)
            if (onset[grid.cell[j]] == ONSET_REST) onset[grid.cell[j]] = ONSET_HOLD;
        chroma[bar * BATCH_PITCH_CLASSES + (size_t)((event->pitch - tonic + 24) % 12)] += 1;
    }
    for (size_t b = 0; b < bars; b++) {
        real *row = chroma + b * BATCH_PITCH_CLASSES, total = 0;
        for (int c = 0; c < BATCH_PITCH_CLASSES; c++) total += row[c];
        for (int c = 0; c < BATCH_PITCH_CLASSES && total > 0; c++) row[c] /= total;
    }
}

/* The measured attributes as the shifts change them. */
static void shift_attributes(double out[N_ATTRIBUTES], const float *in, struct shift shift)
{
    /* A tempo symbol is a twelfth of an octave; an unknown tempo is not shifted (fill_event). */
    const bool known = !isnan(in[ATTRIBUTE_TEMPO]);
    const double stretch = known ? shift.tempo * log(2) / 12 : 0;
    for (int a = 0; a < N_ATTRIBUTES; a++) out[a] = (double)in[a];
    out[ATTRIBUTE_NOTE_RATE] += stretch;
    out[ATTRIBUTE_TEMPO] += stretch;
    out[ATTRIBUTE_NOTE_LENGTH] -= stretch;
    out[ATTRIBUTE_VELOCITY] += shift.velocity;
}

static void fill_attributes(struct filler *f, size_t s, const float *measured, struct shift shift)
{
    static const enum attribute RHYTHM[BATCH_RHYTHM_ATTRIBUTES] = {
        ATTRIBUTE_NOTE_RATE, ATTRIBUTE_TEMPO, ATTRIBUTE_NOTE_LENGTH, ATTRIBUTE_VELOCITY,
        ATTRIBUTE_POLYPHONY};
    static const enum attribute TONAL[BATCH_TONAL_ATTRIBUTES] = {
        ATTRIBUTE_MODE_MARGIN, ATTRIBUTE_REGISTER, ATTRIBUTE_PITCH_SPREAD};
    const struct standard *standard = &f->collate->standard;
    double value[N_ATTRIBUTES], scaled[N_ATTRIBUTES];
    shift_attributes(value, measured, shift);
    for (int a = 0; a < N_ATTRIBUTES; a++)
        scaled[a] = (value[a] - standard->mean[a]) / standard->deviation[a];
    for (size_t i = 0; i < BATCH_FADERS; i++)
        f->faders[s * BATCH_FADERS + i] = (real)value[collate_faders[i]];
    for (size_t i = 0; i < BATCH_RHYTHM_ATTRIBUTES; i++)
        f->rhythm[s * BATCH_RHYTHM_ATTRIBUTES + i] = (real)scaled[RHYTHM[i]];
    for (size_t i = 0; i < BATCH_TONAL_ATTRIBUTES; i++)
        f->tonal_attributes[s * BATCH_TONAL_ATTRIBUTES + i] = (real)scaled[TONAL[i]];
}

static void fill_segment(struct filler *f, size_t s, size_t first, const struct source *source,
                         const struct corpus_segment *segment, struct shift shift)
{
    const struct event *events = source->events + segment->first;
    int bar = -1;
    for (uint32_t i = 0; i < segment->count; i++) {
        bar += events[i].position == EVENTS_BAR;
        fill_event(f, first + i, &events[i], segment->tonic, shift, (uint8_t)bar);
    }
    f->tonic[s] = (uint8_t)((segment->tonic + shift.pitch + 24) % 12);
    fill_grids(f, s, events, segment->count, segment->tonic);
    fill_attributes(f, s, segment->attributes, shift);
}

static void take_arrays(struct filler *f, struct batch *batch, struct arena *arena)
{
    const struct events_vocabulary *vocabulary = f->collate->vocabulary;
    const size_t bars = (size_t)vocabulary->settings.bars, n = batch->n_segments;
    f->batch = batch;
    batch->row_segment = f->row_segment = arena_take(arena, (batch->n_rows + 1) * sizeof(uint32_t));
    batch->segment_event = f->segment_event = arena_take(arena, (n + 1) * sizeof(uint32_t));
    batch->row_id = f->row_id = arena_take(arena, batch->n_rows * sizeof(uint32_t));
    for (enum field field = 0; field < N_FIELDS; field++)
        batch->symbol[field] = f->symbol[field] = arena_take(arena, batch->n_events);
    batch->tonal = batch->symbol[FIELD_PITCH];
    batch->bar = f->bar = arena_take(arena, batch->n_events);
    batch->tonic = f->tonic = arena_take(arena, n);
    batch->label = f->label = arena_take(arena, n);
    batch->onset = f->onset = arena_take(arena, n * bars * vocabulary->n_position);
    batch->chroma = f->chroma = arena_reals(arena, n * bars * BATCH_PITCH_CLASSES);
    batch->faders = f->faders = arena_reals(arena, n * BATCH_FADERS);
    batch->rhythm_attributes = f->rhythm = arena_reals(arena, n * BATCH_RHYTHM_ATTRIBUTES);
    batch->tonal_attributes = f->tonal_attributes = arena_reals(arena, n * BATCH_TONAL_ATTRIBUTES);
}

/* As the arena rounds a piece up. */
static size_t piece(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* The pieces of take_arrays. */
size_t collate_bytes(const struct events_vocabulary *vocabulary, size_t n_events, size_t n_rows,
                     size_t n_segments)
{
    const size_t n = n_segments, bars = (size_t)vocabulary->settings.bars;
    return piece((n_rows + 1) * sizeof(uint32_t)) + piece((n + 1) * sizeof(uint32_t)) +
           piece(n_rows * sizeof(uint32_t)) + (N_FIELDS + 1) * piece(n_events) + 2 * piece(n) +
           piece(n * bars * vocabulary->n_position) +
           piece(n * bars * BATCH_PITCH_CLASSES * sizeof(real)) +
           piece(n * BATCH_FADERS * sizeof(real)) +
           piece(n * BATCH_RHYTHM_ATTRIBUTES * sizeof(real)) +
           piece(n * BATCH_TONAL_ATTRIBUTES * sizeof(real));
}

struct batch collate_rows(const struct collate *collate, const struct source *source,
                          const struct row *rows, size_t n_rows, uint32_t row_id,
                          struct arena *arena)
{
    struct filler f = {.collate = collate};
    struct batch batch = {.n_rows = n_rows};
    size_t segment = 0, event = 0;
    for (size_t i = 0; i < n_rows; i++) {
        batch.n_segments += rows[i].n_segments;
        batch.n_events += collate_row_events(source, &rows[i]);
    }
    take_arrays(&f, &batch, arena);
    f.row_segment[0] = f.segment_event[0] = 0;
    for (size_t i = 0; i < n_rows; i++) {
        f.row_id[i] = row_id + (uint32_t)i;
        const struct shift shift = draw_shift(collate, source, &rows[i], f.row_id[i]);
        for (uint32_t s = 0; s < rows[i].n_segments; s++, segment++) {
            const struct corpus_segment *from = &source->segments[rows[i].first_segment + s];
            f.label[segment] = rows[i].label;
            fill_segment(&f, segment, event, source, from, shift);
            event += from->count;
            f.segment_event[segment + 1] = (uint32_t)event;
        }
        f.row_segment[i + 1] = (uint32_t)segment;
    }
    return batch;
}

void collate_standard(struct standard *standard, const struct corpus *corpus,
                      const struct config *config)
{
    double n[N_ATTRIBUTES] = {0}, sum[N_ATTRIBUTES] = {0}, square[N_ATTRIBUTES] = {0};
    for (uint64_t i = 0; i < corpus->n_segments; i++) {
        const struct corpus_segment *segment = &corpus->segments[i];
        if (sampler_split(config, &corpus->pieces[segment->piece]) != SPLIT_TRAIN) continue;
        for (int a = 0; a < N_ATTRIBUTES; a++) {
            const double x = (double)segment->attributes[a];
            if (isnan(x)) continue;
            n[a] += 1;
            sum[a] += x;
            square[a] += x * x;
        }
    }
    for (int a = 0; a < N_ATTRIBUTES; a++) {
        standard->mean[a] = n[a] > 0 ? sum[a] / n[a] : 0;
        const double variance =
            n[a] > 0 ? square[a] / n[a] - standard->mean[a] * standard->mean[a] : 0;
        standard->deviation[a] = variance > 1e-12 ? sqrt(variance) : 1;
    }
}

struct corpus_segment collate_segment(const struct segment *segment)
{
    struct corpus_segment out = {.first = segment->first,
                                 .count = segment->count,
                                 .bars = segment->bars,
                                 .tonic = segment->tonic};
    memcpy(out.attributes, segment->attributes, sizeof out.attributes);
    return out;
}
