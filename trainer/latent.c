/* Drawing latents. */
#include "latent.h"

#include "random.h"
#include "schedule.h"

#include <inttypes.h>

/* What a draw is for: the second counter of RANDOM_LATENT. */
enum { DRAW_COMPONENT, DRAW_TONIC, DRAW_MIXTURE, DRAW_RESIDUAL = 4, DRAW_SEGMENT = 8 };

enum { MAX_COORDINATES = 1024 }; /* of one kind and factor; the option table's limit */

/* Correlation of a segment's residual with the piece's: the square of it is what they share. */
static const double COHERENCE = 0.95;

enum status latent_check(const struct model *model, const char *path)
{
    const uint64_t fit = schedule_fit_step(&model->config);
    if (fit == UINT64_MAX)
        return status_fail(FAILED, "%s: has no mixture: trained with mixture.prior = normal", path);
    if (model->step <= fit)
        return status_fail(FAILED,
                           "%s: no fitted mixture yet (step %" PRIu64
                           ", the fit comes at step %" PRIu64 ")",
                           path, model->step, fit);
    return OK;
}

struct latent_point latent_emotion(int emotion)
{
    return (struct latent_point){emotion_valence[emotion], emotion_arousal[emotion]};
}

void latent_weights(double weight[N_EMOTIONS], struct latent_point point)
{
    for (int y = 0; y < N_EMOTIONS; y++)
        weight[y] = (1 + emotion_valence[y] * point.valence) / 2 *
                    (1 + emotion_arousal[y] * point.arousal) / 2;
}

enum status latent_check_point(const struct model *model, struct latent_point point,
                               const char *path)
{
    double weight[N_EMOTIONS];
    latent_weights(weight, point);
    for (int y = 0; y < N_EMOTIONS; y++)
        if (weight[y] > 0 && model->n_labelled[y] == 0 && model->n_ruled[y] == 0)
            return status_fail(FAILED, "%s: was trained without a piece labelled %s", path,
                               emotion_names[y]);
    return OK;
}

static uint64_t counter(const struct latent_key *key)
{
    return (uint64_t)key->attempt << 32 | key->piece;
}

static size_t draw_component(const struct mixture *mixture, int emotion,
                             const struct latent_key *key)
{
    const size_t m = mixture->shape.per_emotion, first = (size_t)emotion * m;
    const double uniform =
        random_uniform(key->seed, RANDOM_LATENT, counter(key), DRAW_COMPONENT, 0);
    double total = 0, below = 0;
    for (size_t k = first; k < first + m; k++) total += exp((double)mixture->log_weight[k]);
    for (size_t k = first; k < first + m - 1; k++) {
        below += exp((double)mixture->log_weight[k]);
        if (uniform * total < below) return k;
    }
    return first + m - 1;
}

void latent_draw_emotion(real *const z[N_FACTORS], const struct model *model, int emotion,
                         double temperature, const struct latent_key *key)
{
    const struct mixture mixture = vae_mixture(&model->vae, model->theta);
    const size_t mixed = model->vae.shape.latent_mixture;
    const size_t k = draw_component(&mixture, emotion, key);
    real noise[MAX_COORDINATES];
    ASSERT(mixed <= MAX_COORDINATES);
    for (size_t g = 0; g < N_FACTORS; g++) {
        const size_t at = k * mixture.shape.dimensions + g * mixed;
        random_normals(noise, mixed, key->seed, RANDOM_LATENT, counter(key),
                       DRAW_MIXTURE + (uint32_t)g);
        for (size_t d = 0; d < mixed; d++)
            z[g][d] = mixture.mean[at + d] +
                      (real)temperature * noise[d] * real_exp(mixture.log_variance[at + d] / 2);
    }
}

void latent_draw_point(real *const z[N_FACTORS], const struct model *model,
                       struct latent_point point, double temperature, const struct latent_key *key)
{
    const size_t mixed = model->vae.shape.latent_mixture;
    real drawn[N_FACTORS][MAX_COORDINATES];
    double weight[N_EMOTIONS];
    latent_weights(weight, point);
    for (size_t g = 0; g < N_FACTORS; g++)
        for (size_t d = 0; d < mixed; d++) z[g][d] = 0;
    for (int y = 0; y < N_EMOTIONS; y++) {
        latent_draw_emotion((real *const[]){drawn[0], drawn[1]}, model, y, temperature, key);
        for (size_t g = 0; g < N_FACTORS; g++)
            for (size_t d = 0; d < mixed; d++) z[g][d] += (real)weight[y] * drawn[g][d];
    }
}

void latent_draw_residual(real *const z[N_FACTORS], const struct model *model, uint32_t segment,
                          double temperature, const struct latent_key *key)
{
    const size_t n = model->vae.shape.latent_residual, mixed = model->vae.shape.latent_mixture;
    const real shared = (real)(temperature * COHERENCE);
    const real own = (real)(temperature * sqrt(1 - COHERENCE * COHERENCE));
    real piece[MAX_COORDINATES], change[MAX_COORDINATES];
    ASSERT(n <= MAX_COORDINATES);
    for (uint32_t g = 0; g < N_FACTORS; g++) {
        random_normals(piece, n, key->seed, RANDOM_LATENT, counter(key), DRAW_RESIDUAL + g);
        random_normals(change, n, key->seed, RANDOM_LATENT, counter(key),
                       DRAW_SEGMENT + N_FACTORS * segment + g);
        for (size_t d = 0; d < n; d++) z[g][mixed + d] = shared * piece[d] + own * change[d];
    }
}

int latent_draw_tonic(const struct latent_key *key)
{
    return (int)random_below(12, key->seed, RANDOM_LATENT, counter(key), DRAW_TONIC, 0);
}
