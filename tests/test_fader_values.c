/* Fader values and what a checkpoint tells of its training: places, measured values, older files.
 */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "faders.h"
#include "latent.h"
#include "model_fixture.h"
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const suite_name = "fader values";

static double coordinate_of(int fader, const char *text)
{
    struct fader_setting settings[BATCH_FADERS] = {{FADER_FREE, 0}};
    struct fader_target target;
    CU_ASSERT_EQUAL_FATAL(fader_parse(&settings[fader], fader, text), OK);
    CU_ASSERT_EQUAL_FATAL(faders_resolve(&target, &fixture.model.faders, settings, "x"), OK);
    for (int i = 0; i < BATCH_FADERS; i++) CU_ASSERT_EQUAL(target.set[i], i == fader);
    return target.coordinate[fader];
}

static void faders_rise(void)
{
    const size_t last = FADERS_QUANTILES - 1;
    CU_ASSERT_FATAL(fixture.model.faders.known);
    for (int f = 0; f < BATCH_FADERS; f++) {
        const double *attribute = fixture.model.faders.attribute[f];
        const double *coordinate = fixture.model.faders.coordinate[f];
        double before = -HUGE_VAL, measured_before = -HUGE_VAL;
        char text[64];
        CU_ASSERT(attribute[last] > attribute[0] && coordinate[last] > coordinate[0]);
        for (int i = -10; i <= 10; i++) {
            snprintf(text, sizeof text, "%.1f", i / 10.0);
            const double place = coordinate_of(f, text);
            CU_ASSERT(place >= before);
            CU_ASSERT_DOUBLE_EQUAL(place, coordinate[i + 10], 1e-9);
            before = place;
            const double share = (i + 10) / 20.0 * 0.9999;
            snprintf(text, sizeof text, "abs:%.9g",
                     attribute[0] + share * (attribute[last] - attribute[0]) + 1e-9);
            const double measured = coordinate_of(f, text);
            CU_ASSERT(measured >= measured_before);
            measured_before = measured;
        }
    }
}

static void measured_values_find_their_place(void)
{
    struct faders faders = {.known = true};
    struct fader_setting settings[BATCH_FADERS] = {{FADER_MEASURED, 0}};
    struct fader_target target;
    for (int i = 0; i < FADERS_QUANTILES; i++) {
        faders.attribute[0][i] = i < 5 ? 2 : i < 11 ? i : 30; /* level at both ends */
        faders.coordinate[0][i] = i * i;
    }
    static const double value[] = {2, 7.5, 30, 20}, want[] = {4, 56.5, 240.5, 110.5};
    for (int i = 0; i < 4; i++) {
        settings[0].value = value[i];
        CU_ASSERT_EQUAL_FATAL(faders_resolve(&target, &faders, settings, "x"), OK);
        CU_ASSERT_DOUBLE_EQUAL(target.coordinate[0], want[i], 1e-9);
    }
    settings[0].value = 31;
    CU_ASSERT_EQUAL(faders_resolve(&target, &faders, settings, "x"), USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(),
                           "--rhythm-density = abs:31: the training set has 2 to 30");
    faders.known = false;
    CU_ASSERT_EQUAL(faders_resolve(&target, &faders, settings, "x.h5"), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(),
                           "x.h5: too old for --rhythm-density: it holds no faders");
}

/* Coordinate -> attribute is the way back, but for the two ends. */
static void coordinates_tell_attributes(void)
{
    const struct faders *faders = &fixture.model.faders;
    const size_t last = FADERS_QUANTILES - 1;
    for (int f = 0; f < BATCH_FADERS; f++) {
        const double *attribute = faders->attribute[f], *coordinate = faders->coordinate[f];
        for (size_t i = 1; i < last; i++)
            CU_ASSERT_DOUBLE_EQUAL(faders_attribute(faders, f, coordinate[i]), attribute[i], 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(faders_attribute(faders, f, coordinate[0] - 1), attribute[1], 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(faders_attribute(faders, f, coordinate[last] + 1),
                               attribute[last - 1], 1e-9);
    }
}

/* The fader's coordinate is set, the others of its factor follow by their slopes, all else stays.
 */
static void a_fader_moves_its_factor(void)
{
    const size_t latent = vae_latent(&fixture.model.vae.shape);
    const struct faders *faders = &fixture.model.faders;
    for (int f = 0; f < BATCH_FADERS; f++) {
        struct fader_target target = {.coordinate = {0}};
        real block[N_FACTORS * FADERS_MAX_LATENT];
        real *const z[N_FACTORS] = {block, block + latent};
        const double *slope = faders->slope + (size_t)f * latent;
        const size_t own = vae_fader_coordinate(f);
        double moved = 0;
        for (size_t i = 0; i < N_FACTORS * latent; i++) block[i] = (real)(0.25 * (double)i);
        const double way = 3.25 - (double)z[vae_fader_factor(f)][own];
        target.set[f] = true;
        target.coordinate[f] = 3.25;
        faders_apply(faders, &target, z, latent);
        for (size_t i = 0; i < N_FACTORS * latent; i++) {
            const bool mine = i / latent == (size_t)vae_fader_factor(f);
            double want = 0.25 * (double)i;
            if (mine) want = i % latent == own ? 3.25 : want + slope[i % latent] * way;
            CU_ASSERT_DOUBLE_EQUAL((double)block[i], want, 1e-5 * (1 + fabs(want)));
            moved += fabs((double)block[i] - 0.25 * (double)i);
        }
        CU_ASSERT(moved > fabs(way)); /* not the fader's alone */
    }
}

/* The model as a program would have saved it that did not know the fields named so; returns how
 * many these are. */
static size_t write_old(const char *path, const char *from, const char *unknown)
{
    struct checkpoint_field *fields;
    struct checkpoint_text texts[] = {{"config", NULL}, {"tokeniser", NULL}};
    char *text[2];
    size_t n, kept = 0;
    CU_ASSERT_EQUAL_FATAL(checkpoint_list(from, &fields, &n), OK);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(fields[i].name, unknown, strlen(unknown)) == 0) continue;
        fields[kept] = fields[i];
        fields[kept].data = calloc(fields[i].rows * fields[i].columns, 8);
        CU_ASSERT_PTR_NOT_NULL_FATAL(fields[kept].data);
        kept++;
    }
    CU_ASSERT_EQUAL_FATAL(checkpoint_load(from, fields, kept), OK);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(checkpoint_load_text(from, texts[i].name, &text[i]), OK);
        texts[i].text = text[i];
    }
    CU_ASSERT_EQUAL(checkpoint_save(group_self(), path, fields, kept, texts, 2), OK);
    for (size_t i = 0; i < kept; i++) free(fields[i].data);
    for (int i = 0; i < 2; i++) free(text[i]);
    free(fields);
    return n - kept;
}

/* Without slopes faders move alone; with half of the tables there are none. */
static void faders_load_as_far_as_they_are(void)
{
    char from[FIXTURE_PATH], path[FIXTURE_PATH];
    struct model old;
    fixture_path(from, "model.h5");
    fixture_path(path, "partly.h5");
    CU_ASSERT_EQUAL(write_old(path, from, "faders/slope"), 1);
    CU_ASSERT_EQUAL_FATAL(model_open(&old, path), OK);
    CU_ASSERT(old.faders.known);
    CU_ASSERT_EQUAL(old.faders.coordinate[3][7], fixture.model.faders.coordinate[3][7]);
    for (size_t i = 0; i < BATCH_FADERS * FADERS_MAX_LATENT; i++)
        CU_ASSERT(old.faders.slope[i] == 0);
    model_close(&old);
    CU_ASSERT_EQUAL(write_old(path, from, "faders/attribute"), 1);
    CU_ASSERT_EQUAL_FATAL(model_open(&old, path), OK);
    CU_ASSERT_FALSE(old.faders.known);
    CU_ASSERT_EQUAL(old.n_labelled[0], fixture.model.n_labelled[0]);
    model_close(&old);
}

static void older_checkpoints_still_load(void)
{
    char from[FIXTURE_PATH], path[FIXTURE_PATH], corpus_path[FIXTURE_PATH];
    struct model old;
    struct corpus corpus;
    struct trainer trainer;
    fixture_path(from, "model.h5");
    CU_ASSERT_EQUAL(write_old(fixture_path(corpus_path, "older.h5"), from, "faders/"), 3);
    CU_ASSERT_EQUAL(write_old(fixture_path(path, "old.h5"), corpus_path, "labels/"), 2);
    CU_ASSERT_EQUAL_FATAL(model_open(&old, path), OK);
    CU_ASSERT_FALSE(old.faders.known);
    CU_ASSERT_EQUAL(old.n_labelled[0], -1);
    CU_ASSERT_EQUAL(old.n_ruled[0], 0);
    CU_ASSERT_EQUAL(latent_check_point(&old, (struct latent_point){0, 0}, path), OK);
    CU_ASSERT_EQUAL_FATAL(corpus_open(&corpus, fixture_path(corpus_path, "corpus.h5")), OK);
    CU_ASSERT_EQUAL_FATAL(trainer_init(&trainer, group_self(), &corpus, &old.config), OK);
    CU_ASSERT_EQUAL(model_file_resume(&trainer, path), OK);
    CU_ASSERT_EQUAL(trainer.step, 12);
    trainer_fini(&trainer);
    corpus_close(&corpus);
    model_close(&old);
}

static void labels_are_counted(void)
{
    const int64_t kept = fixture.model.n_labelled[EMOTION_SAD];
    int64_t n = 0;
    for (int y = 0; y < N_EMOTIONS; y++) n += fixture.model.n_labelled[y];
    CU_ASSERT(n > 8 && n < 16); /* of 16, some held out */
    fixture.model.n_labelled[EMOTION_SAD] = 0;
    CU_ASSERT_EQUAL(latent_check_point(&fixture.model, latent_emotion(EMOTION_CALM), "x"), OK);
    CU_ASSERT_EQUAL(latent_check_point(&fixture.model, latent_emotion(EMOTION_SAD), "x"), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "x: was trained without a piece labelled sad");
    CU_ASSERT_EQUAL(latent_check_point(&fixture.model, (struct latent_point){0.5, 0.9}, "x"),
                    FAILED);
    fixture.model.n_ruled[EMOTION_SAD] = 1;
    CU_ASSERT_EQUAL(latent_check_point(&fixture.model, latent_emotion(EMOTION_SAD), "x"), OK);
    fixture.model.n_ruled[EMOTION_SAD] = 0;
    fixture.model.n_labelled[EMOTION_SAD] = kept;
}

const struct suite_test suite_tests[] = {
    {"makes a model", fixture_make},
    {"faders rise", faders_rise},
    {"measured values find their place", measured_values_find_their_place},
    {"coordinates tell attributes", coordinates_tell_attributes},
    {"a fader moves its factor", a_fader_moves_its_factor},
    {"faders load as far as they are", faders_load_as_far_as_they_are},
    {"older checkpoints still load", older_checkpoints_still_load},
    {"labels are counted", labels_are_counted},
    {"removes its files", fixture_remove},
    {NULL, NULL},
};
