/* train.precision = bf16: trains like float, and deterministic runs have the same bits. */
#include "gemm.h"
#include "runner.h"
#include "train_group.h"

#include <math.h>
#include <string.h>

static struct config precise(enum gemm_precision precision)
{
    struct config config;
    CU_ASSERT_EQUAL(config_init(&config, "tiny"), OK);
    config.train.steps = 30;
    config.train.batch = 8;
    config.train.warmup = 5;
    config.train.stage1 = 1; /* the fit changes what the loss is made of */
    config.train.precision = precision;
    return config;
}

/* Whether every rank can; tells so where it cannot. */
static bool available(void)
{
    enum status status = gemm_init(1);
    if (status == OK) status = gemm_ready(GEMM_BF16);
    status = group_agree(train_world(), status);
    if (status != OK && group_rank(train_world()) == 0)
        fprintf(stderr, "SKIPPED: training in bf16: %s\n", status_message());
    return status == OK;
}

static double loss_after(const struct config *config, size_t steps)
{
    struct trainer trainer;
    struct step_report last = {.loss = NAN};
    const enum status status = trainer_init(&trainer, train_world(), train_corpus(), config);
    CU_ASSERT_EQUAL(status, OK);
    if (status != OK) return NAN;
    CU_ASSERT_EQUAL(train_steps(&trainer, steps, &last), OK);
    CU_ASSERT(!last.skipped);
    trainer_fini(&trainer);
    return last.loss;
}

static void trains_like_float(void)
{
    const struct config in_float = precise(GEMM_FLOAT), in_bf16 = precise(GEMM_BF16);
    if (!available()) return;
    const double first = loss_after(&in_float, 1);
    const double exact = loss_after(&in_float, 30), rounded = loss_after(&in_bf16, 30);
    CU_ASSERT(exact < 0.9 * first);
    CU_ASSERT(fabs(rounded - exact) < 0.01 * fabs(exact));
    CU_ASSERT(rounded != exact); /* the option has an effect */
}

static void digest_of(struct group *group, const char *name, char digest[CHECKPOINT_DIGEST_SIZE])
{
    struct trainer trainer;
    struct config config = precise(GEMM_BF16);
    config.train.deterministic = true;
    digest[0] = 0;
    const enum status status = trainer_init(&trainer, group, train_corpus(), &config);
    CU_ASSERT_EQUAL(status, OK);
    if (status != OK) return;
    CU_ASSERT_EQUAL(train_steps(&trainer, 6, NULL), OK);
    train_digest(&trainer, name, digest);
    CU_ASSERT_EQUAL(strlen(digest), CHECKPOINT_DIGEST_SIZE - 1);
    trainer_fini(&trainer);
}

static void deterministic_runs_have_the_same_bits(void)
{
    char one[CHECKPOINT_DIGEST_SIZE] = "", all[CHECKPOINT_DIGEST_SIZE];
    if (!available()) return;
    CU_ASSERT(train_path("one.h5")[0] != 0); /* the first call is collective */
    const bool leads = group_rank(train_world()) == 0;
    if (leads) digest_of(group_self(), "one.h5", one);
    digest_of(train_world(), "all.h5", all);
    if (leads) CU_ASSERT_STRING_EQUAL(one, all);
}

const char *const suite_name = "train in bf16";
const struct suite_test suite_tests[] = {
    {"trains like float", trains_like_float},
    {"deterministic runs have the same bits", deterministic_runs_have_the_same_bits},
    {NULL, NULL},
};
