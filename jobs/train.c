/* affekt train: corpus -> run folder with checkpoints. */
#include "command.h"
#include "run.h"
#include "stop.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ASSIGNMENTS = 128, ASSIGNMENT_BYTES = 64 };

struct train {
    struct run_settings settings;
    const char *preset, *config;
    const char *assignment[MAX_ASSIGNMENTS];
    size_t n_assignments;
    char steps[ASSIGNMENT_BYTES];
    bool list_options;
};

enum {
    KEY_CONFIG = 256,
    KEY_SET,
    KEY_MAX_TIME,
    KEY_RESUME,
    KEY_DETERMINISTIC,
    KEY_DRY_RUN,
    KEY_TRACE,
    KEY_OPTIONS
};

static const struct argp_option options_table[] = {
    {"corpus", 'c', "C.h5", 0, "Corpus made by affekt pack", 0},
    {"out", 'o', "RUN", 0, "Run folder; made if missing, resumed if not empty", 0},
    {"preset", 'p', "NAME", 0, "tiny, small, base or large (small)", 0},
    {"config", KEY_CONFIG, "F.ini", 0, "Options over the preset's", 0},
    {"set", KEY_SET, "SECTION.KEY=VALUE", 0, "One option over both; repeatable", 0},
    {"steps", 'n', "N", 0, "Steps in all: --set train.steps=N", 0},
    {"max-time", KEY_MAX_TIME, "T", 0, "Stop by T after the start (90s, 15m, 2h, HH:MM:SS), exit 3",
     0},
    {"resume", KEY_RESUME, "WHAT", 0, "auto, never, or a checkpoint file (auto)", 0},
    {"deterministic", KEY_DETERMINISTIC, NULL, 0, "The same bits on any number of ranks", 0},
    {"dry-run", KEY_DRY_RUN, NULL, 0,
     "Check everything, print the memory expected and reserved, train nothing", 0},
    {"trace", KEY_TRACE, "T.json", 0,
     "Write where the time of the last 100 steps went, a lane a rank (Chrome trace format)", 0},
    {"options", KEY_OPTIONS, NULL, 0, "List every option of --config and --set", 0},
    {0},
};

static enum status add_assignment(struct train *train, const char *text)
{
    if (train->n_assignments == MAX_ASSIGNMENTS)
        return status_fail(USAGE, "--set: more than %d assignments", MAX_ASSIGNMENTS);
    train->assignment[train->n_assignments++] = text;
    return OK;
}

static enum status set_steps(struct train *train, const char *text)
{
    const int n = snprintf(train->steps, sizeof train->steps, "train.steps=%s", text);
    if (n < 0 || (size_t)n >= sizeof train->steps)
        return status_fail(USAGE, "--steps = %.40s: not a number of steps", text);
    return add_assignment(train, train->steps);
}

static enum status check_paths(const struct train *train)
{
    if (train->list_options) return OK;
    if (!train->settings.corpus) return status_fail(USAGE, "--corpus C.h5 is missing");
    if (!train->settings.out && !train->settings.dry_run)
        return status_fail(USAGE, "--out RUN is missing");
    return OK;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct train *train = state->input;
    enum status status = OK;
    switch (key) {
    case 'c': train->settings.corpus = text; break;
    case 'o': train->settings.out = text; break;
    case 'p': train->preset = text; break;
    case 'n': status = set_steps(train, text); break;
    case KEY_CONFIG: train->config = text; break;
    case KEY_SET: status = add_assignment(train, text); break;
    case KEY_MAX_TIME: status = stop_parse_duration(&train->settings.max_seconds, text); break;
    case KEY_RESUME: train->settings.resume = text; break;
    case KEY_DETERMINISTIC: status = add_assignment(train, "train.deterministic=true"); break;
    case KEY_DRY_RUN: train->settings.dry_run = true; break;
    case KEY_TRACE: train->settings.trace = text; break;
    case KEY_OPTIONS: train->list_options = true; break;
    case ARGP_KEY_END: status = check_paths(train); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *expected_json(const struct expected *expected)
{
    const struct trainer_memory *arenas = &expected->arenas;
    const struct expect_rest *rest = &expected->rest;
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "parameters_and_moments",
                     (json_int_t)arenas->block, "reduction", (json_int_t)arenas->reduction,
                     "batches", (json_int_t)arenas->batches, "activations",
                     (json_int_t)arenas->activations, "scratch", (json_int_t)arenas->scratch,
                     "panels", (json_int_t)rest->panels, "tables", (json_int_t)rest->tables,
                     "corpus", (json_int_t)rest->corpus, "program", (json_int_t)rest->program,
                     "total", (json_int_t)expected->total);
}

static json_t *memory_json(const struct trainer_memory *memory)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "parameters_and_moments", (json_int_t)memory->block,
                     "reduction", (json_int_t)memory->reduction, "batches",
                     (json_int_t)memory->batches, "activations", (json_int_t)memory->activations,
                     "scratch", (json_int_t)memory->scratch);
}

static json_t *result_json(const struct run_result *r, const char *run)
{
    json_t *result = json_pack(
        "{s:s?,s:I,s:b,s:f,s:f,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "run", run, "step",
        (json_int_t)r->step, "stopped", (int)r->stopped, "seconds", r->seconds, "events_per_second",
        r->events_per_second, "parameters", (json_int_t)r->parameters, "loss", number(r->last.loss),
        "validation_loss", number(r->validation.loss), "validation_events",
        number(r->validation.events), "validation_bigram", number(r->validation.bigram),
        "validation_emotion", number(r->validation.emotion), "validation_arousal",
        number(r->validation.arousal), "validation_valence", number(r->validation.valence),
        "memory_bytes", memory_json(&r->memory));
    if (result && r->expected.total > 0) /* of a dry run */
        json_object_set_new(result, "expected_bytes", expected_json(&r->expected));
    return result;
}

static const double MIB = 1024 * 1024;

static void print_part(const char *name, size_t expected, size_t most)
{
    printf("%s %.1f MiB, at most %.1f MiB\n", name, (double)expected / MIB, (double)most / MIB);
}

static void print_dry_run(const struct run_result *r)
{
    const struct trainer_memory *most = &r->memory, *arenas = &r->expected.arenas;
    const struct expect_rest *rest = &r->expected.rest;
    printf("parameters %zu\n", r->parameters);
    printf("parameters and moments %.1f MiB\n", (double)arenas->block / MIB);
    printf("reduction of gradients %.1f MiB\n", (double)arenas->reduction / MIB);
    print_part("batches", arenas->batches, most->batches);
    print_part("activations", arenas->activations, most->activations);
    print_part("scratch", arenas->scratch, most->scratch);
    printf("panels of products %.1f MiB\n", (double)rest->panels / MIB);
    printf("tables %.1f MiB\n", (double)rest->tables / MIB);
    printf("corpus, mapped %.1f MiB\n", (double)rest->corpus / MIB);
    printf("program and libraries %.1f MiB\n", (double)rest->program / MIB);
    printf("expected in all %.1f MiB a rank\n", (double)r->expected.total / MIB);
}

static void print_result(const struct run_result *r, const char *run)
{
    printf("run %s\n", run);
    printf("step %llu\n", (unsigned long long)r->step);
    printf("loss %.3f\n", r->last.loss);
    if (r->validation.n_events == 0) return;
    printf("validation loss %.4f nats/event\n", r->validation.loss);
    printf("bigram baseline %.4f nats/event\n", r->validation.bigram);
    if (r->validation.n_pieces == 0) return;
    printf("validation emotion %.3f arousal %.3f valence %.3f of %zu pieces\n",
           r->validation.emotion, r->validation.arousal, r->validation.valence,
           r->validation.n_pieces);
}

enum status train_run(struct group *world, int argc, char **argv)
{
    static const struct argp argp = {
        options_table,
        parse,
        NULL,
        "Trains a model on a corpus; run it again to resume.  Exit 3: stopped early, resumable.",
        NULL,
        NULL,
        NULL};
    struct train train = {.settings = {.resume = "auto"}};
    struct command_line line = {.argp = &argp, .input = &train};
    struct progress progress;
    struct config config;
    struct run_result result;
    enum status status = OK;
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) return OK;
    if (train.list_options) {
        if (group_rank(world) == 0) config_help(stdout);
        return OK;
    }
    TRY(group_agree(world, config_resolve(&config, train.preset, train.config, train.assignment,
                                          train.n_assignments)));
    command_progress(&progress, world);
    status = run_train(world, &config, &train.settings, &progress, &result);
    if (status == STOPPED) progress_note(&progress, "%s", status_message());
    if (status != OK && status != STOPPED) return status;
    if (line.json) {
        const enum status printed = command_result(world, result_json(&result, train.settings.out));
        return printed == OK ? status : printed; /* a stopped run stays one */
    }
    if (group_rank(world) == 0)
        train.settings.dry_run ? print_dry_run(&result) : print_result(&result, train.settings.out);
done:
    return status;
}
