/* affekt bench: figures beside the limits of the machine, measured in the same run. */
#define _GNU_SOURCE
#include "bench.h"

#include "gemm.h"
#include "nearest.h"
#include "peak.h"
#include "synthetic.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

enum { KEY_EVENTS = 256, KEY_ROWS, KEY_MICRO, KEY_STEPS, KEY_ROUNDS, KEY_SET, KEY_FLOATS };
enum { DEFAULT_ROUNDS = 9, MAX_ROUNDS = 100000, SET_BYTES = 64 };

/* An option of some kinds only: the letters of those in whose line it may stand. */
enum { GEMM = 1, STEP = 2, REDUCE = 4, IO = 8, PACK = 16, GENERATE = 32, ALL = 63 };

static const struct {
    const char *name;
    unsigned bit;
    enum status (*run)(struct bench *bench);
} KINDS[] = {{"gemm", GEMM, bench_gemm},       {"step", STEP, bench_step},
             {"reduce", REDUCE, bench_reduce}, {"io", IO, bench_io},
             {"pack", PACK, bench_pack},       {"generate", GENERATE, bench_generate}};
enum { N_KINDS = sizeof KINDS / sizeof KINDS[0] };

static const struct {
    const char *name;
    int key;
    unsigned kinds;
} BELONGS[] = {
    {"--preset", 'p', GEMM | STEP | IO | GENERATE},
    {"--corpus", 'c', STEP | IO},
    {"--events", KEY_EVENTS, GEMM | STEP | IO},
    {"--rows", KEY_ROWS, STEP | IO},
    {"--micro", KEY_MICRO, GEMM | STEP},
    {"--steps", KEY_STEPS, STEP},
    {"--rounds", KEY_ROUNDS, ALL & ~STEP},
    {"--floats", KEY_FLOATS, REDUCE},
    {"--set", KEY_SET, GEMM | STEP | IO},
    {"--out", 'o', IO | PACK},
    {"--checkpoint", 'k', GENERATE},
};
enum { N_BELONGS = sizeof BELONGS / sizeof BELONGS[0] };

static const struct argp_option options_table[] = {
    {"preset", 'p', "NAME", 0, "tiny, small, base or large (small): gemm, step, io, generate", 0},
    {"set", KEY_SET, "SECTION.KEY=VALUE", 0, "One option over the preset's; repeatable", 0},
    {"corpus", 'c', "C.h5", 0, "Corpus instead of full rows made for the measurement: step, io", 0},
    {"events", KEY_EVENTS, "T", 0, "Events of a row, 16 to 384 (192): gemm, step, io", 0},
    {"rows", KEY_ROWS, "R", 0, "Rows of the global batch: --set train.batch=R", 0},
    {"micro", KEY_MICRO, "M", 0, "Events of a micro-batch: --set train.micro_events=M", 0},
    {"steps", KEY_STEPS, "N", 0, "Steps to measure (9), after two that are not", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "Rounds of measuring thing and limit in turn (9)", 0},
    {"floats", KEY_FLOATS, "N", 0, "Length of the gradient: reduce (2000000)", 0},
    {"checkpoint", 'k', "F|RUN", 0, "Model instead of random weights: generate", 0},
    {"out", 'o', "DIR", 0, "Folder to write into: io; pack (" P_tmpdir ")", 0},
    {0},
};

/* The command line as it is read. */
struct reading {
    struct bench *bench;
    size_t kind;    /* index, N_KINDS before it is known */
    unsigned given; /* bit i: BELONGS[i] stands in the line */
    char rows[SET_BYTES], micro[SET_BYTES];
};

static enum status set_kind(struct reading *reading, const char *text)
{
    char hint[64];
    struct nearest nearest = {.wanted = text};
    for (reading->kind = 0; reading->kind < N_KINDS; reading->kind++) {
        if (strcmp(KINDS[reading->kind].name, text) == 0) return OK;
        nearest_offer(&nearest, KINDS[reading->kind].name);
    }
    return status_fail(USAGE, "bench %.60s: want gemm, step, reduce, io, pack or generate%s", text,
                       nearest_hint(&nearest, hint, sizeof hint));
}

static enum status add_argument(struct reading *reading, const char *text)
{
    struct bench *bench = reading->bench;
    if (reading->kind == N_KINDS) return set_kind(reading, text);
    bench->inputs[bench->n_inputs++] = text;
    return OK;
}

static enum status add_set(struct bench *bench, const char *text)
{
    if (bench->n_sets == BENCH_MAX_SETS)
        return status_fail(USAGE, "--set: more than %d assignments", BENCH_MAX_SETS);
    bench->sets[bench->n_sets++] = text;
    return OK;
}

static enum status add_named_set(struct bench *bench, char set[SET_BYTES], const char *name,
                                 const char *text)
{
    const int n = snprintf(set, SET_BYTES, "%s=%s", name, text);
    if (n < 0 || n >= SET_BYTES)
        return status_fail(USAGE, "%s = %.20s...: want a whole number", name, text);
    return add_set(bench, set);
}

static enum status check(const struct reading *reading)
{
    const struct bench *bench = reading->bench;
    if (reading->kind == N_KINDS)
        return status_fail(USAGE, "what to bench is missing: gemm, step, reduce, io, pack or "
                                  "generate");
    const unsigned bit = KINDS[reading->kind].bit;
    for (size_t i = 0; i < N_BELONGS; i++)
        if (reading->given >> i & 1 && !(BELONGS[i].kinds & bit))
            return status_fail(USAGE, "bench %s takes no %s", KINDS[reading->kind].name,
                               BELONGS[i].name);
    if (bench->n_inputs > 0 && bit != PACK)
        return status_fail(USAGE, "unexpected argument '%.80s'", bench->inputs[0]);
    if (bench->corpus && bench->events)
        return status_fail(USAGE, "--events is for made rows: leave out it or --corpus");
    if (bench->checkpoint && bench->preset)
        return status_fail(USAGE, "--checkpoint has its own shape: leave out it or --preset");
    if (bit == IO && !bench->out) return status_fail(USAGE, "--out DIR is missing");
    return OK;
}

static enum status take(struct reading *reading, int key, char *text)
{
    struct bench *bench = reading->bench;
    for (size_t i = 0; i < N_BELONGS; i++)
        if (BELONGS[i].key == key) reading->given |= 1u << i;
    switch (key) {
    case 'p': bench->preset = text; return OK;
    case 'c': bench->corpus = text; return OK;
    case 'o': bench->out = text; return OK;
    case 'k': bench->checkpoint = text; return OK;
    case KEY_SET: return add_set(bench, text);
    case KEY_ROWS: return add_named_set(bench, reading->rows, "train.batch", text);
    case KEY_MICRO: return add_named_set(bench, reading->micro, "train.micro_events", text);
    case KEY_STEPS: return command_size(&bench->rounds, "--steps", text, 1, MAX_ROUNDS);
    case KEY_ROUNDS: return command_size(&bench->rounds, "--rounds", text, 1, MAX_ROUNDS);
    case KEY_FLOATS: return command_size(&bench->floats, "--floats", text, 1, (size_t)1 << 32);
    case KEY_EVENTS:
        return command_size(&bench->events, "--events", text, SYNTHETIC_MIN_EVENTS,
                            SYNTHETIC_MAX_EVENTS);
    case ARGP_KEY_ARG: return add_argument(reading, text);
    default: return check(reading);
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    const bool known = key == ARGP_KEY_ARG || key == ARGP_KEY_END;
    bool option = false;
    for (size_t i = 0; i < N_BELONGS; i++) option = option || BELONGS[i].key == key;
    if (!known && !option) return ARGP_ERR_UNKNOWN;
    return take(state->input, key, text) == OK ? 0 : COMMAND_REFUSED;
}

/* The frame of every kind's figures. */
static void describe(struct bench *bench, const char *kind)
{
    bench_text(bench, "bench", kind);
    bench_number(bench, "ranks", group_size(bench->group));
    bench_number(bench, "threads", bench->config.train.threads);
    bench_text(bench, "blis_kernel", gemm_kernel());
    bench_text(bench, "peak_vectors", peak_vectors());
    bench_number(bench, "rounds", (double)bench->rounds);
}

static enum status run(struct bench *bench, size_t kind)
{
    enum status status = OK;
    command_progress(&bench->progress, bench->group);
    TRY(group_agree(bench->group, config_resolve(&bench->config, bench->preset, NULL, bench->sets,
                                                 bench->n_sets)));
    TRY(group_agree(bench->group, gemm_init(bench->config.train.threads)));
    TRY(group_agree(bench->group, gemm_ready(bench->config.train.precision)));
    describe(bench, KINDS[kind].name);
    status = KINDS[kind].run(bench);
    progress_fini(&bench->progress);
done:
    return status;
}

enum status bench_run(struct group *world, int argc, char **argv)
{
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .args_doc = "gemm|step|reduce|io|pack|generate [INPUT...]",
        .doc = "Measures a part of affekt beside the limit that this machine sets it, in turn and "
               "several times; prints medians and their ratio."
               "\vgemm: the matrix products of a training step.  step: training steps.  reduce: "
               "the gradient's sum over ranks.  io: checkpoints, and the time to the first step.  "
               "pack: INPUT..., or composed pieces, to a corpus.  generate: notes a second."};
    struct bench *bench = calloc(1, sizeof *bench);
    const char **inputs = calloc((size_t)argc, sizeof *inputs);
    struct reading reading = {.bench = bench, .kind = N_KINDS};
    struct command_line line = {.argp = &argp, .input = &reading};
    enum status status = OK;
    if (!bench || !inputs) FAIL(FAILED, "no memory to read the command line");
    bench->group = world;
    bench->inputs = inputs;
    bench->facts = json_object();
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    if (!bench->rounds) bench->rounds = DEFAULT_ROUNDS;
    TRY(run(bench, reading.kind));
    TRY(bench_print(bench, line.json));
done:
    if (bench) json_decref(bench->facts);
    free(bench);
    free(inputs);
    return status;
}
