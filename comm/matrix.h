/**
 * Matrices spread over a process grid in blocks, and the algebra of a discriminant on them.
 *
 * Every call is collective over the grid's group, the ranks beyond the grid included.  Each check
 * of an `info` and each allocation is agreed on: a failure is the same line on every rank.  Of a
 * symmetric matrix the lower triangle counts.  The bits of a result depend on the grid's shape.
 *
 * Source: ScaLAPACK Users' Guide (Blackford et al. 1997), block-cyclic distribution.
 */
#ifndef MATRIX_H
#define MATRIX_H

#include "process_grid.h"

/* Rows and columns of a block: small, since the matrices are (32 coordinates make 4 x 4 blocks). */
enum { MATRIX_BLOCK = 8, MATRIX_DESCRIPTOR = 9 };

struct matrix {
    const struct process_grid *grid;   /* borrowed */
    size_t rows, columns;              /* of the whole */
    size_t local_rows, local_columns;  /* of this rank's part */
    double *local;                     /* owned; column by column, local_rows apart */
    int descriptor[MATRIX_DESCRIPTOR]; /* ScaLAPACK's */
};

/** A matrix of zeros, to be freed by matrix_fini; zeroed on failure.  Collective.  Fails for want
 *  of memory, and for rows or columns beyond an int. */
STATUS_CHECKED enum status matrix_init(struct matrix *matrix, const struct process_grid *grid,
                                       size_t rows, size_t columns);

/** A zeroed matrix is allowed.  Local. */
void matrix_fini(struct matrix *matrix);

/**
 * Sets all elements from rows that lie on the ranks: those of rank 0 come first.  Collective.
 *
 * @param[in] mine    (n_mine, columns) this rank's rows, row by row; NULL is allowed for none.
 *                    The n_mine of all ranks add up to matrix->rows.
 *
 * Fails for want of memory, for a number that is not finite, naming its row, and for more than an
 * int counts on one rank.
 */
STATUS_CHECKED enum status matrix_fill_rows(struct matrix *matrix, const double *mine,
                                            size_t n_mine);

/** The whole matrix, row by row, on every rank.  Collective.  all (rows, columns) caller-owned. */
void matrix_gather(const struct matrix *matrix, double *all);

/** Sum of the diagonal of a square matrix, on every rank.  Collective. */
double matrix_trace(const struct matrix *matrix);

/** Adds x to the diagonal of a square matrix.  Local. */
void matrix_add_diagonal(struct matrix *matrix, double x);

/** scatter = scale X^T X, for X (N, D) of rows about their mean.  Collective.  N may be 0.
 *  Source: PDSYRK. */
void matrix_scatter(struct matrix *scatter, const struct matrix *x, double scale);

/** S = L L^T; L takes the place of S (D, D).  Collective.  Fails when S is not positive definite.
 *  Source: PDPOTRF. */
STATUS_CHECKED enum status matrix_cholesky(struct matrix *s);

/** B := L^-1 B L^-T: B in the coordinates in which S = L L^T is the identity.  Collective.
 *  Source: PDSYGST. */
STATUS_CHECKED enum status matrix_whiten(struct matrix *b, const struct matrix *factor);

/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric matrix, which is destroyed.  Collective.
 *
 * @param[out] value   (D) ascending, the same on every rank
 * @param[out] vector  (D, D) one eigenvector a column
 *
 * Fails for want of memory, when it does not converge and when a value is not finite.
 * Source: PDSYEVD.
 */
STATUS_CHECKED enum status matrix_eigen(double *value, struct matrix *vector, struct matrix *a);

/** V := L^-T V: vectors of whitened coordinates back to those of S = L L^T.  Collective.
 *  Source: PDTRSM. */
void matrix_unwhiten(struct matrix *vector, const struct matrix *factor);

#endif
