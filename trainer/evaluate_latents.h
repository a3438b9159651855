/**
 * Latents and likelihoods of a split's rows, on every rank, the same whatever their number.
 *
 * Each row is encoded alone, on one rank, so that its numbers depend on nothing beside it; the
 * ranks' numbers meet in zero-filled slots in the order of the rows.
 */
#ifndef EVALUATE_LATENTS_H
#define EVALUATE_LATENTS_H

#include "bigram.h"
#include "emotion.h"
#include "trainer.h"

/** What a row costs, in nats. */
enum row_nats {
    NATS_EVENTS,     /* -log p(events | z), z the posterior's mean */
    NATS_DIVERGENCE, /* of the latents from their prior, all of them */
    NATS_BIGRAM,     /* the baseline's -log p */
    N_ROW_NATS,
};

struct evaluate_latents {
    struct row *rows; /* owned; (n_rows) */
    size_t n_rows;
    uint32_t *segment; /* owned; (n_segments) their places in the corpus */
    uint32_t *piece;   /* owned; (n_segments) which of the n_pieces pieces met here */
    size_t n_segments, n_pieces;
    size_t latent, mixed; /* coordinates a factor; those of the mixture, which come first */
    double *z[N_FACTORS]; /* (n_segments, latent) posterior means */
    double *log_p;        /* (n_segments, N_EMOTIONS) log p(y | x); meaningless without a mixture */
    double *nats;         /* (n_rows, N_ROW_NATS), or NULL */
    double *block;        /* owned; behind the four above */
};

/** Which rows to encode, and how. */
struct evaluate_rows {
    enum split split;
    size_t most;                 /* unlabelled rows at most, in a drawn order; labelled ones all */
    const struct bigram *bigram; /* NULL: latents alone, nothing is decoded */
    bool normal;                 /* the prior of all coordinates is N(0, I) */
};

/**
 * Encodes the rows of a split.  Collective.
 *
 * @param[out] latents  owned by the caller on OK, zeroed on failure
 * @param trainer       its batches and activations are used; train.micro_events becomes 1
 */
STATUS_CHECKED enum status evaluate_latents_create(struct evaluate_latents *latents,
                                                   struct trainer *trainer,
                                                   const struct evaluate_rows *which);
void evaluate_latents_fini(struct evaluate_latents *latents);

/** Means over the segments of each labelled piece of the split, in the corpus's order. */
struct evaluate_pieces {
    size_t n, n_coordinates; /* pieces; mixture coordinates of both factors */
    uint32_t *piece;         /* (n) their places in the corpus */
    int8_t *label;           /* (n) 0-3 */
    double *coordinates;     /* (n, n_coordinates) rhythm, then tonal */
    double *log_p;           /* (n, N_EMOTIONS) mean log p(y | x) */
    double *attributes;      /* (n, N_ATTRIBUTES) mean over segments that know them, or NAN */
};

/**
 * Averages.  Local.  Owned by the caller on OK, zeroed on failure.
 *
 * @param label  (n_pieces of the corpus) the labels in use, CORPUS_UNLABELLED to leave a piece out
 */
STATUS_CHECKED enum status evaluate_pieces_create(struct evaluate_pieces *pieces,
                                                  const struct evaluate_latents *latents,
                                                  const struct corpus *corpus, const int8_t *label);
void evaluate_pieces_fini(struct evaluate_pieces *pieces);

#endif
