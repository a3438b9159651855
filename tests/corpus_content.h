/**
 * A made-up corpus for the suite of the corpus file: its pieces spread over ranks, as a packing's
 * are, and asked for one by one.
 */
#ifndef CORPUS_CONTENT_H
#define CORPUS_CONTENT_H

#include "corpus_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A made-up corpus: every segment is `notes` notes in bars of 88. */
struct made {
    struct corpus_content content;
    struct corpus_piece *pieces;
    uint64_t *first_event;
    int32_t *owner;
    char *names;
    const struct event **events;
    const struct corpus_segment **segments;
};

static size_t segment_events(size_t notes)
{
    return notes + (notes + 87) / 88;
}

static struct event *make_events(size_t n_segments, size_t notes, uint8_t signature)
{
    struct event *events = calloc(n_segments * segment_events(notes), sizeof *events), *e = events;
    for (size_t s = 0; s < n_segments; s++)
        for (size_t i = 0; i < notes; i++) {
            if (i % 88 == 0) *e++ = (struct event){EVENTS_BAR, (uint8_t)(s % 40), signature, 0};
            *e++ = (struct event){(uint8_t)(i % 88 / 30), (uint8_t)(21 + i % 88), 1, 70};
        }
    return events;
}

static struct corpus_segment *make_segments(size_t n, size_t notes, uint64_t first, uint32_t piece)
{
    struct corpus_segment *segments = calloc(n, sizeof *segments);
    for (size_t s = 0; s < n; s++) {
        segments[s] = (struct corpus_segment){.first = first + s * segment_events(notes),
                                              .count = (uint32_t)segment_events(notes),
                                              .piece = piece,
                                              .bars = 8,
                                              .tonic = (int8_t)(s % 12) - 5};
        for (int a = 0; a < N_ATTRIBUTES; a++)
            segments[s].attributes[a] = a == ATTRIBUTE_TEMPO ? NAN : (float)a;
    }
    return segments;
}

/* n pieces of up to 3 segments; piece i belongs to rank `i * 7 % size`, or to 0 on one rank. */
static struct made make(size_t n, size_t notes, int rank, int size)
{
    struct events_vocabulary vocabulary;
    struct made made = {.content = {.settings = {.grid = 4, .bars = 8}, .n_pieces = n}};
    if (events_vocabulary_init(&vocabulary, &made.content.settings) != OK) abort();
    const uint8_t signature = (uint8_t)events_signature_symbol(&vocabulary, 4, 4);
    made.pieces = calloc(n + 1, sizeof *made.pieces);
    made.first_event = calloc(n + 1, sizeof *made.first_event);
    made.owner = calloc(n + 1, sizeof *made.owner);
    made.names = calloc(n + 1, 16);
    made.events = calloc(n + 1, sizeof *made.events);
    made.segments = calloc(n + 1, sizeof *made.segments);
    uint64_t event = 0, name = 0;
    uint32_t segment = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t n_segments = 1 + (uint32_t)i % 3;
        made.pieces[i] = (struct corpus_piece){.name = name,
                                               .hash = i * 17,
                                               .group = i / 2,
                                               .first_segment = segment,
                                               .n_segments = n_segments,
                                               .valence = i % 2 ? -1.0F : NAN,
                                               .arousal = i % 2 ? 0.5F : NAN,
                                               .label = i % 2 ? 1 : CORPUS_UNLABELLED,
                                               .split = (uint8_t)(i / 2 % N_SPLITS)};
        name += (uint64_t)sprintf(made.names + name, "piece %05zu", i) + 1;
        made.first_event[i] = event;
        made.owner[i] = (int32_t)(i * 7 % (size_t)size);
        if (made.owner[i] == rank) {
            made.events[i] = make_events(n_segments, notes, signature);
            made.segments[i] = make_segments(n_segments, notes, event, (uint32_t)i);
        }
        segment += n_segments;
        event += n_segments * segment_events(notes);
    }
    made.first_event[n] = event;
    made.content.n_events = event;
    made.content.n_segments = segment;
    made.content.n_name_bytes = name;
    return made;
}

static void drop(struct made *made)
{
    for (size_t i = 0; i < made->content.n_pieces; i++) {
        free((void *)made->events[i]);
        free((void *)made->segments[i]);
    }
    free(made->pieces);
    free(made->first_event);
    free(made->owner);
    free(made->names);
    free(made->events);
    free(made->segments);
}

static struct corpus_extent extent_of(const void *context, uint64_t i)
{
    const struct made *made = context;
    return (struct corpus_extent){(uint32_t)(made->first_event[i + 1] - made->first_event[i]),
                                  made->pieces[i].n_segments, made->owner[i]};
}

static void piece_of(const void *context, uint64_t i, struct corpus_piece *piece)
{
    const struct made *made = context;
    *piece = made->pieces[i];
    piece->name = piece->first_segment = UINT32_MAX; /* the writer's to fill in */
}

static const char *name_of(const void *context, uint64_t i)
{
    const struct made *made = context;
    return made->names + made->pieces[i].name;
}

static enum status events_of(const void *context, uint64_t i, struct event *events)
{
    const struct made *made = context;
    if (status_fault()) return status_fail(FAILED, "no events");
    memcpy(events, made->events[i], extent_of(context, i).n_events * sizeof *events);
    return OK;
}

static enum status segments_of(const void *context, uint64_t i, struct corpus_segment *segments)
{
    const struct made *made = context;
    if (status_fault()) return status_fail(FAILED, "no segments");
    memcpy(segments, made->segments[i], made->pieces[i].n_segments * sizeof *segments);
    for (uint32_t s = 0; s < made->pieces[i].n_segments; s++) {
        segments[s].first -= made->first_event[i];
        segments[s].piece = UINT32_MAX; /* likewise */
    }
    return OK;
}

static enum status write_made(struct group *group, const char *path, const struct made *made,
                              char *digest)
{
    struct corpus_content content = made->content;
    content.context = made;
    content.extent = extent_of;
    content.piece = piece_of;
    content.name = name_of;
    content.events = events_of;
    content.segments = segments_of;
    return corpus_write(group, path, &content, digest);
}

#endif
