/* Encoding a score as a MIDI file. */
#include "smf.h"

#include <string.h>

enum {
    DRUMS = 9,
    MAX_DELTA = 0x0fffffff,
    MAX_TEMPO = 0xffffff,
    MAX_DIVISION = 0x7fff,
    DEFAULT_TEMPO = 500000,
    OFF_VELOCITY = 64,
    /* Upper bounds of encoded sizes, bytes: a delta takes at most 4. */
    MESSAGE_BOUND = 4 + 3,
    TEMPO_BOUND = 4 + 6,
    SIGNATURE_BOUND = 4 + 7,
    FRAME_BOUND = 64, /* a chunk's head, name, program and end; or the file's header */
    MAX_CHUNKS = 4,
};

/* A note-on or note-off to be written. */
struct message {
    int64_t tick;
    uint32_t index; /* of the note */
    uint8_t on;
    uint8_t pitch;
    uint8_t velocity;
};

/* Output whose room is known to suffice. */
struct output {
    unsigned char *bytes;
    size_t size;
    size_t chunk;  /* start of the open chunk */
    int64_t tick;  /* of the latest event */
    bool too_long; /* a gap did not fit a delta */
};

static void put(struct output *out, uint32_t value, int n_bytes)
{
    while (n_bytes--) out->bytes[out->size++] = (unsigned char)(value >> (8 * n_bytes));
}

static void put_text(struct output *out, const char *text)
{
    const size_t length = strlen(text);
    memcpy(out->bytes + out->size, text, length);
    out->size += length;
}

static void put_delta(struct output *out, int64_t tick)
{
    const int64_t delta = tick - out->tick;
    out->tick = tick;
    if (delta > MAX_DELTA) out->too_long = true;
    for (int shift = 21; shift > 0; shift -= 7)
        if (delta >> shift) put(out, 0x80u | ((uint32_t)(delta >> shift) & 0x7fu), 1);
    put(out, (uint32_t)delta & 0x7fu, 1);
}

static void open_track(struct output *out, const char *name)
{
    put_text(out, "MTrk");
    put(out, 0, 4);
    out->chunk = out->size;
    out->tick = 0;
    put(out, 0x00ff03, 3);
    put(out, (uint32_t)strlen(name), 1);
    put_text(out, name);
}

/* The track ends with its last event, or with the piece if that is later. */
static void close_track(struct output *out, int64_t end)
{
    put_delta(out, end > out->tick ? end : out->tick);
    put(out, 0xff2f00, 3);
    const size_t length = out->size - out->chunk;
    out->size = out->chunk - 4;
    put(out, (uint32_t)length, 4);
    out->size += length;
}

static uint32_t power_of(uint32_t denominator)
{
    uint32_t power = 0;
    while (denominator >> (power + 1)) power++;
    return power;
}

static void put_tempo(struct output *out, const struct score_tempo *tempo)
{
    put_delta(out, tempo->tick);
    put(out, 0xff5103, 3);
    put(out, tempo->microseconds, 3);
}

static void put_signature(struct output *out, const struct score_signature *signature)
{
    put_delta(out, signature->tick);
    put(out, 0xff5804, 3);
    put(out, signature->numerator, 1);
    put(out, power_of(signature->denominator), 1);
    put(out, 0x1808, 2); /* 24 clocks a click, 8 demisemiquavers a quarter note: the usual */
}

static void put_conductor(struct output *out, const struct score *score)
{
    size_t t = 0, s = 0;
    open_track(out, "Tempo");
    /* Seconds are ticks at 120 bpm: the file has to say so. */
    if (score->seconds && !score->n_tempi) put_tempo(out, &(struct score_tempo){0, DEFAULT_TEMPO});
    while (t < score->n_tempi || s < score->n_signatures) {
        const bool signature =
            s < score->n_signatures &&
            (t == score->n_tempi || score->signatures[s].tick <= score->tempi[t].tick);
        if (signature)
            put_signature(out, &score->signatures[s++]);
        else
            put_tempo(out, &score->tempi[t++]);
    }
    close_track(out, score->end);
}

/* Writes the messages of pitches low..high; the track lasts until `end` at least. */
static void put_notes(struct output *out, const struct message *messages, size_t n,
                      const char *name, int low, int high, int64_t end)
{
    open_track(out, name);
    put(out, 0x00c000, 3); /* program 0: acoustic grand piano */
    for (size_t i = 0; i < n; i++) {
        if (messages[i].pitch < low || messages[i].pitch > high) continue;
        put_delta(out, messages[i].tick);
        put(out, messages[i].on ? 0x90 : 0x80, 1);
        put(out, messages[i].pitch, 1);
        put(out, messages[i].on ? messages[i].velocity : OFF_VELOCITY, 1);
    }
    close_track(out, end);
}

/*
 * At one tick keys are released before they are struck, and equal keys are struck in the score's
 * order, that of their ends, so that pairing first in, first out finds each note's own end and
 * velocity.
 */
static int compare_messages(const void *left, const void *right)
{
    const struct message *a = left, *b = right;
    if (a->tick != b->tick) return a->tick < b->tick ? -1 : 1;
    if (a->on != b->on) return a->on - b->on;
    if (a->pitch != b->pitch) return a->pitch - b->pitch;
    return (a->index > b->index) - (a->index < b->index);
}

/* (2 n_notes) messages in the order of writing. */
static size_t collect_messages(struct message *messages, const struct score *score)
{
    size_t n = 0;
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        if (note->channel == DRUMS) continue;
        struct message message = {
            .tick = note->onset,
            .index = (uint32_t)i,
            .on = 1,
            .pitch = note->pitch,
            .velocity = note->velocity,
        };
        messages[n++] = message;
        message.tick = note->end;
        message.on = 0;
        messages[n++] = message;
    }
    if (n) qsort(messages, n, sizeof *messages, compare_messages);
    return n;
}

static enum status check_notes(const struct score *score, int64_t limit)
{
    if (score->n_notes > SMF_MAX_NOTES)
        return status_fail(FAILED, "%zu notes, more than %d", score->n_notes, SMF_MAX_NOTES);
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        if (note->onset < 0 || note->end <= note->onset || note->end >= limit)
            return status_fail(FAILED, "note %zu from tick %lld to %lld", i, (long long)note->onset,
                               (long long)note->end);
        if (note->pitch > 127 || !note->velocity || note->velocity > 127)
            return status_fail(FAILED, "note %zu of pitch %d, velocity %d", i, note->pitch,
                               note->velocity);
    }
    return OK;
}

static enum status check_tempi(const struct score *score, int64_t limit)
{
    if (score->n_tempi > SMF_MAX_NOTES)
        return status_fail(FAILED, "%zu tempi, more than %d", score->n_tempi, SMF_MAX_NOTES);
    int64_t before = 0;
    for (size_t i = 0; i < score->n_tempi; i++) {
        const struct score_tempo *tempo = &score->tempi[i];
        if (tempo->tick < before || tempo->tick >= limit)
            return status_fail(FAILED, "tempo %zu at tick %lld", i, (long long)tempo->tick);
        if (!tempo->microseconds || tempo->microseconds > MAX_TEMPO)
            return status_fail(FAILED, "tempo %zu of %u microseconds, limit %d", i,
                               tempo->microseconds, MAX_TEMPO);
        before = tempo->tick;
    }
    return OK;
}

static enum status check_signatures(const struct score *score, int64_t limit)
{
    if (score->n_signatures > SMF_MAX_NOTES)
        return status_fail(FAILED, "%zu time signatures, more than %d", score->n_signatures,
                           SMF_MAX_NOTES);
    int64_t before = 0;
    for (size_t i = 0; i < score->n_signatures; i++) {
        const struct score_signature *signature = &score->signatures[i];
        const uint32_t denominator = signature->denominator;
        if (signature->tick < before || signature->tick >= limit)
            return status_fail(FAILED, "time signature %zu at tick %lld", i,
                               (long long)signature->tick);
        if (!signature->numerator || !denominator || denominator > 128 ||
            denominator != 1u << power_of(denominator))
            return status_fail(FAILED, "time signature %zu of %d/%u", i, signature->numerator,
                               denominator);
        before = signature->tick;
    }
    return OK;
}

/* Refuses what a file cannot say, or smf_parse would not read back. */
static enum status check_score(const struct score *score, int split)
{
    if (split < 0 || split > 127) return status_fail(FAILED, "split at pitch %d, limit 127", split);
    if (!score->division || score->division > MAX_DIVISION)
        return status_fail(FAILED, "%u ticks a quarter note, limit %d", score->division,
                           MAX_DIVISION);
    const int64_t limit = (int64_t)score->division * SMF_MAX_QUARTERS;
    if (score->end < 0 || score->end >= limit)
        return status_fail(FAILED, "an end at tick %lld", (long long)score->end);
    enum status status = check_notes(score, limit);
    if (status == OK) status = check_tempi(score, limit);
    if (status == OK) status = check_signatures(score, limit);
    return status;
}

enum status smf_encode(unsigned char **bytes, size_t *size, const struct score *score, int split)
{
    enum status status = OK;
    struct output out = {0};
    struct message *messages = NULL;
    *bytes = NULL;
    *size = 0;
    TRY(check_score(score, split));
    const size_t bound = MAX_CHUNKS * FRAME_BOUND + 2 * score->n_notes * MESSAGE_BOUND +
                         (score->n_tempi + 1) * TEMPO_BOUND + score->n_signatures * SIGNATURE_BOUND;
    messages = status_fault() ? NULL : malloc((2 * score->n_notes + 1) * sizeof *messages);
    out.bytes = status_fault() ? NULL : malloc(bound);
    if (!messages || !out.bytes) FAIL(FAILED, "out of memory (%zu notes)", score->n_notes);
    const size_t n = collect_messages(messages, score);

    put_text(&out, "MThd");
    put(&out, 6, 4);
    put(&out, 1, 2);
    put(&out, split ? 3 : 2, 2);
    put(&out, score->division, 2);
    put_conductor(&out, score);
    put_notes(&out, messages, n, split ? "Right hand" : "Piano", split, 127, score->end);
    if (split) put_notes(&out, messages, n, "Left hand", 0, split - 1, score->end);
    if (out.too_long) FAIL(FAILED, "a gap of more than %d ticks", MAX_DELTA);
    *bytes = out.bytes;
    *size = out.size;
    out.bytes = NULL;
done:
    free(messages);
    free(out.bytes);
    return status;
}
