/* Bytes -> score -> events, put aside piece by piece. */
#include "pack_store.h"

#include "smf.h"
#include "splits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { PACK_TEMPO_MASK = 0xffffff }; /* MIDI files have three bytes for a tempo */

/* Makes room for `more` elements behind the n that are there. */
static enum status make_room(void **array, size_t *room, size_t n, size_t more, size_t size)
{
    if (*room - n >= more) return OK;
    size_t larger = *room + *room / 2 + 1024;
    if (larger < n + more) larger = n + more;
    void *grown =
        status_fault() || larger > SIZE_MAX / size ? NULL : realloc(*array, larger * size);
    if (!grown) return status_fail(FAILED, "out of memory for %zu x %zu bytes", larger, size);
    *array = grown;
    *room = larger;
    return OK;
}

/* As void pointers, which a pointer to any object type may be copied to and from. */
#define MAKE_ROOM(array, room, n, more, status)                                                    \
    do {                                                                                           \
        void *moved = (array);                                                                     \
        (status) = make_room(&moved, &(room), (n), (more), sizeof *(array));                       \
        (array) = moved;                                                                           \
    } while (0)

int packed_owner(const struct packed *record, int n_ranks)
{
    const uint32_t place = record->input == PACK_NEW ? record->old : record->input;
    return (int)(place % (uint32_t)n_ranks);
}

enum status pack_store_init(struct pack_store *store, const struct events_vocabulary *vocabulary,
                            const char *spill, size_t room)
{
    enum status status;
    *store = (struct pack_store){.vocabulary = vocabulary};
    spill_init(&store->spill, spill, room);
    MAKE_ROOM(store->text, store->text_room, 0, 1, status);
    if (status != OK) return status;
    store->text[store->n_text++] = 0;
    return OK;
}

void pack_store_fini(struct pack_store *store)
{
    free(store->records);
    spill_fini(&store->spill);
    free(store->text);
    free(store->scratch);
    *store = (struct pack_store){.spill.descriptor = -1};
}

static enum status add_record(struct pack_store *store, const struct packed *record,
                              const char *reason)
{
    enum status status;
    MAKE_ROOM(store->records, store->record_room, store->n_records, 1, status);
    if (status != OK) return status;
    struct packed *added = store->records + store->n_records;
    *added = *record;
    if (*reason) {
        const size_t n = strlen(reason) + 1;
        if (store->n_text > UINT32_MAX - n) return status_fail(FAILED, "too many reasons");
        MAKE_ROOM(store->text, store->text_room, store->n_text, n, status);
        if (status != OK) return status;
        added->reason = (uint32_t)store->n_text;
        memcpy(store->text + store->n_text, reason, n);
        store->n_text += n;
    }
    store->n_records++;
    return OK;
}

/* One kind of NaN, so that equal pieces are equal bytes. */
static struct corpus_segment file_segment(const struct segment *segment)
{
    struct corpus_segment result = {
        .count = segment->count, .bars = segment->bars, .tonic = segment->tonic};
    for (int a = 0; a < N_ATTRIBUTES; a++)
        result.attributes[a] = isfinite(segment->attributes[a]) ? segment->attributes[a] : NAN;
    return result;
}

static size_t event_bytes(const struct packed *record)
{
    return record->n_events * sizeof(struct event);
}

static size_t segment_bytes(const struct packed *record)
{
    return record->n_segments * sizeof(struct corpus_segment);
}

/* Room for a piece in the scratch: its segments first, which need the alignment. */
static enum status scratch_piece(struct pack_store *store, const struct packed *record,
                                 struct corpus_segment **segments, struct event **events)
{
    enum status status;
    const size_t n_segments = segment_bytes(record);
    MAKE_ROOM(store->scratch, store->scratch_room, 0, n_segments + event_bytes(record), status);
    *segments = (void *)store->scratch;
    *events = (void *)(store->scratch + n_segments);
    return status;
}

static enum status put_aside(struct pack_store *store, struct packed *record)
{
    return spill_add(&store->spill, store->scratch, segment_bytes(record) + event_bytes(record),
                     &record->place);
}

static uint64_t hash_events(const struct packed *record, const struct event *events)
{
    return XXH3_64bits(events, event_bytes(record));
}

static enum status add_piece(struct pack_store *store, struct packed *record,
                             const struct piece *piece)
{
    enum status status = OK;
    struct corpus_segment *segments;
    struct event *events;
    size_t n_events = 0;
    for (size_t s = 0; s < piece->n_segments; s++) n_events += piece->segments[s].count;
    if (n_events > UINT32_MAX) FAIL(FAILED, "%zu events", n_events);
    record->n_events = (uint32_t)n_events;
    record->n_segments = (uint32_t)piece->n_segments;
    TRY(scratch_piece(store, record, &segments, &events));
    n_events = 0;
    for (size_t s = 0; s < piece->n_segments; s++) {
        const struct segment *segment = piece->segments + s;
        segments[s] = file_segment(segment);
        segments[s].first = n_events;
        memcpy(events + n_events, piece->events + segment->first,
               segment->count * sizeof *piece->events);
        n_events += segment->count;
    }
    record->off_grid = piece->off_grid;
    record->tempo = piece->tempo_single ? piece->tempo_microseconds & PACK_TEMPO_MASK : 0;
    record->shape = splits_shape(events, n_events, store->vocabulary);
    record->tempo_unknown = events->pitch == EVENTS_TEMPO_UNKNOWN;
    record->hash = hash_events(record, events);
    TRY(put_aside(store, record));
done:
    return status;
}

/* Nothing to hear is not damage: it has an outcome of its own. */
static void note_failure(struct packed *record, char reason[STATUS_MESSAGE_SIZE])
{
    memcpy(reason, status_message(), strlen(status_message()) + 1);
    const bool empty =
        strncmp(reason, "no notes", 8) == 0 || strncmp(reason, "no pitched notes", 16) == 0;
    record->outcome = empty ? OUTCOME_EMPTY : OUTCOME_UNREADABLE;
}

enum status pack_store_visit(void *context, size_t i, enum status read, const unsigned char *bytes,
                             size_t size)
{
    struct pack_store *store = context;
    const struct smf_options options = {.pedal = false};
    struct smf_report report = {0};
    struct score score = {0};
    struct piece piece = {0};
    struct packed record = {.input = (uint32_t)i, .old = PACK_NEW};
    char reason[STATUS_MESSAGE_SIZE] = "";
    enum status status = OK;
    if (read == OK) read = smf_parse(&score, &report, bytes, size, &options);
    if (read == OK) read = piece_from_score(&piece, &score, store->vocabulary, -1);
    if (read != OK) note_failure(&record, reason);
    record.damaged = report.damaged;
    if (read == OK) {
        snprintf(reason, sizeof reason, "%s", report.warning);
        TRY(add_piece(store, &record, &piece));
    }
    TRY(add_record(store, &record, reason));
done:
    piece_fini(&piece);
    score_fini(&score);
    return status;
}

enum status pack_store_add_old(struct pack_store *store, const struct corpus *corpus, uint64_t i)
{
    const struct corpus_piece *piece = corpus->pieces + i;
    const struct corpus_segment *segments = corpus->segments + piece->first_segment;
    const struct corpus_segment *last = segments + piece->n_segments - 1;
    const uint64_t first = segments->first, n_events = last->first + last->count - first;
    struct packed record = {
        .hash = piece->hash,
        .n_events = (uint32_t)n_events,
        .n_segments = piece->n_segments,
        .input = PACK_NEW,
        .old = (uint32_t)i,
        .off_grid = piece->off_grid & 1u,
        .tempo_unknown = piece->tempo_unknown & 1u,
    };
    enum status status = OK;
    struct corpus_segment *own_segments;
    struct event *own_events;
    TRY(scratch_piece(store, &record, &own_segments, &own_events));
    memcpy(own_events, corpus->events + first, event_bytes(&record));
    for (uint32_t s = 0; s < piece->n_segments; s++) {
        own_segments[s] = segments[s];
        own_segments[s].first -= first;
    }
    record.shape = splits_shape(own_events, n_events, store->vocabulary);
    TRY(put_aside(store, &record));
    TRY(add_record(store, &record, ""));
done:
    return status;
}

enum status pack_store_events(const struct pack_store *store, const struct packed *record,
                              struct event *events)
{
    return spill_read(&store->spill, record->place + segment_bytes(record), events,
                      event_bytes(record));
}

enum status pack_store_segments(const struct pack_store *store, const struct packed *record,
                                struct corpus_segment *segments)
{
    return spill_read(&store->spill, record->place, segments, segment_bytes(record));
}

enum status pack_store_forget_tempo(struct pack_store *store, struct packed *record)
{
    enum status status = OK;
    struct corpus_segment *segments;
    struct event *events;
    TRY(scratch_piece(store, record, &segments, &events));
    TRY(spill_read(&store->spill, record->place, store->scratch,
                   segment_bytes(record) + event_bytes(record)));
    struct piece piece = {.events = events, .n_events = record->n_events};
    piece_forget_tempo(&piece);
    for (uint32_t s = 0; s < record->n_segments; s++) segments[s].attributes[ATTRIBUTE_TEMPO] = NAN;
    record->tempo_unknown = 1;
    record->hash = hash_events(record, events);
    TRY(spill_write(&store->spill, record->place, store->scratch,
                    segment_bytes(record) + event_bytes(record)));
done:
    return status;
}
