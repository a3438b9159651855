/* The loss that ties one latent coordinate to one measured attribute. */
#include "mixture.h"

static double sign(double x)
{
    return (double)(x > 0) - (double)(x < 0);
}

double fader_loss(real *dz, const real *z, const real *a, size_t n_all, size_t first, size_t n,
                  double s0, double weight)
{
    if (n_all == 0) return 0;
    const double scale = 1 / ((double)n_all * (double)n_all);
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const double z_i = (double)z[first + i], a_i = (double)a[first + i];
        double slope = 0;
        for (size_t j = 0; j < n_all; j++) {
            const double t = tanh(s0 * (z_i - (double)z[j]));
            const double miss = t - sign(a_i - (double)a[j]);
            loss += scale * miss * miss;
            slope += miss * (1 - t * t);
        }
        dz[i] += (real)(weight * 4 * s0 * scale * slope);
    }
    return loss;
}
