#define _GNU_SOURCE
#include "tiny_model.h"

#include "composer.h"
#include "emotion.h"
#include "file.h"
#include "model_file.h"
#include "pack.h"
#include "smf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_ROOM = 512, ROW_ROOM = 64 };

static enum status compose(const char *folder, int emotion, size_t index, char *labels)
{
    enum status status = OK;
    struct score score = {0};
    struct composer_factors factors;
    char path[PATH_ROOM];
    const struct composer_request request = {
        .seed = 7, .index = (uint32_t)index, .emotion = emotion, .bars = 16};
    snprintf(path, sizeof path, "%s/music/%s-%zu.mid", folder, emotion_names[emotion], index);
    TRY(composer_piece(&score, &factors, &request));
    TRY(smf_write(&score, 0, path));
    sprintf(labels + strlen(labels), "%s-%zu.mid,%s\n", emotion_names[emotion], index,
            emotion_names[emotion]);
done:
    score_fini(&score);
    return status;
}

static enum status pack(const char *folder)
{
    char music[PATH_ROOM], labels[PATH_ROOM], corpus[PATH_ROOM];
    const char *const inputs[] = {music}, *const tables[] = {labels};
    const struct pack_options options = {.inputs = inputs,
                                         .n_inputs = 1,
                                         .labels = tables,
                                         .n_labels = 1,
                                         .out = corpus,
                                         .percent = {80, 10, 10}};
    struct pack_result result;
    snprintf(music, sizeof music, "%s/music", folder);
    snprintf(labels, sizeof labels, "%s/music/labels.csv", folder);
    snprintf(corpus, sizeof corpus, "%s/corpus.h5", folder);
    return pack_run(group_self(), &options, &result);
}

enum status tiny_corpus_make(const char *folder, size_t count)
{
    enum status status = OK;
    char path[PATH_ROOM];
    char *labels = calloc(N_EMOTIONS * count + 1, ROW_ROOM);
    if (!labels) FAIL(FAILED, "no memory");
    snprintf(path, sizeof path, "%s/music", folder);
    if (mkdir(path, 0777) != 0) FAIL(FAILED, "%s: cannot be made", path);
    strcpy(labels, "path,label\n");
    for (int emotion = 0; emotion < N_EMOTIONS; emotion++)
        for (size_t i = 0; i < count; i++) TRY(compose(folder, emotion, i, labels));
    snprintf(path, sizeof path, "%s/music/labels.csv", folder);
    TRY(file_write(path, labels, strlen(labels)));
    TRY(pack(folder));
done:
    free(labels);
    return status;
}

enum status tiny_model_make(const struct tiny_training *training)
{
    enum status status = OK;
    struct corpus corpus;
    struct config config;
    struct trainer trainer = {0};
    struct step_report report;
    TRY(corpus_open(&corpus, training->corpus));
    TRY(config_resolve(&config, "tiny", NULL, training->settings, training->n_settings));
    TRY(trainer_init(&trainer, group_self(), &corpus, &config));
    for (size_t i = 0; i < training->steps; i++) {
        TRY(trainer_step(&trainer, false, &report));
        if (i % 50 == 49) fprintf(stderr, "step %zu: loss %.3f\n", i + 1, report.loss);
    }
    if (training->not_finite) trainer.theta[0] = NAN;
    TRY(model_file_save(&trainer, training->out));
done:
    trainer_fini(&trainer);
    corpus_close(&corpus);
    return status;
}
