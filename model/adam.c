/* AdamW. */
#include "adam.h"

#include "simd.h"

enum { CHUNK = 4096 };

struct adam adam_defaults(double decay)
{
    return (struct adam){.beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-8, .decay = decay};
}

/* One update's factors, in the model's precision. */
struct factors {
    real beta1, beta2, epsilon;
    real scale;    /* on the gradient */
    real rate;     /* learning rate over the first moment's correction */
    real unbias;   /* on the second moment's root */
    real decay[2]; /* what a weight is multiplied by: without decay, and with */
};

SIMD_CLONES static void update(real *restrict theta, real *restrict first, real *restrict second,
                               const real *restrict gradient, const struct factors *f, size_t n,
                               bool decay)
{
    const struct factors c = *f;
    const real keep = c.decay[decay];
    for (size_t i = 0; i < n; i++) {
        const real g = gradient[i] * c.scale;
        first[i] = c.beta1 * first[i] + (1 - c.beta1) * g;
        second[i] = c.beta2 * second[i] + (1 - c.beta2) * g * g;
        theta[i] =
            keep * theta[i] - c.rate * first[i] / (real_sqrt(second[i]) * c.unbias + c.epsilon);
    }
}

void adam_step(const struct adam *adam, const struct parameters *parameters,
               const struct adam_state *state, double learning_rate, double scale, uint64_t step)
{
    ASSERT(step > 0);
    const struct factors factors = {
        .beta1 = (real)adam->beta1,
        .beta2 = (real)adam->beta2,
        .epsilon = (real)adam->epsilon,
        .scale = (real)scale,
        .rate = (real)(learning_rate / (1 - pow(adam->beta1, (double)step))),
        .unbias = (real)(1 / sqrt(1 - pow(adam->beta2, (double)step))),
        .decay = {1, (real)(1 - learning_rate * adam->decay)}};
    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];
        const size_t place = tensor->offset;
        update(state->theta + place, state->first + place, state->second + place,
               state->gradient + place, &factors, tensor->rows * tensor->columns, tensor->decay);
    }
}

static double chunk_squares(const real *x, size_t n)
{
    enum { LANES = 8 };
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += (double)x[i + j] * (double)x[i + j];
    double sum = 0;
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    for (size_t j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

double adam_gradient_norm(const real *gradient, size_t count)
{
    double sum = 0;
    for (size_t first = 0; first < count; first += CHUNK)
        sum += chunk_squares(gradient + first, count - first < CHUNK ? count - first : CHUNK);
    return sqrt(sum);
}

double adam_clip_scale(double norm, double limit)
{
    return limit > 0 && norm > limit ? limit / norm : 1;
}
