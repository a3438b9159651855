/**
 * Products of a few rows with a matrix that is read in place, for generation: packing the matrix
 * would cost more than the product.  Each number is summed in the order of the inner dimension, so
 * that its bits depend neither on the number of rows nor on its column.
 */
#ifndef ROWS_H
#define ROWS_H

#include "real.h"

#include <stddef.h>

struct rows_matrix {
    const real *data;
    const real *bias;       /* (out) or NULL */
    size_t in, out, stride; /* (in, out), rows `stride` reals apart */
};

/** y (n, out) = x (n, in) matrix + bias; y may not alias x.  Local.  Cannot fail. */
void rows_product(real *y, const real *x, const struct rows_matrix *matrix, size_t n);

#endif
