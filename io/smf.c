/* The containers of a MIDI file: RIFF, header, chunks; and whole files. */
#define _GNU_SOURCE
#include "smf.h"
#include "file.h"
#include "smf_track.h"

#include <string.h>

enum {
    CHUNK_HEAD = 8, /* a name and a length */
    HEADER_LENGTH = 6,
    RIFF_HEAD = 12,
    SEQUENTIAL = 2, /* the format whose tracks follow one another */
};

/* The file as it is walked. */
struct image {
    const unsigned char *bytes;
    size_t size;
};

static uint32_t big16(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t big32(const unsigned char *bytes)
{
    return big16(bytes) << 16 | big16(bytes + 2);
}

static uint32_t little32(const unsigned char *bytes)
{
    return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static bool named(const struct image *file, size_t at, const char *name)
{
    return file->size >= at + 4 && memcmp(file->bytes + at, name, 4) == 0;
}

/* Refuses what is not MIDI by what it is. */
static enum status check_kind(const struct image *file)
{
    if (file->size > SMF_MAX_BYTES)
        return status_fail(FAILED, "%zu bytes, more than %d", file->size, SMF_MAX_BYTES);
    if (!file->size) return status_fail(FAILED, "empty file");
    if (file->size >= 2 && big16(file->bytes) == 0x1f8b)
        return status_fail(FAILED, "gzip, not MIDI: unpack it first");
    if (named(file, 0, "PK\x03\x04"))
        return status_fail(FAILED, "zip archive, not MIDI: unpack it first");
    if (named(file, 0, "MTrk")) return status_fail(FAILED, "not a MIDI file: no header");
    return OK;
}

/* Narrows the file to the `data` chunk of an RMID wrapper, if there is one. */
static enum status unwrap(struct image *file, struct smf_collect *collect)
{
    if (!named(file, 0, "RIFF")) return OK;
    if (!named(file, CHUNK_HEAD, "RMID"))
        return status_fail(FAILED, "a RIFF file, but not of MIDI");
    size_t at = RIFF_HEAD;
    while (at + CHUNK_HEAD <= file->size) {
        const size_t length = little32(file->bytes + at + 4);
        const size_t left = file->size - at - CHUNK_HEAD;
        const bool data = named(file, at, "data");
        if (length > left)
            smf_overlook(collect, true, "RIFF chunk of %zu bytes, %zu left", length, left);
        if (data) {
            file->bytes += at + CHUNK_HEAD;
            file->size = length < left ? length : left;
            return OK;
        }
        if (length >= left) break;
        at += CHUNK_HEAD + length + length % 2;
    }
    return status_fail(FAILED, "a RIFF file without MIDI data");
}

/* Whether a chunk, or the file's end, may be at `at`. */
static bool chunk_at(const struct image *file, size_t at)
{
    if (at == file->size) return true;
    if (at > file->size || file->size - at < CHUNK_HEAD) return false;
    if (named(file, at, "MTrk")) return true;
    for (size_t i = at; i < at + 4; i++)
        if (file->bytes[i] < ' ' || file->bytes[i] > '~') return false;
    return big32(file->bytes + at + 4) <= file->size - at - CHUNK_HEAD;
}

/* The first track chunk from `from` on, or the file's end. */
static size_t next_track(const struct image *file, size_t from)
{
    const unsigned char *track = memmem(file->bytes + from, file->size - from, "MTrk", 4);
    const size_t at = track ? (size_t)(track - file->bytes) : file->size;
    return file->size - at >= CHUNK_HEAD ? at : file->size;
}

/* Whether a chunk of contents [start, start + length) lies in the file, and a chunk follows. */
static bool length_fits(const struct image *file, size_t start, size_t length)
{
    return length <= file->size - start && chunk_at(file, start + length);
}

/* Sets the score's time; returns the score ticks a file tick, 0 if the division is unusable. */
static uint32_t read_division(struct smf_collect *collect, uint32_t division)
{
    struct score *score = &collect->score;
    if (division < 0x8000) {
        score->division = division;
        return 1;
    }
    const uint32_t frames = 256 - (division >> 8), ticks = division & 0xff;
    if (frames != 24 && frames != 25 && frames != 29 && frames != 30)
        smf_overlook(collect, false, "SMPTE time of %u frames a second", frames);
    /* 29 stands for 29.97: the 0.1 % more of 30 cannot be heard and keeps ticks whole. */
    score->division = (frames == 29 ? 30 : frames) * ticks;
    score->seconds = true;
    return 2; /* at 120 bpm a second is two quarter notes; doubled ticks keep it whole */
}

struct header {
    uint32_t format, n_tracks, scale;
    size_t end;
};

static enum status read_header(struct header *header, const struct image *file,
                               struct smf_collect *collect)
{
    if (!named(file, 0, "MThd")) return status_fail(FAILED, "not a MIDI file");
    if (file->size < CHUNK_HEAD + HEADER_LENGTH)
        return status_fail(FAILED, "header cut off after %zu bytes", file->size);
    const uint32_t length = big32(file->bytes + 4);
    if (length == HEADER_LENGTH << 24)
        return status_fail(FAILED, "not a MIDI file: numbers in little-endian order");
    header->format = big16(file->bytes + 8);
    header->n_tracks = big16(file->bytes + 10);
    header->scale = read_division(collect, big16(file->bytes + 12));
    if (!collect->score.division) return status_fail(FAILED, "a time division of 0");
    if (header->format > SEQUENTIAL)
        smf_overlook(collect, false, "format %u, read as 1", header->format);

    if (length == HEADER_LENGTH) {
        header->end = CHUNK_HEAD + HEADER_LENGTH;
    } else if (length > HEADER_LENGTH && length_fits(file, CHUNK_HEAD, length)) {
        header->end = CHUNK_HEAD + (size_t)length;
    } else {
        header->end = next_track(file, CHUNK_HEAD + HEADER_LENGTH);
        smf_overlook(collect, true, "a header of %u bytes, read as %d", length, HEADER_LENGTH);
    }
    return OK;
}

/* Reads the track chunk at `at`; moves that to the next chunk and `tick` to the track's end. */
static enum status read_track(const struct image *file, size_t *at, size_t number, uint32_t scale,
                              struct smf_collect *collect, int64_t *tick)
{
    const size_t start = *at + CHUNK_HEAD, length = big32(file->bytes + *at + 4);
    const bool fits = length_fits(file, start, length);
    const size_t end = fits ? start + length : next_track(file, start);
    struct smf_track track = {file->bytes, start, end, number, *tick, scale, false};
    const enum status status = smf_track_read(&track, collect);
    if (status != OK) return status;
    const size_t used = track.at - start;
    if (!fits && !(track.ended && used == length))
        smf_overlook(collect, true, "track %zu: a length of %zu bytes, read as %zu", number, length,
                     used);
    else if (track.ended && track.at < end)
        smf_overlook(collect, false, "track %zu: %zu bytes after its end", number, end - track.at);
    *at = end;
    *tick = track.tick;
    return OK;
}

static size_t skip_unknown(const struct image *file, size_t at, struct smf_collect *collect)
{
    const size_t start = at + CHUNK_HEAD, length = big32(file->bytes + at + 4);
    if (length_fits(file, start, length)) return start + length;
    smf_overlook(collect, true, "byte %zu: an unknown chunk of %zu bytes", at, length);
    return next_track(file, at + 1);
}

/* Reads all chunks; `last_tick` is the end of the longest track. */
static enum status read_chunks(const struct image *file, const struct header *header,
                               struct smf_collect *collect, int64_t *last_tick)
{
    size_t n_tracks = 0, at = header->end;
    *last_tick = 0;
    while (file->size - at >= CHUNK_HEAD) {
        if (named(file, at, "MThd") || n_tracks == SMF_MAX_TRACKS) {
            smf_overlook(collect, true, "%zu bytes after track %zu not read", file->size - at,
                         n_tracks);
            break;
        }
        if (!named(file, at, "MTrk")) {
            at = skip_unknown(file, at, collect);
            continue;
        }
        int64_t tick = header->format == SEQUENTIAL ? *last_tick : 0;
        const enum status status = read_track(file, &at, n_tracks++, header->scale, collect, &tick);
        if (status != OK) return status;
        if (tick > *last_tick) *last_tick = tick;
    }
    if (n_tracks != header->n_tracks)
        smf_overlook(collect, n_tracks < header->n_tracks, "%zu tracks, the header says %u",
                     n_tracks, header->n_tracks);
    return OK;
}

static enum status finish(struct smf_collect *collect, int64_t last_tick)
{
    const struct smf_report *report = &collect->report;
    if (!collect->score.n_notes)
        return status_fail(FAILED, "no notes%s%s", report->warning[0] ? ": " : "", report->warning);
    score_sort(&collect->score);
    if (collect->n_pedals) {
        smf_apply_pedal(collect, last_tick);
        score_sort(&collect->score);
    }
    return OK;
}

enum status smf_parse(struct score *score, struct smf_report *report, const unsigned char *bytes,
                      size_t size, const struct smf_options *options)
{
    enum status status = OK;
    struct image file = {bytes, size};
    struct header header = {0};
    int64_t last_tick = 0;
    struct smf_collect collect = {.pedal = options->pedal};
    memset(score, 0, sizeof *score);
    memset(report, 0, sizeof *report);
    TRY(check_kind(&file));
    TRY(unwrap(&file, &collect));
    TRY(read_header(&header, &file, &collect));
    TRY(read_chunks(&file, &header, &collect, &last_tick));
    TRY(finish(&collect, last_tick));
    *score = collect.score;
    *report = collect.report;
    memset(&collect.score, 0, sizeof collect.score);
done:
    smf_collect_fini(&collect);
    return status;
}

enum status smf_read(struct score *score, struct smf_report *report, const char *path,
                     const struct smf_options *options)
{
    unsigned char *bytes;
    size_t size;
    memset(score, 0, sizeof *score);
    const enum status status = file_read(&bytes, &size, path, SMF_MAX_BYTES);
    if (status != OK) return status;
    enum status parsed = smf_parse(score, report, bytes, size, options);
    if (parsed != OK) parsed = status_prefix(parsed, "%s", path);
    free(bytes);
    return parsed;
}

enum status smf_write(const struct score *score, int split, const char *path)
{
    unsigned char *bytes;
    size_t size;
    enum status status = smf_encode(&bytes, &size, score, split);
    if (status != OK) return status_prefix(status, "%s", path);
    status = file_write(path, bytes, size);
    free(bytes);
    return status;
}
