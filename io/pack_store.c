/* Bytes -> score -> events, kept in growing arrays. */
#include "pack_store.h"

#include "smf.h"
#include "splits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

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

enum status pack_store_init(struct pack_store *store, const struct events_vocabulary *vocabulary,
                            int rank)
{
    enum status status;
    *store = (struct pack_store){.vocabulary = vocabulary, .rank = (uint32_t)rank};
    MAKE_ROOM(store->text, store->text_room, 0, 1, status);
    if (status != OK) return status;
    store->text[store->n_text++] = 0;
    return OK;
}

void pack_store_fini(struct pack_store *store)
{
    free(store->records);
    free(store->events);
    free(store->segments);
    free(store->text);
    *store = (struct pack_store){0};
}

static enum status add_record(struct pack_store *store, const struct packed *record,
                              const char *reason)
{
    enum status status;
    MAKE_ROOM(store->records, store->record_room, store->n_records, 1, status);
    if (status != OK) return status;
    struct packed *added = store->records + store->n_records;
    *added = *record;
    added->owner = store->rank;
    if (*reason) {
        const size_t n = strlen(reason) + 1;
        MAKE_ROOM(store->text, store->text_room, store->n_text, n, status);
        if (status != OK) return status;
        added->reason = store->n_text;
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

static void hash_events(const struct pack_store *store, struct packed *record)
{
    record->hash =
        XXH3_64bits(store->events + record->first_event, record->n_events * sizeof *store->events);
}

static enum status add_piece(struct pack_store *store, struct packed *record,
                             const struct piece *piece)
{
    enum status status;
    size_t n_events = 0;
    for (size_t s = 0; s < piece->n_segments; s++) n_events += piece->segments[s].count;
    if (n_events > UINT32_MAX) return status_fail(FAILED, "%zu events", n_events);
    MAKE_ROOM(store->events, store->event_room, store->n_events, n_events, status);
    if (status != OK) return status;
    MAKE_ROOM(store->segments, store->segment_room, store->n_segments, piece->n_segments, status);
    if (status != OK) return status;
    record->first_event = store->n_events;
    record->first_segment = store->n_segments;
    record->n_events = (uint32_t)n_events;
    record->n_segments = (uint32_t)piece->n_segments;
    for (size_t s = 0; s < piece->n_segments; s++) {
        const struct segment *segment = piece->segments + s;
        struct corpus_segment *to = store->segments + store->n_segments++;
        *to = file_segment(segment);
        to->first = store->n_events - record->first_event;
        memcpy(store->events + store->n_events, piece->events + segment->first,
               segment->count * sizeof *piece->events);
        store->n_events += segment->count;
    }
    record->off_grid = piece->off_grid;
    record->tempo = piece->tempo_declared && piece->tempo_single ? piece->tempo_microseconds : 0;
    record->shape = splits_shape(store->events + record->first_event, n_events, store->vocabulary);
    record->tempo_unknown = store->events[record->first_event].pitch == EVENTS_TEMPO_UNKNOWN;
    hash_events(store, record);
    return OK;
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
        .first_event = store->n_events,
        .first_segment = store->n_segments,
        .n_events = (uint32_t)n_events,
        .n_segments = piece->n_segments,
        .input = PACK_NEW,
        .old = (uint32_t)i,
        .off_grid = piece->off_grid,
        .tempo_unknown = piece->tempo_unknown,
    };
    enum status status;
    MAKE_ROOM(store->events, store->event_room, store->n_events, n_events, status);
    if (status != OK) return status;
    MAKE_ROOM(store->segments, store->segment_room, store->n_segments, piece->n_segments, status);
    if (status != OK) return status;
    memcpy(store->events + store->n_events, corpus->events + first,
           n_events * sizeof *store->events);
    store->n_events += n_events;
    for (uint32_t s = 0; s < piece->n_segments; s++) {
        store->segments[store->n_segments] = segments[s];
        store->segments[store->n_segments++].first -= first;
    }
    record.shape = splits_shape(store->events + record.first_event, n_events, store->vocabulary);
    return add_record(store, &record, "");
}

void pack_store_forget_tempo(struct pack_store *store, struct packed *record)
{
    struct piece piece = {.events = store->events + record->first_event,
                          .n_events = record->n_events};
    piece_forget_tempo(&piece);
    for (uint32_t s = 0; s < record->n_segments; s++)
        store->segments[record->first_segment + s].attributes[ATTRIBUTE_TEMPO] = NAN;
    record->tempo_unknown = 1;
    hash_events(store, record);
}
