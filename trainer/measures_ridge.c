/* Ridge regression by its normal equations. */
#include "measures_ridge.h"

#include "measures_solve.h"

#include <math.h>
#include <string.h>

static const double PENALTY = 1;

static size_t keep_known(double *x, double *y, const double *all_x, const double *all_y, size_t n,
                         size_t n_features)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(all_y[i])) continue;
        memcpy(x + kept * n_features, all_x + i * n_features, n_features * sizeof *x);
        y[kept++] = all_y[i];
    }
    return kept;
}

/* Lower triangle of x'x + penalty, and x'(y - mean), of standardised rows. */
static void sum_products(double *a, double *b, const double *x, const double *y, double mean,
                         size_t n, size_t n_features)
{
    memset(a, 0, n_features * n_features * sizeof *a);
    memset(b, 0, n_features * sizeof *b);
    for (size_t f = 0; f < n_features; f++) a[f * n_features + f] = PENALTY;
    for (size_t i = 0; i < n; i++) {
        const double *row = x + i * n_features;
        for (size_t f = 0; f < n_features; f++) {
            b[f] += row[f] * (y[i] - mean);
            for (size_t g = 0; g <= f; g++) a[f * n_features + g] += row[f] * row[g];
        }
    }
}

enum status ridge_fit(struct ridge *ridge, const double *all_x, const double *all_y, size_t n,
                      size_t n_features)
{
    enum status status = OK;
    double *x = malloc((n * n_features + 1) * sizeof *x), *y = malloc((n + 1) * sizeof *y);
    double *a = malloc((n_features * n_features + 1) * sizeof *a), sum = 0;
    *ridge = (struct ridge){.weight = calloc(3 * n_features + 1, sizeof *ridge->weight)};
    if (!x || !y || !a || !ridge->weight || status_fault())
        FAIL(FAILED, "no memory for a regression on %zu rows", n);
    ridge->scale =
        (struct scale){n_features, ridge->weight + n_features, ridge->weight + 2 * n_features};
    n = keep_known(x, y, all_x, all_y, n, n_features);
    scale_measure(&ridge->scale, x, n);
    for (size_t i = 0; i < n; i++) {
        scale_row(&ridge->scale, x + i * n_features, x + i * n_features);
        sum += y[i];
    }
    ridge->intercept = n > 0 ? sum / (double)n : 0;
    sum_products(a, ridge->weight, x, y, ridge->intercept, n, n_features);
    if (!measures_solve(a, ridge->weight, n_features, 1))
        FAIL(FAILED, "a regression on %zu rows has no solution", n);
done:
    free(x);
    free(y);
    free(a);
    if (status != OK) ridge_fini(ridge);
    return status;
}

void ridge_fini(struct ridge *ridge)
{
    free(ridge->weight);
    *ridge = (struct ridge){0};
}

double ridge_predict(const struct ridge *ridge, const double *x)
{
    const struct scale *scale = &ridge->scale;
    double y = ridge->intercept;
    for (size_t f = 0; f < scale->n_features; f++)
        if (!isnan(x[f])) y += ridge->weight[f] * (x[f] - scale->mean[f]) / scale->deviation[f];
    return y;
}
