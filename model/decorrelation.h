/**
 * The loss that keeps attributes out of latent coordinates that are not theirs: the squared
 * correlation of each coordinate's mean with each attribute over a micro-batch.
 *
 * Where all correlations vanish no linear reading of the latent tells the attribute.  A correlation
 * does not change with the coordinate's scale, so that nothing is gained by shrinking it, down to a
 * deviation of .1, below which a coordinate counts as silent.  Within a micro-batch its expectation
 * is 1 / (n - 1) too high, which has no gradient.
 *
 * Source: decorrelation of representations as in Cogswell et al., ICLR 2016, with attributes in the
 * place of other units.
 */
#ifndef DECORRELATION_H
#define DECORRELATION_H

#include "arena.h"
#include "real.h"

struct decorrelation {
    size_t n;                       /* segments */
    size_t coordinates, attributes; /* of each */
    const real *m;                  /* (n, coordinates) */
    const real *a;                  /* (n, attributes); NAN: unknown */
    real *dm;                       /* (n, coordinates) += weight times the gradient */
    double weight;
};

/** The squared correlations, summed.  Local.  Cannot fail. */
double decorrelation_loss(const struct decorrelation *call, struct arena *scratch);

#endif
