/**
 * The corpus file: every piece's events, segments, labels and splits in one HDF5 file with
 * contiguous, aligned datasets, mapped by its readers.
 *
 * A corpus is read-only and opened by each rank on its own (no collective call, no copy).  Pieces
 * are ordered by (name, content hash), so any number of ranks writes the same bytes.
 */
#ifndef CORPUS_H
#define CORPUS_H

#include "events.h"
#include "group.h"

enum split { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, N_SPLITS };
extern const char *const split_names[N_SPLITS]; /* "train", "validation", "test" */

enum { CORPUS_UNLABELLED = -1, CORPUS_VERSION = 1 };

/** One segment; the layout is the file's compound type. */
struct corpus_segment {
    uint64_t first; /* first event in the corpus's event array */
    uint32_t count; /* events */
    uint32_t piece;
    uint16_t bars;
    int8_t tonic; /* -5..+6 */
    uint8_t reserved;
    float attributes[N_ATTRIBUTES];
    uint32_t pad;
};

/** One piece; the layout is the file's compound type. */
struct corpus_piece {
    uint64_t name;  /* offset of its zero-terminated name in the name table */
    uint64_t hash;  /* XXH3-64 of its events */
    uint64_t group; /* duplicate group: pieces with one value share a split */
    uint32_t first_segment;
    uint32_t n_segments;
    float valence; /* NAN when unlabelled */
    float arousal;
    int8_t label;  /* 0-3 for Q1 happy, Q2 tense, Q3 sad, Q4 calm; or CORPUS_UNLABELLED */
    uint8_t split; /* enum split */
    uint8_t off_grid;
    uint8_t tempo_unknown;
    uint32_t pad;
};

/** An open corpus: pointers into the mapped file. */
struct corpus {
    struct events_vocabulary vocabulary;
    const struct event *events;
    const struct corpus_segment *segments;
    const struct corpus_piece *pieces;
    const char *names;
    uint64_t n_events, n_segments, n_pieces, n_name_bytes;
    char digest[33]; /* XXH3-128 of settings, counts and datasets, hex */
    void *map;       /* owned */
    size_t map_bytes;
    int descriptor;
};

/** Opens and maps a corpus; checks format, version, sizes and every index.  Local.  Events are not
 *  read: those of a file of unknown origin are legal only once corpus_verify says so. */
STATUS_CHECKED enum status corpus_open(struct corpus *corpus, const char *path);

/** Recomputes the digest, checks that all events are legal and that no duplicate group has two
 *  splits.  Local. */
STATUS_CHECKED enum status corpus_verify(const struct corpus *corpus);

void corpus_close(struct corpus *corpus);

/** The name of piece i.  Local. */
const char *corpus_piece_name(const struct corpus *corpus, uint64_t i);

#endif
