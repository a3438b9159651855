/* The loss that keeps attributes out of latent coordinates that are not theirs. */
#include "decorrelation.h"

/* Of attributes, in any unit: what is constant stays so. */
static const double CONSTANT = 1e-6;
/*
 * Of a posterior mean, against the prior's deviation of 1: a coordinate that varies less is as good
 * as silent, and the correlations of what rounding leaves of it would have an endless gradient.
 */
static const double SILENT = 0.1;

/* Less its mean, over its norm with `floor` for each number; unknown numbers become 0.  Returns the
 * norm. */
static double standardise(double *x, size_t n, double floor)
{
    double sum = 0, known = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        sum += x[i];
        known++;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = isnan(x[i]) ? 0 : x[i] - sum / known;
        square += x[i] * x[i];
    }
    const double norm = sqrt(square + floor * floor * (double)n);
    for (size_t i = 0; i < n; i++) x[i] /= norm;
    return norm;
}

double decorrelation_loss(const struct decorrelation *call, struct arena *scratch)
{
    const size_t n = call->n, mark = arena_mark(scratch);
    double *u = arena_take(scratch, n * call->attributes * sizeof *u);
    double *v = arena_take(scratch, n * sizeof *v);
    double loss = 0;
    for (size_t a = 0; a < call->attributes; a++) {
        for (size_t i = 0; i < n; i++) u[a * n + i] = (double)call->a[i * call->attributes + a];
        (void)standardise(u + a * n, n, CONSTANT);
    }
    for (size_t d = 0; d < call->coordinates; d++) {
        for (size_t i = 0; i < n; i++) v[i] = (double)call->m[i * call->coordinates + d];
        const double norm = standardise(v, n, SILENT);
        for (size_t a = 0; a < call->attributes; a++) {
            double r = 0;
            for (size_t i = 0; i < n; i++) r += u[a * n + i] * v[i];
            loss += r * r;
            for (size_t i = 0; i < n; i++)
                call->dm[i * call->coordinates + d] +=
                    (real)(call->weight * 2 * r * (u[a * n + i] - r * v[i]) / norm);
        }
    }
    arena_reset(scratch, mark);
    return loss;
}
