/* model_file: what is saved is what is opened; files that are no trained model are refused. */
#define _GNU_SOURCE
#include "make_corpus.h"
#include "model_file.h"
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct made_corpus made;
static struct trainer trainer;

static const char *at(const char *name)
{
    static char paths[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

/* A trainer that has done `steps` steps. */
static void begin(size_t steps)
{
    const struct config config = make_config(NULL);
    struct step_report report;
    strcpy(folder, "/tmp/affekt-model-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    made = make_corpus(20, 20);
    CU_ASSERT_EQUAL_FATAL(trainer_init(&trainer, group_self(), &made.corpus, &config), OK);
    for (size_t i = 0; i < steps; i++)
        CU_ASSERT_EQUAL_FATAL(trainer_step(&trainer, false, &report), OK);
}

static void end(void)
{
    char command[128];
    trainer_fini(&trainer);
    make_corpus_free(&made);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void opens_what_was_saved(void)
{
    struct model model;
    begin(2);
    CU_ASSERT_EQUAL(model_file_save(&trainer, at("m.h5")), OK);
    CU_ASSERT_EQUAL_FATAL(model_open(&model, at("m.h5")), OK);
    CU_ASSERT_EQUAL(model.step, 2);
    CU_ASSERT_EQUAL(model.vae.parameters.count, trainer.vae.parameters.count);
    for (size_t t = 0; t < model.vae.parameters.n_tensors; t++) { /* padding is not stored */
        const struct tensor *a = &model.vae.parameters.tensors[t];
        CU_ASSERT_STRING_EQUAL(a->name, trainer.vae.parameters.tensors[t].name);
        CU_ASSERT_EQUAL(memcmp(model.theta + a->offset, trainer.theta + a->offset,
                               a->rows * a->columns * sizeof *model.theta),
                        0);
    }
    CU_ASSERT_EQUAL(memcmp(&model.standard, &trainer.standard, sizeof model.standard), 0);
    CU_ASSERT_EQUAL(model.vocabulary.settings.bars, made.corpus.vocabulary.settings.bars);
    CU_ASSERT_EQUAL(model.vocabulary.n_duration, made.corpus.vocabulary.n_duration);
    char *saved = config_print(&trainer.config), *opened = config_print(&model.config);
    CU_ASSERT_STRING_EQUAL(saved, opened);
    free(saved);
    free(opened);
    model_close(&model);
    end();
}

static void finds_the_checkpoint_of_a_folder(void)
{
    char path[256], small[16];
    struct model model;
    begin(1);
    CU_ASSERT_EQUAL(model_file_resolve(path, sizeof path, folder), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "checkpoints/latest"));
    CU_ASSERT_EQUAL(mkdir(at("checkpoints"), 0777), 0);
    CU_ASSERT_EQUAL(model_file_save(&trainer, at("checkpoints/step-00000001.h5")), OK);
    CU_ASSERT_EQUAL(symlink("step-00000001.h5", at("checkpoints/latest")), 0);
    CU_ASSERT_EQUAL(model_file_resolve(path, sizeof path, folder), OK);
    CU_ASSERT_STRING_EQUAL(path, at("checkpoints/latest"));
    CU_ASSERT_EQUAL(model_open(&model, folder), OK);
    model_close(&model);
    CU_ASSERT_EQUAL(model_file_resolve(path, sizeof path, at("nothing")), FAILED);
    CU_ASSERT_EQUAL(model_file_resolve(small, sizeof small, folder), FAILED);
    end();
}

/* Whether opening fails with `word` in its message, and leaves nothing behind. */
static void refuses(const char *name, const char *word)
{
    struct model model;
    CU_ASSERT_EQUAL(model_open(&model, at(name)), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), word));
    CU_ASSERT_PTR_NULL(model.theta);
}

static void refuses_what_is_no_trained_model(void)
{
    begin(1);
    trainer.step = 0;
    CU_ASSERT_EQUAL(model_file_save(&trainer, at("fresh.h5")), OK);
    refuses("fresh.h5", "never trained");
    trainer.step = 1;
    trainer.theta[trainer.vae.mixture_mean] = (real)NAN;
    CU_ASSERT_EQUAL(model_file_save(&trainer, at("nan.h5")), OK);
    refuses("nan.h5", "not finite");
    make_corpus_write(&made, at("corpus.h5"));
    refuses("corpus.h5", "corpus.h5");
    FILE *file = fopen(at("text.h5"), "w");
    fputs("not a checkpoint", file);
    fclose(file);
    refuses("text.h5", "text.h5");
    refuses("missing.h5", "no such file");
    trainer.theta[trainer.vae.mixture_mean] = 0;
    CU_ASSERT_EQUAL(model_file_save(&trainer, at("torn.h5")), OK);
    CU_ASSERT_EQUAL(truncate(at("torn.h5"), 20000), 0);
    refuses("torn.h5", "torn.h5");
    end();
}

static void a_failed_opening_frees_everything(void)
{
    begin(1);
    CU_ASSERT_EQUAL(model_file_save(&trainer, at("m.h5")), OK);
    long k = 1;
    for (enum status status = FAILED; status != OK && k < 400; k++) {
        struct model model;
        status_fault_set(k);
        status = model_open(&model, at("m.h5"));
        status_fault_set(0);
        CU_ASSERT(status == OK || status == FAILED);
        if (status == OK) model_close(&model);
    }
    CU_ASSERT(k > 6 && k < 400);
    end();
}

const char *const suite_name = "model_file";
const struct suite_test suite_tests[] = {
    {"opens what was saved", opens_what_was_saved},
    {"finds the checkpoint of a folder", finds_the_checkpoint_of_a_folder},
    {"refuses what is no trained model", refuses_what_is_no_trained_model},
    {"a failed opening frees everything", a_failed_opening_frees_everything},
    {NULL, NULL},
};
