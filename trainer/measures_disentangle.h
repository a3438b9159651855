/**
 * Whether each factor of variation has a code of its own: mutual information gap, separated
 * attribute predictability, modularity.
 *
 * Numbers are columns: code c of row i is code[c * n + i].  Mutual information is that of
 * histograms of DISENTANGLE_BINS bins of equal width between the least and the greatest value, in
 * nats; it is too large by about bins^2 / 2n where both are independent.  A factor that is NAN in a
 * row is left out there; one that is never known or never varies is left out altogether.
 */
#ifndef MEASURES_DISENTANGLE_H
#define MEASURES_DISENTANGLE_H

#include "status.h"

#include <stddef.h>

enum { DISENTANGLE_BINS = 20 };

/** Rows, borrowed. */
struct disentangle_rows {
    const double *code, *factor; /* (n_codes, n); (n_factors, n), NAN: unknown */
    size_t n, n_codes, n_factors;
};

/** What a factor finds among the codes; NAN for one left out. */
struct disentangle_factor {
    double information; /* gap between the best two codes' information of it / its entropy */
    double r2;          /* gap between the best two codes' R^2 of a line to it */
    size_t best;        /* the code that has most information of it */
};

struct disentanglement {
    double mig;        /* mean over factors of the gap of information: Chen et al. 2018, eq. 6 */
    double sap;        /* mean over factors of the gap of R^2: Kumar et al. 2018, section 3 */
    double modularity; /* mean over codes of 1 - sum over all but a code's best factor of
                          information^2 / (best information^2 (n_factors - 1)); 0 for a code that
                          tells of none; NAN for one factor: Ridgeway & Mozer 2018, section 3 */
};

/**
 * Measures.  Local.  Fails for want of memory.  NAN where no factor or no second code is there.
 *
 * @param[out] factors  (n_factors)
 */
STATUS_CHECKED enum status disentangle_measure(struct disentanglement *out,
                                               struct disentangle_factor *factors,
                                               const struct disentangle_rows *rows);

#endif
