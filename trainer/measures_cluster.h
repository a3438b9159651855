/**
 * How well classes stand apart as clusters of points, and how far a partition agrees with them.
 *
 * Points are rows x (n, d); labels are 0-3.  Distances are Euclidean.  Measures take an index like
 * all of measures.h and are NAN where fewer than two classes occur.
 */
#ifndef MEASURES_CLUSTER_H
#define MEASURES_CLUSTER_H

#include "measures.h"

/** Labelled points; borrowed. */
struct points {
    const double *x;     /* (n, d) */
    const int8_t *label; /* (n) */
    size_t n, d;
};

enum { CLUSTER_NEIGHBOURS = 5 };

/** context: struct points.  tr(S_b) / tr(S_w), scatter between and within classes.  Local. */
double cluster_fisher(const void *context, const uint32_t *index, size_t n);

/** context: struct points.  Mean over classes of the worst (s_i + s_j) / |c_i - c_j|, s the mean
 *  distance to the centre.  Local.  Source: Davies & Bouldin 1979. */
double cluster_davies_bouldin(const void *context, const uint32_t *index, size_t n);

/** Silhouette of every point among all n (0 for one alone in its class; NAN with one class), to
 *  be averaged.  Local.  Source: Rousseeuw 1987. */
void cluster_silhouettes(double *silhouette, const struct points *points);

/** context: struct predictions.  Mutual information over the mean of both entropies; adjusted Rand
 *  index.  Local.  Source: Hubert & Arabie 1985. */
double cluster_nmi(const void *context, const uint32_t *index, size_t n);
double cluster_ari(const void *context, const uint32_t *index, size_t n);

/** The commonest label among the CLUSTER_NEIGHBOURS nearest `known` points of each of the n rows x
 *  (of equally common labels the lowest, of equally near points the first).  Local.  known->n > 0.
 */
void cluster_neighbours(int8_t *told, const struct points *known, const double *x, size_t n);

#endif
