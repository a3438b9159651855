/**
 * Writing a corpus: every rank holds some pieces, the file's bytes do not depend on which.
 */
#ifndef CORPUS_WRITE_H
#define CORPUS_WRITE_H

#include "corpus.h"

/** How much of the file a piece is, and whose. */
struct corpus_extent {
    uint32_t n_events;
    uint32_t n_segments;
    int owner; /* the rank that holds both */
};

/**
 * All that goes into the file.  What is not marked otherwise is the same on every rank.  Pieces are
 * numbered in the file's order and asked for one by one, so that nobody need hold them all in the
 * file's form.
 */
struct corpus_content {
    struct events_settings settings;
    uint64_t n_pieces;
    uint64_t n_events, n_segments, n_name_bytes; /* of all pieces; the zeros after names included */
    const void *context;                         /* handed to the functions */
    struct corpus_extent (*extent)(const void *context, uint64_t i);

    /** Rank 0 only.  The writer fills in where name and segments lie. */
    void (*piece)(const void *context, uint64_t i, struct corpus_piece *piece);

    /** Rank 0 only. */
    const char *(*name)(const void *context, uint64_t i);

    /** The owner only. */
    enum status (*events)(const void *context, uint64_t i, struct event *events);

    /** The owner only.  `first` counts from the piece's first event; the writer places it. */
    enum status (*segments)(const void *context, uint64_t i, struct corpus_segment *segments);
};

/**
 * Writes a temporary file beside `path`, verifies it and renames it over `path`.  Collective.
 *
 * Only rank 0 touches the file; the others send it their events and segments in pieces of bounded
 * size, so a file system that only one node sees consistently is enough.  On failure what was at
 * `path` is untouched and the temporary is gone.
 *
 * @param[out] digest  (33) of the corpus, on every rank; may be NULL
 */
STATUS_CHECKED enum status corpus_write(struct group *group, const char *path,
                                        const struct corpus_content *content, char *digest);

/** Writes a corpus that is all in memory, its names one after the other.  Local. */
STATUS_CHECKED enum status corpus_save(const struct corpus *corpus, const char *path);

#endif
