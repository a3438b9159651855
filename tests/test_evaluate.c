/* Evaluation of a tiny checkpoint: the same on any number of ranks, agreeing with validation and
 * classification, refusing what cannot be measured. */
#define _GNU_SOURCE
#include "evaluate.h"

#include "emotion.h"
#include "file.h"
#include "kept_latents.h"
#include "model_file.h"
#include "pack.h"
#include "runner.h"
#include "tiny_model.h"
#include "validate.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const suite_name = "evaluate";

enum { PATH_ROOM = 256, PIECES = 4 }; /* pieces an emotion */

static struct group *world;
static struct progress silent;
static char folder[PATH_ROOM] = "/tmp/affekt_evaluate_XXXXXX";

static char *in_folder(char path[PATH_ROOM], const char *name)
{
    if (snprintf(path, PATH_ROOM, "%s/%s", folder, name) >= PATH_ROOM) path[0] = 0;
    return path;
}

/* Moves every other composed piece to a folder of its own, so that pieces have two sources. */
static enum status part_sources(void)
{
    char from[2 * PATH_ROOM], to[2 * PATH_ROOM], labels[4096] = "path,label\n";
    if (mkdir(in_folder(to, "more"), 0777) != 0) return status_fail(FAILED, "%s: not made", to);
    for (int y = 0; y < N_EMOTIONS; y++)
        for (int i = 0; i < PIECES; i++) {
            const char *source = i % 2 ? "more" : "music";
            snprintf(from, sizeof from, "%s/music/%s-%d.mid", folder, emotion_names[y], i);
            snprintf(to, sizeof to, "%s/%s/%s-%d.mid", folder, source, emotion_names[y], i);
            if (rename(from, to) != 0) return status_fail(FAILED, "%s: not moved", from);
            sprintf(labels + strlen(labels), "%s/%s-%d.mid,%s\n", source, emotion_names[y], i,
                    emotion_names[y]);
        }
    return file_write(in_folder(to, "labels.csv"), labels, strlen(labels));
}

/* Labels without those of one emotion. */
static enum status leave_out(const char *emotion)
{
    char path[PATH_ROOM], line[PATH_ROOM], labels[4096] = "";
    FILE *file = fopen(in_folder(path, "labels.csv"), "r");
    if (!file) return status_fail(FAILED, "%s: not there", path);
    for (size_t n = 0; fgets(line, sizeof line, file);)
        if (!strstr(line, emotion))
            n += (size_t)snprintf(labels + n, sizeof labels - n, "%s", line);
    fclose(file);
    return file_write(in_folder(path, "three.csv"), labels, strlen(labels));
}

/* Packs the composed music anew; with the table of labels unless it is NULL. */
static enum status pack(const char *name, int grid, const char *labels, int train)
{
    char music[PATH_ROOM], more[PATH_ROOM], table[PATH_ROOM], out[PATH_ROOM];
    const char *const inputs[] = {in_folder(music, "music"), in_folder(more, "more")};
    const char *const tables[] = {in_folder(table, labels ? labels : "")};
    const struct pack_options options = {.inputs = inputs,
                                         .n_inputs = 2,
                                         .labels = tables,
                                         .n_labels = labels != NULL,
                                         .settings = {grid, 8},
                                         .out = in_folder(out, name),
                                         .percent = {train, (100 - train) / 2, (100 - train) / 2}};
    struct pack_result result;
    return pack_run(group_self(), &options, &result);
}

static enum status train(const char *corpus, const char *name, size_t steps, const char *prior)
{
    const char *const settings[] = {"train.steps=10", "train.batch=4",        "train.stage1=0.5",
                                    "train.warmup=1", "mixture.components=2", prior};
    char from[PATH_ROOM], out[PATH_ROOM];
    const struct tiny_training training = {.corpus = in_folder(from, corpus),
                                           .out = in_folder(out, name),
                                           .steps = steps,
                                           .settings = settings,
                                           .n_settings = 6};
    return tiny_model_make(&training);
}

static enum status make_files(void)
{
    enum status status = OK;
    char path[PATH_ROOM];
    if (!mkdtemp(folder)) FAIL(FAILED, "no folder");
    TRY(tiny_corpus_make(folder, PIECES));
    TRY(part_sources());
    TRY(pack("half.h5", 4, "labels.csv", 50));
    TRY(pack("full.h5", 4, "labels.csv", 100));
    TRY(pack("fine.h5", 12, "labels.csv", 50));
    TRY(pack("unlabelled.h5", 4, NULL, 50));
    TRY(leave_out("sad"));
    TRY(pack("three.h5", 4, "three.csv", 50));
    if (mkdir(in_folder(path, "run"), 0777) || mkdir(in_folder(path, "run/checkpoints"), 0777))
        FAIL(FAILED, "%s: no run folder", folder);
    TRY(train("half.h5", "run/checkpoints/latest", 10, "mixture.prior=dispersed"));
    TRY(train("half.h5", "normal.h5", 3, "mixture.prior=normal"));
    TRY(train("three.h5", "three-model.h5", 10, "fit.weak=0"));
done:
    if (status != OK) fprintf(stderr, "%s\n", status_message());
    return status;
}

static void makes_models(void)
{
    CU_ASSERT_EQUAL_FATAL(group_world_create(&world, NULL, NULL), OK);
    const enum status local = group_rank(world) == 0 ? make_files() : OK;
    CU_ASSERT_EQUAL(group_agree(world, local), OK);
    group_broadcast(world, folder, sizeof folder, 0);
}

static enum status evaluate(struct group *group, const char *checkpoint, const char *corpus,
                            enum split split, json_t **document)
{
    char model[PATH_ROOM], from[PATH_ROOM];
    const struct evaluate_settings settings = {.checkpoint = in_folder(model, checkpoint),
                                               .corpus = in_folder(from, corpus),
                                               .split = split,
                                               .sweeps = 2,
                                               .drafts = 2,
                                               .count = 10,
                                               .transfers = 3,
                                               .seed = 3};
    return evaluate_checkpoint(group, &settings, &silent, document);
}

static void ranks_change_nothing(void)
{
    char path[PATH_ROOM], from[PATH_ROOM], digest[CHECKPOINT_DIGEST_SIZE],
        again[CHECKPOINT_DIGEST_SIZE];
    json_t *all = NULL, *one = NULL;
    CU_ASSERT_EQUAL(evaluate(world, "run", "half.h5", SPLIT_TEST, &all), OK);
    CU_ASSERT_EQUAL(group_rank(world) == 0, all != NULL);
    if (group_rank(world) == 0) {
        json_t *kept = json_load_file(in_folder(path, "run/evaluation.json"), 0, NULL);
        CU_ASSERT_EQUAL(checkpoint_digest(in_folder(path, "run/latents.h5"), "", digest), OK);
        CU_ASSERT_EQUAL(evaluate(group_self(), "run", "half.h5", SPLIT_TEST, &one), OK);
        CU_ASSERT(json_equal(all, one));
        CU_ASSERT_EQUAL(checkpoint_digest(in_folder(path, "run/latents.h5"), "", again), OK);
        CU_ASSERT_STRING_EQUAL(digest, again);
        kept_latents_check(path, in_folder(from, "half.h5"), all);
        CU_ASSERT_PTR_NOT_NULL(kept);
        CU_ASSERT_PTR_NOT_NULL(json_object_get(json_object_get(kept, "generation"), "overlap"));
        CU_ASSERT_PTR_NULL(json_object_get(kept, "left_out"));
        json_decref(kept);
    }
    json_decref(all);
    json_decref(one);
}

static double figure(const json_t *document, const char *section, const char *name)
{
    const json_t *entry = json_object_get(json_object_get(document, section), name);
    return json_number_value(json_object_get(entry, "value"));
}

/* A trainer with the weights of the checkpoint, as training would have it. */
static enum status validate(struct validation_report *report)
{
    enum status status = OK;
    char path[PATH_ROOM];
    struct model model = {0};
    struct corpus corpus = {.descriptor = -1};
    struct trainer trainer = {0};
    struct validation validation = {0};
    TRY(model_open(&model, in_folder(path, "run")));
    TRY(corpus_open(&corpus, in_folder(path, "half.h5")));
    TRY(trainer_init(&trainer, group_self(), &corpus, &model.config));
    memcpy(trainer.theta, model.theta, model.vae.parameters.count * sizeof(real));
    trainer.standard = model.standard;
    trainer.step = model.step;
    TRY(validation_init(&validation, &trainer));
    TRY(validation_run(&validation, &trainer, report));
done:
    validation_fini(&validation);
    trainer_fini(&trainer);
    corpus_close(&corpus);
    model_close(&model);
    return status;
}

static void likelihood_is_that_of_validation(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL(evaluate(world, "run", "half.h5", SPLIT_VALIDATION, &document), OK);
    if (group_rank(world) == 0) {
        struct validation_report report;
        CU_ASSERT_EQUAL(validate(&report), OK);
        CU_ASSERT(report.n_events > 0);
        CU_ASSERT_EQUAL(
            json_integer_value(json_object_get(json_object_get(document, "likelihood"), "events")),
            (json_int_t)report.n_events);
        CU_ASSERT_DOUBLE_EQUAL(figure(document, "likelihood", "bits_an_event"),
                               report.loss / log(2), 1e-4);
        CU_ASSERT_DOUBLE_EQUAL(figure(document, "likelihood", "reconstruction_bits_an_event"),
                               report.events / log(2), 1e-4);
        CU_ASSERT_DOUBLE_EQUAL(figure(document, "likelihood", "bigram_bits_an_event"),
                               report.bigram / log(2), 1e-9);
    }
    json_decref(document);
}

/* Every figure lies in its interval, and shares between 0 and 1. */
static void check_figures(json_t *entry)
{
    const char *key;
    json_t *inner;
    const json_t *value = json_object_get(entry, "value");
    if (json_is_real(value)) {
        CU_ASSERT(json_number_value(json_object_get(entry, "low")) <=
                  json_number_value(json_object_get(entry, "high")));
        return;
    }
    json_object_foreach(entry, key, inner) check_figures(inner);
}

static json_t *of_train; /* of the training split, made once; NULL but on rank 0 */

static void evaluates_the_training_split(void)
{
    CU_ASSERT_EQUAL(evaluate(world, "run", "half.h5", SPLIT_TRAIN, &of_train), OK);
}

static void sections_are_there(void)
{
    static const char *const SECTIONS[] = {"emotion", "clusters", "leakage",     "likelihood",
                                           "swap",    "faders",   "judge",       "generation",
                                           "copying", "transfer", "discriminant"};
    if (group_rank(world) == 0) {
        for (size_t i = 0; i < sizeof SECTIONS / sizeof *SECTIONS; i++)
            CU_ASSERT(json_object_size(json_object_get(of_train, SECTIONS[i])) > 0);
        check_figures(of_train);
        /* pieces of the training split are copies of themselves */
        CU_ASSERT_EQUAL(figure(json_object_get(of_train, "copying"), "real", "bars_copied"), 1);
        CU_ASSERT_EQUAL(figure(json_object_get(of_train, "copying"), "real", "bars_found"), 1);
        CU_ASSERT(figure(json_object_get(of_train, "copying"), "generated", "bars_found") < 0.5);
        /* measured on the pieces it learned from, composed by rule, a regression cannot fail */
        CU_ASSERT(figure(json_object_get(of_train, "emotion"), "rhythm_mode_register", "quadrant") >
                  0.8);
        CU_ASSERT(figure(json_object_get(of_train, "emotion"), "forest", "quadrant") > 0.9);
        CU_ASSERT(figure(json_object_get(of_train, "judge"), "on_real", "quadrant") > 0.8);
        CU_ASSERT_EQUAL(
            json_integer_value(json_object_get(json_object_get(of_train, "generation"), "pieces")),
            10);
    }
}

static void check_piece(const json_t *piece)
{
    const char *name = json_string_value(json_object_get(piece, "name"));
    const char *source = json_string_value(json_object_get(piece, "source"));
    const json_int_t label = json_integer_value(json_object_get(piece, "label"));
    const bool complete = name && source && label >= 0 && label < N_EMOTIONS;
    CU_ASSERT(complete);
    if (!complete) return;
    CU_ASSERT(strcmp(source, "music") == 0 || strcmp(source, "more") == 0);
    CU_ASSERT(strncmp(name, source, strlen(source)) == 0 && name[strlen(source)] == '/');
    CU_ASSERT_PTR_NOT_NULL(strstr(name, emotion_names[label]));
}

/* What the pieces' list says a teller is worth, over one source or all. */
static double recount(const json_t *list, const char *teller, const char *source, size_t *n)
{
    size_t right = 0, i;
    const json_t *piece;
    *n = 0;
    json_array_foreach(list, i, piece)
    {
        const json_t *told = json_object_get(json_object_get(piece, "told"), teller);
        CU_ASSERT(json_is_integer(told));
        if (source && strcmp(json_string_value(json_object_get(piece, "source")), source) != 0)
            continue;
        right += json_equal(told, json_object_get(piece, "label")) ? 1 : 0;
        ++*n;
    }
    return (double)right / (double)*n;
}

static void pieces_can_be_pooled(void)
{
    if (group_rank(world) == 0) {
        static const char *const TELLERS[] = {
            "mixture", "probe", "latent_forest", "rhythm", "rhythm_mode_register", "forest"};
        static const char *const SOURCES[] = {"music", "more"};
        const json_t *list = json_object_get(of_train, "labelled"), *piece;
        json_t *emotion = json_object_get(of_train, "emotion");
        json_t *sources = json_object_get(emotion, "by_source");
        size_t n, i;
        json_array_foreach(list, i, piece) check_piece(piece);
        for (size_t t = 0; t < sizeof TELLERS / sizeof *TELLERS; t++) {
            CU_ASSERT_DOUBLE_EQUAL(figure(emotion, TELLERS[t], "quadrant"),
                                   recount(list, TELLERS[t], NULL, &n), 1e-12);
            for (size_t s = 0; s < 2; s++) {
                json_t *entry = json_object_get(sources, SOURCES[s]);
                CU_ASSERT_DOUBLE_EQUAL(figure(entry, TELLERS[t], "quadrant"),
                                       recount(list, TELLERS[t], SOURCES[s], &n), 1e-12);
                CU_ASSERT_EQUAL(json_integer_value(json_object_get(entry, "pieces")),
                                (json_int_t)n);
            }
        }
        CU_ASSERT_EQUAL(json_array_size(list),
                        (size_t)json_integer_value(json_object_get(of_train, "labelled_pieces")));
    }
}

/* On the segments that the axes were found on, the share between emotions is what the eigenvalue
 * says, but for the shrinkage within. */
static void axes_are_measured(void)
{
    const json_t *section = json_object_get(of_train, "discriminant");
    const json_t *axes = json_object_get(section, "axes");
    if (group_rank(world) == 0) {
        CU_ASSERT_EQUAL(json_array_size(axes), 3);
        CU_ASSERT(json_integer_value(json_object_get(section, "training_segments")) > 10);
        CU_ASSERT(json_equal(json_object_get(section, "training_segments"),
                             json_object_get(section, "held_out_segments")));
    }
    double last = HUGE_VAL;
    for (size_t i = 0; i < json_array_size(axes); i++) {
        const json_t *axis = json_array_get(axes, i);
        const double value = json_number_value(json_object_get(axis, "eigenvalue"));
        const double between = json_number_value(json_object_get(axis, "between"));
        const double held = json_number_value(json_object_get(axis, "held_out_between"));
        CU_ASSERT(value > 0 && value <= last);
        CU_ASSERT_DOUBLE_EQUAL(between, value / (1 + value), 1e-9);
        CU_ASSERT(held >= between - 1e-9 && held < 1 && held - between < 0.2);
        last = value;
    }
}

static double at(const json_t *place, size_t axis)
{
    CU_ASSERT_EQUAL(json_array_size(place), 2);
    return json_number_value(json_array_get(place, axis));
}

/* Axes are seen from the mean of what they were found on, so the centres balance about 0; and a
 * piece of the training split lies, more often than not, nearest to its own emotion's. */
static void pieces_and_centres_have_places(void)
{
    if (group_rank(world) == 0) {
        const json_t *section = json_object_get(of_train, "discriminant");
        const json_t *centres = json_object_get(section, "centres");
        const json_t *pieces = json_object_get(of_train, "labelled");
        double sum[2] = {0};
        json_int_t n = 0;
        size_t near = 0;
        CU_ASSERT_EQUAL(json_array_size(centres), N_EMOTIONS);
        for (size_t y = 0; y < json_array_size(centres); y++) {
            const json_t *centre = json_array_get(centres, y);
            const json_int_t segments = json_integer_value(json_object_get(centre, "segments"));
            CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(centre, "emotion")),
                                   emotion_names[y]);
            for (size_t a = 0; a < 2; a++)
                sum[a] += (double)segments * at(json_object_get(centre, "place"), a);
            n += segments;
        }
        CU_ASSERT_EQUAL(n, json_integer_value(json_object_get(section, "training_segments")));
        for (size_t a = 0; a < 2; a++) CU_ASSERT_DOUBLE_EQUAL(sum[a] / (double)n, 0, 1e-6);
        for (size_t i = 0; i < json_array_size(pieces); i++) {
            const json_t *piece = json_array_get(pieces, i);
            const json_t *place = json_object_get(piece, "place");
            size_t best = 0;
            double least = HUGE_VAL;
            for (size_t y = 0; y < N_EMOTIONS; y++) {
                const json_t *centre = json_object_get(json_array_get(centres, y), "place");
                const double d = hypot(at(place, 0) - at(centre, 0), at(place, 1) - at(centre, 1));
                if (d < least) best = y;
                if (d < least) least = d;
            }
            near += (json_int_t)best == json_integer_value(json_object_get(piece, "label"));
        }
        CU_ASSERT(2 * near > json_array_size(pieces));
    }
}

static void models_without_mixture_are_measured_in_part(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL(evaluate(world, "normal.h5", "half.h5", SPLIT_TEST, &document), OK);
    if (group_rank(world) == 0) {
        const json_t *emotion = json_object_get(document, "emotion");
        CU_ASSERT_PTR_NOT_NULL(json_object_get(document, "left_out"));
        CU_ASSERT_PTR_NOT_NULL(json_object_get(emotion, "probe"));
        CU_ASSERT_PTR_NULL(json_object_get(emotion, "mixture"));
        CU_ASSERT_PTR_NULL(json_object_get(document, "generation"));
        CU_ASSERT(figure(document, "likelihood", "bits_an_event") > 0);
    }
    json_decref(document);
}

static void corpora_without_labels_are_measured_in_part(void)
{
    static const char *const THERE[] = {"leakage", "disentanglement", "likelihood",
                                        "swap",    "faders",          "copying"};
    static const char *const LACKING[] = {"emotion", "clusters",   "discriminant",
                                          "judge",   "generation", "transfer"};
    json_t *document = NULL;
    CU_ASSERT_EQUAL(
        evaluate(world, "run/checkpoints/latest", "unlabelled.h5", SPLIT_TEST, &document), OK);
    if (group_rank(world) == 0) {
        const json_t *left = json_object_get(document, "left_out");
        for (size_t i = 0; i < sizeof THERE / sizeof *THERE; i++)
            CU_ASSERT(json_object_size(json_object_get(document, THERE[i])) > 0);
        for (size_t i = 0; i < sizeof LACKING / sizeof *LACKING; i++) {
            const json_t *name = json_array_get(json_object_get(left, "figures"), i);
            CU_ASSERT_PTR_NULL(json_object_get(document, LACKING[i]));
            CU_ASSERT_STRING_EQUAL(json_string_value(name), LACKING[i]);
        }
        const char *reason = json_string_value(json_object_get(left, "reason"));
        CU_ASSERT_PTR_NOT_NULL(strstr(reason, "unlabelled.h5: no label in use in the train split"));
        CU_ASSERT_EQUAL(json_array_size(json_object_get(document, "labelled")), 0);
    }
    json_decref(document);
}

/* What a model was never taught is not asked of it. */
static void emotions_without_a_label_are_left_out(void)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL(evaluate(world, "three-model.h5", "half.h5", SPLIT_TRAIN, &document), OK);
    if (group_rank(world) == 0) {
        const json_t *generation = json_object_get(document, "generation");
        const json_t *targets =
            json_object_get(json_object_get(document, "transfer"), "reached_by_target");
        const json_t *confusion =
            json_object_get(json_object_get(generation, "heard_as_asked"), "confusion");
        for (size_t y = 0; y < N_EMOTIONS; y++) {
            json_int_t asked = 0;
            for (size_t j = 0; j < N_EMOTIONS; j++)
                asked += json_integer_value(json_array_get(json_array_get(confusion, y), j));
            /* ten pieces of three emotions */
            CU_ASSERT_EQUAL(asked, y == 2 ? 0 : y == 0 ? 4 : 3);
            CU_ASSERT_EQUAL(json_object_get(targets, emotion_names[y]) == NULL, y == 2);
        }
    }
    json_decref(document);
}

static void refuses(const char *checkpoint, const char *corpus, enum split split, const char *why)
{
    json_t *document = NULL;
    CU_ASSERT_EQUAL(evaluate(world, checkpoint, corpus, split, &document), FAILED);
    CU_ASSERT_PTR_NULL(document);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), why));
    if (!strstr(status_message(), why)) fprintf(stderr, "got: %s\n", status_message());
}

static void bad_input_is_refused(void)
{
    refuses("missing", "half.h5", SPLIT_TEST, "no such file or folder");
    refuses("run", "missing.h5", SPLIT_TEST, "missing.h5");
    refuses("half.h5", "half.h5", SPLIT_TEST, "half.h5");
    refuses("run", "fine.h5", SPLIT_TEST, "grid 12 and 8 bars a segment");
    refuses("run", "full.h5", SPLIT_TEST, "the corpus has no piece in its test split");
}

static void removes_its_files(void)
{
    char command[PATH_ROOM + 16];
    json_decref(of_train);
    group_barrier(world);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (group_rank(world) == 0) CU_ASSERT_EQUAL(system(command), 0);
    group_world_destroy(world);
}

const struct suite_test suite_tests[] = {
    {"makes models", makes_models},
    {"ranks change nothing", ranks_change_nothing},
    {"likelihood is that of validation", likelihood_is_that_of_validation},
    {"evaluates the training split", evaluates_the_training_split},
    {"sections are there", sections_are_there},
    {"pieces can be pooled", pieces_can_be_pooled},
    {"axes are measured", axes_are_measured},
    {"pieces and centres have places", pieces_and_centres_have_places},
    {"models without mixture are measured in part", models_without_mixture_are_measured_in_part},
    {"corpora without labels are measured in part", corpora_without_labels_are_measured_in_part},
    {"emotions without a label are left out", emotions_without_a_label_are_left_out},
    {"bad input is refused", bad_input_is_refused},
    {"removes its files", removes_its_files},
    {NULL, NULL},
};
