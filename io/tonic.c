/* Key finding by correlation with probe-tone profiles. */
#include "tonic.h"

#include <math.h>
#include <stddef.h>

static const double major_profile[12] = {6.35, 2.23, 3.48, 2.33, 4.38, 4.09,
                                         2.52, 5.19, 2.39, 3.66, 2.29, 2.88};
static const double minor_profile[12] = {6.33, 2.68, 3.52, 5.38, 2.60, 3.53,
                                         2.54, 4.75, 3.98, 2.69, 3.34, 3.17};

struct centred {
    double value[12];
    double norm;
};

static void centre(struct centred *centred, const double profile[12])
{
    double mean = 0.0;
    double squares = 0.0;
    for (int i = 0; i < 12; i++) mean += profile[i] / 12.0;
    for (int i = 0; i < 12; i++) {
        centred->value[i] = profile[i] - mean;
        squares += centred->value[i] * centred->value[i];
    }
    centred->norm = sqrt(squares);
}

/* The norm of the centred weights; sums in integers, so a rotation cannot change a bit of it. */
static double spread(const int64_t weights[12])
{
    int64_t sum = 0;
    int64_t squares = 0;
    for (int i = 0; i < 12; i++) {
        sum += weights[i];
        squares += weights[i] * weights[i];
    }
    return sqrt((double)(12 * squares - sum * sum) / 12.0);
}

static double correlate(const struct centred *profile, const int64_t weights[12], double norm,
                        int root)
{
    double sum = 0.0;
    for (int i = 0; i < 12; i++) sum += profile->value[i] * (double)weights[(i + root) % 12];
    return norm > 0.0 ? sum / (norm * profile->norm) : 0.0;
}

void tonic_estimate(struct tonic *tonic, const int64_t weights[12], int first)
{
    struct centred profiles[2];
    centre(&profiles[0], major_profile);
    centre(&profiles[1], minor_profile);
    const double norm = spread(weights);
    double best[2] = {-INFINITY, -INFINITY};
    int roots[2] = {first, first};
    for (int i = 0; i < 12; i++) {
        const int root = (first + i) % 12;
        for (int mode = 0; mode < 2; mode++) {
            const double value = correlate(&profiles[mode], weights, norm, root);
            if (value <= best[mode]) continue;
            best[mode] = value;
            roots[mode] = root;
        }
    }
    *tonic = (struct tonic){.root = roots[best[1] > best[0]], .major = best[0], .minor = best[1]};
}

int tonic_signed(int root)
{
    return root > 6 ? root - 12 : root;
}
