/* The tables behind the event symbols, and the check that events keep to them. */
#include "events.h"

#include <math.h>
#include <string.h>

enum { MAX_GRID = 24, MAX_BARS = 32, LONGEST_QUARTERS = 16 };

static const double slowest_bpm = 24.0;
static const double unknown_bpm = 120.0;

static const struct {
    uint8_t denominator, longest;
} signature_families[] = {{2, 4}, {4, 9}, {8, 15}, {16, 15}};

/* Every step up to a whole note (a half note when that would not leave room), then quarters. */
static void fill_durations(struct events_vocabulary *vocabulary)
{
    const int grid = vocabulary->settings.grid;
    const int room = EVENTS_MAX_DURATIONS - (LONGEST_QUARTERS - 4);
    const int fine = 4 * grid <= room ? 4 : 2;
    size_t n = 0;
    for (int steps = 1; steps <= fine * grid; steps++)
        vocabulary->duration_steps[n++] = (uint16_t)steps;
    for (int quarters = fine + 1; quarters <= LONGEST_QUARTERS; quarters++)
        vocabulary->duration_steps[n++] = (uint16_t)(quarters * grid);
    vocabulary->n_duration = n;
}

static void fill_signatures(struct events_vocabulary *vocabulary)
{
    const int whole_note = 4 * vocabulary->settings.grid;
    size_t n = 0;
    for (size_t f = 0; f < sizeof signature_families / sizeof *signature_families; f++) {
        const int denominator = signature_families[f].denominator;
        for (int numerator = 1; numerator <= signature_families[f].longest; numerator++) {
            if (numerator * whole_note % denominator) continue;
            const size_t steps = (size_t)(numerator * whole_note / denominator);
            vocabulary->numerator[n] = (uint8_t)numerator;
            vocabulary->denominator[n] = (uint8_t)denominator;
            vocabulary->bar_steps[n++] = (uint16_t)steps;
            if (steps > vocabulary->n_position) vocabulary->n_position = steps;
        }
    }
    vocabulary->n_signature = n;
}

enum status events_vocabulary_init(struct events_vocabulary *vocabulary,
                                   const struct events_settings *settings)
{
    memset(vocabulary, 0, sizeof *vocabulary);
    if (settings->grid < 1 || settings->grid > MAX_GRID)
        return status_fail(USAGE, "grid of %d steps a quarter note: want 1 to %d", settings->grid,
                           MAX_GRID);
    if (settings->bars < 1 || settings->bars > MAX_BARS)
        return status_fail(USAGE, "segments of %d bars: want 1 to %d", settings->bars, MAX_BARS);
    vocabulary->settings = *settings;
    vocabulary->n_pitch = EVENTS_PITCH_HIGH - EVENTS_PITCH_LOW + 1;
    vocabulary->n_velocity = EVENTS_N_VELOCITY;
    vocabulary->n_tempo = EVENTS_N_TEMPO;
    vocabulary->n_tonal = EVENTS_N_TONAL;
    fill_durations(vocabulary);
    fill_signatures(vocabulary);
    return OK;
}

int events_tempo_symbol(double bpm)
{
    if (!(bpm > 0.0)) return EVENTS_TEMPO_UNKNOWN;
    const double k = round(12.0 * log2(bpm / slowest_bpm));
    return 1 + (int)fmin(fmax(k, 0.0), EVENTS_N_TEMPO - 2);
}

double events_tempo_bpm(int symbol)
{
    if (symbol == EVENTS_TEMPO_UNKNOWN) return unknown_bpm;
    return slowest_bpm * exp2((symbol - 1) / 12.0);
}

int events_duration_symbol(const struct events_vocabulary *vocabulary, int64_t steps)
{
    const uint16_t *table = vocabulary->duration_steps;
    size_t low = 0; /* ends at the first duration that is not shorter */
    size_t high = vocabulary->n_duration - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (table[middle] < steps)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && steps - table[low - 1] <= table[low] - steps) low--;
    return (int)low;
}

int events_signature_symbol(const struct events_vocabulary *vocabulary, int numerator,
                            int denominator)
{
    for (size_t i = 0; i < vocabulary->n_signature; i++)
        if (vocabulary->numerator[i] == numerator && vocabulary->denominator[i] == denominator)
            return (int)i;
    return -1;
}

int events_velocity_value(int symbol)
{
    return 4 * symbol + 2;
}

static enum status validate_bar(const struct event *event, size_t i,
                                const struct events_vocabulary *vocabulary)
{
    if (event->pitch >= vocabulary->n_tempo)
        return status_fail(FAILED, "event %zu: tempo symbol %d of %zu", i, event->pitch,
                           vocabulary->n_tempo);
    if (event->duration >= vocabulary->n_signature)
        return status_fail(FAILED, "event %zu: signature symbol %d of %zu", i, event->duration,
                           vocabulary->n_signature);
    if (event->velocity)
        return status_fail(FAILED, "event %zu: velocity %d of a bar, want 0", i, event->velocity);
    return OK;
}

static enum status validate_note(const struct event *event, size_t i,
                                 const struct events_vocabulary *vocabulary, int bar_steps)
{
    if (event->position >= bar_steps)
        return status_fail(FAILED, "event %zu: position %d in a bar of %d steps", i,
                           event->position, bar_steps);
    if (event->pitch < EVENTS_PITCH_LOW || event->pitch > EVENTS_PITCH_HIGH)
        return status_fail(FAILED, "event %zu: pitch %d, want %d to %d", i, event->pitch,
                           EVENTS_PITCH_LOW, EVENTS_PITCH_HIGH);
    if (event->duration >= vocabulary->n_duration)
        return status_fail(FAILED, "event %zu: duration symbol %d of %zu", i, event->duration,
                           vocabulary->n_duration);
    if (event->velocity < 1 || event->velocity > 127)
        return status_fail(FAILED, "event %zu: velocity %d, want 1 to 127", i, event->velocity);
    return OK;
}

enum status events_validate(const struct event *events, size_t n_events,
                            const struct events_vocabulary *vocabulary)
{
    enum status status = OK;
    int bar_steps = 0;
    int latest = -1; /* (position, pitch) of the bar's latest note, as one number */
    if (n_events == 0) FAIL(FAILED, "no events");
    if (events[0].position != EVENTS_BAR) FAIL(FAILED, "event 0: want a bar, found a note");
    for (size_t i = 0; i < n_events; i++) {
        const struct event *event = &events[i];
        if (event->position == EVENTS_BAR) {
            TRY(validate_bar(event, i, vocabulary));
            bar_steps = vocabulary->bar_steps[event->duration];
            latest = -1;
            continue;
        }
        TRY(validate_note(event, i, vocabulary, bar_steps));
        const int place = event->position << 8 | event->pitch;
        if (place <= latest)
            FAIL(FAILED, "event %zu: position %d, pitch %d not after the note before it", i,
                 event->position, event->pitch);
        latest = place;
    }
done:
    return status;
}
