/* An evaluation from checkpoint to document. */
#include "evaluate.h"

#include "evaluate_control.h"
#include "evaluate_discriminant.h"
#include "evaluate_generation.h"
#include "evaluate_judge.h"
#include "evaluate_parts.h"
#include "evaluate_told.h"
#include "evaluate_transfer.h"
#include "evaluate_write.h"
#include "latent.h"

#include <string.h>

/* Unlabelled rows of the training split that the regressions learn from, beside all labelled ones:
 * enough for a few hundred weights, and far less work than a large corpus. */
enum { MOST_TRAINING_ROWS = 2048 };

/* The weights in a trainer, which knows how ranks share rows. */
static enum status open_trainer(struct evaluation *evaluation)
{
    enum status status = OK;
    struct trainer *trainer = &evaluation->trainer;
    const struct model *model = &evaluation->model;
    TRY(trainer_init(trainer, evaluation->group, &evaluation->corpus, &model->config));
    memcpy(trainer->theta, model->theta, model->vae.parameters.count * sizeof(real));
    trainer->standard = model->standard;
    trainer->step = model->step;
done:
    return status;
}

static enum status open_inputs(struct evaluation *evaluation)
{
    enum status status = OK;
    const struct evaluate_settings *settings = evaluation->settings;
    TRY(model_open(&evaluation->model, settings->checkpoint));
    TRY(corpus_open(&evaluation->corpus, settings->corpus));
    const struct events_settings *has = &evaluation->corpus.vocabulary.settings;
    const struct events_settings *want = &evaluation->model.vocabulary.settings;
    if (has->grid != want->grid || has->bars != want->bars)
        FAIL(FAILED, "%s: grid %d and %d bars a segment; the model was trained with %d and %d",
             settings->corpus, has->grid, has->bars, want->grid, want->bars);
    evaluation->mixed = latent_check(&evaluation->model, settings->checkpoint) == OK;
done:
    return status;
}

static enum status encode_splits(struct evaluation *evaluation, struct progress *progress)
{
    enum status status = OK;
    struct bigram *bigram = NULL;
    struct trainer *trainer = &evaluation->trainer;
    TRY(bigram_create(&bigram, evaluation->group, &evaluation->corpus, &trainer->config));
    const struct evaluate_rows train = {
        .split = SPLIT_TRAIN, .most = MOST_TRAINING_ROWS, .normal = !evaluation->mixed};
    const struct evaluate_rows held = {.split = evaluation->settings->split,
                                       .most = SIZE_MAX,
                                       .bigram = bigram,
                                       .normal = !evaluation->mixed};
    progress_update(progress, "encoding the training split");
    TRY(evaluate_latents_create(&evaluation->train, trainer, &train));
    progress_update(progress, "encoding the %s split", split_names[held.split]);
    TRY(evaluate_latents_create(&evaluation->held, trainer, &held));
done:
    bigram_destroy(bigram);
    return status;
}

static enum status average_pieces(struct evaluation *evaluation)
{
    enum status status = OK;
    const struct corpus *corpus = &evaluation->corpus;
    const struct sampler *sampler = &evaluation->trainer.sampler;
    TRY(evaluate_pieces_create(&evaluation->known, &evaluation->train, corpus, sampler->label));
    TRY(evaluate_pieces_create(&evaluation->asked, &evaluation->held, corpus, sampler->label));
    evaluation->labelled = evaluation->known.n > 0 && evaluation->asked.n > 0;
done:
    return status;
}

/* Rank 0's share: a section of the document, made where all numbers already are. */
typedef enum status make_section(const struct evaluation *evaluation, json_t *section);

static enum status add_section(const struct evaluation *evaluation, json_t *document,
                               const char *name, make_section *make)
{
    enum status status = OK;
    json_t *section = json_object();
    TRY(make(evaluation, section));
    if (json_object_set(document, name, section) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(section);
    return status;
}

static json_t *head(const struct evaluation *evaluation)
{
    const struct evaluate_settings *settings = evaluation->settings;
    return json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "checkpoint",
                     settings->checkpoint, "step", (json_int_t)evaluation->model.step, "corpus",
                     settings->corpus, "split", split_names[settings->split], "seed",
                     (json_int_t)settings->seed, "replicates", (json_int_t)MEASURES_REPLICATES,
                     "pieces", (json_int_t)evaluation->held.n_pieces, "labelled_pieces",
                     (json_int_t)evaluation->asked.n, "labelled_training_pieces",
                     (json_int_t)evaluation->known.n);
}

static enum status make_document(const struct evaluation *evaluation, json_t *document)
{
    enum status status = OK;
    const bool labelled = evaluation->labelled;
    if (labelled) {
        TRY(add_section(evaluation, document, "emotion", evaluate_emotion));
        TRY(add_section(evaluation, document, "clusters", evaluate_clusters));
        TRY(add_section(evaluation, document, "discriminant", evaluate_discriminant));
    }
    TRY(add_section(evaluation, document, "leakage", evaluate_leakage));
    TRY(add_section(evaluation, document, "disentanglement", evaluate_disentanglement));
    TRY(add_section(evaluation, document, "likelihood", evaluate_likelihood));
    if (evaluation->control) {
        TRY(add_section(evaluation, document, "swap", evaluate_swaps));
        TRY(add_section(evaluation, document, "faders", evaluate_faders));
    }
    if (labelled) TRY(add_section(evaluation, document, "judge", evaluate_judge));
    if (labelled && evaluation->music)
        TRY(add_section(evaluation, document, "generation", evaluate_generation));
    if (evaluation->music) TRY(add_section(evaluation, document, "copying", evaluate_copying));
    if (evaluation->transfers)
        TRY(add_section(evaluation, document, "transfer", evaluate_transfer));
done:
    return status;
}

static enum status add_labelled(const struct evaluation *evaluation, json_t *document)
{
    enum status status = OK;
    json_t *list = json_array();
    if (evaluation->labelled) TRY(evaluate_labelled(evaluation, list));
    if (json_object_set(document, "labelled", list) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(list);
    return status;
}

static bool can_generate(const struct evaluation *evaluation)
{
    bool can = false;
    for (int y = 0; y < N_EMOTIONS; y++) can = can || evaluate_can(evaluation, y);
    return evaluation->mixed && can;
}

/* Why not every figure is there: the model lacks a mixture, or the corpus labels. */
static json_t *left_out(const struct evaluation *evaluation)
{
    const struct evaluate_settings *settings = evaluation->settings;
    if (evaluation->labelled && evaluation->mixed) return NULL;
    if (evaluation->labelled) {
        (void)(latent_check(&evaluation->model, settings->checkpoint) == OK);
        return json_pack("{s:s, s:[s, s, s, s, s, s, s]}", "reason", status_message(), "figures",
                         "emotion.mixture", "clusters.nmi", "clusters.ari",
                         "clusters.least_bhattacharyya", "generation", "copying", "transfer");
    }
    (void)status_fail(FAILED, "%s: no label in use in the %s split", settings->corpus,
                      split_names[evaluation->known.n > 0 ? settings->split : SPLIT_TRAIN]);
    return json_pack("{s:s, s:[s, s, s, s, s, s, s*]}", "reason", status_message(), "figures",
                     "emotion", "clusters", "discriminant", "judge", "generation", "transfer",
                     can_generate(evaluation) ? NULL : "copying");
}

static enum status add_left_out(const struct evaluation *evaluation, json_t *document)
{
    json_t *entry = left_out(evaluation);
    if (evaluation->labelled && evaluation->mixed) return OK;
    if (json_object_set_new(document, "left_out", entry) != 0)
        return status_fail(FAILED, "no memory for the results");
    return OK;
}

/* Asks the tellers, and teaches the judge of what was made. */
static enum status hear(struct evaluation *evaluation, struct evaluate_told *told,
                        struct judge *judge)
{
    enum status status = OK;
    if (!evaluation->labelled) return OK;
    TRY(evaluate_told_create(told, evaluation));
    evaluation->told = told;
    TRY(judge_init(judge, &evaluation->corpus, &evaluation->model.config,
                   evaluation->settings->seed));
    evaluation->judge = judge;
done:
    return status;
}

static enum status report(struct evaluation *evaluation, json_t **document)
{
    enum status status = OK;
    struct evaluate_told told = {0};
    struct judge judge = {0};
    TRY(hear(evaluation, &told, &judge));
    *document = head(evaluation);
    if (!*document) FAIL(FAILED, "no memory for the results, or a path that is not UTF-8");
    TRY(make_document(evaluation, *document));
    TRY(add_left_out(evaluation, *document));
    TRY(add_labelled(evaluation, *document));
    TRY(evaluate_write(evaluation, *document));
done:
    evaluation->told = NULL;
    evaluation->judge = NULL;
    judge_fini(&judge);
    evaluate_told_fini(&told);
    return status;
}

static void evaluation_fini(struct evaluation *evaluation)
{
    evaluate_pieces_fini(&evaluation->known);
    evaluate_pieces_fini(&evaluation->asked);
    evaluate_latents_fini(&evaluation->train);
    evaluate_latents_fini(&evaluation->held);
    trainer_fini(&evaluation->trainer);
    corpus_close(&evaluation->corpus);
    model_close(&evaluation->model);
}

enum status evaluate_checkpoint(struct group *group, const struct evaluate_settings *settings,
                                struct progress *progress, struct json_t **document)
{
    enum status status = OK;
    struct evaluation evaluation = {
        .settings = settings, .group = group, .corpus = {.descriptor = -1}};
    struct evaluate_control control = {0};
    struct evaluate_music music = {0};
    struct evaluate_copies copies = {0};
    struct evaluate_transfers transfers = {0};
    struct discriminant axes = {0};
    *document = NULL;
    TRY(group_agree(group, open_inputs(&evaluation)));
    TRY(open_trainer(&evaluation));
    TRY(encode_splits(&evaluation, progress));
    TRY(group_agree(group, average_pieces(&evaluation)));
    TRY(evaluate_discriminant_create(&axes, &evaluation));
    evaluation.discriminant = &axes;
    if (settings->sweeps > 0) {
        progress_update(progress, "sweeping the faders of %zu segments", settings->sweeps);
        TRY(evaluate_control_create(&control, &evaluation));
        evaluation.control = &control;
    }
    if (can_generate(&evaluation) && settings->count > 0) {
        progress_update(progress, "generating %zu pieces", settings->count);
        TRY(evaluate_music_create(&music, &evaluation));
        TRY(evaluate_copies_create(&copies, &evaluation, &music));
        evaluation.music = &music;
        evaluation.copies = &copies;
    }
    if (evaluation.mixed && evaluation.labelled && settings->transfers > 0) {
        progress_update(progress, "moving pieces to other emotions");
        TRY(evaluate_transfers_create(&transfers, &evaluation));
        evaluation.transfers = &transfers;
    }
    progress_update(progress, "measuring");
    TRY(group_agree(group, group_rank(group) == 0 ? report(&evaluation, document) : OK));
done:
    if (status != OK) {
        json_decref(*document);
        *document = NULL;
    }
    evaluate_control_fini(&control);
    evaluate_transfers_fini(&transfers);
    evaluate_copies_fini(&copies);
    evaluate_music_fini(&music);
    discriminant_fini(&axes);
    evaluation_fini(&evaluation);
    return status;
}
