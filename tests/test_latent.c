/* latent: draws from the mixture, drifting residuals, models without a mixture. */
#define _GNU_SOURCE
#include "latent.h"
#include "model_fixture.h"
#include "random.h"
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const suite_name = "latent";

/* Mean and variance of many draws are those of the components, taken by their weights. */
static void latents_follow_the_mixture(void)
{
    enum { N = 4000, DIMENSION = 3 };
    const struct mixture mixture = vae_mixture(&fixture.model.vae, fixture.model.theta);
    const size_t latent = vae_latent(&fixture.model.vae.shape), d = mixture.shape.dimensions;
    const size_t mixed = fixture.model.vae.shape.latent_mixture;
    real *rhythm = calloc(latent, sizeof *rhythm), *tonal = calloc(latent, sizeof *tonal);
    real *const z[N_FACTORS] = {rhythm, tonal};
    for (size_t y = 0; y < N_EMOTIONS; y++) {
        double weight[2], mean = 0, square = 0, want = 0, want_square = 0;
        for (size_t i = 0; i < 2; i++) weight[i] = exp((double)mixture.log_weight[2 * y + i]);
        for (size_t i = 0; i < 2; i++) {
            const size_t at = (2 * y + i) * d + mixed + DIMENSION;
            const double share = weight[i] / (weight[0] + weight[1]);
            const double mu = (double)mixture.mean[at];
            want += share * mu;
            want_square += share * (mu * mu + exp((double)mixture.log_variance[at]));
        }
        for (uint32_t i = 0; i < N; i++) {
            const struct latent_key key = {.seed = 5, .piece = i};
            latent_draw_emotion(z, &fixture.model, (int)y, 1, &key);
            mean += (double)tonal[DIMENSION] / N;
            square += (double)(tonal[DIMENSION] * tonal[DIMENSION]) / N;
        }
        const double deviation = sqrt(want_square - want * want);
        CU_ASSERT_DOUBLE_EQUAL(mean, want, 5 * deviation / sqrt(N));
        CU_ASSERT_DOUBLE_EQUAL(square - mean * mean, deviation * deviation,
                               0.15 * deviation * deviation);
    }
    free(rhythm);
    free(tonal);
}

/* Residuals are standard normal; those of one piece's segments are alike, not equal. */
static void residuals_drift(void)
{
    enum { N = 4000 };
    const size_t latent = vae_latent(&fixture.model.vae.shape),
                 mixed = fixture.model.vae.shape.latent_mixture;
    real *numbers = calloc(4 * latent, sizeof *numbers);
    real *const first[N_FACTORS] = {numbers, numbers + latent};
    real *const second[N_FACTORS] = {numbers + 2 * latent, numbers + 3 * latent};
    double mean = 0, square = 0, product = 0, across = 0;
    for (uint32_t i = 0; i < N; i++) {
        const struct latent_key key = {.seed = 6, .piece = i};
        latent_draw_residual(first, &fixture.model, 0, 1, &key);
        latent_draw_residual(second, &fixture.model, 1, 1, &key);
        const double a = (double)first[0][mixed], b = (double)second[0][mixed];
        mean += a / N;
        square += a * a / N;
        product += a * b / N;
        across += a * (double)first[1][mixed] / N;
    }
    CU_ASSERT_DOUBLE_EQUAL(mean, 0, 0.08);
    CU_ASSERT_DOUBLE_EQUAL(square, 1, 0.12);
    CU_ASSERT_DOUBLE_EQUAL(product, 0.9025, 0.12);
    CU_ASSERT_DOUBLE_EQUAL(across, 0, 0.08);
    free(numbers);
}

static void models_without_mixture_are_refused(void)
{
    static const char *const early[] = {"train.steps=10", "train.batch=4", "train.stage1=0.5"};
    static const char *const normal[] = {"train.batch=4", "mixture.prior=normal"};
    char path[FIXTURE_PATH], want[2 * FIXTURE_PATH];
    struct model other;
    CU_ASSERT_EQUAL_FATAL(fixture_train("early.h5", 1, early, 3), OK);
    CU_ASSERT_EQUAL_FATAL(model_open(&other, fixture_path(path, "early.h5")), OK);
    CU_ASSERT_EQUAL(latent_check(&other, path), FAILED);
    snprintf(want, sizeof want, "%s: no fitted mixture yet (step 1, the fit comes at step 5)",
             path);
    CU_ASSERT_STRING_EQUAL(status_message(), want);
    other.step = 5; /* saved just before the fit */
    CU_ASSERT_EQUAL(latent_check(&other, path), FAILED);
    other.step = 6;
    CU_ASSERT_EQUAL(latent_check(&other, path), OK);
    model_close(&other);
    CU_ASSERT_EQUAL_FATAL(fixture_train("normal.h5", 1, normal, 2), OK);
    CU_ASSERT_EQUAL_FATAL(model_open(&other, fixture_path(path, "normal.h5")), OK);
    CU_ASSERT_EQUAL(latent_check(&other, path), FAILED);
    snprintf(want, sizeof want, "%s: has no mixture: trained with mixture.prior = normal", path);
    CU_ASSERT_STRING_EQUAL(status_message(), want);
    model_close(&other);
}

const struct suite_test suite_tests[] = {
    {"makes a model", fixture_make},
    {"latents follow the mixture", latents_follow_the_mixture},
    {"residuals drift", residuals_drift},
    {"models without mixture are refused", models_without_mixture_are_refused},
    {"removes its files", fixture_remove},
    {NULL, NULL},
};
