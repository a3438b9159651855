/**
 * Music made by hand or at random, for the suites of events and of what they are built from.
 */
#ifndef MUSIC_H
#define MUSIC_H

#include "events.h"
#include "runner.h"

#include <string.h>

enum { MUSIC_MAX_EVENTS = 8192 };

/** A score in fixed arrays; `score` points into them and must not be freed. */
struct music {
    struct score score;
    struct score_note notes[MUSIC_MAX_EVENTS];
    struct score_tempo tempi[64];
    struct score_signature signatures[64];
};

static inline void music_init(struct music *music, uint32_t division)
{
    memset(music, 0, sizeof *music);
    music->score.division = division;
    music->score.notes = music->notes;
    music->score.tempi = music->tempi;
    music->score.signatures = music->signatures;
}

static inline void music_note(struct music *music, int64_t onset, int64_t ticks, int pitch,
                              int velocity)
{
    music->notes[music->score.n_notes++] = (struct score_note){
        .onset = onset,
        .end = onset + ticks,
        .pitch = (uint8_t)pitch,
        .velocity = (uint8_t)velocity,
    };
}

static inline void music_tempo(struct music *music, int64_t tick, uint32_t microseconds)
{
    music->tempi[music->score.n_tempi++] = (struct score_tempo){tick, microseconds};
}

static inline void music_signature(struct music *music, int64_t tick, int numerator,
                                   int denominator)
{
    music->signatures[music->score.n_signatures++] =
        (struct score_signature){tick, (uint8_t)numerator, (uint16_t)denominator};
}

static inline struct events_vocabulary music_vocabulary(int grid, int bars)
{
    struct events_vocabulary vocabulary;
    const struct events_settings settings = {grid, bars};
    CU_ASSERT_EQUAL_FATAL(events_vocabulary_init(&vocabulary, &settings), OK);
    return vocabulary;
}

/** 0..n-1 from a linear congruential generator. */
static inline int music_random(uint64_t *state, int n)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (int)((*state >> 33) % (uint64_t)n);
}

/** The bar event of a signature at a tempo symbol. */
static inline struct event music_bar(const struct events_vocabulary *vocabulary, int tempo,
                                     int numerator, int denominator)
{
    const int symbol = events_signature_symbol(vocabulary, numerator, denominator);
    CU_ASSERT_FATAL(symbol >= 0);
    return (struct event){EVENTS_BAR, (uint8_t)tempo, (uint8_t)symbol, 0};
}

static inline size_t music_n_bars(const struct event *events, size_t n_events)
{
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++) n += events[i].position == EVENTS_BAR;
    return n;
}

#endif
