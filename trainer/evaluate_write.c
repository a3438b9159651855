/* Results in the run folder. */
#include "evaluate_write.h"

#include "checkpoint.h"
#include "file.h"
#include "run_folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FIELDS = 6, N_PARTS = 2 }; /* of a split; splits: training, measured */

static enum status write_document(const struct evaluate_settings *settings, const json_t *document)
{
    char path[RUN_FOLDER_PATH];
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text) return status_fail(FAILED, "no memory for the results");
    snprintf(path, sizeof path, "%s/evaluation.json", settings->checkpoint);
    const enum status status = file_write(path, text, strlen(text));
    free(text);
    return status;
}

static struct checkpoint_field field(enum split split, const char *name, enum checkpoint_type type,
                                     size_t n, size_t columns, void *data)
{
    struct checkpoint_field made = {.type = type, .rows = n, .columns = columns, .data = data};
    snprintf(made.name, sizeof made.name, "%s/%s", split_names[split], name);
    return made;
}

/* The places (3, n_segments) that a field of whole numbers has room for, in the order of the
 * fields. */
static void fill_places(int64_t *places, const struct evaluation *evaluation,
                        const struct evaluate_latents *latents)
{
    const size_t n = latents->n_segments;
    for (size_t i = 0; i < n; i++) {
        const uint32_t segment = latents->segment[i];
        places[i] = segment;
        places[n + i] = evaluation->corpus.segments[segment].piece;
        places[2 * n + i] = evaluate_label(evaluation, latents, i);
    }
}

static size_t describe(struct checkpoint_field fields[FIELDS], const struct evaluation *evaluation,
                       const struct evaluate_latents *latents, enum split split, int64_t *places)
{
    const size_t n = latents->n_segments, d = latents->latent;
    fill_places(places, evaluation, latents);
    fields[0] = field(split, "segment", CHECKPOINT_INT64, n, 1, places);
    fields[1] = field(split, "piece", CHECKPOINT_INT64, n, 1, places + n);
    fields[2] = field(split, "label", CHECKPOINT_INT64, n, 1, places + 2 * n);
    fields[3] = field(split, "rhythm", CHECKPOINT_DOUBLE, n, d, latents->z[FACTOR_RHYTHM]);
    fields[4] = field(split, "tonal", CHECKPOINT_DOUBLE, n, d, latents->z[FACTOR_TONAL]);
    fields[5] = field(split, "emotion", CHECKPOINT_DOUBLE, n, N_EMOTIONS, latents->log_p);
    return evaluation->mixed ? FIELDS : FIELDS - 1;
}

static enum status write_latents(const struct evaluation *evaluation)
{
    enum status status = OK;
    char path[RUN_FOLDER_PATH], tokeniser[MODEL_FILE_TOKENISER];
    struct checkpoint_field fields[1 + N_PARTS * FIELDS];
    int64_t step = (int64_t)evaluation->model.step;
    const struct evaluate_settings *settings = evaluation->settings;
    const struct evaluate_latents *train = &evaluation->train, *held = &evaluation->held;
    char *config = config_print(&evaluation->model.config);
    const size_t n_train = train->n_segments;
    int64_t *places = malloc(3 * (n_train + held->n_segments) * sizeof *places);
    if (!places || !config || status_fault())
        FAIL(FAILED, "no memory for the places of %zu segments", n_train + held->n_segments);
    size_t n = describe(fields, evaluation, held, settings->split, places + 3 * n_train);
    if (settings->split != SPLIT_TRAIN)
        n += describe(fields + n, evaluation, train, SPLIT_TRAIN, places);
    fields[n++] = (struct checkpoint_field){"trainer/step", CHECKPOINT_INT64, 1, 1, &step};
    model_file_tokeniser(tokeniser, &evaluation->model.vocabulary.settings);
    const struct checkpoint_text texts[] = {
        {"config", config}, {"tokeniser", tokeniser}, {"corpus", settings->corpus}};
    snprintf(path, sizeof path, "%s/latents.h5", settings->checkpoint);
    TRY(checkpoint_save(group_self(), path, fields, n, texts, sizeof texts / sizeof *texts));
done:
    free(places);
    free(config);
    return status;
}

enum status evaluate_write(const struct evaluation *evaluation, const json_t *document)
{
    enum status status = OK;
    struct stat info;
    if (stat(evaluation->settings->checkpoint, &info) != 0 || !S_ISDIR(info.st_mode)) return OK;
    status = write_latents(evaluation); /* the larger: what fails keeps its message */
    if (status != OK) {
        (void)(write_document(evaluation->settings, document) == OK);
        return status;
    }
    return write_document(evaluation->settings, document);
}
