/* What a checkpoint holds. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "inspect.h"
#include "options.h"
#include "schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What the file says; texts and fields are owned. */
struct contents {
    struct config config;
    char *config_text, *tokeniser;
    struct checkpoint_field *fields;
    size_t n_fields;
    int64_t step;
    size_t n_parameters;
    const char *preset; /* whose shape the model has, or "custom" */
    uint64_t bytes;
    char digest[CHECKPOINT_DIGEST_SIZE];  /* of the file */
    char weights[CHECKPOINT_DIGEST_SIZE]; /* with --digest */
    char state[CHECKPOINT_DIGEST_SIZE];   /* with --digest */
};

static bool is_weight(const struct checkpoint_field *field)
{
    return strncmp(field->name, "model/", strlen("model/")) == 0;
}

static enum status read_config(struct contents *contents, const char *path)
{
    enum status status = OK;
    TRY(checkpoint_load_text(path, "config", &contents->config_text));
    TRY(checkpoint_load_text(path, "tokeniser", &contents->tokeniser));
    TRY(config_init(&contents->config, NULL));
    TRY(config_text(&contents->config, contents->config_text, path));
    contents->preset = config_preset(&contents->config);
done:
    return status == USAGE ? FAILED : status;
}

static enum status read_digests(struct contents *contents, const struct inspect *inspect)
{
    enum status status = OK;
    if (inspect->verify) TRY(checkpoint_verify(inspect->path));
    if (!inspect->digest) goto done;
    if (contents->n_parameters > 0)
        TRY(checkpoint_digest(inspect->path, "model", contents->weights));
    TRY(checkpoint_digest(inspect->path, "", contents->state));
done:
    return status;
}

static enum status read_contents(struct contents *contents, const struct inspect *inspect)
{
    enum status status = OK;
    struct stat about;
    struct checkpoint_field step = {
        .name = "trainer/step", .type = CHECKPOINT_INT64, .rows = 1, .columns = 1};
    step.data = &contents->step;
    TRY(checkpoint_file_digest(inspect->path, contents->digest));
    TRY(read_config(contents, inspect->path));
    TRY(checkpoint_load(inspect->path, &step, 1));
    TRY(checkpoint_list(inspect->path, &contents->fields, &contents->n_fields));
    for (size_t i = 0; i < contents->n_fields; i++)
        if (is_weight(&contents->fields[i]))
            contents->n_parameters += contents->fields[i].rows * contents->fields[i].columns;
    TRY(read_digests(contents, inspect));
    if (stat(inspect->path, &about) == 0) contents->bytes = (uint64_t)about.st_size;
done:
    return status;
}

static bool is_fitted(const struct contents *contents)
{
    const uint64_t fit = schedule_fit_step(&contents->config);
    return contents->step > 0 && (uint64_t)contents->step > fit;
}

static json_t *config_json(const struct config *config)
{
    json_t *sections = json_object();
    for (size_t i = 0; i < n_options; i++) {
        char text[OPTION_VALUE_SIZE];
        option_format(&options[i], config, text);
        json_t *section = json_object_get(sections, options[i].section);
        if (!section) {
            section = json_object();
            json_object_set_new(sections, options[i].section, section);
        }
        json_object_set_new(section, options[i].key,
                            options[i].type == OPTION_ENUM
                                ? json_string(text)
                                : json_loads(text, JSON_DECODE_ANY, NULL));
    }
    return sections;
}

/* RUN/latents.h5 has the layout of a checkpoint. */
static const char *kind_of(const struct contents *contents)
{
    return contents->n_parameters > 0 ? "checkpoint" : "latents";
}

static const char *type_name(enum checkpoint_type type)
{
    static const char *const names[] = {
        [CHECKPOINT_FLOAT] = "float", [CHECKPOINT_DOUBLE] = "double", [CHECKPOINT_INT64] = "int64"};
    return names[type];
}

static json_t *tensors_json(const struct contents *contents)
{
    json_t *array = json_array();
    for (size_t i = 0; i < contents->n_fields; i++) {
        const struct checkpoint_field *field = &contents->fields[i];
        json_array_append_new(array, json_pack("{s:s, s:[I, I], s:s}", "name", field->name, "shape",
                                               (json_int_t)field->rows, (json_int_t)field->columns,
                                               "type", type_name(field->type)));
    }
    return array;
}

static json_t *contents_json(const struct contents *contents, const struct inspect *inspect)
{
    json_t *digests = json_pack("{s:s}", "file", contents->digest);
    if (inspect->digest) {
        if (contents->n_parameters > 0)
            json_object_set_new(digests, "weights", json_string(contents->weights));
        json_object_set_new(digests, "state", json_string(contents->state));
    }
    return json_pack("{s:s, s:s, s:i, s:I, s:I, s:b, s:s, s:I, s:s, s:o, s:o, s:o, s:b}", "file",
                     inspect->path, "kind", kind_of(contents), "format", CHECKPOINT_VERSION,
                     "bytes", (json_int_t)contents->bytes, "step", (json_int_t)contents->step,
                     "fitted", is_fitted(contents), "preset", contents->preset, "parameters",
                     (json_int_t)contents->n_parameters, "tokeniser", contents->tokeniser, "config",
                     config_json(&contents->config), "digest", digests, "tensors",
                     tensors_json(contents), "verified", inspect->verify);
}

/* Options that differ from the preset's, or from those of `small`. */
static void print_config(const struct contents *contents)
{
    struct config preset;
    const bool custom = strcmp(contents->preset, "custom") == 0;
    if (config_init(&preset, custom ? NULL : contents->preset) != OK) return;
    for (size_t i = 0; i < n_options; i++) {
        char name[OPTION_NAME_SIZE], value[OPTION_VALUE_SIZE];
        if (option_same(&options[i], &preset, &contents->config)) continue;
        printf("  %s = %s\n", option_name(&options[i], name),
               option_format(&options[i], &contents->config, value));
    }
}

/* The tokeniser's settings, its lines joined by commas. */
static void print_tokeniser(const char *text)
{
    printf("tokeniser: ");
    for (const char *c = text; *c; c++) {
        if (*c != '\n')
            putchar(*c);
        else if (c[1])
            printf(", ");
    }
    putchar('\n');
}

static void print_contents(const struct contents *contents, const struct inspect *inspect)
{
    printf("%s: %s, format %d, %" PRIu64 " bytes\n", inspect->path, kind_of(contents),
           CHECKPOINT_VERSION, contents->bytes);
    printf("digest: %s%s\n", contents->digest, inspect->verify ? ", verified" : "");
    printf("step %" PRId64 " of %zu, mixture %s\n", contents->step, contents->config.train.steps,
           is_fitted(contents) ? "fitted" : "not fitted");
    print_tokeniser(contents->tokeniser);
    printf("%zu parameters, preset %s; options set otherwise:\n", contents->n_parameters,
           contents->preset);
    print_config(contents);
    printf("datasets:\n");
    for (size_t i = 0; i < contents->n_fields; i++) {
        const struct checkpoint_field *field = &contents->fields[i];
        printf("  %-60s %6zu x %-6zu %s\n", field->name, field->rows, field->columns,
               type_name(field->type));
    }
}

enum status inspect_checkpoint(const struct inspect *inspect, const struct group *world)
{
    enum status status = OK;
    struct contents contents = {0};
    TRY(read_contents(&contents, inspect));
    if (inspect->json)
        TRY(command_result(world, contents_json(&contents, inspect)));
    else if (inspect->digest)
        puts(contents.state);
    else
        print_contents(&contents, inspect);
done:
    free(contents.config_text);
    free(contents.tokeniser);
    free(contents.fields);
    return status;
}
