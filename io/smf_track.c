/* The event grammar of a track chunk. */
#include "smf_track.h"

enum {
    LENGTH_BYTES = 4, /* of a variable-length number, at most */
    NOTE_OFF = 0x80,
    NOTE_ON = 0x90,
    CONTROLLER = 0xb0,
    PROGRAM = 0xc0,
    PRESSURE = 0xd0,
    SYSEX = 0xf0,
    TIME_CODE = 0xf1,
    SONG_POSITION = 0xf2,
    SONG_SELECT = 0xf3,
    ESCAPE = 0xf7,
    META = 0xff,
    META_END = 0x2f,
    META_TEMPO = 0x51,
    META_SIGNATURE = 0x58,
    SUSTAIN_PEDAL = 64, /* controllers */
    ALL_SOUND_OFF = 120,
    RESET_CONTROLLERS = 121,
    ALL_NOTES_OFF = 123, /* the modes 124-127 imply it */
    PEDAL_PRESSED = 64,  /* values from here on */
    MAX_SIGNATURE_POWER = 7,
};

/* The state of one walk; `status` holds what no reading on can mend. */
struct walk {
    struct smf_track *track;
    struct smf_collect *collect;
    unsigned running; /* the channel status that data bytes continue, 0: none */
    bool interrupted; /* another kind of event came since */
    enum status status;
};

/* The readers below return whether the walk can go on. */

static bool stop(struct walk *w, const char *reason)
{
    smf_overlook(w->collect, true, "track %zu, byte %zu: %s", w->track->number, w->track->at,
                 reason);
    return false;
}

static bool go_on(struct walk *w, enum status status)
{
    w->status = status;
    return status == OK;
}

static size_t left(const struct walk *w)
{
    return w->track->end - w->track->at;
}

static bool read_length(struct walk *w, uint32_t *length)
{
    *length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) {
        if (!left(w)) return stop(w, "the track ends within an event");
        const unsigned char byte = w->track->file[w->track->at++];
        *length = *length << 7 | (byte & 0x7fu);
        if (byte < 0x80) return true;
    }
    return stop(w, "a variable-length number over 4 bytes");
}

static bool advance(struct walk *w)
{
    uint32_t delta;
    if (!read_length(w, &delta)) return false;
    const int64_t tick = w->track->tick + (int64_t)delta * w->track->scale;
    if (tick / w->collect->score.division >= SMF_MAX_QUARTERS)
        return stop(w, "an event too far from the start");
    w->track->tick = tick;
    return true;
}

static bool read_note(struct walk *w, unsigned status, const unsigned char *data)
{
    const unsigned channel = status & 0xf;
    if ((status & 0xf0) == NOTE_OFF || data[1] == 0) {
        smf_note_off(w->collect, channel, data[0], w->track->tick);
        return true;
    }
    const struct score_note note = {
        .onset = w->track->tick,
        .end = w->track->tick + 1,
        .track = (uint16_t)w->track->number,
        .channel = (uint8_t)channel,
        .pitch = data[0],
        .velocity = data[1],
    };
    return go_on(w, smf_note_on(w->collect, &note));
}

static bool read_controller(struct walk *w, unsigned channel, const unsigned char *data)
{
    const int64_t tick = w->track->tick;
    if (data[0] == SUSTAIN_PEDAL)
        return go_on(w, smf_add_pedal(w->collect, channel, data[1] >= PEDAL_PRESSED, tick));
    if (data[0] == RESET_CONTROLLERS)
        return go_on(w, smf_add_pedal(w->collect, channel, false, tick));
    if (data[0] == ALL_SOUND_OFF || data[0] >= ALL_NOTES_OFF)
        (void)smf_notes_off(w->collect, channel, tick);
    return true;
}

/* An event of the channel: the status is read, the data are next. */
static bool read_channel(struct walk *w, unsigned status)
{
    const unsigned kind = status & 0xf0;
    const size_t n = kind == PROGRAM || kind == PRESSURE ? 1 : 2;
    if (left(w) < n) return stop(w, "the track ends within an event");
    const unsigned char *data = w->track->file + w->track->at;
    w->track->at += n;
    /* Usually the walk is out of step: what follows would be notes nobody wrote. */
    if (data[0] >= 0x80 || data[n - 1] >= 0x80) return stop(w, "a data byte over 7f");
    if (kind == NOTE_OFF || kind == NOTE_ON) return read_note(w, status, data);
    if (kind == CONTROLLER) return read_controller(w, status & 0xf, data);
    return true;
}

static bool read_tempo(struct walk *w, const unsigned char *data, uint32_t length)
{
    const uint32_t microseconds =
        length == 3 ? (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2] : 0;
    if (!microseconds) {
        smf_overlook(w->collect, false, "track %zu: tempo ignored (%u bytes, value %u)",
                     w->track->number, length, microseconds);
        return true;
    }
    /* Seconds need no tempo, and reading them at another would distort them. */
    if (w->collect->score.seconds) return true;
    return go_on(w, smf_add_tempo(w->collect, (struct score_tempo){w->track->tick, microseconds}));
}

static bool read_signature(struct walk *w, const unsigned char *data, uint32_t length)
{
    if (length < 2 || !data[0] || data[1] > MAX_SIGNATURE_POWER) {
        smf_overlook(w->collect, false, "track %zu: time signature ignored (%u bytes, %u/2^%u)",
                     w->track->number, length, length > 0 ? data[0] : 0u,
                     length > 1 ? data[1] : 0u);
        return true;
    }
    const struct score_signature signature = {w->track->tick, data[0], (uint16_t)(1u << data[1])};
    return go_on(w, smf_add_signature(w->collect, signature));
}

static bool read_meta(struct walk *w)
{
    if (!left(w)) return stop(w, "the track ends within an event");
    const unsigned type = w->track->file[w->track->at++];
    uint32_t length;
    if (!read_length(w, &length)) return false;
    if (length > left(w)) return stop(w, "a meta event longer than the track");
    const unsigned char *data = w->track->file + w->track->at;
    w->track->at += length;
    if (type == META_TEMPO) return read_tempo(w, data, length);
    if (type == META_SIGNATURE) return read_signature(w, data, length);
    w->track->ended = type == META_END;
    return !w->track->ended;
}

static bool read_sysex(struct walk *w)
{
    uint32_t length;
    if (!read_length(w, &length)) return false;
    if (length > left(w)) return stop(w, "a system exclusive event longer than the track");
    w->track->at += length;
    return true;
}

/* System messages have no place in a file; those of a known length can be stepped over. */
static bool skip_system(struct walk *w, unsigned status)
{
    const size_t n = status == SONG_POSITION ? 2 : status == TIME_CODE || status == SONG_SELECT;
    if (left(w) < n) return stop(w, "the track ends within an event");
    w->track->at += n;
    smf_overlook(w->collect, true, "track %zu, byte %zu: illegal event %02x", w->track->number,
                 w->track->at, status);
    return true;
}

static bool read_event(struct walk *w)
{
    if (!advance(w)) return false;
    if (!left(w)) return stop(w, "the track ends within an event");
    const unsigned byte = w->track->file[w->track->at];
    if (byte < 0x80) {
        if (!w->running) return stop(w, "a data byte without a status");
        /* Forbidden, yet common enough, and never ambiguous. */
        if (w->interrupted)
            smf_overlook(w->collect, false, "track %zu: running status across other events",
                         w->track->number);
        w->interrupted = false;
        return read_channel(w, w->running);
    }
    w->track->at++;
    w->interrupted = byte >= SYSEX;
    if (byte < SYSEX) {
        w->running = byte;
        return read_channel(w, byte);
    }
    if (byte == META) return read_meta(w);
    if (byte == SYSEX || byte == ESCAPE) return read_sysex(w);
    return skip_system(w, byte);
}

enum status smf_track_read(struct smf_track *track, struct smf_collect *collect)
{
    struct walk walk = {.track = track, .collect = collect};
    bool going = true;
    smf_start_track(collect);
    while (going && track->at < track->end) going = read_event(&walk);
    if (walk.status != OK) return walk.status;
    if (going) smf_overlook(collect, false, "track %zu: no end of track", track->number);
    size_t hanging = 0;
    for (unsigned c = 0; c < SMF_CHANNELS; c++) hanging += smf_notes_off(collect, c, track->tick);
    if (hanging)
        smf_overlook(collect, false, "track %zu: %zu notes never end, ended with the track",
                     track->number, hanging);
    return OK;
}
