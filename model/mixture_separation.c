/* The batch-free safety net that keeps components of different emotions apart. */
#include "mixture.h"

/* Bhattacharyya distance of two diagonal normals over n coordinates. */
static double bhattacharyya(const real *mean_a, const real *log_variance_a, const real *mean_b,
                            const real *log_variance_b, size_t n)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++) {
        const double a = (double)log_variance_a[d], b = (double)log_variance_b[d];
        const double gap = (double)mean_a[d] - (double)mean_b[d], total = exp(a) + exp(b);
        sum += 0.25 * gap * gap / total + 0.5 * log(0.5 * total) - 0.25 * (a + b);
    }
    return sum;
}

struct pair {
    size_t a, b; /* where the components' coordinates start */
};

/* Adds `scale` times the distance's gradient to both components. */
static void add_gradient(real *dmean, real *dlog_variance, const struct mixture *mixture,
                         struct pair pair, double scale)
{
    for (size_t d = 0; d < mixture->shape.dimensions; d++) {
        const size_t a = pair.a + d, b = pair.b + d;
        const double variance_a = exp((double)mixture->log_variance[a]);
        const double variance_b = exp((double)mixture->log_variance[b]);
        const double gap = (double)mixture->mean[a] - (double)mixture->mean[b];
        const double total = variance_a + variance_b, push = 0.5 * gap / total;
        const double common = 0.5 / total - push * push; /* d distance / d variance, less 1/4 v */
        dmean[a] += (real)(scale * push);
        dmean[b] -= (real)(scale * push);
        dlog_variance[a] += (real)(scale * (variance_a * common - 0.25));
        dlog_variance[b] += (real)(scale * (variance_b * common - 0.25));
    }
}

double mixture_separation(real *dmean, real *dlog_variance, double *least,
                          const struct mixture *mixture, double distance, double weight)
{
    const size_t n = mixture->shape.n_components, per_emotion = mixture->shape.per_emotion;
    const size_t dimensions = mixture->shape.dimensions;
    double loss = 0;
    *least = HUGE_VAL;
    for (size_t k = 0; k < n; k++) {
        for (size_t l = (k / per_emotion + 1) * per_emotion; l < n; l++) {
            const struct pair pair = {k * dimensions, l * dimensions};
            const double apart =
                bhattacharyya(mixture->mean + pair.a, mixture->log_variance + pair.a,
                              mixture->mean + pair.b, mixture->log_variance + pair.b, dimensions);
            if (apart < *least) *least = apart;
            const double short_by = distance - apart;
            if (short_by <= 0) continue;
            loss += short_by * short_by;
            add_gradient(dmean, dlog_variance, mixture, pair, -2 * weight * short_by);
        }
    }
    return loss;
}
