/* The tiny model that several suites use. */
#define _GNU_SOURCE
#include "model_fixture.h"

#include "runner.h"
#include "tiny_model.h"

#include <stdio.h>
#include <stdlib.h>

struct model_fixture fixture = {.folder = "/tmp/affekt_model_XXXXXX"};

char *fixture_path(char path[FIXTURE_PATH], const char *name)
{
    snprintf(path, FIXTURE_PATH, "%s/%s", fixture.folder, name);
    return path;
}

enum status fixture_train(const char *name, size_t steps, const char *const *settings,
                          size_t n_settings)
{
    char corpus[FIXTURE_PATH], out[FIXTURE_PATH];
    const struct tiny_training training = {.corpus = fixture_path(corpus, "corpus.h5"),
                                           .out = fixture_path(out, name),
                                           .steps = steps,
                                           .settings = settings,
                                           .n_settings = n_settings};
    return tiny_model_make(&training);
}

void fixture_make(void)
{
    static const char *const settings[] = {"train.steps=12",   "train.batch=4",
                                           "train.stage1=0.5", "mixture.components=2",
                                           "train.warmup=1",   "train.learning_rate=0.005"};
    char path[FIXTURE_PATH];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(fixture.folder));
    CU_ASSERT_EQUAL_FATAL(tiny_corpus_make(fixture.folder, 4), OK);
    CU_ASSERT_EQUAL_FATAL(fixture_train("model.h5", 12, settings, 6), OK);
    CU_ASSERT_EQUAL_FATAL(model_open(&fixture.model, fixture_path(path, "model.h5")), OK);
}

void fixture_remove(void)
{
    char command[FIXTURE_PATH];
    model_close(&fixture.model);
    snprintf(command, sizeof command, "rm -rf %s", fixture.folder);
    CU_ASSERT_EQUAL(system(command), 0);
}
