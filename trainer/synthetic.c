/* Rows of events by rule: scales and chords spread evenly over the bars. */
#include "synthetic.h"

#include "corpus_write.h"
#include "emotion.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GRID = 4, BARS = 8, NAME = sizeof "synthetic-00000000", LOWEST = 48, OCTAVE = 12 };

/* A linear congruential generator (Knuth, MMIX); its high bits are random enough for notes. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % below;
}

/* Notes of one bar, `steps` grid steps long, at even distances; where several share a step, each is
 * in an octave of its own. */
static struct event *write_notes(struct event *at, size_t notes, size_t steps, uint64_t *state)
{
    size_t chord = 0, last = steps;
    for (size_t i = 0; i < notes; i++) {
        const size_t position = i * steps / notes;
        chord = position == last ? chord + 1 : 0;
        last = position;
        *at++ = (struct event){.position = (uint8_t)position,
                               .pitch = (uint8_t)(LOWEST + OCTAVE * chord + draw(state, OCTAVE)),
                               .duration = (uint8_t)draw(state, 2 * GRID),
                               .velocity = (uint8_t)(32 + draw(state, 96))};
    }
    return at;
}

static void write_piece(struct event *at, size_t events, int signature, size_t steps,
                        uint64_t *state)
{
    const size_t notes = events - BARS;
    const uint8_t tempo = (uint8_t)events_tempo_symbol(60 + draw(state, 120));
    for (size_t bar = 0; bar < BARS; bar++) {
        *at++ =
            (struct event){.position = EVENTS_BAR, .pitch = tempo, .duration = (uint8_t)signature};
        at = write_notes(at, (bar + 1) * notes / BARS - bar * notes / BARS, steps, state);
    }
}

static void describe(struct synthetic *synthetic, size_t i, size_t events)
{
    struct corpus_segment *segment = &synthetic->segments[i];
    struct segment measured = {.count = (uint32_t)events, .bars = BARS};
    segment_measure(&measured, synthetic->events + i * events, &synthetic->corpus.vocabulary, 0);
    *segment = (struct corpus_segment){.first = i * events,
                                       .count = (uint32_t)events,
                                       .piece = (uint32_t)i,
                                       .bars = BARS,
                                       .tonic = measured.tonic};
    memcpy(segment->attributes, measured.attributes, sizeof segment->attributes);
    const bool labelled = i % 2 == 1;
    const size_t emotion = i / 2 % N_EMOTIONS;
    synthetic->pieces[i] =
        (struct corpus_piece){.name = i * NAME,
                              .hash = i,
                              .group = i,
                              .first_segment = (uint32_t)i,
                              .n_segments = 1,
                              .valence = labelled ? (float)emotion_valence[emotion] : NAN,
                              .arousal = labelled ? (float)emotion_arousal[emotion] : NAN,
                              .label = labelled ? (int8_t)emotion : CORPUS_UNLABELLED,
                              .split = SPLIT_TRAIN};
    snprintf(synthetic->names + i * NAME, NAME, "synthetic-%08zu", i);
}

enum status synthetic_init(struct synthetic *synthetic, size_t rows, size_t events)
{
    enum status status = OK;
    const struct events_settings settings = {.grid = GRID, .bars = BARS};
    const size_t n = 2 * rows;
    uint64_t state = 1;
    ASSERT(rows >= 1 && rows <= SYNTHETIC_MAX_ROWS);
    ASSERT(events >= SYNTHETIC_MIN_EVENTS && events <= SYNTHETIC_MAX_EVENTS);
    *synthetic = (struct synthetic){.corpus = {.n_pieces = n,
                                               .n_segments = n,
                                               .n_events = n * events,
                                               .n_name_bytes = n * NAME,
                                               .descriptor = -1}};
    struct corpus *corpus = &synthetic->corpus;
    TRY(events_vocabulary_init(&corpus->vocabulary, &settings));
    synthetic->events = calloc(n * events, sizeof *synthetic->events);
    synthetic->segments = calloc(n, sizeof *synthetic->segments);
    synthetic->pieces = calloc(n, sizeof *synthetic->pieces);
    synthetic->names = calloc(n, NAME);
    if (!synthetic->events || !synthetic->segments || !synthetic->pieces || !synthetic->names ||
        status_fault())
        FAIL(FAILED, "no memory for %zu rows of %zu events", rows, events);
    const int signature = events_signature_symbol(&corpus->vocabulary, 4, 4);
    ASSERT(signature >= 0);
    for (size_t i = 0; i < n; i++) {
        write_piece(synthetic->events + i * events, events, signature,
                    corpus->vocabulary.bar_steps[signature], &state);
        describe(synthetic, i, events);
    }
    corpus->events = synthetic->events;
    corpus->segments = synthetic->segments;
    corpus->pieces = synthetic->pieces;
    corpus->names = synthetic->names;
done:
    if (status != OK) synthetic_fini(synthetic);
    return status;
}

void synthetic_fini(struct synthetic *synthetic)
{
    free(synthetic->events);
    free(synthetic->segments);
    free(synthetic->pieces);
    free(synthetic->names);
    *synthetic = (struct synthetic){.events = NULL};
}

enum status synthetic_write(const struct synthetic *synthetic, const char *path)
{
    return corpus_save(&synthetic->corpus, path);
}
