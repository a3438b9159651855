/* schedule: the fit step, ramps, warm-up, the cosine and its floor, the three priors. */
#include "make_corpus.h"
#include "runner.h"
#include "schedule.h"

#include <math.h>

static int near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static struct config hundred(const char *more)
{
    return make_config((const char *const[]){"train.steps=100", "train.stage1=0.4",
                                             "train.warmup=10", "objective.kl_ramp=0.5", more,
                                             NULL});
}

static void fits_once_after_stage_one(void)
{
    struct config config = hundred(NULL);
    CU_ASSERT_EQUAL(schedule_fit_step(&config), 40);
    for (uint64_t step = 0; step < 100; step++)
        CU_ASSERT_EQUAL(schedule_at(&config, step).objective.normal, step < 40);
    config.train.stage1 = 0;
    CU_ASSERT_EQUAL(schedule_fit_step(&config), 0);
    config.train.stage1 = 1; /* never reached */
    CU_ASSERT_EQUAL(schedule_fit_step(&config), 100);
    config.train.stage1 = 0.126;
    CU_ASSERT_EQUAL(schedule_fit_step(&config), 13);
    config.mixture.prior = PRIOR_GMM;
    CU_ASSERT_EQUAL(schedule_fit_step(&config), 13);
    config.mixture.prior = PRIOR_NORMAL;
    CU_ASSERT_EQUAL(schedule_fit_step(&config), UINT64_MAX);
    CU_ASSERT_TRUE(schedule_at(&config, 99).objective.normal);
}

/* 100 steps, 40 of them in the first stage, 10 of warm-up in each. */
static void learning_rate_rises_and_falls_in_each_stage(void)
{
    const struct config config = hundred("train.restart=0.25");
    const double peak = config.train.learning_rate;
    for (uint64_t stage = 0; stage < 2; stage++) {
        const uint64_t first = stage * 40, end = stage ? 100 : 40;
        const double most = stage ? peak / 4 : peak;
        for (uint64_t i = 0; i < 10; i++)
            CU_ASSERT(
                near(schedule_at(&config, first + i).learning_rate, most * (double)(i + 1) / 10));
        CU_ASSERT(near(schedule_at(&config, first + 10).learning_rate, most));
        CU_ASSERT(near(schedule_at(&config, (first + 10 + end) / 2).learning_rate, most * 0.525));
        for (uint64_t step = first + 10; step < end - 1; step++)
            CU_ASSERT(schedule_at(&config, step + 1).learning_rate <
                      schedule_at(&config, step).learning_rate);
        CU_ASSERT(schedule_at(&config, end - 1).learning_rate > 0.05 * most);
    }
    CU_ASSERT(near(schedule_at(&config, 100).learning_rate, 0.05 * peak / 4));
    CU_ASSERT(near(schedule_at(&config, 10000).learning_rate, 0.05 * peak / 4));
}

/* A stage that takes the whole run falls over all of it, whatever the prior. */
static void one_stage_has_one_cosine(void)
{
    static const char *const SETTINGS[] = {"train.stage1=0", "train.stage1=1"};
    for (int i = 0; i < 2; i++) {
        const struct config config = hundred(SETTINGS[i]);
        const double peak = config.train.learning_rate;
        CU_ASSERT(near(schedule_at(&config, 10).learning_rate, peak));
        CU_ASSERT(near(schedule_at(&config, 55).learning_rate, peak * 0.525)); /* half-way */
    }
    const struct config normal = hundred("mixture.prior=normal"), gmm = hundred(NULL);
    for (uint64_t step = 0; step < 100; step++)
        CU_ASSERT(
            near(schedule_at(&normal, step).learning_rate, schedule_at(&gmm, step).learning_rate));
}

/* A stage shorter than its warm-up is all warm-up; one without starts at the peak. */
static void warm_up_may_be_longer_than_the_run(void)
{
    struct config config = hundred("train.stage1=0");
    const double peak = config.train.learning_rate;
    config.train.warmup = 400;
    CU_ASSERT(near(schedule_at(&config, 0).learning_rate, peak / 100));
    CU_ASSERT(near(schedule_at(&config, 99).learning_rate, peak));
    config.train.warmup = 0;
    CU_ASSERT(near(schedule_at(&config, 0).learning_rate, peak));
}

static struct mixture_weights weights(const struct config *config, uint64_t step)
{
    return schedule_at(config, step).objective.mixture;
}

static void weights_ramp_in_their_stage(void)
{
    const struct config config = hundred("objective.mixture_weight=3");
    const double w = config.objective.kl_weight, delta = config.objective.delta;
    const double hot = config.objective.temperature_start, cool = config.objective.temperature_end;
    CU_ASSERT(near(weights(&config, 0).kl, 0) && near(weights(&config, 10).kl, w / 2));
    CU_ASSERT(near(weights(&config, 20).kl, w) && near(weights(&config, 39).kl, w));
    CU_ASSERT(near(weights(&config, 40).kl, 3 * w) && near(weights(&config, 99).kl, 3 * w));
    CU_ASSERT(near(weights(&config, 39).delta, 0) && near(weights(&config, 40).delta, 0));
    CU_ASSERT(near(weights(&config, 55).delta, delta / 2) &&
              near(weights(&config, 70).delta, delta));
    CU_ASSERT(near(weights(&config, 39).alpha, 0) &&
              near(weights(&config, 40).alpha, config.objective.alpha));
    CU_ASSERT(near(weights(&config, 40).temperature, hot));
    CU_ASSERT(near(weights(&config, 55).temperature, (hot + cool) / 2));
    CU_ASSERT(near(weights(&config, 70).temperature, cool));
    CU_ASSERT(near(weights(&config, 99).temperature, cool));
    CU_ASSERT(near(weights(&config, 50).gamma, config.objective.gamma));
    const struct objective objective = schedule_at(&config, 50).objective;
    CU_ASSERT(near(objective.residual, w));
    CU_ASSERT(near(schedule_at(&config, 10).objective.residual, w / 2));
    CU_ASSERT(near(objective.free_nats, config.objective.free_bits));
    CU_ASSERT(near(objective.fader_weight, config.objective.attribute_weight));
    CU_ASSERT(near(objective.fader_scale, config.objective.attribute_scale));
    CU_ASSERT(near(objective.decorrelation, config.objective.decorrelation));
}

static void ramps_may_be_missing(void)
{
    struct config config = hundred("objective.kl_ramp=0");
    CU_ASSERT(near(weights(&config, 0).kl, config.objective.kl_weight));
    CU_ASSERT(near(weights(&config, 40).delta, config.objective.delta));
    config = hundred("train.stage1=0"); /* then stage 3 ramps w itself */
    CU_ASSERT(near(weights(&config, 0).kl, 0));
    CU_ASSERT(near(weights(&config, 50).kl,
                   config.objective.kl_weight * config.objective.mixture_weight));
}

static void priors_differ_in_dispersion_only(void)
{
    const struct config dispersed = hundred(NULL);
    const struct config gmm = hundred("mixture.prior=gmm");
    const struct config normal = hundred("mixture.prior=normal");
    for (uint64_t step = 0; step < 100; step += 11) {
        const struct mixture_weights d = weights(&dispersed, step), g = weights(&gmm, step);
        CU_ASSERT(g.delta == 0 && g.alpha == 0);
        CU_ASSERT(near(g.kl, d.kl) && near(g.gamma, d.gamma) && near(g.temperature, d.temperature));
        CU_ASSERT(schedule_at(&gmm, step).objective.separation == 0);
        CU_ASSERT(weights(&normal, step).delta == 0 && weights(&normal, step).alpha == 0);
    }
    CU_ASSERT(schedule_at(&dispersed, 99).objective.separation > 0);
    CU_ASSERT(weights(&dispersed, 99).delta > 0 && weights(&dispersed, 99).alpha > 0);
    CU_ASSERT(near(weights(&normal, 25).kl, normal.objective.kl_weight / 2)); /* of the whole run */
}

const char *const suite_name = "schedule";
const struct suite_test suite_tests[] = {
    {"fits once after stage one", fits_once_after_stage_one},
    {"learning rate rises and falls in each stage", learning_rate_rises_and_falls_in_each_stage},
    {"one stage has one cosine", one_stage_has_one_cosine},
    {"warm-up may be longer than the run", warm_up_may_be_longer_than_the_run},
    {"weights ramp in their stage", weights_ramp_in_their_stage},
    {"ramps may be missing", ramps_may_be_missing},
    {"priors differ in dispersion only", priors_differ_in_dispersion_only},
    {NULL, NULL},
};
