/* Cholesky. */
#include "measures_solve.h"

#include <math.h>

static double product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static bool factor(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = (a[i * n + j] - product(a + i * n, a + j * n, j)) / a[j * n + j];
        const double left = a[i * n + i] - product(a + i * n, a + i * n, i);
        if (!(left > 0)) return false;
        a[i * n + i] = sqrt(left);
    }
    return true;
}

bool measures_solve(double *a, double *b, size_t n, size_t n_right)
{
    if (!factor(a, n)) return false;
    for (size_t r = 0; r < n_right; r++) {
        double *x = b + r * n;
        for (size_t i = 0; i < n; i++) x[i] = (x[i] - product(a + i * n, x, i)) / a[i * n + i];
        for (size_t i = n; i-- > 0;) {
            for (size_t j = i + 1; j < n; j++) x[i] -= a[j * n + i] * x[j];
            x[i] /= a[i * n + i];
        }
    }
    return true;
}
