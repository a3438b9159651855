/* Gathering the events of a MIDI file into a score. */
#include "smf_collect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void smf_collect_fini(struct smf_collect *collect)
{
    score_fini(&collect->score);
    free(collect->pedals);
    free(collect->next);
    memset(collect, 0, sizeof *collect);
}

void smf_overlook(struct smf_collect *collect, bool damaged, const char *format, ...)
{
    struct smf_report *report = &collect->report;
    if (!report->warning[0] || (damaged && !report->damaged)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(report->warning, sizeof report->warning, format, arguments);
        va_end(arguments);
    }
    report->damaged |= damaged;
}

/* Returns the array with room for element n, or NULL with a message; the old array then stays. */
static void *grow(void *array, size_t *capacity, size_t n, size_t width)
{
    if (n < *capacity) return array;
    const size_t wanted = *capacity ? 2 * *capacity : FIRST_CAPACITY;
    void *grown = status_fault() ? NULL : realloc(array, wanted * width);
    if (grown)
        *capacity = wanted;
    else
        (void)status_fail(FAILED, "out of memory (%zu bytes)", wanted * width);
    return grown;
}

void smf_start_track(struct smf_collect *collect)
{
    for (int c = 0; c < SMF_CHANNELS; c++) collect->pedal_state[c] = PEDAL_UNKNOWN;
}

enum status smf_note_on(struct smf_collect *collect, const struct score_note *note)
{
    struct score *score = &collect->score;
    if (score->n_notes == SMF_MAX_NOTES)
        return status_fail(FAILED, "more than %d notes", SMF_MAX_NOTES);
    struct score_note *notes =
        grow(score->notes, &collect->note_capacity, score->n_notes, sizeof *notes);
    if (!notes) return FAILED;
    score->notes = notes;
    uint32_t *next = grow(collect->next, &collect->next_capacity, score->n_notes, sizeof *next);
    if (!next) return FAILED;
    collect->next = next;

    const uint32_t number = (uint32_t)score->n_notes + 1;
    uint32_t *last = &collect->last[note->channel][note->pitch];
    notes[score->n_notes++] = *note;
    next[number - 1] = 0;
    if (*last)
        next[*last - 1] = number;
    else
        collect->first[note->channel][note->pitch] = number;
    *last = number;
    collect->n_sounding[note->channel]++;
    return OK;
}

void smf_note_off(struct smf_collect *collect, unsigned channel, unsigned pitch, int64_t tick)
{
    uint32_t *first = &collect->first[channel][pitch];
    if (!*first) return;
    struct score_note *note = &collect->score.notes[*first - 1];
    note->end = tick > note->onset ? tick : note->onset + 1;
    *first = collect->next[*first - 1];
    if (!*first) collect->last[channel][pitch] = 0;
    collect->n_sounding[channel]--;
}

size_t smf_notes_off(struct smf_collect *collect, unsigned channel, int64_t tick)
{
    const size_t ended = collect->n_sounding[channel];
    for (unsigned pitch = 0; pitch < SMF_PITCHES && collect->n_sounding[channel]; pitch++)
        while (collect->first[channel][pitch]) smf_note_off(collect, channel, pitch, tick);
    return ended;
}

enum status smf_add_tempo(struct smf_collect *collect, struct score_tempo tempo)
{
    struct score *score = &collect->score;
    struct score_tempo *tempi =
        grow(score->tempi, &collect->tempo_capacity, score->n_tempi, sizeof *tempi);
    if (!tempi) return FAILED;
    score->tempi = tempi;
    tempi[score->n_tempi++] = tempo;
    return OK;
}

enum status smf_add_signature(struct smf_collect *collect, struct score_signature signature)
{
    struct score *score = &collect->score;
    struct score_signature *signatures = grow(score->signatures, &collect->signature_capacity,
                                              score->n_signatures, sizeof *signatures);
    if (!signatures) return FAILED;
    score->signatures = signatures;
    signatures[score->n_signatures++] = signature;
    return OK;
}

enum status smf_add_pedal(struct smf_collect *collect, unsigned channel, bool down, int64_t tick)
{
    /* Half-pedalling sends streams of values; only changes matter. */
    const enum smf_pedal_state state = down ? PEDAL_DOWN : PEDAL_UP;
    if (!collect->pedal || collect->pedal_state[channel] == state) return OK;
    struct smf_pedal *pedals =
        grow(collect->pedals, &collect->pedal_capacity, collect->n_pedals, sizeof *pedals);
    if (!pedals) return FAILED;
    collect->pedals = pedals;
    pedals[collect->n_pedals] =
        (struct smf_pedal){tick, (uint32_t)collect->n_pedals, (uint8_t)channel, down};
    collect->n_pedals++;
    collect->pedal_state[channel] = state;
    return OK;
}

static int compare_pedals(const void *left, const void *right)
{
    const struct smf_pedal *a = left, *b = right;
    if (a->channel != b->channel) return a->channel < b->channel ? -1 : 1;
    if (a->tick != b->tick) return a->tick < b->tick ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

/* Sorts by channel and tick, and drops what changes nothing once the tracks are merged. */
static void order_pedals(struct smf_collect *collect)
{
    struct smf_pedal *pedals = collect->pedals;
    qsort(pedals, collect->n_pedals, sizeof *pedals, compare_pedals);
    size_t kept = 0;
    for (size_t i = 0; i < collect->n_pedals; i++) {
        const bool known = kept && pedals[kept - 1].channel == pedals[i].channel;
        const bool before = known && pedals[kept - 1].down;
        if (pedals[i].down != before) pedals[kept++] = pedals[i];
    }
    collect->n_pedals = kept;
}

/* When a note that ends at `end` falls silent: then, or as the pedal pressed before is released. */
static int64_t silence(const struct smf_pedal *pedals, size_t n, int64_t end, int64_t last_tick)
{
    size_t first = 0, last = n;
    while (first < last) {
        const size_t middle = first + (last - first) / 2;
        if (pedals[middle].tick < end)
            first = middle + 1;
        else
            last = middle;
    }
    if (!first || !pedals[first - 1].down) return end;
    return first < n ? pedals[first].tick : last_tick;
}

/* Of a key: the onset being looked at, and the one after it. */
struct strikes {
    int64_t onset, next;
};

void smf_apply_pedal(struct smf_collect *collect, int64_t last_tick)
{
    if (!collect->n_pedals) return;
    order_pedals(collect);
    size_t start[SMF_CHANNELS + 1] = {0};
    for (size_t i = 0; i < collect->n_pedals; i++) start[collect->pedals[i].channel + 1]++;
    for (int c = 0; c < SMF_CHANNELS; c++) start[c + 1] += start[c];

    struct strikes strikes[SMF_CHANNELS][SMF_PITCHES];
    for (int c = 0; c < SMF_CHANNELS; c++)
        for (int p = 0; p < SMF_PITCHES; p++)
            strikes[c][p] = (struct strikes){INT64_MAX, INT64_MAX};
    for (size_t i = collect->score.n_notes; i-- > 0;) {
        struct score_note *note = &collect->score.notes[i];
        const size_t from = start[note->channel], to = start[note->channel + 1];
        struct strikes *key = &strikes[note->channel][note->pitch];
        if (note->onset < key->onset) *key = (struct strikes){note->onset, key->onset};
        int64_t end = silence(collect->pedals + from, to - from, note->end, last_tick);
        if (end > key->next) end = key->next;
        if (end > note->end) note->end = end;
    }
}
