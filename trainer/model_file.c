/* Checkpoints as the trainer sees them. */
#include "model_file.h"

#include "gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N_BLOCKS = 3, N_EXTRA = 2, N_MEASURED = 4, N_PROGRESS = 4, N_PATIENCE = 4, N_SPIKE = 3 };
enum { N_TABLES = 2 }; /* of the measured: without both there are no faders */

static const char *const BLOCKS[N_BLOCKS] = {"model", "optimizer/first", "optimizer/second"};

/* The fields of a file: every tensor of the first `n_blocks` blocks, then the extra ones. */
struct fields {
    struct checkpoint_field *field; /* owned */
    size_t n;
    double standard[2][N_ATTRIBUTES];
    int64_t step;
    struct faders faders;
    int64_t n_labelled[N_EMOTIONS], n_ruled[N_EMOTIONS];
    double window[MIXTURE_MAX_COMPONENTS];
    struct patience patience;
    struct spike spike;
};

static void describe(struct checkpoint_field *field, enum checkpoint_type type, size_t rows,
                     size_t columns, void *data)
{
    field->type = type;
    field->rows = rows;
    field->columns = columns;
    field->data = data;
}

static enum status fields_init(struct fields *fields, const struct parameters *parameters,
                               real *const block[], size_t n_blocks)
{
    *fields = (struct fields){0};
    fields->field = calloc(n_blocks * parameters->n_tensors + N_EXTRA + N_MEASURED + N_PROGRESS,
                           sizeof *fields->field);
    if (!fields->field || status_fault())
        return status_fail(FAILED, "no memory for the fields of a checkpoint");
    for (size_t b = 0; b < n_blocks; b++)
        for (size_t t = 0; t < parameters->n_tensors; t++) {
            const struct tensor *tensor = &parameters->tensors[t];
            struct checkpoint_field *field = &fields->field[fields->n++];
            snprintf(field->name, sizeof field->name, "%s/%s", BLOCKS[b], tensor->name);
            describe(field, CHECKPOINT_FLOAT, tensor->rows, tensor->columns,
                     block[b] + tensor->offset);
        }
    struct checkpoint_field *field = &fields->field[fields->n];
    snprintf(field[0].name, sizeof field[0].name, "attributes/standard");
    describe(&field[0], CHECKPOINT_DOUBLE, 2, N_ATTRIBUTES, fields->standard);
    snprintf(field[1].name, sizeof field[1].name, "trainer/step");
    describe(&field[1], CHECKPOINT_INT64, 1, 1, &fields->step);
    fields->n += N_EXTRA;
    return OK;
}

/* Describes what files of earlier versions lack; returns how many fields these are. */
static size_t describe_measured(struct checkpoint_field field[N_MEASURED], struct fields *fields,
                                const struct vae_shape *shape)
{
    snprintf(field[0].name, sizeof field[0].name, "faders/attribute");
    describe(&field[0], CHECKPOINT_DOUBLE, BATCH_FADERS, FADERS_QUANTILES,
             fields->faders.attribute);
    snprintf(field[1].name, sizeof field[1].name, "faders/coordinate");
    describe(&field[1], CHECKPOINT_DOUBLE, BATCH_FADERS, FADERS_QUANTILES,
             fields->faders.coordinate);
    snprintf(field[2].name, sizeof field[2].name, "faders/slope");
    describe(&field[2], CHECKPOINT_DOUBLE, BATCH_FADERS, vae_latent(shape), fields->faders.slope);
    snprintf(field[3].name, sizeof field[3].name, "labels/count");
    describe(&field[3], CHECKPOINT_INT64, 1, N_EMOTIONS, fields->n_labelled);
    return N_MEASURED;
}

static void describe_rule(struct checkpoint_field *field, struct fields *fields)
{
    snprintf(field->name, sizeof field->name, "labels/rule");
    describe(field, CHECKPOINT_INT64, 1, N_EMOTIONS, fields->n_ruled);
}

/* What a trainer goes on with, and files of earlier versions lack too; returns the fields' number.
 */
static size_t describe_progress(struct checkpoint_field field[N_PROGRESS], struct fields *fields,
                                const struct vae_shape *shape)
{
    snprintf(field[0].name, sizeof field[0].name, "trainer/window");
    describe(&field[0], CHECKPOINT_DOUBLE, 1, MIXTURE_EMOTIONS * shape->per_emotion,
             fields->window);
    snprintf(field[1].name, sizeof field[1].name, "trainer/patience");
    describe(&field[1], CHECKPOINT_DOUBLE, 1, N_PATIENCE, &fields->patience);
    describe_rule(&field[2], fields);
    snprintf(field[3].name, sizeof field[3].name, "trainer/spike");
    describe(&field[3], CHECKPOINT_DOUBLE, 1, N_SPIKE, &fields->spike);
    return N_PROGRESS;
}

static void count_labels(int64_t n_labelled[N_EMOTIONS], const struct trainer *trainer)
{
    const struct corpus *corpus = trainer->corpus;
    memset(n_labelled, 0, N_EMOTIONS * sizeof *n_labelled);
    for (size_t i = 0; i < corpus->n_pieces; i++) {
        const int8_t label = trainer->sampler.label[i];
        if (label == CORPUS_UNLABELLED) continue;
        n_labelled[label] += sampler_split(&trainer->config, &corpus->pieces[i]) == SPLIT_TRAIN;
    }
}

void model_file_tokeniser(char text[MODEL_FILE_TOKENISER], const struct events_settings *settings)
{
    snprintf(text, MODEL_FILE_TOKENISER, "grid = %d\nbars = %d\n", settings->grid, settings->bars);
}

static void fields_fini(struct fields *fields)
{
    free(fields->field);
}

/* Where whole moments stand while they go to or come from a file: sharded, in memory that is free
 * between steps. */
static void place_blocks(struct trainer *trainer, real *block[N_BLOCKS])
{
    block[0] = trainer->theta;
    block[1] = trainer->first;
    block[2] = trainer->second;
    if (!trainer->optimiser.sharded) return;
    arena_reset(&trainer->activations, 0);
    block[1] = trainer->gradient;
    block[2] = arena_reals(&trainer->activations, trainer->vae.parameters.count);
}

enum status model_file_save(struct trainer *trainer, const char *path)
{
    struct faders faders;
    const enum status status = faders_measure(&faders, trainer);
    return status == OK ? model_file_write(trainer, &faders, path) : status;
}

enum status model_file_write(struct trainer *trainer, const struct faders *faders, const char *path)
{
    enum status status = OK;
    real *block[N_BLOCKS];
    const struct events_settings *settings = &trainer->corpus->vocabulary.settings;
    struct fields fields;
    char tokeniser[MODEL_FILE_TOKENISER], *config = config_print(&trainer->config);
    place_blocks(trainer, block);
    enum status local = fields_init(&fields, &trainer->vae.parameters, block, N_BLOCKS);
    if (local == OK && !config) local = FAILED;
    TRY(group_agree(trainer->group, local));
    fields.faders = *faders;
    count_labels(fields.n_labelled, trainer);
    fields.n += describe_measured(fields.field + fields.n, &fields, &trainer->vae.shape);
    fields.n += describe_progress(fields.field + fields.n, &fields, &trainer->vae.shape);
    memcpy(fields.window, trainer->window.mass, sizeof fields.window);
    fields.patience = trainer->patience;
    fields.spike = trainer->spike;
    memcpy(fields.n_ruled, trainer->n_ruled, sizeof fields.n_ruled);
    model_file_tokeniser(tokeniser, settings);
    memcpy(fields.standard[0], trainer->standard.mean, sizeof fields.standard[0]);
    memcpy(fields.standard[1], trainer->standard.deviation, sizeof fields.standard[1]);
    fields.step = (int64_t)trainer->step;
    if (trainer->optimiser.sharded) {
        optimiser_collect(&trainer->optimiser, block[1], trainer->first);
        optimiser_collect(&trainer->optimiser, block[2], trainer->second);
    }
    const struct checkpoint_text texts[] = {{"config", config}, {"tokeniser", tokeniser}};
    TRY(checkpoint_save(trainer->group, path, fields.field, fields.n, texts,
                        sizeof texts / sizeof *texts));
done:
    fields_fini(&fields);
    free(config);
    return status;
}

/* Loads those of the fields that the file has and counts them; the others' data stays as it is. */
static enum status load_present(struct checkpoint_field *wanted, size_t n, size_t *n_found,
                                const char *path)
{
    enum status status = OK;
    struct checkpoint_field *present = NULL;
    size_t n_present = 0;
    *n_found = 0;
    TRY(checkpoint_list(path, &present, &n_present));
    for (size_t i = 0; i < n_present; i++)
        for (size_t j = 0; j < n; j++) {
            if (strcmp(present[i].name, wanted[j].name) != 0) continue;
            TRY(checkpoint_load(path, &wanted[j], 1));
            ++*n_found;
        }
done:
    free(present);
    return status;
}

static enum status load_fields(struct fields *fields, const struct vae_shape *shape,
                               const char *path)
{
    enum status status = OK;
    struct checkpoint_field progress[N_PROGRESS];
    size_t n_found;
    TRY(checkpoint_verify(path));
    TRY(checkpoint_load(path, fields->field, fields->n));
    const size_t n = describe_progress(progress, fields, shape);
    TRY(load_present(progress, n, &n_found, path));
    if (fields->step < 0) FAIL(FAILED, "%s: step %lld", path, (long long)fields->step);
done:
    return status;
}

enum status model_file_resume(struct trainer *trainer, const char *path)
{
    enum status status = OK;
    real *block[N_BLOCKS];
    const size_t bytes = trainer->vae.parameters.count * sizeof(real);
    struct fields fields;
    place_blocks(trainer, block);
    enum status local = fields_init(&fields, &trainer->vae.parameters, block, N_BLOCKS);
    if (local == OK && group_rank(trainer->group) == 0)
        local = load_fields(&fields, &trainer->vae.shape, path);
    TRY(group_agree(trainer->group, local));
    for (int b = 0; b < N_BLOCKS; b++) group_broadcast(trainer->group, block[b], bytes, 0);
    if (trainer->optimiser.sharded) {
        optimiser_keep(&trainer->optimiser, trainer->first, block[1]);
        optimiser_keep(&trainer->optimiser, trainer->second, block[2]);
    }
    group_broadcast(trainer->group, fields.standard, sizeof fields.standard, 0);
    group_broadcast(trainer->group, &fields.step, sizeof fields.step, 0);
    group_broadcast(trainer->group, fields.window, sizeof fields.window, 0);
    memcpy(trainer->window.mass, fields.window, sizeof fields.window);
    group_broadcast(trainer->group, &fields.patience, sizeof fields.patience, 0);
    trainer->patience = fields.patience;
    group_broadcast(trainer->group, &fields.spike, sizeof fields.spike, 0);
    trainer->spike = fields.spike;
    group_broadcast(trainer->group, fields.n_ruled, sizeof fields.n_ruled, 0);
    memcpy(trainer->n_ruled, fields.n_ruled, sizeof trainer->n_ruled);
    memcpy(trainer->standard.mean, fields.standard[0], sizeof fields.standard[0]);
    memcpy(trainer->standard.deviation, fields.standard[1], sizeof fields.standard[1]);
    trainer->step = (uint64_t)fields.step;
done:
    fields_fini(&fields);
    return status;
}

enum status model_file_resolve(char *out, size_t size, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) return status_fail(FAILED, "%s: no such file or folder", path);
    const bool folder = S_ISDIR(info.st_mode);
    const int n = snprintf(out, size, "%s%s", path, folder ? "/checkpoints/latest" : "");
    if (n < 0 || (size_t)n >= size) return status_fail(FAILED, "%s: path too long", path);
    if (folder && stat(out, &info) != 0)
        return status_fail(FAILED, "%s: a folder without checkpoints/latest", path);
    return OK;
}

/* The file itself, RUN/checkpoints/best where early stopping has left it, else the latest. */
static enum status resolve_best(char *out, size_t size, const char *path)
{
    struct stat info;
    const int n = snprintf(out, size, "%s/checkpoints/best", path);
    if (n > 0 && (size_t)n < size && stat(out, &info) == 0) return OK;
    return model_file_resolve(out, size, path);
}

static enum status read_tokeniser(struct events_vocabulary *vocabulary, const char *path)
{
    enum status status = OK;
    struct events_settings settings;
    char *text = NULL;
    TRY(checkpoint_load_text(path, "tokeniser", &text));
    if (sscanf(text, "grid = %d bars = %d", &settings.grid, &settings.bars) != 2)
        FAIL(FAILED, "%s: the tokeniser's settings cannot be read", path);
    TRY(events_vocabulary_init(vocabulary, &settings));
done:
    free(text);
    return status;
}

static enum status read_config(struct config *config, const char *path)
{
    enum status status = OK;
    char *text = NULL;
    TRY(checkpoint_load_text(path, "config", &text));
    TRY(config_init(config, NULL));
    TRY(config_text(config, text, path));
    TRY(config_check(config));
done:
    free(text);
    return status == USAGE ? FAILED : status;
}

static enum status check_finite(const struct model *model, const char *path)
{
    if (model->step == 0) return status_fail(FAILED, "%s: a model that never trained", path);
    for (size_t i = 0; i < model->vae.parameters.count; i++)
        if (!isfinite(model->theta[i])) return status_fail(FAILED, "%s: weights not finite", path);
    return OK;
}

/* The measured fields and the rule's word, as far as the file has them. */
static enum status read_measured(struct model *model, struct fields *fields, const char *path)
{
    enum status status = OK;
    struct checkpoint_field wanted[N_MEASURED], rule;
    size_t n_found = 0;
    const size_t n = describe_measured(wanted, fields, &model->vae.shape);
    for (int y = 0; y < N_EMOTIONS; y++) fields->n_labelled[y] = -1;
    TRY(load_present(wanted, N_TABLES, &n_found, path));
    const bool known = n_found == N_TABLES;
    TRY(load_present(wanted + N_TABLES, n - N_TABLES, &n_found, path));
    describe_rule(&rule, fields);
    TRY(load_present(&rule, 1, &n_found, path));
    if (known) model->faders = fields->faders;
    model->faders.known = known;
    memcpy(model->n_labelled, fields->n_labelled, sizeof model->n_labelled);
    memcpy(model->n_ruled, fields->n_ruled, sizeof model->n_ruled);
done:
    return status;
}

enum status model_open(struct model *model, const char *path)
{
    enum status status = OK;
    struct fields fields = {0};
    char file[4096];
    *model = (struct model){0};
    TRY(resolve_best(file, sizeof file, path));
    TRY(checkpoint_verify(file));
    TRY(read_config(&model->config, file));
    TRY(read_tokeniser(&model->vocabulary, file));
    const struct vae_shape shape = trainer_shape(&model->config, &model->vocabulary);
    TRY(gemm_init(model->config.train.threads));
    TRY(vae_init(&model->vae, &shape));
    TRY(arena_init(&model->block, model->vae.parameters.count * sizeof(real) + 64));
    model->theta = arena_zeros(&model->block, model->vae.parameters.count);
    TRY(fields_init(&fields, &model->vae.parameters, &model->theta, 1));
    TRY(checkpoint_load(file, fields.field, fields.n));
    memcpy(model->standard.mean, fields.standard[0], sizeof fields.standard[0]);
    memcpy(model->standard.deviation, fields.standard[1], sizeof fields.standard[1]);
    model->step = (uint64_t)fields.step;
    TRY(read_measured(model, &fields, file));
    TRY(check_finite(model, file));
done:
    fields_fini(&fields);
    if (status != OK) model_close(model);
    return status;
}

void model_close(struct model *model)
{
    vae_fini(&model->vae);
    arena_fini(&model->block);
    *model = (struct model){0};
}
