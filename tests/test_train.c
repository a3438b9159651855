/* trainer: n ranks equal one rank, deterministic runs have the same bits, replicas stay equal, bad
 * numbers skip the step everywhere, faults reach every rank. */
#define _GNU_SOURCE
#include "run.h"
#include "runner.h"
#include "train_group.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { MAX_OPTIONS = 4 };

/* A configuration apart from the common one, and a corpus. */
struct run_case {
    size_t n_labelled, n_unlabelled; /* pieces */
    const char *options[MAX_OPTIONS + 1];
};

static const struct run_case CASES[] = {
    {40, 40, {"train.steps=20"}},
    {40,
     40,
     {"train.steps=6", "train.batch=2", "train.micro_events=4096"}}, /* two micro-batches a step */
    {40, 40, {"train.steps=6", "mixture.prior=gmm", "mixture.components=2", "train.stage1=0"}},
    {40, 40, {"train.steps=4", "mixture.prior=normal", "data.label_fraction=0.5"}},
    {60, 0, {"train.steps=6", "train.stage1=0.2"}},
    {0, 60, {"train.steps=6", "train.stage1=0.2", "encoder.inputs=full"}},
};
enum { N_CASES = sizeof CASES / sizeof *CASES };

static int leads(void)
{
    return group_rank(train_world()) == 0;
}

static int is_close(double a, double b)
{
    return fabs(a - b) <= 1e-5 * fmax(fabs(a), fabs(b)) + 1e-7;
}

static void compare_reports(const struct step_report *a, const struct step_report *b)
{
    CU_ASSERT(is_close(a->loss, b->loss));
    for (int i = 0; i < N_LOSS_PARTS; i++) CU_ASSERT(is_close(a->part[i], b->part[i]));
    CU_ASSERT(is_close(a->information, b->information));
    CU_ASSERT(is_close(a->posterior_entropy, b->posterior_entropy));
    CU_ASSERT(is_close(a->separation, b->separation) && is_close(a->distance, b->distance));
    CU_ASSERT(is_close(a->gradient_norm, b->gradient_norm));
    CU_ASSERT_EQUAL(a->step, b->step);
    CU_ASSERT_EQUAL(a->n_events, b->n_events);
    CU_ASSERT_EQUAL(a->n_segments, b->n_segments);
    CU_ASSERT_EQUAL(a->n_labelled, b->n_labelled);
    CU_ASSERT(a->normal == b->normal && !a->skipped && !b->skipped && isfinite(a->loss));
}

/* A trainer on all ranks and, on rank 0, one of its own; false, on every rank, without them. */
static int begin_pair(struct trainer *all, struct trainer *one, const struct corpus *corpus,
                      const struct config *config)
{
    enum status status = trainer_init(all, train_world(), corpus, config);
    if (status == OK && leads()) status = trainer_init(one, group_self(), corpus, config);
    status = group_agree(train_world(), status);
    CU_ASSERT_EQUAL(status, OK);
    return status == OK;
}

static void end_pair(struct trainer *all, struct trainer *one)
{
    if (leads()) trainer_fini(one);
    trainer_fini(all);
}

static void check_shares(const struct trainer *all, const struct step_report *report)
{
    size_t mine = 0;
    for (size_t i = 0; i < all->plan.n_micros; i++)
        mine += all->plan.micros[i].rank == group_rank(train_world());
    if (all->config.train.batch > 2) return;
    CU_ASSERT_EQUAL(all->plan.n_micros, 2); /* one labelled: ranks from the third on have none */
    CU_ASSERT(mine == 0 || group_size(train_world()) <= 2 || mine == 1);
    CU_ASSERT(report->n_labelled > 0 && report->n_labelled < report->n_segments);
}

static void compare_case(const struct run_case *with)
{
    struct made_corpus made = make_corpus(with->n_labelled, with->n_unlabelled);
    const struct config config = make_config(with->options);
    struct trainer all, one = {0};
    struct step_report ours, alone;
    if (begin_pair(&all, &one, &made.corpus, &config)) {
        for (size_t step = 0; step < config.train.steps; step++) {
            CU_ASSERT_EQUAL(trainer_step(&all, false, &ours), OK);
            CU_ASSERT_TRUE(train_equal(&ours.loss, sizeof ours.loss));
            CU_ASSERT_TRUE(train_equal(ours.part, sizeof ours.part));
            check_shares(&all, &ours);
            if (!leads()) continue;
            CU_ASSERT_EQUAL(trainer_step(&one, false, &alone), OK);
            compare_reports(&ours, &alone);
        }
        CU_ASSERT_EQUAL(ours.normal, config.mixture.prior == PRIOR_NORMAL);
        CU_ASSERT_TRUE(train_equal(all.theta, all.vae.parameters.count * sizeof *all.theta));
        end_pair(&all, &one);
    }
    make_corpus_free(&made);
}

static void ranks_do_not_change_the_losses(void)
{
    for (size_t i = 0; i < N_CASES; i++) compare_case(&CASES[i]);
}

static double norm(const real *x, const real *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)x[i] - (y ? (double)y[i] : 0);
        sum += d * d;
    }
    return sqrt(sum);
}

/* Some tensors (keys' biases) have no gradient but rounding: the whole gradient sets the floor. */
static void compare_gradients(const struct trainer *all, const struct trainer *one)
{
    const struct parameters *parameters = &one->vae.parameters;
    const double floor = 1e-8 * norm(one->gradient, NULL, parameters->count);
    CU_ASSERT(floor > 0);
    for (size_t t = 0; t < parameters->n_tensors; t++) {
        const struct tensor *tensor = &parameters->tensors[t];
        const size_t n = tensor->rows * tensor->columns;
        const real *a = all->gradient + tensor->offset, *b = one->gradient + tensor->offset;
        const double want = norm(b, NULL, n);
        CU_ASSERT(fabs(norm(a, NULL, n) - want) <= 1e-6 * want + floor);
        CU_ASSERT(norm(a, b, n) <= 1e-5 * want + floor);
    }
}

static void copy_state(struct trainer *all, const struct trainer *one)
{
    const size_t bytes = all->vae.parameters.count * sizeof *all->theta;
    if (one->theta) { /* rank 0 */
        memcpy(all->theta, one->theta, bytes);
        memcpy(all->first, one->first, bytes);
        memcpy(all->second, one->second, bytes);
        all->step = one->step;
    }
    group_broadcast(train_world(), all->theta, bytes, 0);
    group_broadcast(train_world(), all->first, bytes, 0);
    group_broadcast(train_world(), all->second, bytes, 0);
    group_broadcast(train_world(), &all->step, sizeof all->step, 0);
}

/* From the same state, in both stages. */
static void ranks_do_not_change_the_gradients(void)
{
    static const size_t BEFORE[] = {0, 6};
    static const char *const FLOAT[] = {NULL};
    static const char *const EXACT[] = {"train.deterministic=true", NULL};
    static const char *const FEW[] = {"train.batch=3", "train.micro_events=4096", NULL};
    static const char *const *const OPTIONS[] = {FLOAT, EXACT, FEW};
    for (size_t i = 0; i < 6; i++) {
        const struct config config = make_config(OPTIONS[i / 2]);
        struct trainer all, one = {0};
        if (!begin_pair(&all, &one, train_corpus(), &config)) continue;
        if (leads()) CU_ASSERT_EQUAL(train_steps(&one, BEFORE[i % 2], NULL), OK);
        copy_state(&all, &one);
        CU_ASSERT_EQUAL(train_steps(&all, 1, NULL), OK);
        if (leads()) {
            CU_ASSERT_EQUAL(train_steps(&one, 1, NULL), OK);
            compare_gradients(&all, &one);
        }
        end_pair(&all, &one);
    }
}

static void run_digest(struct group *group, const struct config *config, const char *name,
                       char digest[CHECKPOINT_DIGEST_SIZE])
{
    struct trainer trainer;
    digest[0] = 0;
    CU_ASSERT_EQUAL(trainer_init(&trainer, group, train_corpus(), config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, 8, NULL), OK);
    train_digest(&trainer, name, digest);
    CU_ASSERT_EQUAL(strlen(digest), CHECKPOINT_DIGEST_SIZE - 1);
    trainer_fini(&trainer);
}

/* Rank 0 first runs alone, on one thread. */
static void deterministic_runs_have_the_same_bits(void)
{
    static const char *const MORE[][3] = {{"train.threads=2", NULL},
                                          {"train.batch=2", "train.micro_events=4096", NULL}};
    char one[CHECKPOINT_DIGEST_SIZE] = "", all[CHECKPOINT_DIGEST_SIZE];
    for (size_t i = 0; i < 2; i++) {
        struct config config = make_config(MORE[i]);
        const int threads = config.train.threads;
        config.train.deterministic = true;
        config.train.threads = 1;
        const char *path = train_path("one.h5"); /* the first call is collective */
        CU_ASSERT(path[0] != 0);
        if (leads()) run_digest(group_self(), &config, "one.h5", one);
        config.train.threads = threads;
        run_digest(train_world(), &config, "all.h5", all);
        if (leads()) CU_ASSERT_STRING_EQUAL(one, all);
    }
}

/* Shards change where moments are, not what comes of them: within rounding in floats, to the bit
 * when deterministic.  A shard is a rank's share of the moments. */
static void shards_do_not_change_the_run(void)
{
    for (int exact = 0; exact < 2; exact++) {
        struct config config = make_config(NULL);
        struct trainer whole, shard;
        struct step_report a, b;
        config.train.deterministic = exact;
        CU_ASSERT_EQUAL(trainer_init(&whole, train_world(), train_corpus(), &config), OK);
        config.train.sharded = true;
        CU_ASSERT_EQUAL(trainer_init(&shard, train_world(), train_corpus(), &config), OK);
        CU_ASSERT(shard.block.used <= whole.block.used);
        CU_ASSERT(group_size(train_world()) == 1 || 5 * shard.block.used < 4 * whole.block.used);
        for (int step = 0; step < 8; step++) {
            CU_ASSERT_EQUAL(train_steps(&whole, 1, &a), OK);
            CU_ASSERT_EQUAL(train_steps(&shard, 1, &b), OK);
            compare_reports(&a, &b);
            CU_ASSERT_EQUAL(b.gradient_norm == a.gradient_norm || !exact, 1);
        }
        const size_t n = whole.vae.parameters.count;
        CU_ASSERT_TRUE(train_equal(shard.theta, n * sizeof *shard.theta));
        CU_ASSERT(norm(whole.theta, shard.theta, n) <= 1e-5 * norm(whole.theta, NULL, n));
        if (exact) CU_ASSERT_EQUAL(memcmp(whole.theta, shard.theta, n * sizeof *whole.theta), 0);
        trainer_fini(&whole);
        trainer_fini(&shard);
    }
}

/* Gradients of bfloat16 still train: losses stay near those of floats, replicas equal. */
static void compression_trains(void)
{
    struct config config = make_config(NULL);
    struct trainer plain, compressed;
    struct step_report a, b;
    CU_ASSERT_EQUAL(trainer_init(&plain, train_world(), train_corpus(), &config), OK);
    config.train.compress = COMPRESS_BF16;
    CU_ASSERT_EQUAL(trainer_init(&compressed, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&plain, 8, &a), OK);
    CU_ASSERT_EQUAL(train_steps(&compressed, 8, &b), OK);
    CU_ASSERT(fabs(a.loss - b.loss) <= 0.01 * fabs(a.loss));
    CU_ASSERT_EQUAL(a.loss == b.loss, group_size(train_world()) == 1);
    CU_ASSERT_TRUE(
        train_equal(compressed.theta, compressed.vae.parameters.count * sizeof *compressed.theta));
    trainer_fini(&plain);
    trainer_fini(&compressed);
}

static void one_rank_stops_all(void)
{
    const struct config config = make_config(NULL);
    const int last = group_size(train_world()) - 1;
    struct trainer trainer;
    struct step_report report;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(trainer_step(&trainer, false, &report), OK);
    CU_ASSERT_FALSE(report.stop);
    CU_ASSERT_EQUAL(trainer_step(&trainer, group_rank(train_world()) == last, &report), OK);
    CU_ASSERT_TRUE(report.stop);
    CU_ASSERT_EQUAL(trainer.step, 2);
    trainer_fini(&trainer);
}

/* Rank `rank` computes one step with a weight of NaN; nobody's weights move. */
static void poison(struct trainer *trainer, const char *tensor, int rank)
{
    const size_t bytes = trainer->vae.parameters.count * sizeof *trainer->theta;
    const struct tensor *at = parameters_find(&trainer->vae.parameters, tensor);
    const real whole = trainer->theta[at->offset];
    real *before = malloc(bytes);
    struct step_report report;
    if (!before) abort();
    memcpy(before, trainer->theta, bytes);
    if (group_rank(train_world()) == rank) trainer->theta[at->offset] = (real)NAN;
    CU_ASSERT_EQUAL(trainer_step(trainer, false, &report), OK);
    CU_ASSERT_TRUE(report.skipped);
    CU_ASSERT_TRUE(train_equal(&report.skipped, sizeof report.skipped));
    trainer->theta[at->offset] = whole;
    CU_ASSERT_EQUAL(memcmp(before, trainer->theta, bytes), 0);
    free(before);
    CU_ASSERT_EQUAL(trainer_step(trainer, false, &report), OK);
    CU_ASSERT_FALSE(report.skipped);
    CU_ASSERT_TRUE(train_equal(trainer->theta, bytes));
}

/* Every rank has rows. */
static void not_a_number_skips_the_step_on_all(void)
{
    static const char *const TENSORS[] = {"mixture/mean", "encoder/rhythm/norm/gain"};
    for (int exact = 0; exact < 2; exact++) {
        struct config config = make_config((const char *const[]){"train.micro_events=64", NULL});
        struct trainer trainer;
        config.train.deterministic = exact;
        CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
        CU_ASSERT_EQUAL(train_steps(&trainer, 6, NULL), OK);
        for (int i = 0; i < 2; i++) {
            poison(&trainer, TENSORS[i], 0);
            poison(&trainer, TENSORS[i], group_size(train_world()) - 1);
        }
        trainer_fini(&trainer);
    }
}

/* From the third rank on there are no rows, but there is a mixture to separate. */
static void a_rank_without_rows_can_skip_the_step(void)
{
    const struct config config = make_config(
        (const char *const[]){"train.batch=2", "train.micro_events=4096", "train.stage1=0", NULL});
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, 1, NULL), OK);
    poison(&trainer, "mixture/mean", group_size(train_world()) - 1);
    trainer_fini(&trainer);
}

/* A step after steps whose loss was half as high; whether it moved the weights. */
static bool moves_at_a_spike(const char *option, struct step_report *report)
{
    const struct config config = make_config((const char *const[]){option, NULL});
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(trainer_step(&trainer, false, report), OK);
    CU_ASSERT_EQUAL(report->spike, 0);
    const size_t bytes = trainer.vae.parameters.count * sizeof *trainer.theta;
    real *before = malloc(bytes);
    if (!before) abort();
    memcpy(before, trainer.theta, bytes);
    const double usual = trainer.spike.mean / 2;
    trainer.spike = (struct spike){usual, usual * usual / 400, 1000};
    CU_ASSERT_EQUAL(trainer_step(&trainer, false, report), OK);
    CU_ASSERT_TRUE(report->finite);
    CU_ASSERT_EQUAL(trainer.step, 2);
    const bool moved = memcmp(before, trainer.theta, bytes) != 0;
    free(before);
    trainer_fini(&trainer);
    return moved;
}

static void spikes_are_told_and_left_out_when_asked(void)
{
    struct step_report report;
    CU_ASSERT_TRUE(moves_at_a_spike("train.spike=8", &report));
    CU_ASSERT(report.spike > 8 && report.spike < 40 && !report.skipped);
    CU_ASSERT_TRUE(train_equal(&report.spike, sizeof report.spike));
    CU_ASSERT_FALSE(moves_at_a_spike("train.skip_spikes=true", &report));
    CU_ASSERT(report.spike > 8 && report.skipped);
    CU_ASSERT_TRUE(moves_at_a_spike("train.spike=0", &report));
    CU_ASSERT_EQUAL(report.spike, 0);
}

/* Every step of a run from a checkpoint that is not finite is skipped: the run ends, on all ranks,
 * and leaves no checkpoint. */
static void many_skipped_steps_end_the_run(void)
{
    const struct config config =
        make_config((const char *const[]){"train.steps=60", "checkpoint.every=1", NULL});
    const struct run_settings settings = {
        .corpus = train_path("c.h5"), .out = train_path("skipped"), .resume = train_path("nan.h5")};
    struct progress progress;
    struct run_result result;
    struct trainer trainer;
    progress_init(&progress, NULL, 1);
    if (leads()) {
        struct made_corpus made = make_corpus(20, 20);
        make_corpus_write(&made, settings.corpus);
        make_corpus_free(&made);
    }
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    trainer.step = 1;
    trainer.theta[parameters_find(&trainer.vae.parameters, "encoder/rhythm/norm/gain")->offset] =
        (real)NAN;
    CU_ASSERT_EQUAL(model_file_save(&trainer, settings.resume), OK);
    trainer_fini(&trainer);
    CU_ASSERT_EQUAL(run_train(train_world(), &config, &settings, &progress, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "without a finite gradient"));
    CU_ASSERT_EQUAL(result.step, 21);
    CU_ASSERT_NOT_EQUAL(access(train_path("skipped/checkpoints/latest"), F_OK), 0);
}

/* What a fault is put into; returns the status of the faulty call. */
static enum status init_only(struct trainer *trainer, const struct config *config)
{
    return trainer_init(trainer, train_world(), train_corpus(), config);
}

static enum status step_once(struct trainer *trainer, const struct config *config)
{
    struct step_report report;
    (void)config;
    return trainer_step(trainer, false, &report);
}

static enum status save_once(struct trainer *trainer, const struct config *config)
{
    (void)config;
    return model_file_save(trainer, train_path("fault.h5"));
}

static enum status resume_once(struct trainer *trainer, const struct config *config)
{
    (void)config;
    return model_file_resume(trainer, train_path("fault.h5"));
}

/* The k-th fallible point of one call fails on one rank.  Returns whether nothing failed. */
static int survives(enum status (*call)(struct trainer *, const struct config *), int rank, long k)
{
    const struct config config = make_config((const char *const[]){"train.stage1=0", NULL});
    struct trainer trainer;
    enum status status = OK;
    if (call != init_only) status = init_only(&trainer, &config);
    CU_ASSERT_EQUAL(status, OK);
    status_fault_set(group_rank(train_world()) == rank ? k : 0);
    status = call(&trainer, &config);
    status_fault_set(0);
    CU_ASSERT_TRUE(train_equal(&status, sizeof status));
    CU_ASSERT(status == OK || (status == FAILED && status_message()[0]));
    if (call != init_only || status == OK) trainer_fini(&trainer);
    return status == OK;
}

static void faults_reach_every_rank(void)
{
    static const struct {
        enum status (*call)(struct trainer *, const struct config *);
        long least, most; /* fallible points, and how many to try (a save has hundreds) */
    } CALLS[] = {{init_only, 10, 50}, {step_once, 8, 50}, {save_once, 4, 4}, {resume_once, 1, 2}};
    const int size = group_size(train_world());
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
        for (int rank = 0; rank<size; rank += size> 1 ? size - 1 : 1) {
            long k = 1;
            while (k <= CALLS[i].most && !survives(CALLS[i].call, rank, k)) k++;
            CU_ASSERT(k > CALLS[i].least && (k < CALLS[i].most || CALLS[i].most < 10));
        }
}

const char *const suite_name = "train";
const struct suite_test suite_tests[] = {
    {"ranks do not change the losses", ranks_do_not_change_the_losses},
    {"ranks do not change the gradients", ranks_do_not_change_the_gradients},
    {"deterministic runs have the same bits", deterministic_runs_have_the_same_bits},
    {"shards do not change the run", shards_do_not_change_the_run},
    {"compression trains", compression_trains},
    {"one rank stops all", one_rank_stops_all},
    {"not a number skips the step on all", not_a_number_skips_the_step_on_all},
    {"a rank without rows can skip the step", a_rank_without_rows_can_skip_the_step},
    {"spikes are told and left out when asked", spikes_are_told_and_left_out_when_asked},
    {"many skipped steps end the run", many_skipped_steps_end_the_run},
    {"faults reach every rank", faults_reach_every_rank},
    {NULL, NULL},
};
