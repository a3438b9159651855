/* Key finding by correlation with key profiles. */
#include "tonic.h"

#include <math.h>
#include <stddef.h>

static const double major_profile[12] = {5.0, 2.0, 3.5, 2.0, 4.5, 4.0,
                                         2.0, 4.5, 2.0, 3.5, 1.5, 4.0};
static const double minor_profile[12] = {5.0, 2.0, 3.5, 4.5, 2.0, 4.0,
                                         2.0, 4.5, 3.5, 2.0, 1.5, 4.0};

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
    double best[2] = {-HUGE_VAL, -HUGE_VAL};
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
