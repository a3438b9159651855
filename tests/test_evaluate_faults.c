/* Evaluation without MPI, and with a failure at every few of its fallible points. */
#define _GNU_SOURCE
#include "evaluate.h"
#include "pack.h"
#include "runner.h"
#include "tiny_model.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

const char *const suite_name = "evaluate_faults";

enum { PATH_ROOM = 256, STRIDE = 37, MOST = 100000 };

static char folder[] = "/tmp/affekt_faults_XXXXXX";
static char corpus[PATH_ROOM], checkpoint[PATH_ROOM];

static enum status pack_anew(void)
{
    char music[PATH_ROOM], table[PATH_ROOM];
    const char *const inputs[] = {music}, *const tables[] = {table};
    const struct pack_options options = {.inputs = inputs,
                                         .n_inputs = 1,
                                         .labels = tables,
                                         .n_labels = 1,
                                         .out = corpus,
                                         .percent = {50, 0, 50}};
    struct pack_result result;
    snprintf(music, sizeof music, "%s/music", folder);
    snprintf(table, sizeof table, "%s/music/labels.csv", folder);
    return pack_run(group_self(), &options, &result);
}

static void makes_a_model(void)
{
    static const char *const settings[] = {"train.steps=3", "train.batch=2", "train.stage1=0.4"};
    const struct tiny_training training = {
        .corpus = corpus, .out = checkpoint, .steps = 3, .settings = settings, .n_settings = 3};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(corpus, sizeof corpus, "%s/half.h5", folder);
    snprintf(checkpoint, sizeof checkpoint, "%s/model.h5", folder);
    CU_ASSERT_EQUAL_FATAL(tiny_corpus_make(folder, 2), OK);
    CU_ASSERT_EQUAL_FATAL(pack_anew(), OK);
    CU_ASSERT_EQUAL_FATAL(tiny_model_make(&training), OK);
}

static enum status evaluate_once(void)
{
    const struct evaluate_settings settings = {.checkpoint = checkpoint,
                                               .corpus = corpus,
                                               .split = SPLIT_TEST,
                                               .sweeps = 1,
                                               .drafts = 2,
                                               .count = 4,
                                               .transfers = 1};
    struct progress silent = {0};
    json_t *document = NULL;
    const enum status status = evaluate_checkpoint(group_self(), &settings, &silent, &document);
    CU_ASSERT_EQUAL(status == OK, document != NULL);
    json_decref(document);
    return status;
}

static void failures_are_clean(void)
{
    enum status status = FAILED;
    long k = 1, n = 0;
    for (; k < MOST && status != OK; k += STRIDE, n++) {
        status_fault_set(k);
        status = evaluate_once();
        status_fault_set(0);
    }
    CU_ASSERT_EQUAL(status, OK);
    CU_ASSERT(n > 10);
}

static void removes_its_files(void)
{
    char command[PATH_ROOM];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

const struct suite_test suite_tests[] = {
    {"makes a model", makes_a_model},
    {"failures are clean", failures_are_clean},
    {"removes its files", removes_its_files},
    {NULL, NULL},
};
