/* expect: the memory that a dry run names is what real steps take of their arenas. */
#define _GNU_SOURCE
#include "expect.h"
#include "runner.h"
#include "train_group.h"

#include <stdio.h>

enum { STEPS = 4, N_PARTS = 3 };

static const char *const OPTIONS[][4] = {
    {"train.batch=16"},
    {"train.batch=16", "train.micro_events=4096", "model.memory=0"},
    {"train.batch=4", "data.row_segments=1", "train.deterministic=true"},
    {"train.batch=8", "train.sharded=true"},
};
enum { N_OPTIONS = sizeof OPTIONS / sizeof *OPTIONS };

/* The most that any rank has taken of an arena, beside the prediction and the reservation. */
static void compare(const char *name, size_t peak, size_t expected, size_t reserved)
{
    double most = (double)peak;
    CU_ASSERT(peak <= reserved);
    group_max_doubles(train_world(), &most, 1);
    CU_ASSERT(most <= (double)expected); /* the formulas are bounds */
    CU_ASSERT(most > 0.9 * (double)expected);
    CU_ASSERT(expected <= reserved);
    if (most > (double)expected || most <= 0.9 * (double)expected)
        fprintf(stderr, "%s: %.0f bytes taken, %zu expected\n", name, most, expected);
}

static void compare_run(const char *const *options)
{
    struct config config;
    struct trainer trainer;
    struct expected expected;
    size_t n = 0;
    while (n < 4 && options[n]) n++;
    CU_ASSERT_EQUAL(config_resolve(&config, "tiny", NULL, options, n), OK);
    const enum status made = trainer_init(&trainer, train_world(), train_corpus(), &config);
    CU_ASSERT_EQUAL(made, OK);
    if (made != OK) return;
    const struct trainer_memory reserved = trainer_memory(&config, &train_corpus()->vocabulary,
                                                          &trainer.vae, group_size(train_world()));
    CU_ASSERT_EQUAL(expect_memory(&expected, &trainer, STEPS, 0), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, STEPS, NULL), OK);
    compare("batches", trainer.batches.peak, expected.arenas.batches, reserved.batches);
    compare("scratch", trainer.scratch.peak, expected.arenas.scratch, reserved.scratch);
    if (!config.train.sharded) /* else it may be the moments for a checkpoint, not yet saved */
        compare("activations", trainer.activations.peak, expected.arenas.activations,
                reserved.activations);
    trainer_fini(&trainer);
}

static void steps_take_what_was_expected(void)
{
    for (size_t i = 0; i < N_OPTIONS; i++) compare_run(OPTIONS[i]);
}

static void looking_ahead_changes_nothing(void)
{
    static const char *const options[] = {"train.batch=4"};
    struct config config;
    struct step_report plain = {0}, looked = {0};
    struct expected expected;
    CU_ASSERT_EQUAL(config_resolve(&config, "tiny", NULL, options, 1), OK);
    for (int look = 0; look < 2; look++) {
        struct trainer trainer;
        const enum status made = trainer_init(&trainer, train_world(), train_corpus(), &config);
        CU_ASSERT_EQUAL(made, OK);
        if (made != OK) return;
        if (look) CU_ASSERT_EQUAL(expect_memory(&expected, &trainer, EXPECT_STEPS, 0), OK);
        CU_ASSERT_EQUAL(train_steps(&trainer, 1, look ? &looked : &plain), OK);
        trainer_fini(&trainer);
    }
    CU_ASSERT(plain.loss == looked.loss && plain.n_events == looked.n_events);
}

const char *const suite_name = "expect";
const struct suite_test suite_tests[] = {
    {"steps take what was expected", steps_take_what_was_expected},
    {"looking ahead changes nothing", looking_ahead_changes_nothing},
    {NULL, NULL},
};
