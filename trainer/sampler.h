/**
 * Which rows a step trains on: a function of (seed, step) and the corpus, never of the rank count.
 *
 * A row is a run of consecutive segments of one piece.  Unlabelled rows are taken in an order drawn
 * anew every epoch, each once; labelled rows cycle in the same manner on a counter of their own.
 * Rows are cut from a piece at an offset that moves with the epoch, so that every transition
 * between segments is seen.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include "config.h"
#include "corpus.h"

enum { SAMPLER_MAX_ROW_SEGMENTS = 4 };

struct row {
    uint32_t first_segment; /* in the corpus */
    uint32_t n_segments;
    int8_t label; /* 0-3, or CORPUS_UNLABELLED */
};

/** The rows of one kind, in the order of their pieces, and the order of the current epoch. */
struct row_stream {
    uint32_t *pieces; /* owned; pieces of this kind */
    size_t n_pieces;
    struct row *rows;   /* owned; the rows of `epoch`, shuffled */
    size_t n_rows;      /* of `epoch` */
    size_t *per_offset; /* owned; (row_segments) rows of an epoch that cuts at that offset */
    uint64_t epoch;     /* of `rows`; UINT64_MAX before the first */
};

struct sampler {
    const struct corpus *corpus;
    uint64_t seed;
    size_t row_segments;
    size_t n_unlabelled, n_labelled; /* rows of a global batch */
    struct row_stream unlabelled, labelled;
    struct row *batch; /* owned; the latest global batch, unlabelled rows first */
    int8_t *label;     /* owned; (n_pieces) label in use, after label_fraction */
};

/** The split of a piece: the corpus's, or that of the fold when folds are asked for.  Local. */
enum split sampler_split(const struct config *config, const struct corpus_piece *piece);

/**
 * Lists the training rows.  Local, the same on every rank.  Fails when the training split is empty.
 *
 * @param corpus  used until sampler_fini
 */
STATUS_CHECKED enum status sampler_init(struct sampler *sampler, const struct corpus *corpus,
                                        const struct config *config);
void sampler_fini(struct sampler *sampler);

/** The global batch of a step (0-based): n_unlabelled + n_labelled rows.  Local.  Fails for want of
 *  memory only. */
STATUS_CHECKED enum status sampler_batch(struct sampler *sampler, uint64_t step,
                                         const struct row **rows, size_t *n_rows);

/** Epochs of unlabelled rows (of labelled ones, if there are no others) begun by a step.  Local. */
double sampler_epochs(const struct sampler *sampler, uint64_t step);

/**
 * The rows of a split in a fixed drawn order, at most `most` of them; owned by the caller.  Local.
 */
STATUS_CHECKED enum status sampler_held_out(const struct sampler *sampler,
                                            const struct config *config, enum split split,
                                            size_t most, struct row **rows, size_t *n_rows);

#endif
