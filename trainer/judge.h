/**
 * The external classifier that listens to generated music: a logistic regression or a random forest
 * over all attributes of real labelled pieces, whichever is right more often on pieces it did not
 * learn from.  It never sees the model, only what came out of it.
 *
 * Real and generated pieces are judged by the attributes that piece_from_score gives either; an
 * attribute that a piece does not have counts as the mean of the training pieces.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "baseline.h"
#include "config.h"

enum { JUDGE_FOLDS = 5 };

enum judge_kind { JUDGE_LOGISTIC, JUDGE_FOREST, N_JUDGES };
extern const char *const judge_names[N_JUDGES]; /* "logistic", "forest" */

struct judge {
    enum judge_kind kind;
    double accuracy[N_JUDGES]; /* of either kind, cross-validated on the training pieces by
                                  duplicate group; NAN with fewer than two folds of pieces */
    size_t n_known;            /* pieces it learned from */
    struct logistic logistic;  /* of its kind one is fitted */
    struct forest forest;
};

/**
 * Learns from every labelled piece of the training split, also those whose label
 * data.label_fraction hid from the model.  No piece of another split has a say in the choice; of
 * equally good kinds it is the regression.  Local.  Fails without any piece, or for want of memory.
 *
 * @param seed  of the forest
 */
STATUS_CHECKED enum status judge_init(struct judge *judge, const struct corpus *corpus,
                                      const struct config *config, uint64_t seed);
void judge_fini(struct judge *judge);

/** The attributes of a piece that was read from a score: the means over its segments that know
 * them, as of a piece of a corpus.  Local.  Fails for want of memory. */
STATUS_CHECKED enum status judge_attributes(double out[N_ATTRIBUTES], const struct piece *piece);

/** The emotion of n pieces from their attributes (n, N_ATTRIBUTES).  Local. */
void judge_tell(const struct judge *judge, const double *attributes, size_t n, int8_t *told);

#endif
