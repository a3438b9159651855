/* cluster_window: weights from what components hold, empty components placed anew; the same on 1-4
 * ranks and after a resume. */
#include "emotion.h"
#include "runner.h"
#include "train_group.h"
#include "weak_label.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 13, FIT = 5, EVERY = 3 }; /* windows end at 8 and 11 */

static int leads(void)
{
    return group_rank(train_world()) == 0;
}

static struct config config_of(const char *components)
{
    char m[64];
    snprintf(m, sizeof m, "mixture.components=%s", components);
    const struct config config =
        make_config((const char *const[]){"train.steps=13", m, "mixture.update_every=3", NULL});
    CU_ASSERT_EQUAL(schedule_fit_step(&config), FIT);
    return config;
}

static void add_row(double *mass, const real *q, int label, size_t per)
{
    const size_t first = label < 0 ? 0 : (size_t)label * per, n = label < 0 ? 4 * per : per;
    double inside = 0;
    for (size_t k = first; k < first + n; k++) inside += (double)q[k];
    for (size_t k = first; k < first + n; k++) mass[k] += (double)q[k] / inside;
}

/* Adds what this rank's tapes say of the step that has just ended. */
static void add_tapes(double *mass, const struct trainer *trainer)
{
    const size_t per = trainer->vae.shape.per_emotion;
    for (size_t i = 0; i < trainer->plan.n_micros; i++) {
        const struct micro *micro = &trainer->plan.micros[i];
        if (micro->rank != group_rank(train_world())) continue;
        for (size_t s = 0; s < micro->n_segments; s++)
            add_row(mass, micro->tape.q + s * 4 * per, micro->batch.label[s], per);
    }
}

static void weights_follow_the_window(void)
{
    const struct config config = config_of("2");
    struct trainer trainer;
    struct step_report report;
    double mass[8] = {0}, total = 0;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, FIT, &report), OK);
    CU_ASSERT(report.normal && report.clusters.least_weight == 0);
    for (int step = 0; step < EVERY; step++) {
        CU_ASSERT_EQUAL(train_steps(&trainer, 1, &report), OK);
        add_tapes(mass, &trainer);
    }
    group_sum_doubles(train_world(), mass, 8);
    for (size_t k = 0; k < 8; k++) total += mass[k];
    double least = 1;
    for (size_t k = 0; k < 8; k++) {
        const double weight = exp((double)trainer.theta[trainer.vae.mixture_log_weight + k]);
        CU_ASSERT(mass[k] > 0.02 * total); /* none at the limit */
        CU_ASSERT_DOUBLE_EQUAL(weight, mass[k] / total, 1e-6);
        CU_ASSERT_EQUAL(trainer.window.mass[k], 0);
        least = fmin(least, weight);
    }
    CU_ASSERT_DOUBLE_EQUAL(report.clusters.least_weight, least, 1e-12);
    CU_ASSERT_EQUAL(report.clusters.moved, 0);
    trainer_fini(&trainer);
}

static void never_means_never(void)
{
    struct config config = config_of("2");
    struct trainer trainer;
    real before[8];
    config.mixture.update_every = 0;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, FIT + 1, NULL), OK);
    memcpy(before, trainer.theta + trainer.vae.mixture_log_weight, sizeof before);
    CU_ASSERT_EQUAL(train_steps(&trainer, STEPS - FIT - 1, NULL), OK);
    CU_ASSERT_EQUAL(memcmp(before, trainer.theta + trainer.vae.mixture_log_weight, sizeof before),
                    0);
    trainer_fini(&trainer);
}

/* Sends component k where no latent is. */
static void kill(struct trainer *trainer, size_t k)
{
    const size_t d = 2 * trainer->vae.shape.latent_mixture;
    for (size_t j = 0; j < d; j++) trainer->theta[trainer->vae.mixture_mean + k * d + j] = 60;
}

/* What is told of a segment of the batch that was trained on last: by label, or by rule as well. */
static int told_of(const struct trainer *trainer, size_t segment, bool by_rule)
{
    const struct row *row = trainer->sampler.batch;
    for (; segment >= row->n_segments; row++) segment -= row->n_segments;
    return by_rule ? weak_told(trainer, row, (uint32_t)segment) : row->label;
}

/* Whether the component stands at a latent of this rank of which `told` is told. */
static bool stands_at(const struct trainer *trainer, size_t k, int told, bool by_rule)
{
    const size_t d = 2 * trainer->vae.shape.latent_mixture;
    const real *mean = trainer->theta + trainer->vae.mixture_mean + k * d;
    for (size_t i = 0; i < trainer->plan.n_micros; i++) {
        const struct micro *micro = &trainer->plan.micros[i];
        if (micro->rank != group_rank(train_world())) continue;
        for (size_t s = 0; s < micro->n_segments; s++)
            if (told_of(trainer, micro->first_segment + s, by_rule) == told &&
                memcmp(mean, micro->tape.m + s * d, d * sizeof *mean) == 0)
                return true;
    }
    return false;
}

static void check_placed(struct trainer *trainer, size_t k, int told, bool by_rule)
{
    const size_t d = 2 * trainer->vae.shape.latent_mixture;
    const size_t at = trainer->vae.mixture_mean + k * d;
    int64_t found = stands_at(trainer, k, told, by_rule);
    group_sum_int64(train_world(), &found, 1);
    CU_ASSERT(found >= 1);
    CU_ASSERT(train_equal(trainer->theta + at, d * sizeof(real)));
    double moments = 0;
    for (size_t j = 0; j < d && !trainer->optimiser.sharded; j++) {
        moments += fabs((double)trainer->first[at + j]) + (double)trainer->second[at + j];
        const real lam = trainer->theta[trainer->vae.mixture_log_variance + k * d + j];
        CU_ASSERT(lam >= -3 && lam <= 1);
    }
    CU_ASSERT_EQUAL(moments, 0);
}

/* Component 2 of two an emotion is the first of the tense.  A batch without a tense piece lets it
 * wait; sooner or later it lives, and holds something in the end. */
static void the_dead_are_revived(bool sharded)
{
    struct config config = config_of("2");
    struct trainer trainer;
    struct step_report report;
    bool moved = false;
    config.train.steps = 60;
    config.train.stage1 = (double)FIT / 60;
    config.train.sharded = sharded;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, FIT + 1, &report), OK);
    kill(&trainer, 2);
    while (!moved && trainer.step < 40) {
        CU_ASSERT_EQUAL(train_steps(&trainer, 1, &report), OK);
        moved = report.clusters.moved >> 2 & 1;
        if (moved) check_placed(&trainer, 2, EMOTION_TENSE, false);
    }
    CU_ASSERT(moved);
    CU_ASSERT((trainer.step - FIT) % EVERY == 0);
    double mass[8] = {0}, total = 0;
    for (int step = 0; step < EVERY; step++) {
        CU_ASSERT_EQUAL(train_steps(&trainer, 1, &report), OK);
        add_tapes(mass, &trainer);
    }
    group_sum_doubles(train_world(), mass, 8);
    for (size_t k = 0; k < 8; k++) total += mass[k];
    CU_ASSERT(mass[2] > 0.01 * total);
    trainer_fini(&trainer);
}

static void dead_components_are_revived(void)
{
    the_dead_are_revived(false);
    the_dead_are_revived(true);
}

/* Without labels a segment that the rule tells so, or without the rule any segment of the batch:
 * each component in turn. */
static void revive_without_labels(const char *weak, bool by_rule)
{
    struct made_corpus made = make_corpus(0, 30);
    struct config config = config_of("1");
    struct trainer trainer;
    struct step_report report = {0};
    CU_ASSERT_EQUAL(config_set(&config, weak), OK);
    config.train.steps = 200;
    config.train.stage1 = (double)FIT / 200;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), &made.corpus, &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, FIT + EVERY, &report), OK);
    for (size_t k = 0; k < MIXTURE_EMOTIONS; k++) {
        const uint64_t most = trainer.step + (by_rule ? 30 : EVERY);
        kill(&trainer, k);
        do {
            CU_ASSERT_EQUAL(train_steps(&trainer, EVERY, &report), OK);
        } while (!(report.clusters.moved >> k & 1) && trainer.step < most);
        CU_ASSERT(report.clusters.moved >> k & 1);
        check_placed(&trainer, k, by_rule ? (int)k : MIXTURE_UNLABELLED, by_rule);
    }
    trainer_fini(&trainer);
    make_corpus_free(&made);
}

static void revived_without_labels(void)
{
    revive_without_labels("fit.weak=40", true);
    revive_without_labels("fit.weak=0", false);
}

/* Kills a component after the fit, and goes on to the end; saves after `cut` steps. */
static void run(struct group *group, const struct config *config, size_t cut, const char *name,
                char *digest)
{
    struct trainer trainer;
    char path[64];
    CU_ASSERT_EQUAL(trainer_init(&trainer, group, train_corpus(), config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, FIT + 1, NULL), OK);
    kill(&trainer, 5);
    CU_ASSERT_EQUAL(train_steps(&trainer, cut - trainer.step, NULL), OK);
    snprintf(path, sizeof path, "cut-%s", name);
    CU_ASSERT_EQUAL(model_file_save(&trainer, train_path(path)), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, STEPS - cut, NULL), OK);
    train_digest(&trainer, name, digest);
    CU_ASSERT_EQUAL(strlen(digest), CHECKPOINT_DIGEST_SIZE - 1);
    trainer_fini(&trainer);
}

/* A file of an earlier version has no window: the run goes on with an empty one. */
static void resumes_without_a_window(void)
{
    const struct config config = config_of("1");
    struct trainer trainer;
    struct checkpoint_field *fields = NULL;
    size_t n = 0, kept = 0;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, FIT + 1, NULL), OK);
    CU_ASSERT_EQUAL(model_file_save(&trainer, train_path("new.h5")), OK);
    const char *old = train_path("old.h5");
    if (leads() && checkpoint_list(train_path("new.h5"), &fields, &n) == OK) {
        for (size_t i = 0; i < n; i++) {
            if (strcmp(fields[i].name, "trainer/window") == 0) continue;
            fields[kept] = fields[i];
            fields[kept].data = calloc(fields[i].rows * fields[i].columns + 1, sizeof(double));
            kept++;
        }
        CU_ASSERT_EQUAL(kept, n - 1);
        CU_ASSERT_EQUAL(checkpoint_load(train_path("new.h5"), fields, kept), OK);
        CU_ASSERT_EQUAL(checkpoint_save(group_self(), old, fields, kept, NULL, 0), OK);
        for (size_t i = 0; i < kept; i++) free(fields[i].data);
        free(fields);
    }
    CU_ASSERT(trainer.window.mass[0] > 0);
    CU_ASSERT_EQUAL(model_file_resume(&trainer, old), OK);
    CU_ASSERT_EQUAL(trainer.window.mass[0], 0);
    CU_ASSERT_EQUAL(trainer.step, FIT + 1);
    trainer_fini(&trainer);
}

static void ranks_do_not_change_the_bits(void)
{
    struct config config = config_of("2");
    char one[CHECKPOINT_DIGEST_SIZE] = "", all[CHECKPOINT_DIGEST_SIZE];
    config.train.deterministic = true;
    CU_ASSERT(train_path("one.h5")[0] != 0); /* the first call is collective */
    if (leads()) run(group_self(), &config, 9, "one.h5", one);
    run(train_world(), &config, 9, "all.h5", all);
    if (leads()) CU_ASSERT_STRING_EQUAL(one, all);
}

/* Cut in the middle of a window, at its end and after it. */
static void resume_keeps_the_window(void)
{
    const struct config config = config_of("2");
    for (size_t cut = 7; cut <= 9; cut++) {
        char whole[CHECKPOINT_DIGEST_SIZE], resumed[CHECKPOINT_DIGEST_SIZE];
        struct trainer trainer;
        run(train_world(), &config, cut, "whole.h5", whole);
        CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
        CU_ASSERT_EQUAL(model_file_resume(&trainer, train_path("cut-whole.h5")), OK);
        CU_ASSERT_EQUAL(trainer.window.mass[0] > 0, cut != 8);
        CU_ASSERT_EQUAL(train_steps(&trainer, STEPS - cut, NULL), OK);
        train_digest(&trainer, "resumed.h5", resumed);
        CU_ASSERT_STRING_EQUAL(whole, resumed);
        trainer_fini(&trainer);
    }
}

const char *const suite_name = "cluster_window";
const struct suite_test suite_tests[] = {
    {"weights follow the window", weights_follow_the_window},
    {"never means never", never_means_never},
    {"dead components are revived", dead_components_are_revived},
    {"revived without labels", revived_without_labels},
    {"resumes without a window", resumes_without_a_window},
    {"ranks do not change the bits", ranks_do_not_change_the_bits},
    {"resume keeps the window", resume_keeps_the_window},
    {NULL, NULL},
};
