/**
 * A random forest: what can be told from features whose effects do not add up.
 *
 * Each tree is grown on as many rows as there are, drawn with replacement, until its leaves are
 * pure.  A node looks at sqrt(n_features) drawn features, at more only while none of them varies,
 * and takes the split of least Gini impurity, half way between two values.  The shares of emotions
 * in the leaves that a row reaches are averaged over the trees.  A feature that is NAN counts as
 * the mean of the training rows.  Random numbers are keyed by (seed, tree, node), so the fit is
 * deterministic.
 *
 * Source: Breiman 2001, "Random forests"; defaults and averaging as in scikit-learn's
 * RandomForestClassifier.
 */
#ifndef MEASURES_FOREST_H
#define MEASURES_FOREST_H

#include "measures_logistic.h"

enum { FOREST_TREES = 300 };

/** A node of a tree.  A leaf has no children; the children of others are neighbours. */
struct forest_node {
    double threshold;        /* rows up to it go to `child`, others to child + 1 */
    uint32_t feature, child; /* child 0: a leaf */
    uint32_t first, n;       /* its training rows while the tree grows */
    float share[N_EMOTIONS]; /* of the emotions among them */
};

struct forest {
    size_t n_features, n_nodes, room;
    double *mean;              /* owned; (n_features) of the training rows */
    struct forest_node *nodes; /* owned; (n_nodes) of all trees */
    uint32_t root[FOREST_TREES];
    double
        out_of_bag; /* accuracy on rows told only by trees that did not draw them; NAN: no such */
};

/**
 * Grows the trees.  Local.
 *
 * @param[out] forest  owned by the caller on OK, zeroed on failure
 * @return FAILED without a row, or for want of memory
 */
STATUS_CHECKED enum status forest_fit(struct forest *forest, const struct logistic_rows *rows,
                                      uint64_t seed);
void forest_fini(struct forest *forest);

/** p(y | x) of one row: the mean share over trees.  Local. */
void forest_p(const struct forest *forest, const double *x, double p[N_EMOTIONS]);

/** The likeliest emotion of each of n rows, of equally likely ones the lowest.  Local. */
void forest_tell(const struct forest *forest, const double *x, size_t n, int8_t *told);

#endif
