/**
 * Packing MIDI files into a corpus, on any number of ranks with the same result.
 *
 * Rank 0 finds the inputs and reads the labels; rank r packs inputs r, r + size, r + 2 size, ...
 * and keeps their events and segments, the first PACK_MEMORY bytes in memory and the others in a
 * file beside the corpus that has no name; what is known of every input (80 bytes and its name) is
 * known to all ranks, which then order the pieces and deal the splits alike.
 *
 * Where at least PACK_TEMPO_FILES files of one argument were packed and at least PACK_TEMPO_PERCENT
 * of 100 declare one and the same single tempo, that tempo says nothing about the music (it is a
 * transcriber's constant): those pieces' tempo becomes unknown.
 */
#ifndef PACK_H
#define PACK_H

#include "corpus.h"
#include "inputs.h"

enum { PACK_TEMPO_FILES = 20, PACK_TEMPO_PERCENT = 90, PACK_MEMORY = 16 << 20 };

struct pack_options {
    const char *const *inputs; /* (n_inputs) files, folders, archives */
    size_t n_inputs;
    const char *const *labels; /* (n_labels) label files, see labels.h */
    size_t n_labels;
    const char *out;
    const char *report;              /* CSV with a row an input, or NULL */
    struct events_settings settings; /* 0: the old corpus's when appending, else 4 and 8 */
    int percent[N_SPLITS];           /* sum 100 */
    size_t memory;                   /* bytes of pieces in memory, 0: PACK_MEMORY */
    bool append;                     /* add to the corpus at `out`, whose splits stay */
    void (*progress)(void *context, size_t done, size_t total); /* on rank 0, or NULL */
    void *context;
};

struct pack_result {
    uint64_t n_inputs;
    uint64_t outcomes[N_OUTCOMES];
    uint64_t n_damaged;      /* packed, but part of the file could not be used */
    uint64_t n_already;      /* of the skipped ones: already in the corpus */
    uint64_t n_tempo_forgot; /* pieces whose constant tempo was ignored */
    uint64_t n_with_copy;    /* not in the split that a label file wants, but in their copies' */
    uint64_t n_pieces, n_segments, n_events;
    uint64_t n_groups;         /* of duplicates; a piece without copies is one */
    uint64_t labelled[4];      /* pieces a label */
    uint64_t splits[N_SPLITS]; /* pieces a split */
    uint64_t labelled_splits[4][N_SPLITS];
    char digest[33];
};

/**
 * Packs.  Collective.  The options' texts are the same on every rank.
 *
 * @param[out] result  on every rank; the outcomes are filled even when no input could be packed
 * @return FAILED when no input was readable, a label file is wrong, or a file cannot be written;
 * then what was at `out` is untouched
 */
STATUS_CHECKED enum status pack_run(struct group *group, const struct pack_options *options,
                                    struct pack_result *result);

#endif
