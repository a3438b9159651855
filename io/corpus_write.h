/**
 * Writing a corpus: every rank holds some pieces, the file's bytes do not depend on which.
 */
#ifndef CORPUS_WRITE_H
#define CORPUS_WRITE_H

#include "corpus.h"

/**
 * All that goes into the file.  What is not marked otherwise is the same on every rank.  Pieces are
 * in the file's order; their `name` and `first_segment` are filled in by the caller.
 */
struct corpus_content {
    struct events_settings settings;
    const struct corpus_piece *pieces; /* (n_pieces) */
    uint64_t n_pieces;
    const char *names; /* (n_name_bytes) zero-terminated names */
    uint64_t n_name_bytes;
    const uint64_t *first_event;                  /* (n_pieces + 1) in the file's order */
    const int32_t *owner;                         /* (n_pieces) the rank that holds it */
    const struct event *const *events;            /* (n_pieces) NULL where another rank's */
    const struct corpus_segment *const *segments; /* (n_pieces) likewise, ready for the file */
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

#endif
