/* config and options: precedence, ranges, round trip, and what inih would misread. */
#define _GNU_SOURCE
#include "config.h"
#include "emotion.h"
#include "options.h"
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct config fresh(void)
{
    struct config config;
    CU_ASSERT_EQUAL_FATAL(config_init(&config, NULL), OK);
    return config;
}

/* Field by field, since padding may differ. */
static int same(const struct config *a, const struct config *b)
{
    char x[OPTION_VALUE_SIZE], y[OPTION_VALUE_SIZE];
    for (size_t i = 0; i < n_options; i++)
        if (strcmp(option_format(&options[i], a, x), option_format(&options[i], b, y)) != 0)
            return 0;
    return 1;
}

static int says(const char *part)
{
    if (strstr(status_message(), part)) return 1;
    fprintf(stderr, "message: %s\n", status_message());
    return 0;
}

static void has_the_presets(void)
{
    static const size_t want[N_PRESETS][6] = {{64, 2, 1, 2, 8, 8},
                                              {128, 4, 2, 4, 12, 52},
                                              {256, 4, 3, 6, 12, 116},
                                              {512, 8, 4, 8, 16, 240}};
    for (int i = 0; i < N_PRESETS; i++) {
        struct config c;
        CU_ASSERT_EQUAL(config_init(&c, preset_names[i]), OK);
        CU_ASSERT_STRING_EQUAL(config_preset(&c), preset_names[i]);
        c.train.steps++; /* says nothing of the shape */
        CU_ASSERT_STRING_EQUAL(config_preset(&c), preset_names[i]);
        c.model.width += 2;
        CU_ASSERT_STRING_EQUAL(config_preset(&c), "custom");
        c.model.width -= 2;
        c.train.steps--;
        CU_ASSERT_EQUAL(config_check(&c), OK);
        const size_t have[6] = {c.model.width,          c.model.heads,
                                c.model.encoder_layers, c.model.decoder_layers,
                                c.model.latent_mixture, c.model.latent_residual};
        CU_ASSERT_EQUAL(memcmp(have, want[i], sizeof have), 0);
    }
    const struct config small = fresh();
    CU_ASSERT_EQUAL(small.model.width, 128);
    CU_ASSERT_EQUAL(small.mixture.prior, PRIOR_DISPERSED);
    CU_ASSERT_EQUAL(small.objective.kl_weight, 0.2);
    CU_ASSERT(small.data.augment);
    struct config c;
    CU_ASSERT_EQUAL(config_init(&c, "smal"), USAGE);
    CU_ASSERT(says("did you mean 'small'"));
}

static void reads_every_type(void)
{
    struct config c = fresh();
    CU_ASSERT_EQUAL(config_set(&c, "train.threads=3"), OK);
    CU_ASSERT_EQUAL(config_set(&c, " train.batch = 77 "), OK);
    CU_ASSERT_EQUAL(config_set(&c, "train.learning_rate=2.5e-4"), OK);
    CU_ASSERT_EQUAL(config_set(&c, "data.augment=no"), OK);
    CU_ASSERT_EQUAL(config_set(&c, "mixture.prior=gmm"), OK);
    CU_ASSERT_EQUAL(config_set(&c, "encoder.inputs=full"), OK);
    CU_ASSERT_EQUAL(c.train.threads, 3);
    CU_ASSERT_EQUAL(c.train.batch, 77);
    CU_ASSERT_EQUAL(c.train.learning_rate, 2.5e-4);
    CU_ASSERT_FALSE(c.data.augment);
    CU_ASSERT_EQUAL(c.mixture.prior, PRIOR_GMM);
    CU_ASSERT_EQUAL(c.encoder.inputs, ENCODER_FULL);
}

static void refuses_bad_values(void)
{
    static const char *const bad[] = {"train.batch=",
                                      "train.batch=abc",
                                      "train.batch=12x",
                                      "train.batch=1.5",
                                      "train.batch=-1",
                                      "train.batch=1e3",
                                      "train.batch=0x10",
                                      "train.batch=99999999999999999999999",
                                      "train.dropout=nan",
                                      "train.dropout=inf",
                                      "train.dropout=0x1p-2",
                                      "train.dropout=.",
                                      "train.dropout=1e999",
                                      "train.dropout=0,1",
                                      "data.augment=maybe",
                                      "data.augment=2",
                                      "mixture.prior=normalish",
                                      "mixture.prior=",
                                      "objective.alpha=0.5",
                                      "train.seed=9007199254740992",
                                      "train.seed=9007199254740993"};
    const struct config before = fresh();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c = before;
        const enum status status = config_set(&c, bad[i]);
        if (status != USAGE) fprintf(stderr, "accepted: %s\n", bad[i]);
        CU_ASSERT_EQUAL(status, USAGE);
        CU_ASSERT(same(&c, &before));
    }
    struct config c = before;
    CU_ASSERT_EQUAL(config_set(&c, "train.batch=0"), USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(), "train.batch = 0: is out of range (1 to 65536 rows)");
    CU_ASSERT_EQUAL(config_set(&c, "objective.alpha=0"), OK);
    CU_ASSERT_EQUAL(config_set(&c, "mixture.prior=none"), USAGE);
    CU_ASSERT(says("normal, gmm or dispersed"));
}

static void refuses_what_excludes_itself(void)
{
    struct config c = fresh();
    CU_ASSERT_EQUAL(config_set(&c, "train.compress=bf16"), OK);
    CU_ASSERT_EQUAL(config_set(&c, "train.sharded=yes"), OK);
    CU_ASSERT_EQUAL(config_set(&c, "train.overlap=off"), OK);
    CU_ASSERT_EQUAL(config_check(&c), OK);
    CU_ASSERT_EQUAL(c.train.compress, COMPRESS_BF16);
    CU_ASSERT_EQUAL(c.train.overlap, REDUCE_OVERLAP_OFF);
    CU_ASSERT_EQUAL(config_set(&c, "train.deterministic=true"), OK);
    CU_ASSERT_EQUAL(config_check(&c), USAGE);
    CU_ASSERT(says("train.compress = bf16: not with train.deterministic"));
    CU_ASSERT_EQUAL(config_set(&c, "train.compress=none"), OK);
    CU_ASSERT_EQUAL(config_check(&c), OK);
    CU_ASSERT_EQUAL(config_set(&c, "train.compress=fp8"), USAGE);
    CU_ASSERT(says("none or bf16"));
    CU_ASSERT_EQUAL(config_set(&c, "train.overlap=maybe"), USAGE);
}

static void names_the_closest_option(void)
{
    struct config c = fresh();
    CU_ASSERT_EQUAL(config_set(&c, "train.bacth=3"), USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(),
                           "train.bacth: no such option; did you mean 'train.batch'?");
    CU_ASSERT_EQUAL(config_set(&c, "micro_events=3"), USAGE);
    CU_ASSERT(says("did you mean 'train.micro_events'?"));
    CU_ASSERT_EQUAL(config_set(&c, "qqqqqqqq=3"), USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(), "qqqqqqqq: no such option");
    CU_ASSERT_EQUAL(config_set(&c, "train.batch"), USAGE);
    CU_ASSERT_EQUAL(config_set(&c, "=3"), USAGE);
    CU_ASSERT_EQUAL(config_set(&c, ""), USAGE);
}

/* Sets `section.key=number` as text and tells whether it was taken. */
static int takes(const struct option_entry *option, double number)
{
    struct config c = fresh();
    char name[OPTION_NAME_SIZE], value[OPTION_VALUE_SIZE], line[128];
    snprintf(line, sizeof line, "%s=%s", option_name(option, name),
             option_format_value(option, number, value));
    return config_set(&c, line) == OK;
}

static void keeps_every_range(void)
{
    for (size_t i = 0; i < n_options; i++) {
        const struct option_entry *o = &options[i];
        if (o->type == OPTION_BOOL || o->type == OPTION_ENUM) continue;
        const double step = o->type == OPTION_REAL ? 1e-7 : 1;
        CU_ASSERT(o->min < o->max);
        CU_ASSERT(takes(o, o->min) && takes(o, o->max));
        CU_ASSERT_FALSE(takes(o, o->min - step));
        CU_ASSERT_FALSE(takes(o, o->max + step));
        for (int p = 0; p < N_PRESETS; p++) CU_ASSERT(takes(o, o->value[p]));
    }
}

static void names_are_unique(void)
{
    char name[OPTION_NAME_SIZE];
    for (size_t i = 0; i < n_options; i++) {
        CU_ASSERT_EQUAL(option_find(option_name(&options[i], name)), i);
        CU_ASSERT(strlen(options[i].help) > 0);
    }
    CU_ASSERT_EQUAL(option_find("train"), n_options);
}

static void prints_what_it_reads(void)
{
    struct config c = fresh(), back;
    CU_ASSERT_EQUAL(config_init(&back, "large"), OK);
    c.train.learning_rate = 0.1 + 0.2; /* needs 17 digits */
    c.objective.kl_weight = 1.0 / 3;
    c.train.seed = 9007199254740991;
    c.train.deterministic = true;
    c.mixture.prior = PRIOR_NORMAL;
    char *text = config_print(&c);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(config_text(&back, text, "copy"), OK);
    CU_ASSERT(same(&c, &back));
    CU_ASSERT_EQUAL(back.train.learning_rate, c.train.learning_rate);
    CU_ASSERT_EQUAL(back.train.seed, c.train.seed);
    char *again = config_print(&back);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_STRING_EQUAL(text, again);
    free(text);
    free(again);
}

static void reads_ini(void)
{
    struct config c = fresh();
    CU_ASSERT_EQUAL(config_text(&c,
                                "\xEF\xBB\xBF# a comment\r\n[train]\r\nsteps = 12 ; why\r\n"
                                "  ; an indented comment\r\n\r\n   \t\n[model]\nwidth=64\n"
                                "[train]\nbatch = 5",
                                "t"),
                    OK);
    CU_ASSERT_EQUAL(c.train.steps, 12);
    CU_ASSERT_EQUAL(c.train.batch, 5);
    CU_ASSERT_EQUAL(c.model.width, 64);
    CU_ASSERT_EQUAL(config_text(&c, "", "t"), OK);
}

static void refuses_what_inih_misreads(void)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"[train]\nsteps = 5\n  batch = 3\n", "t:3: an indented line"},
        {"[train]\nsteps = 5\n\t6\n", "t:3: an indented line"},
        {"[train]\nsteps\n", "t:2: no '='"},
        {"[train\nsteps = 5\n", "t:1: a section without its ']'"},
        {"[train] steps = 5\n", "t:1: text after a section's ']'"},
        {"[train]\nsteps = 5\nsteps = 6\n", "t:3: train.steps: given twice"},
        {"[train]\nsteps = 5\n[data]\n[train]\nsteps = 6\n", "t:5: train.steps: given twice"},
        {"steps = 5\n", "t:1: steps: no such option; did you mean 'train.steps'?"},
        {"[train]\nsteps: 5\n", "t:2: no '='"},
        {"[train]\nsteps:x = 5\n", "t:2: a ':' before the '='"},
        {"[train]\n= 5\n", "t:2: no key"},
        {"[train]\n\nstesp = 5\n", "t:3: train.stesp: no such option; did you mean 'train.steps'"},
        {"[train]\nsteps = -5\n", "t:2: train.steps = -5: is out of range"},
        {"[train]\nsteps = 5 # six\n", "t:2: train.steps = 5 # six: is not a whole number"},
        {"[train]\rsteps = 5\r", "t:1: a control character"},
        {"[train]\nsteps = 5\x01\n", "t:2: a control character"},
        {"[trainzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz]\n", "t:1: a section's name"},
        {"[train]\nstepszzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz = 5\n", "t:2: a key of"},
    };
    const struct config before = fresh();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c = before;
        CU_ASSERT_EQUAL(config_text(&c, bad[i].text, "t"), USAGE);
        CU_ASSERT(says(bad[i].message));
        CU_ASSERT(same(&c, &before));
    }
}

static void limits_the_line(void)
{
    char text[300] = "[train]\nsteps = 5 ;";
    struct config c = fresh();
    const size_t start = strlen("[train]\n");
    for (size_t length = strlen(text) - start; length <= 200; length++) {
        memset(text + start + strlen("steps = 5 ;"), 'x', length - strlen("steps = 5 ;"));
        text[start + length] = 0;
        CU_ASSERT_EQUAL(config_text(&c, text, "t"), length <= 197 ? OK : USAGE);
    }
}

static void writes_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void orders_preset_file_and_set(void)
{
    const char *path = TEST_BINARY_DIR "/test_config.ini";
    static const char *const sets[] = {"train.batch=7", "train.batch=8"};
    struct config c;
    writes_file(path, "[train]\nsteps = 11\nbatch = 6\n");
    CU_ASSERT_EQUAL(config_resolve(&c, "tiny", path, sets, 2), OK);
    CU_ASSERT_EQUAL(c.model.width, 64);
    CU_ASSERT_EQUAL(c.train.steps, 11);
    CU_ASSERT_EQUAL(c.train.batch, 8);
    unlink(path);
    CU_ASSERT_EQUAL(config_resolve(&c, "tiny", path, sets, 2), FAILED);
    CU_ASSERT(says("test_config.ini: cannot open"));
    CU_ASSERT_EQUAL(config_resolve(&c, NULL, TEST_BINARY_DIR, NULL, 0), FAILED);
    CU_ASSERT(says("not a regular file"));
    CU_ASSERT_EQUAL(config_resolve(&c, NULL, "/dev/zero", NULL, 0), FAILED);
    CU_ASSERT(says("not a regular file"));
}

static void checks_pairs(void)
{
    static const char *const bad[][2] = {
        {"model.heads=3", "model.width = 128: not a multiple of model.heads = 3"},
        {"data.folds=1", "data.folds = 1"},
        {"data.fold=2", "data.fold = 2: not below data.folds = 0"},
        {"objective.temperature_end=7", "above objective.temperature_start = 6"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c;
        CU_ASSERT_EQUAL(config_resolve(&c, NULL, NULL, &bad[i][0], 1), USAGE);
        CU_ASSERT(says(bad[i][1]));
    }
    static const char *const good[] = {"data.folds=5", "data.fold=4"};
    struct config c;
    CU_ASSERT_EQUAL(config_resolve(&c, NULL, NULL, good, 2), OK);
}

static void lists_every_option(void)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    config_help(stream);
    fclose(stream);
    for (size_t i = 0; i < n_options; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(text, options[i].key));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, options[i].help));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "default 64/128/256/512, 16 to 4096 units"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        CU_ASSERT(strlen(line) <= 100);
    free(text);
}

static void survives_short_memory(void)
{
    struct config c = fresh();
    const char *path = TEST_BINARY_DIR "/test_config_fault.ini";
    writes_file(path, "[train]\nsteps = 11\n");
    for (long k = 1; k <= 5; k++) {
        status_fault_set(k);
        CU_ASSERT_EQUAL(config_file(&c, path), FAILED);
    }
    status_fault_set(1);
    CU_ASSERT_PTR_NULL(config_print(&c));
    status_fault_set(0);
    CU_ASSERT_EQUAL(config_file(&c, path), OK);
    unlink(path);
}

static void knows_emotions(void)
{
    static const char *const names[] = {"happy", "TENSE", "q3", "Q4"};
    for (int i = 0; i < N_EMOTIONS; i++) {
        CU_ASSERT_EQUAL(emotion_parse(names[i]), i);
        CU_ASSERT_EQUAL(emotion_of(emotion_valence[i], emotion_arousal[i]), i);
    }
    CU_ASSERT_EQUAL(emotion_parse("Q5"), -1);
    CU_ASSERT_EQUAL(emotion_parse("Q0"), -1);
    CU_ASSERT_EQUAL(emotion_parse(""), -1);
    CU_ASSERT_EQUAL(emotion_parse("happyy"), -1);
}

const char *const suite_name = "config";
const struct suite_test suite_tests[] = {
    {"has the presets", has_the_presets},
    {"reads every type", reads_every_type},
    {"refuses bad values", refuses_bad_values},
    {"refuses what excludes itself", refuses_what_excludes_itself},
    {"names the closest option", names_the_closest_option},
    {"keeps every range", keeps_every_range},
    {"names are unique", names_are_unique},
    {"prints what it reads", prints_what_it_reads},
    {"reads ini", reads_ini},
    {"refuses what inih misreads", refuses_what_inih_misreads},
    {"limits the line", limits_the_line},
    {"orders preset, file and set", orders_preset_file_and_set},
    {"checks pairs", checks_pairs},
    {"lists every option", lists_every_option},
    {"survives short memory", survives_short_memory},
    {"knows emotions", knows_emotions},
    {NULL, NULL},
};
