/* TensorBoard's event file: records of protocol buffers with checksums. */
#define _GNU_SOURCE
#include "tensorboard.h"

#include "tail.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HEADER = 12, /* length and its checksum */
    FOOTER = 4,
    MOST_RECORD = 1 << 20,
    VARINT = 10, /* bytes at most */
};

/* Keys of the fields that an event has: their number and wire type. */
enum {
    EVENT_WALL_TIME = 1 << 3 | 1,
    EVENT_STEP = 2 << 3 | 0,
    EVENT_VERSION = 3 << 3 | 2,
    EVENT_SUMMARY = 5 << 3 | 2,
    SUMMARY_VALUE = 1 << 3 | 2,
    VALUE_TAG = 1 << 3 | 2,
    VALUE_SIMPLE = 2 << 3 | 5,
};

static const char VERSION[] = "brain.Event:2";

struct tensorboard {
    char *path;
    struct tail tail;
    uint32_t crc[256];     /* CRC-32C of each byte */
    unsigned char *record; /* (room) the one being written */
    size_t length, room;
};

static void fill_crc(uint32_t crc[256])
{
    static const uint32_t CASTAGNOLI = 0x82f63b78; /* reflected */
    for (uint32_t i = 0; i < 256; i++) {
        crc[i] = i;
        for (int bit = 0; bit < 8; bit++) crc[i] = crc[i] >> 1 ^ (crc[i] & 1 ? CASTAGNOLI : 0);
    }
}

static uint32_t masked_crc(const struct tensorboard *board, const unsigned char *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) crc = board->crc[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static void put_little(unsigned char *to, uint64_t x, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (unsigned char)(x >> 8 * i);
}

static uint64_t get_little(const unsigned char *from, size_t n)
{
    uint64_t x = 0;
    for (size_t i = n; i-- > 0;) x = x << 8 | from[i];
    return x;
}

static void put_fixed(struct tensorboard *board, uint64_t x, size_t n)
{
    put_little(board->record + board->length, x, n);
    board->length += n;
}

static void put_varint(struct tensorboard *board, uint64_t x)
{
    for (; x >= 128; x >>= 7) board->record[board->length++] = (unsigned char)(x | 128);
    board->record[board->length++] = (unsigned char)x;
}

static size_t varint_size(uint64_t x)
{
    size_t n = 1;
    for (; x >= 128; x >>= 7) n++;
    return n;
}

static void put_bytes(struct tensorboard *board, const void *bytes, size_t n)
{
    memcpy(board->record + board->length, bytes, n);
    board->length += n;
}

static bool reserve(struct tensorboard *board, size_t room)
{
    if (room <= board->room) return true;
    unsigned char *record = status_fault() ? NULL : realloc(board->record, room);
    if (!record) return false;
    board->record = record;
    board->room = room;
    return true;
}

/* Begins an event; the header is filled in by append. */
static void begin(struct tensorboard *board, int64_t step)
{
    struct timespec now;
    uint64_t bits;
    clock_gettime(CLOCK_REALTIME, &now);
    const double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    memcpy(&bits, &seconds, sizeof bits);
    board->length = HEADER;
    put_varint(board, EVENT_WALL_TIME);
    put_fixed(board, bits, sizeof bits);
    put_varint(board, EVENT_STEP);
    put_varint(board, (uint64_t)step);
}

static enum status append(struct tensorboard *board)
{
    unsigned char *record = board->record;
    const size_t size = board->length - HEADER;
    put_little(record, size, 8);
    put_little(record + 8, masked_crc(board, record, 8), 4);
    put_fixed(board, masked_crc(board, record + HEADER, size), FOOTER);
    return tail_append(&board->tail, record, board->length);
}

/* The step of an event, -1 when it has none of ours. */
static int64_t event_step(const unsigned char *event, size_t size)
{
    enum { PLACE = 10 }; /* behind the time */
    uint64_t step = 0;
    if (size <= PLACE || event[0] != EVENT_WALL_TIME || event[PLACE - 1] != EVENT_STEP) return -1;
    for (size_t i = PLACE; i < size && i < PLACE + VARINT; i++) {
        step |= (uint64_t)(event[i] & 127) << 7 * (i - PLACE);
        if (!(event[i] & 128)) return step <= INT64_MAX ? (int64_t)step : -1;
    }
    return -1;
}

/* Reads the next event into board->record; false at the end, or where it is damaged. */
static bool read_event(struct tensorboard *board, FILE *file, size_t *size)
{
    unsigned char header[HEADER], footer[FOOTER];
    if (fread(header, HEADER, 1, file) != 1) return false;
    const uint64_t length = get_little(header, 8);
    if (get_little(header + 8, 4) != masked_crc(board, header, 8) || length > MOST_RECORD ||
        !reserve(board, length) || fread(board->record, 1, length, file) != length ||
        fread(footer, FOOTER, 1, file) != 1)
        return false;
    *size = length;
    return get_little(footer, FOOTER) == masked_crc(board, board->record, length);
}

/* Cuts the file behind the events to keep, none when the first one is not a version like ours. */
static enum status cut(struct tensorboard *board, int64_t last_step)
{
    size_t size;
    off_t end = 0, place = 0;
    FILE *file = status_fault() ? NULL : fopen(board->path, "re");
    if (!file) return status_fail(FAILED, "cannot open: %s", strerror(errno));
    while (last_step >= 0 && read_event(board, file, &size)) {
        const int64_t step = event_step(board->record, size);
        place += (off_t)(HEADER + size + FOOTER);
        if (step < 0 || step > last_step) break;
        end = place;
    }
    fclose(file);
    return tail_cut(&board->tail, end);
}

static enum status write_version(struct tensorboard *board)
{
    begin(board, 0);
    put_varint(board, EVENT_VERSION);
    put_varint(board, strlen(VERSION));
    put_bytes(board, VERSION, strlen(VERSION));
    return append(board);
}

enum status tensorboard_open(struct tensorboard **out, const char *path, int64_t last_step)
{
    enum status status = OK;
    struct tensorboard *board = status_fault() ? NULL : calloc(1, sizeof *board);
    *out = NULL;
    if (!board) FAIL(FAILED, "%s: no memory", path);
    board->tail.descriptor = -1;
    board->path = strdup(path);
    if (!board->path || !reserve(board, 256)) FAIL(FAILED, "%s: no memory", path);
    fill_crc(board->crc);
    status = tail_open(&board->tail, path);
    if (status == OK) status = cut(board, last_step);
    if (status == OK && board->tail.end == 0) status = write_version(board);
    if (status != OK) FAIL(status, "%s: %s", path, status_message());
    *out = board;
done:
    if (status != OK) tensorboard_close(board);
    return status;
}

/* A value's name without the group that it may begin with. */
static const char *bare_name(const char *group, const char *name)
{
    const size_t n = strlen(group);
    return strncmp(name, group, n) == 0 && name[n] == '_' ? name + n + 1 : name;
}

static void put_value(struct tensorboard *board, const char *group, const struct metric *value)
{
    const char *name = bare_name(group, value->name);
    const size_t tag = strlen(group) + 1 + strlen(name);
    const float number = (float)value->value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_varint(board, SUMMARY_VALUE);
    put_varint(board, 1 + varint_size(tag) + tag + 1 + sizeof bits);
    put_varint(board, VALUE_TAG);
    put_varint(board, tag);
    put_bytes(board, group, strlen(group));
    put_bytes(board, "/", 1);
    put_bytes(board, name, strlen(name));
    put_varint(board, VALUE_SIMPLE);
    put_fixed(board, bits, sizeof bits);
}

static enum status write_event(struct tensorboard *board, const char *group, int64_t step,
                               const struct metric *values, size_t n_values)
{
    size_t size = 0, room = HEADER + FOOTER + 64;
    for (size_t i = 0; i < n_values; i++) {
        const size_t tag = strlen(group) + 1 + strlen(bare_name(group, values[i].name));
        const size_t value = 1 + varint_size(tag) + tag + 1 + sizeof(float);
        if (isfinite((float)values[i].value)) size += 1 + varint_size(value) + value;
    }
    room += size;
    if (!reserve(board, room)) return status_fail(FAILED, "no memory");
    begin(board, step);
    put_varint(board, EVENT_SUMMARY);
    put_varint(board, size);
    for (size_t i = 0; i < n_values; i++)
        if (isfinite((float)values[i].value)) put_value(board, group, &values[i]);
    return append(board);
}

enum status tensorboard_write(struct tensorboard *board, const char *group, int64_t step,
                              const struct metric *values, size_t n_values)
{
    return tail_tell(&board->tail, write_event(board, group, step, values, n_values), board->path,
                     step);
}

void tensorboard_close(struct tensorboard *board)
{
    if (!board) return;
    tail_close(&board->tail);
    free(board->record);
    free(board->path);
    free(board);
}
