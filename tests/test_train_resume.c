/* trainer: interrupted equals uninterrupted on the same ranks; on others within rounding, or to the
 * bit when deterministic. */
#include "runner.h"
#include "train_group.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 8, FIT = 3, N_CUTS = 4 };
static const size_t CUTS[N_CUTS] = {FIT - 1, FIT, FIT + 1, STEPS - 1};

static int leads(void)
{
    return group_rank(train_world()) == 0;
}

static const char *cut_path(size_t step)
{
    char name[32];
    snprintf(name, sizeof name, "cut-%zu.h5", step);
    return train_path(name);
}

static struct config config_of(bool deterministic)
{
    struct config config = make_config((const char *const[]){"train.steps=8", NULL});
    config.train.deterministic = deterministic;
    CU_ASSERT_EQUAL(schedule_fit_step(&config), FIT);
    return config;
}

/* Runs to the end; saves on the way after each of the cuts. */
static void run_through(const struct config *config, const size_t *cuts, size_t n_cuts,
                        const char *name, char *digest)
{
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), config), OK);
    for (size_t i = 0; i < n_cuts; i++) {
        CU_ASSERT_EQUAL(train_steps(&trainer, cuts[i] - trainer.step, NULL), OK);
        CU_ASSERT_EQUAL(model_file_save(&trainer, cut_path(cuts[i])), OK);
    }
    CU_ASSERT_EQUAL(train_steps(&trainer, STEPS - trainer.step, NULL), OK);
    train_digest(&trainer, name, digest);
    trainer_fini(&trainer);
}

/* Collective over `group`.  The trainer is left for the caller to end. */
static void run_rest(struct trainer *trainer, struct group *group, const struct config *config,
                     size_t cut)
{
    CU_ASSERT_EQUAL(trainer_init(trainer, group, train_corpus(), config), OK);
    CU_ASSERT_EQUAL(model_file_resume(trainer, cut_path(cut)), OK);
    CU_ASSERT_EQUAL(trainer->step, cut);
    CU_ASSERT_EQUAL(train_steps(trainer, STEPS - cut, NULL), OK);
    CU_ASSERT_EQUAL(trainer->step, STEPS);
}

static void interrupted_equals_uninterrupted_with(const struct config *with)
{
    const struct config config = *with;
    char plain[CHECKPOINT_DIGEST_SIZE], saving[CHECKPOINT_DIGEST_SIZE];
    char resumed[CHECKPOINT_DIGEST_SIZE];
    run_through(&config, NULL, 0, "plain.h5", plain);
    run_through(&config, CUTS, N_CUTS, "saving.h5", saving);
    CU_ASSERT_EQUAL(strlen(plain), CHECKPOINT_DIGEST_SIZE - 1);
    CU_ASSERT_STRING_EQUAL(plain, saving);
    for (size_t i = 0; i < N_CUTS; i++) {
        struct trainer trainer;
        run_rest(&trainer, train_world(), &config, CUTS[i]);
        train_digest(&trainer, "resumed.h5", resumed);
        CU_ASSERT_STRING_EQUAL(plain, resumed);
        trainer_fini(&trainer);
    }
}

static void interrupted_equals_uninterrupted(void)
{
    struct config config = config_of(false);
    interrupted_equals_uninterrupted_with(&config);
    config.train.sharded = true;
    interrupted_equals_uninterrupted_with(&config);
}

/* What the ranks saved after `cut` steps, rank 0 takes to the end alone. */
static void end_alone(const struct config *config, size_t cut, const char *digest,
                      const struct trainer *all)
{
    char alone[CHECKPOINT_DIGEST_SIZE];
    struct trainer one;
    double difference = 0, whole = 0;
    run_rest(&one, group_self(), config, cut);
    train_digest(&one, "alone.h5", alone);
    if (config->train.deterministic) CU_ASSERT_STRING_EQUAL(digest, alone);
    for (size_t i = 0; i < one.vae.parameters.count; i++) {
        const double x = (double)one.theta[i], y = (double)all->theta[i];
        difference += (x - y) * (x - y);
        whole += x * x;
    }
    CU_ASSERT(sqrt(difference) <= 1e-4 * sqrt(whole));
    CU_ASSERT(group_size(train_world()) > 1 || difference == 0);
    trainer_fini(&one);
}

static void resumes_on_another_number_of_ranks(void)
{
    for (int i = 0; i < 4; i++) {
        struct config config = config_of(i % 2);
        config.train.sharded = i / 2;
        char saving[CHECKPOINT_DIGEST_SIZE], all_digest[CHECKPOINT_DIGEST_SIZE];
        struct trainer all;
        run_through(&config, &CUTS[1], 1, "saving.h5", saving);
        run_rest(&all, train_world(), &config, FIT);
        train_digest(&all, "all.h5", all_digest);
        CU_ASSERT_STRING_EQUAL(saving, all_digest);
        if (leads()) end_alone(&config, FIT, all_digest, &all);
        trainer_fini(&all);
    }
}

/* A message names what differs; the step and the weights stay. */
static void refuses_another_model(void)
{
    const struct config config = make_config(NULL);
    static const char *const OTHERS[] = {"model.width=32", "model.decoder_layers=2",
                                         "mixture.components=2", "model.latent_residual=6"};
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, 1, NULL), OK);
    CU_ASSERT_EQUAL(model_file_save(&trainer, train_path("shape.h5")), OK);
    trainer_fini(&trainer);
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        const struct config other = make_config((const char *const[]){OTHERS[i], NULL});
        CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &other), OK);
        CU_ASSERT_EQUAL(model_file_resume(&trainer, train_path("shape.h5")), FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "shape.h5: "));
        CU_ASSERT_EQUAL(trainer.step, 0);
        trainer_fini(&trainer);
    }
}

const char *const suite_name = "train_resume";
const struct suite_test suite_tests[] = {
    {"interrupted equals uninterrupted", interrupted_equals_uninterrupted},
    {"resumes on another number of ranks", resumes_on_another_number_of_ranks},
    {"refuses another model", refuses_another_model},
    {NULL, NULL},
};
