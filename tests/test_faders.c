/* faders: the same tables on any number of ranks, and of the training rows. */
#define _GNU_SOURCE
#include "faders.h"

#include "encode.h"
#include "runner.h"
#include "tiny_model.h"
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Posterior means of the training rows, (n, latent) a factor. */
struct means {
    size_t n, latent;
    real *z[N_FACTORS];
};

static void keep_means(void *context, const struct micro *micro)
{
    struct means *means = context;
    for (size_t i = 0; i < micro->n_segments; i++, means->n++)
        for (int g = 0; g < N_FACTORS; g++)
            memcpy(means->z[g] + means->n * means->latent,
                   micro->tape.encoder[g].moments + i * 2 * means->latent,
                   means->latent * sizeof(real));
}

/* What is left of a coordinate, less its slopes times both faders', goes with neither fader. */
static void check_slopes(const struct faders *faders, const struct means *means, int f)
{
    const int first = f / VAE_FADERS * VAE_FADERS;
    const real *z = means->z[vae_fader_factor(f)];
    const double *slope = faders->slope + (size_t)first * means->latent;
    const size_t own = vae_fader_coordinate(f), latent = means->latent;
    double mean = 0;
    for (size_t i = 0; i < means->n; i++) mean += (double)z[i * latent + own] / (double)means->n;
    for (size_t d = 0; d < latent; d++) {
        double with = 0, size = 0;
        for (size_t i = 0; i < means->n; i++) {
            const real *row = z + i * latent;
            const double way = (double)row[own] - mean;
            const double left =
                (double)row[d] - slope[d] * (double)row[0] - slope[latent + d] * (double)row[1];
            with += way * left;
            size += fabs(way * (double)row[d]);
        }
        if (d >= VAE_FADERS) CU_ASSERT(fabs(with) < 1e-5 * size);
        if (d < VAE_FADERS) CU_ASSERT(slope[d] == 0 && slope[latent + d] == 0);
    }
}

static void others_follow_by_least_squares(const struct corpus *corpus)
{
    static const char *const settings[] = {"train.batch=4", "train.micro_events=512"};
    struct config config;
    struct trainer trainer = {0};
    struct faders faders;
    struct means means = {0};
    struct row *rows;
    size_t n;
    CU_ASSERT_EQUAL_FATAL(config_resolve(&config, "tiny", NULL, settings, 2), OK);
    CU_ASSERT_EQUAL_FATAL(trainer_init(&trainer, group_self(), corpus, &config), OK);
    CU_ASSERT_EQUAL_FATAL(faders_measure(&faders, &trainer), OK);
    CU_ASSERT_EQUAL_FATAL(sampler_held_out(&trainer.sampler, &config, SPLIT_TRAIN, 256, &rows, &n),
                          OK);
    means.latent = vae_latent(&trainer.vae.shape);
    for (int g = 0; g < N_FACTORS; g++) means.z[g] = malloc(n * 4 * means.latent * sizeof(real));
    CU_ASSERT_EQUAL_FATAL(encode_rows(&trainer, rows, n, 1, keep_means, &means), OK);
    CU_ASSERT(means.n > 8);
    for (int f = 0; f < BATCH_FADERS; f++) check_slopes(&faders, &means, f);
    for (int g = 0; g < N_FACTORS; g++) free(means.z[g]);
    free(rows);
    trainer_fini(&trainer);
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
    CU_ASSERT_EQUAL(memcmp(all.slope, one.slope, sizeof one.slope), 0);
    for (int f = 0; f < BATCH_FADERS; f++)
        for (int i = 1; i < FADERS_QUANTILES; i++) {
            CU_ASSERT(one.attribute[f][i] >= one.attribute[f][i - 1]);
            CU_ASSERT(one.coordinate[f][i] >= one.coordinate[f][i - 1]);
        }
    CU_ASSERT(one.attribute[0][0] > 0 && one.attribute[0][FADERS_QUANTILES - 1] <= 1);
    if (leads) others_follow_by_least_squares(&corpus);
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
