/* The objective of a global batch on one process. */
#include "vae_objective.h"

#include "gemm.h"
#include "runner.h"

#include <string.h>

enum { MAX_MICROS = 8 };

void vae_bench_init(struct vae_bench *bench, size_t memory, size_t per_emotion)
{
    const struct vae_shape shape = {.width = 8,
                                    .heads = 2,
                                    .encoder_layers = 1,
                                    .decoder_layers = 2,
                                    .latent_mixture = 3,
                                    .latent_residual = 2,
                                    .memory = memory,
                                    .per_emotion = per_emotion,
                                    .vocabulary = make_vocabulary()};
    vae_bench_init_shape(bench, &shape);
    bench->objective = (struct objective){
        .mixture = {.kl = 0.7, .delta = 0.6, .alpha = 1, .gamma = 3, .temperature = 2},
        .residual = 0.9,
        .free_nats = 0,
        .fader_weight = 2,
        .decorrelation = 0.9,
        .fader_scale = 1.5};
    bench->noise = (struct vae_noise){.dropout = {.rate = REAL(0.2), .seed = 3, .step = 9},
                                      .token_dropout = REAL(0.2),
                                      .sample = true};
}

void vae_bench_init_shape(struct vae_bench *bench, const struct vae_shape *shape)
{
    memset(bench, 0, sizeof *bench);
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    CU_ASSERT_EQUAL_FATAL(vae_init(&bench->vae, shape), OK);
    const size_t count = bench->vae.parameters.count;
    const struct vae_sizes most = vae_most(&bench->vae, MAKE_MAX_EVENTS, 16, MAKE_MAX_SEGMENTS);
    const struct vae_memory bytes = vae_memory(&bench->vae, &most);
    CU_ASSERT_EQUAL_FATAL(arena_init(&bench->block, (2 * count + 64) * sizeof(real)), OK);
    CU_ASSERT_EQUAL_FATAL(arena_init(&bench->activations, MAX_MICROS * bytes.encode + bytes.decode),
                          OK);
    CU_ASSERT_EQUAL_FATAL(arena_init(&bench->scratch, bytes.scratch), OK);
    bench->theta = arena_zeros(&bench->block, count);
    bench->gradient = arena_zeros(&bench->block, count);
    vae_initialize(&bench->vae, bench->theta, 5);
}

void vae_bench_fini(struct vae_bench *bench)
{
    vae_fini(&bench->vae);
    arena_fini(&bench->block);
    arena_fini(&bench->activations);
    arena_fini(&bench->scratch);
}

/* Coordinates and attributes of every segment, q summed over the unlabelled. */
static void share_all(const struct vae_bench *bench, const struct vae_tape *tape, size_t n, real *z,
                      real *a, struct vae_share *share)
{
    const size_t k = MIXTURE_EMOTIONS * bench->vae.shape.per_emotion;
    const size_t latent = vae_latent(&bench->vae.shape);
    memset(share, 0, sizeof *share);
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < tape[i].batch->n_segments; s++, share->n_all++) {
            const bool labelled = tape[i].batch->label[s] >= 0;
            *(labelled ? &share->mixture.n_labelled : &share->mixture.n_unlabelled) += 1;
            for (size_t j = 0; j < k && !labelled; j++)
                share->mixture.mean_posterior[j] += (double)tape[i].q[s * k + j];
            for (int f = 0; f < BATCH_FADERS; f++) {
                z[(size_t)f * MAKE_MAX_SEGMENTS + share->n_all] =
                    tape[i].z[vae_fader_factor(f)][s * latent + vae_fader_coordinate(f)];
                a[(size_t)f * MAKE_MAX_SEGMENTS + share->n_all] =
                    tape[i].batch->faders[s * BATCH_FADERS + (size_t)f];
            }
        }
    for (size_t j = 0; j < k && share->mixture.n_unlabelled > 0; j++)
        share->mixture.mean_posterior[j] /= share->mixture.n_unlabelled;
    for (size_t f = 0; f < BATCH_FADERS; f++) {
        share->fader_z[f] = z + f * MAKE_MAX_SEGMENTS;
        share->fader_a[f] = a + f * MAKE_MAX_SEGMENTS;
    }
}

static double weigh(const struct vae_bench *bench, const struct vae_share *share)
{
    const struct mixture_weights *w = &bench->objective.mixture;
    const double *part = bench->loss;
    const size_t k = MIXTURE_EMOTIONS * bench->vae.shape.per_emotion;
    double j = 0;
    for (int i = 0; i <= LOSS_ATTRIBUTES; i++) j += part[i];
    j += bench->objective.residual * part[LOSS_RESIDUAL] + w->kl * part[LOSS_KL] +
         bench->objective.fader_weight * part[LOSS_FADER] +
         bench->objective.decorrelation * part[LOSS_CORRELATION];
    if (bench->objective.normal) return j;
    return j + w->kl * (part[LOSS_CATEGORY] - w->delta * part[LOSS_DISPERSION]) +
           w->gamma * part[LOSS_LABEL] -
           w->kl * w->alpha * mixture_information(&share->mixture, k, part[LOSS_ENTROPY]);
}

double vae_bench_objective(struct vae_bench *bench, const struct batch *const *batches, size_t n,
                           bool backward)
{
    static const struct ready nobody = {NULL, NULL};
    real z[BATCH_FADERS * MAKE_MAX_SEGMENTS], a[BATCH_FADERS * MAKE_MAX_SEGMENTS];
    struct vae_tape tape[MAX_MICROS];
    struct vae_share share;
    size_t first = 0;
    arena_reset(&bench->activations, 0);
    memset(bench->loss, 0, sizeof bench->loss);
    memset(bench->gradient, 0, bench->vae.parameters.count * sizeof(real));
    for (size_t i = 0; i < n; i++)
        vae_encode(&bench->vae, bench->theta, &tape[i], batches[i], &bench->noise,
                   bench->objective.mixture.temperature, &bench->activations, &bench->scratch);
    share_all(bench, tape, n, z, a, &share);
    for (size_t i = 0; i < n; i++) {
        const double count =
            batches[i]->label[0] >= 0 ? share.mixture.n_labelled : share.mixture.n_unlabelled;
        const struct vae_decode_call call = {&bench->noise, 1 / count, nobody};
        vae_decode(&bench->vae, bench->theta, backward ? bench->gradient : NULL, &tape[i], &call,
                   bench->loss, &bench->activations, &bench->scratch);
        vae_latent_backward(&bench->vae, bench->theta, bench->gradient, &tape[i], &bench->objective,
                            &share, first, 1 / count, bench->loss, &bench->scratch);
        if (backward)
            vae_encode_backward(&bench->vae, bench->theta, bench->gradient, &tape[i], &nobody,
                                &bench->scratch);
        first += batches[i]->n_segments;
    }
    return weigh(bench, &share);
}
