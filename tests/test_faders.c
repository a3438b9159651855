/* faders: the same tables on any number of ranks, and of the training rows. */
#define _GNU_SOURCE
#include "faders.h"

#include "runner.h"
#include "tiny_model.h"
#include "trainer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const suite_name = "faders";

enum { PATH_ROOM = 256 };

static enum status measure(struct faders *faders, struct group *group, const struct corpus *corpus)
{
    static const char *const settings[] = {"train.batch=4", "train.micro_events=512"};
    enum status status = OK;
    struct config config;
    struct trainer trainer = {0};
    TRY(config_resolve(&config, "tiny", NULL, settings, 2));
    TRY(trainer_init(&trainer, group, corpus, &config));
    TRY(faders_measure(faders, &trainer));
done:
    trainer_fini(&trainer);
    return status;
}

static void ranks_do_not_matter(void)
{
    char folder[PATH_ROOM] = "/tmp/affekt_faders_XXXXXX", path[PATH_ROOM + 16];
    struct group *group = NULL;
    struct corpus corpus = {.descriptor = -1};
    struct faders all = {.known = false}, one = {.known = false};
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    const bool leads = group_rank(group) == 0;
    if (leads) {
        CU_ASSERT_PTR_NOT_NULL(mkdtemp(folder));
        CU_ASSERT_EQUAL(tiny_corpus_make(folder, 3), OK);
    }
    group_broadcast(group, folder, sizeof folder, 0);
    snprintf(path, sizeof path, "%s/corpus.h5", folder);
    CU_ASSERT_EQUAL(corpus_open(&corpus, path), OK);
    CU_ASSERT_EQUAL(measure(&all, group, &corpus), OK);
    CU_ASSERT_EQUAL(measure(&one, group_self(), &corpus), OK);
    CU_ASSERT(all.known && one.known);
    CU_ASSERT_EQUAL(memcmp(all.attribute, one.attribute, sizeof one.attribute), 0);
    CU_ASSERT_EQUAL(memcmp(all.coordinate, one.coordinate, sizeof one.coordinate), 0);
    for (int f = 0; f < BATCH_FADERS; f++)
        for (int i = 1; i < FADERS_QUANTILES; i++) {
            CU_ASSERT(one.attribute[f][i] >= one.attribute[f][i - 1]);
            CU_ASSERT(one.coordinate[f][i] >= one.coordinate[f][i - 1]);
        }
    CU_ASSERT(one.attribute[0][0] > 0 && one.attribute[0][FADERS_QUANTILES - 1] <= 1);
    corpus_close(&corpus);
    group_barrier(group);
    if (leads) {
        snprintf(path, sizeof path, "rm -r %.200s", folder);
        CU_ASSERT_EQUAL(system(path), 0);
    }
    group_world_destroy(group);
}

const struct suite_test suite_tests[] = {
    {"ranks do not matter", ranks_do_not_matter},
    {NULL, NULL},
};
