/**
 * Corpora of composed pieces for the tests of the trainer, in memory or in a file, and the
 * configuration of a model small enough to train on them in a test.
 *
 * Piece i is of emotion i % 4 and has i % 5 + 1 segments of two bars (its last one may have one);
 * every fifth piece's tempo is unknown; of every five rounds of emotions the fourth is validation
 * and the fifth test.  Equal requests give equal corpora.
 */
#ifndef MAKE_CORPUS_H
#define MAKE_CORPUS_H

#include "config.h"
#include "corpus.h"

struct made_corpus {
    struct corpus corpus; /* points into the arrays below; not to be closed */
    struct event *events;
    struct corpus_segment *segments;
    struct corpus_piece *pieces;
    char *names;
};

/** Composes n_labelled labelled pieces, then n_unlabelled others.  Local.  Aborts when it cannot.
 */
struct made_corpus make_corpus(size_t n_labelled, size_t n_unlabelled);
void make_corpus_free(struct made_corpus *made);

/** Writes the corpus file.  Local.  Aborts when it cannot. */
void make_corpus_write(const struct made_corpus *made, const char *path);

/**
 * The preset `tiny` made smaller: 12 steps of 8 rows of at most 3 segments, several micro-batches a
 * step, the mixture fit after 5 steps.  Local.
 *
 * @param more  ended by NULL: further assignments; or NULL
 */
struct config make_config(const char *const *more);

#endif
