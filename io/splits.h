/**
 * Duplicate groups and splits: which pieces belong together, and where they go.
 *
 * Pieces with equal shapes (copies, transposed or with other tempi), of one named group, or joined
 * by other pieces to such, form one group and fall in one split.  The result depends on the set of
 * pieces alone, not on their order.
 */
#ifndef SPLITS_H
#define SPLITS_H

#include "corpus.h"

enum { SPLIT_NONE = -1 };

/** What ties a piece to others and to a split. */
struct tie {
    uint64_t shape; /* pieces of equal shape belong together */
    uint64_t named; /* so do those of one named group; 0: none */
    uint64_t kept;  /* its group in the corpus that is appended to; 0: a new piece */
    int8_t asked;   /* split that a label file wants, or SPLIT_NONE */
    int8_t old;     /* split in the corpus that is appended to, or SPLIT_NONE */
    int8_t label;   /* 0-3, or CORPUS_UNLABELLED */
};

/** The pieces: what ties them is asked for one by one, and so is the outcome told. */
struct splits {
    uint64_t n; /* fewer than UINT32_MAX */
    struct tie (*tie)(const void *context, uint64_t i);
    void (*place)(void *context, uint64_t i, uint64_t group, enum split split);
    void *context;
};

/**
 * A number that copies of a piece share: hash of onsets (relative to the first, divided by their
 * greatest common divisor) and pitches (relative to the first).  Bar lines, tempo, durations and
 * velocities do not matter.  Local.
 */
uint64_t splits_shape(const struct event *events, size_t n_events,
                      const struct events_vocabulary *vocabulary);

/**
 * Places every piece in a group and a split.  Local.
 *
 * A group goes where its pieces lie in the old corpus, else where a label file wants one of its
 * pieces (in both cases the most held-out of several: test, validation, train).  A group without
 * labels goes by its hash, so it never moves when others join.  Groups with a label are dealt in
 * order of hash, label by label, each to the split that lacks most, so that small sets keep the
 * proportions too.
 *
 * @param percent  (N_SPLITS) shares of 100
 */
STATUS_CHECKED enum status splits_assign(const struct splits *splits, const int percent[N_SPLITS]);

#endif
