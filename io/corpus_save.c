/* A corpus in memory as content to write. */
#include "corpus_write.h"

#include <string.h>

static struct corpus_extent extent_of(const void *context, uint64_t i)
{
    const struct corpus *corpus = context;
    const struct corpus_piece *piece = corpus->pieces + i;
    const struct corpus_segment *first = corpus->segments + piece->first_segment,
                                *last = first + piece->n_segments - 1;
    return (struct corpus_extent){.n_events = (uint32_t)(last->first + last->count - first->first),
                                  .n_segments = piece->n_segments};
}

static void piece_of(const void *context, uint64_t i, struct corpus_piece *piece)
{
    const struct corpus *corpus = context;
    *piece = corpus->pieces[i];
}

static const char *name_of(const void *context, uint64_t i)
{
    return corpus_piece_name(context, i);
}

static enum status events_of(const void *context, uint64_t i, struct event *events)
{
    const struct corpus *corpus = context;
    const struct corpus_segment *first = corpus->segments + corpus->pieces[i].first_segment;
    memcpy(events, corpus->events + first->first, extent_of(context, i).n_events * sizeof *events);
    return OK;
}

static enum status segments_of(const void *context, uint64_t i, struct corpus_segment *segments)
{
    const struct corpus *corpus = context;
    const struct corpus_segment *first = corpus->segments + corpus->pieces[i].first_segment;
    for (uint32_t s = 0; s < corpus->pieces[i].n_segments; s++) {
        segments[s] = first[s];
        segments[s].first -= first->first;
    }
    return OK;
}

enum status corpus_save(const struct corpus *corpus, const char *path)
{
    const struct corpus_content content = {.settings = corpus->vocabulary.settings,
                                           .n_pieces = corpus->n_pieces,
                                           .n_events = corpus->n_events,
                                           .n_segments = corpus->n_segments,
                                           .n_name_bytes = corpus->n_name_bytes,
                                           .context = corpus,
                                           .extent = extent_of,
                                           .piece = piece_of,
                                           .name = name_of,
                                           .events = events_of,
                                           .segments = segments_of};
    return corpus_write(group_self(), path, &content, NULL);
}
