/**
 * Corpus rows -> a micro-batch of symbols and targets, with augmentation.
 *
 * A pitch symbol is pitch minus tonic, for encoder and decoder alike.  Augmentation shifts pitch
 * and tonic together, so that of the two only the tonic changes, tempo and velocity, keyed by
 * (seed, step, row).
 */
#ifndef COLLATE_H
#define COLLATE_H

#include "arena.h"
#include "batch.h"
#include "sampler.h"

/** The attributes that the faders move, in their order. */
extern const enum attribute collate_faders[BATCH_FADERS];

/** Mean and standard deviation of each attribute over the training split. */
struct standard {
    double mean[N_ATTRIBUTES], deviation[N_ATTRIBUTES];
};

/** What collate needs beside the rows. */
struct collate {
    const struct events_vocabulary *vocabulary;
    struct standard standard;
    bool augment;
    uint64_t seed, step;
};

/** A piece's events and segments: the corpus's arrays, or a file's. */
struct source {
    const struct event *events;
    const struct corpus_segment *segments;
};

/** The model's view of the tokeniser.  Local. */
struct vocabulary collate_vocabulary(const struct events_vocabulary *vocabulary);

/**
 * Packs rows into a batch whose arrays live in `arena`.  Local.  Cannot fail.
 *
 * @param row_id  place of rows[0] in the global batch; the rows are consecutive
 */
struct batch collate_rows(const struct collate *collate, const struct source *source,
                          const struct row *rows, size_t n_rows, uint32_t row_id,
                          struct arena *arena);

/** Events of a row.  Local. */
size_t collate_row_events(const struct source *source, const struct row *row);

/** Bytes of arena that a batch of that size takes.  Local. */
size_t collate_bytes(const struct events_vocabulary *vocabulary, size_t n_events, size_t n_rows,
                     size_t n_segments);

/** Mean and deviation over the training split; unknown values left out.  Local. */
void collate_standard(struct standard *standard, const struct corpus *corpus,
                      const struct config *config);

/** One segment of a file as the corpus would hold it.  Local. */
struct corpus_segment collate_segment(const struct segment *segment);

#endif
