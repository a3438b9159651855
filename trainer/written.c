/* Events and scores that a generator wrote. */
#include "written.h"

#include "tonic.h"

struct generator_pitches written_pitches(uint8_t tonic)
{
    return (struct generator_pitches){
        (uint8_t)(EVENTS_PITCH_LOW - EVENTS_TONAL_LOW - tonic_signed(tonic)),
        EVENTS_PITCH_HIGH - EVENTS_PITCH_LOW + 1};
}

struct event written_event(const struct generator_event *event, uint8_t tonic)
{
    const int pitch = event->symbol[FIELD_PITCH] + EVENTS_TONAL_LOW + tonic_signed(tonic);
    if (event->type == TYPE_BAR)
        return (struct event){.position = EVENTS_BAR,
                              .pitch = event->symbol[FIELD_TEMPO],
                              .duration = event->symbol[FIELD_SIGNATURE]};
    return (struct event){.position = event->symbol[FIELD_POSITION],
                          .pitch = (uint8_t)pitch,
                          .duration = event->symbol[FIELD_DURATION],
                          .velocity =
                              (uint8_t)events_velocity_value(event->symbol[FIELD_VELOCITY])};
}

bool written_has_note(const struct event *events, size_t n_events)
{
    for (size_t i = 0; i < n_events; i++)
        if (events[i].position != EVENTS_BAR) return true;
    return false;
}

int written_median_tempo(const struct event *events, size_t n_events)
{
    size_t counts[EVENTS_N_TEMPO] = {0}, n_bars = 0, below = 0;
    int median = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].position != EVENTS_BAR) continue;
        counts[events[i].pitch]++;
        n_bars++;
    }
    while (2 * (below + counts[median]) < n_bars) below += counts[median++];
    return median;
}

uint64_t written_seed(uint64_t seed, uint32_t attempt)
{
    return seed + attempt * UINT64_C(0x9e3779b97f4a7c15);
}

void written_cut_notes(struct score *score)
{
    struct score_note *sounding[128] = {0};
    for (size_t i = 0; i < score->n_notes; i++) {
        struct score_note *note = &score->notes[i], *before = sounding[note->pitch];
        if (note->end > score->end) note->end = score->end;
        if (before && before->end > note->onset) before->end = note->onset;
        sounding[note->pitch] = note;
    }
}

double written_seconds(const struct score *score)
{
    double seconds = 0, quarter = 0.5;
    int64_t tick = 0;
    for (size_t i = 0; i < score->n_tempi && score->tempi[i].tick < score->end; i++) {
        seconds += (double)(score->tempi[i].tick - tick) / score->division * quarter;
        tick = score->tempi[i].tick;
        quarter = score->tempi[i].microseconds / 1e6;
    }
    return seconds + (double)(score->end - tick) / score->division * quarter;
}
