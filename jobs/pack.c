/* affekt pack: MIDI files, folders and archives to one corpus file. */
#define _GNU_SOURCE
#include "pack.h"

#include "command.h"
#include "emotion.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct pack {
    struct pack_options options;
    const char **inputs; /* (argc) */
    const char **labels; /* (argc) */
    struct progress progress;
};

enum { KEY_APPEND = 0x100, KEY_BARS, KEY_GRID, KEY_SPLIT, KEY_REPORT };

static const struct argp_option options_table[] = {
    {"out", 'o', "C.h5", 0, "Corpus file to write", 0},
    {"labels", 'l', "L.csv", 0,
     "Emotions of pieces, paths relative to the file (repeatable): columns path and label, or "
     "path, "
     "valence and arousal; optional split, group",
     0},
    {"append", KEY_APPEND, NULL, 0, "Add to the corpus at --out; its pieces keep their splits", 0},
    {"bars", KEY_BARS, "N", 0, "Bars a segment, 1 to 32 (8)", 0},
    {"grid", KEY_GRID, "N", 0, "Steps a quarter note, 1 to 24 (4); 12 keeps triplets", 0},
    {"split", KEY_SPLIT, "A/B/C", 0, "Percent to train, validation, test (90/5/5)", 0},
    {"report", KEY_REPORT, "R.csv", 0, "Write a row for each input: outcome, reason", 0},
    {0},
};

static enum status set_split(int percent[N_SPLITS], const char *text)
{
    int used = 0;
    if (sscanf(text, "%3d/%3d/%3d%n", percent, percent + 1, percent + 2, &used) == 3 &&
        !text[used] && percent[0] >= 0 && percent[1] >= 0 && percent[2] >= 0 &&
        percent[0] + percent[1] + percent[2] == 100)
        return OK;
    return status_fail(USAGE, "--split = %.40s: want three percentages that make 100", text);
}

static enum status set_small(int *value, const char *option, const char *text, size_t high)
{
    size_t number;
    const enum status status = command_size(&number, option, text, 1, high);
    if (status == OK) *value = (int)number;
    return status;
}

static enum status check_complete(const struct pack_options *options)
{
    if (!options->out || !*options->out) return status_fail(USAGE, "--out C.h5 is missing");
    if (options->n_inputs == 0) return status_fail(USAGE, "no INPUT given");
    return OK;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct pack *pack = state->input;
    struct pack_options *options = &pack->options;
    enum status status = OK;
    switch (key) {
    case 'o': options->out = text; break;
    case 'l': pack->labels[options->n_labels++] = text; break;
    case KEY_APPEND: options->append = true; break;
    case KEY_BARS: status = set_small(&options->settings.bars, "--bars", text, 32); break;
    case KEY_GRID: status = set_small(&options->settings.grid, "--grid", text, 24); break;
    case KEY_SPLIT: status = set_split(options->percent, text); break;
    case KEY_REPORT: options->report = text; break;
    case ARGP_KEY_ARG: pack->inputs[options->n_inputs++] = text; break;
    case ARGP_KEY_END: status = check_complete(options); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static void show_progress(void *context, size_t done, size_t total)
{
    progress_update(context, "packed %zu of %zu", done, total);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *splits_json(const uint64_t splits[N_SPLITS])
{
    json_t *object = json_object();
    for (int s = 0; s < N_SPLITS; s++)
        json_object_set_new(object, split_names[s], count(splits[s]));
    return object;
}

static json_t *result_json(const struct pack_options *options, const struct pack_result *result,
                           double seconds)
{
    json_t *outcomes = json_object(), *labels = json_object();
    for (int o = 0; o < N_OUTCOMES; o++)
        json_object_set_new(outcomes, outcome_names[o], count(result->outcomes[o]));
    for (int e = 0; e < N_EMOTIONS; e++)
        json_object_set_new(labels, emotion_names[e], splits_json(result->labelled_splits[e]));
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:f}",
                     "out", options->out, "inputs", count(result->n_inputs), "outcomes", outcomes,
                     "damaged", count(result->n_damaged), "already_there", count(result->n_already),
                     "constant_tempo", count(result->n_tempo_forgot), "with_copy",
                     count(result->n_with_copy), "pieces", count(result->n_pieces), "groups",
                     count(result->n_groups), "segments", count(result->n_segments), "events",
                     count(result->n_events), "splits", splits_json(result->splits), "labels",
                     labels, "digest", result->digest, "seconds", seconds);
}

static void print_summary(const struct pack_options *options, const struct pack_result *result,
                          double seconds)
{
    printf("%s: %llu pieces, %llu segments, %llu events, digest %s\n", options->out,
           (unsigned long long)result->n_pieces, (unsigned long long)result->n_segments,
           (unsigned long long)result->n_events, result->digest);
    printf("inputs: %llu", (unsigned long long)result->n_inputs);
    for (int o = 0; o < N_OUTCOMES; o++)
        printf(", %llu %s", (unsigned long long)result->outcomes[o], outcome_names[o]);
    printf(", %llu packed but damaged, %.2f s\n", (unsigned long long)result->n_damaged, seconds);
    for (int s = 0; s < N_SPLITS; s++) {
        printf("%s: %llu pieces", split_names[s], (unsigned long long)result->splits[s]);
        for (int e = 0; e < N_EMOTIONS; e++)
            printf(", %llu %s", (unsigned long long)result->labelled_splits[e][s],
                   emotion_names[e]);
        putchar('\n');
    }
}

/* What the user should know of, though nothing failed. */
static void print_notes(struct progress *progress, const struct pack_result *result)
{
    if (result->outcomes[OUTCOME_UNREADABLE])
        progress_note(progress, "warning: %llu of %llu inputs were unreadable (--report says why)",
                      (unsigned long long)result->outcomes[OUTCOME_UNREADABLE],
                      (unsigned long long)result->n_inputs);
    if (result->n_tempo_forgot)
        progress_note(progress, "%llu pieces declare their collection's constant tempo: unknown",
                      (unsigned long long)result->n_tempo_forgot);
    if (result->n_with_copy)
        progress_note(progress,
                      "warning: %llu pieces follow a copy into another split than asked for",
                      (unsigned long long)result->n_with_copy);
}

static enum status run(struct pack *pack, struct group *world, bool json)
{
    struct pack_result result;
    const double start = seconds_now();
    enum status status = pack_run(world, &pack->options, &result);
    const double seconds = seconds_now() - start;
    progress_fini(&pack->progress);
    if (status != OK) return status;
    print_notes(&pack->progress, &result);
    if (json) return command_result(world, result_json(&pack->options, &result, seconds));
    if (group_rank(world) == 0) print_summary(&pack->options, &result, seconds);
    return OK;
}

enum status pack_verb_run(struct group *world, int argc, char **argv)
{
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .args_doc = "INPUT...",
        .doc = "Packs MIDI files, folders and zip or tar archives into one corpus file."
               "\vAny number of ranks writes the same bytes.  Unreadable inputs are passed over; "
               "the exit code is 1 when no input was readable.",
    };
    struct pack pack = {.options = {.percent = {90, 5, 5}}};
    struct command_line line = {.argp = &argp, .input = &pack};
    enum status status = OK;
    pack.inputs = calloc((size_t)argc, sizeof *pack.inputs);
    pack.labels = calloc((size_t)argc, sizeof *pack.labels);
    if (!pack.inputs || !pack.labels) FAIL(FAILED, "out of memory");
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    pack.options.inputs = pack.inputs;
    pack.options.labels = pack.labels;
    pack.options.progress = show_progress;
    pack.options.context = &pack.progress;
    command_progress(&pack.progress, world);
    TRY(run(&pack, world, line.json));
done:
    free(pack.inputs);
    free(pack.labels);
    return status;
}
