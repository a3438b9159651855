/* affekt classify: emotion probabilities of MIDI files. */
#define _GNU_SOURCE
#include "classify.h"

#include "command.h"
#include "inputs.h"
#include "labels.h"
#include "latent.h"
#include "smf.h"
#include "tally.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

struct classify {
    const char *checkpoint;
    const char **inputs; /* (n_inputs) */
    const char **labels; /* (n_labels) */
    size_t n_inputs, n_labels;
    bool json, ignore_tempo;
    struct inputs found;
    struct labels known;
    struct classifier classifier;
    double *latent; /* (N_FACTORS D_e) of the current file */
    struct tally tally;
    size_t n_done, n_failed;
    json_t *files; /* with --json */
    struct progress progress;
};

enum { KEY_IGNORE_TEMPO = 0x100 };

static const struct argp_option options_table[] = {
    {"checkpoint", 'c', "F|RUN", 0,
     "Checkpoint file, or a run folder: its best or latest checkpoint", 0},
    {"labels", 'l', "L.csv", 0,
     "True emotions, as for pack (repeatable): also print accuracy and the confusion matrix", 0},
    {"ignore-tempo", KEY_IGNORE_TEMPO, NULL, 0,
     "Take every tempo as unknown, as pack does where a collection declares but one", 0},
    {0},
};

static enum status check_complete(const struct classify *classify)
{
    if (!classify->checkpoint || !*classify->checkpoint)
        return status_fail(USAGE, "--checkpoint F|RUN is missing");
    if (classify->n_inputs == 0) return status_fail(USAGE, "no INPUT given");
    return OK;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct classify *classify = state->input;
    enum status status = OK;
    switch (key) {
    case 'c': classify->checkpoint = text; break;
    case 'l': classify->labels[classify->n_labels++] = text; break;
    case KEY_IGNORE_TEMPO: classify->ignore_tempo = true; break;
    case ARGP_KEY_ARG: classify->inputs[classify->n_inputs++] = text; break;
    case ARGP_KEY_END: status = check_complete(classify); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static json_t *numbers_json(const double *x, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(array, json_real(x[i]));
    return array;
}

static json_t *file_json(const struct classify *classify, const char *name,
                         const struct classification *result, int label)
{
    const size_t d = classify->classifier.model->vae.shape.latent_mixture;
    const double *p = result->probability;
    json_t *known = label < 0 ? json_null() : json_string(emotion_names[label]);
    return json_pack("{s:s, s:s, s:o, s:{s:f, s:f, s:f, s:f}, s:I, s:{s:o, s:o}}", "path", name,
                     "emotion", emotion_names[result->emotion], "label", known, "probability",
                     emotion_names[0], p[0], emotion_names[1], p[1], emotion_names[2], p[2],
                     emotion_names[3], p[3], "segments", (json_int_t)result->n_segments, "latent",
                     "rhythm", numbers_json(classify->latent, d), "tonal",
                     numbers_json(classify->latent + d, d));
}

static void print_file(const char *name, const struct classification *result, int label)
{
    printf("%-5s", emotion_names[result->emotion]);
    for (int y = 0; y < N_EMOTIONS; y++)
        printf("  %s %.3f", emotion_names[y], result->probability[y]);
    printf("  segments %zu", result->n_segments);
    if (label >= 0) printf("  label %s", emotion_names[label]);
    printf("  %s\n", name);
}

static enum status report_file(struct classify *classify, size_t i,
                               const struct classification *result)
{
    const char *name = input_name(&classify->found, i);
    const int label = classify->known.items[i].label;
    classify->n_done++;
    if (label >= 0) tally_add(&classify->tally, label, result->emotion);
    if (!classify->json) {
        print_file(name, result, label);
        return OK;
    }
    if (json_array_append_new(classify->files, file_json(classify, name, result, label)) == 0)
        return OK;
    return status_fail(FAILED, "results are not JSON (no memory, or a name not in UTF-8)");
}

/* A file that cannot be read is a line on stderr, and the others go on; with no others it is the
 * error. */
static enum status visit(void *context, size_t i, enum status read, const unsigned char *bytes,
                         size_t size)
{
    struct classify *classify = context;
    const struct smf_options options = {.pedal = false};
    const struct events_vocabulary *vocabulary = &classify->classifier.model->vocabulary;
    struct smf_report report;
    struct score score = {0};
    struct piece piece = {0};
    struct classification result;
    enum status status = OK;
    if (read == OK) read = smf_parse(&score, &report, bytes, size, &options);
    if (read == OK) read = piece_from_score(&piece, &score, vocabulary, -1);
    if (read != OK) {
        if (classify->found.n == 1) {
            status = status_prefix(FAILED, "%s", input_name(&classify->found, i));
            goto done;
        }
        classify->n_failed++;
        progress_note(&classify->progress, "%s: %s", input_name(&classify->found, i),
                      status_message());
        goto done;
    }
    if (classify->ignore_tempo) piece_forget_tempo(&piece);
    TRY(classifier_piece(&classify->classifier, &piece, &result, classify->latent));
    TRY(report_file(classify, i, &result));
done:
    piece_fini(&piece);
    score_fini(&score);
    return status;
}

static json_t *result_json(struct classify *classify, const struct model *model)
{
    json_t *files = classify->files;
    json_t *accuracy = classify->n_labels ? tally_json(&classify->tally) : json_null();
    classify->files = NULL;
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "checkpoint", classify->checkpoint, "step",
                     (json_int_t)model->step, "classified", (json_int_t)classify->n_done,
                     "unreadable", (json_int_t)classify->n_failed, "files", files, "accuracy",
                     accuracy);
}

static enum status find_inputs(struct classify *classify)
{
    enum status status = OK;
    TRY(inputs_find(&classify->found, classify->inputs, classify->n_inputs));
    if (classify->found.n == 0) FAIL(FAILED, "no MIDI files in %s", classify->inputs[0]);
    TRY(labels_init(&classify->known, classify->found.n));
    TRY(labels_read(&classify->known, &classify->found, classify->labels, classify->n_labels));
done:
    return status;
}

static enum status classify_all(struct classify *classify, const struct group *world)
{
    enum status status = OK;
    struct model model = {0};
    TRY(find_inputs(classify));
    TRY(model_open(&model, classify->checkpoint));
    TRY(latent_check(&model, classify->checkpoint));
    TRY(classifier_init(&classify->classifier, &model));
    classify->latent = calloc(N_FACTORS * model.vae.shape.latent_mixture, sizeof *classify->latent);
    if (!classify->latent) FAIL(FAILED, "no memory for the latents");
    if (classify->json) classify->files = json_array();
    TRY(inputs_read(&classify->found, 0, 1, visit, classify));
    if (classify->n_done == 0) FAIL(FAILED, "none of %zu inputs could be read", classify->found.n);
    if (classify->json)
        TRY(command_result(world, result_json(classify, &model)));
    else if (classify->n_labels)
        tally_print(&classify->tally);
done:
    classifier_fini(&classify->classifier);
    model_close(&model);
    return status;
}

enum status classify_run(struct group *world, int argc, char **argv)
{
    enum status status = OK;
    struct classify classify = {0};
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .args_doc = "INPUT...",
        .doc = "Tells the emotion of MIDI files, of those in folders and of those in archives."
               "\vProbabilities are those of the checkpoint's mixture, averaged in the log over a "
               "piece's segments.  Files that cannot be read are passed over with a line on "
               "stderr; the exit code is 1 when none could be read.",
    };
    struct command_line line = {.argp = &argp, .input = &classify};
    command_progress(&classify.progress, world);
    classify.inputs = calloc((size_t)argc, sizeof *classify.inputs);
    classify.labels = calloc((size_t)argc, sizeof *classify.labels);
    if (!classify.inputs || !classify.labels) FAIL(FAILED, "out of memory");
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    classify.json = line.json;
    TRY(classify_all(&classify, world));
done:
    progress_fini(&classify.progress);
    json_decref(classify.files);
    labels_fini(&classify.known);
    inputs_fini(&classify.found);
    free(classify.latent);
    free(classify.inputs);
    free(classify.labels);
    return status;
}
