/**
 * The axes along which labelled rows separate, by their scatter between and within classes.
 *
 * The rows lie on the ranks, uneven shares and empty ones included.  With the scatter S_b of the
 * class means and S_w about them, both over the number of rows, and S_w += 1e-3 tr(S_w)/D I, the
 * axes solve S_b a = value S_w a with a^T S_w a = 1: in the coordinates (x - mean) A the classes
 * have, pooled, unit variance and no correlation, and `value` is how much the class means vary
 * beside it.  The shrinkage lets fewer rows than coordinates do.  S_b has at most n_classes - 1
 * values above 0; the axes of equal values are any basis of their space.
 *
 * The matrices lie on a ScaLAPACK grid over all ranks.  `exact` gives the same bits on any number
 * of ranks: the scatter is summed exactly and solved by rank 0 alone.
 *
 * Source: Fisher 1936; Rao 1948; model.md section 6, stage 2.
 */
#ifndef DISCRIMINANT_H
#define DISCRIMINANT_H

#include "group.h"

enum { DISCRIMINANT_MAX_CLASSES = 64 };

struct discriminant {
    size_t dimensions; /* D */
    size_t n_axes;     /* D, or 0 when there is nothing to separate: fewer than two classes have
                          rows, or no row differs from its class's mean */
    size_t n_rows;     /* labelled rows of all ranks */
    double *mean;      /* owned; (D) of the labelled rows */
    double *value;     /* (n_axes) descending */
    double *axis;      /* (D, n_axes) one axis a column; the first of its
                          largest elements (1e-6) is positive */
};

/** This rank's rows, caller-owned. */
struct discriminant_rows {
    const double *x;     /* (n, dimensions) */
    const int8_t *label; /* (n) below n_classes; negative ones are passed over */
    size_t n;
    size_t dimensions, n_classes; /* the same on every rank; at most DISCRIMINANT_MAX_CLASSES */
};

/**
 * Finds the axes.  Collective; the same on every rank.
 *
 * @param[out] discriminant  to be freed by discriminant_fini; zeroed on failure
 * @param      group         the world group, or one where process_grid_possible
 *
 * Fails for want of memory, for a labelled number that is not finite, when ScaLAPACK fails, and
 * without MPI.
 */
STATUS_CHECKED enum status discriminant_create(struct discriminant *discriminant,
                                               struct group *group,
                                               const struct discriminant_rows *rows, bool exact);

/** A zeroed discriminant is allowed.  Local. */
void discriminant_fini(struct discriminant *discriminant);

/** One row's place along the axes, y (n_axes) = (x - mean) A.  Local. */
void discriminant_place(double *y, const struct discriminant *discriminant, const double *x);

/** Variance along the axes of a row with independent coordinates of variance v (D): y_i = sum_d
 *  a_di^2 v_d.  Local. */
void discriminant_spread(double *y, const struct discriminant *discriminant, const double *v);

#endif
