/**
 * Symmetric positive definite systems of a few hundred unknowns, for the regressions of the
 * measures.
 */
#ifndef MEASURES_SOLVE_H
#define MEASURES_SOLVE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Solves A x = b by Cholesky factors, in place.  Local.
 *
 * @param[in,out] a  (n, n) symmetric, its lower triangle read; L on return
 * @param[in,out] b  (n_right, n) right-hand sides in, solutions out
 * @return false when A is not positive definite; b is then as it was
 */
bool measures_solve(double *a, double *b, size_t n, size_t n_right);

#endif
