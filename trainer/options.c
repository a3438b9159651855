/* The option table, and parsing, formatting and range checks of one option. */
#include "options.h"

#include "config.h"
#include "nearest.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const preset_names[N_PRESETS] = {"tiny", "small", "base", "large"};

static const char *const inputs_names[] = {"factored", "full", NULL};
static const char *const compress_names[] = {"none", "bf16", NULL};
static const char *const precision_names[] = {"float", "bf16", NULL};
static const char *const overlap_names[] = {"auto", "on", "off", NULL};
static const char *const prior_names[] = {"normal", "gmm", "dispersed", NULL};

/* The field's own type chooses the option's, so that the two cannot disagree. */
#define FIELD(s, k) (((struct config *)0)->s.k)
#define OPTION(s, k, ...)                                                                          \
    {                                                                                              \
        .section = #s, .key = #k, .offset = offsetof(struct config, s.k),                          \
        .type = _Generic(FIELD(s, k), int                                                          \
                         : OPTION_INT, size_t                                                      \
                         : OPTION_SIZE, double                                                     \
                         : OPTION_REAL, bool                                                       \
                         : OPTION_BOOL, enum encoder_inputs                                        \
                         : OPTION_ENUM, enum mixture_prior                                         \
                         : OPTION_ENUM, enum compression                                           \
                         : OPTION_ENUM, enum gemm_precision                                        \
                         : OPTION_ENUM, enum reduce_overlap                                        \
                         : OPTION_ENUM),                                                           \
        __VA_ARGS__                                                                                \
    }
#define BY_PRESET(tiny, small, base, large) .value = {tiny, small, base, large}
#define DEFAULT(x) BY_PRESET(x, x, x, x)
#define RANGE(low, high, name) .min = (low), .max = (high), .unit = (name)
#define FLAG .unit = ""
#define ONE_OF(names) .unit = "", .values = (names)
#define HELP(text) .help = (text)

#define SEED_MAX 9007199254740991.0 /* 2^53 - 1: a double holds every whole number up to it */
#define STEPS_MAX 1e9

const struct option_entry options[] = {
    OPTION(model, width, BY_PRESET(64, 128, 256, 512), RANGE(16, 4096, "units"),
           HELP("hidden width; a multiple of model.heads")),
    OPTION(model, heads, BY_PRESET(2, 4, 4, 8), RANGE(1, 64, "heads"), HELP("attention heads")),
    OPTION(model, encoder_layers, BY_PRESET(1, 2, 3, 4), RANGE(1, 64, "layers"),
           HELP("layers of each encoder")),
    OPTION(model, decoder_layers, BY_PRESET(2, 4, 6, 8), RANGE(1, 64, "layers"),
           HELP("layers of the decoder")),
    OPTION(model, latent_mixture, BY_PRESET(8, 12, 12, 16), RANGE(2, 256, "coordinates"),
           HELP("D_e: latent coordinates a factor under the mixture prior")),
    OPTION(model, latent_residual, BY_PRESET(8, 52, 116, 240), RANGE(1, 1024, "coordinates"),
           HELP("D_0: latent coordinates a factor under the normal prior")),
    OPTION(model, memory, DEFAULT(384), RANGE(0, 8192, "events"),
           HELP("events of earlier segments that the decoder sees")),
    OPTION(encoder, inputs, DEFAULT(ENCODER_FACTORED), ONE_OF(inputs_names),
           HELP("what each encoder reads: its own factor, or everything (ablation)")),
    OPTION(mixture, prior, DEFAULT(PRIOR_DISPERSED), ONE_OF(prior_names),
           HELP("one normal, a plain mixture (delta = alpha = 0), or a dispersed one")),
    OPTION(mixture, components, DEFAULT(1), RANGE(1, 16, "components"),
           HELP("m: mixture components an emotion")),
    OPTION(mixture, update_every, DEFAULT(50), RANGE(0, 1000000000, "steps"),
           HELP("stage 3: steps between updates of weights and empty components; 0: never")),
    OPTION(objective, kl_weight, DEFAULT(0.2), RANGE(0, 10, ""),
           HELP("w: weight of the divergence terms")),
    OPTION(objective, mixture_weight, DEFAULT(10), RANGE(0, 1000, ""),
           HELP("weight of the mixture's divergence over kl_weight, once it is fitted")),
    OPTION(objective, kl_ramp, DEFAULT(0.3), RANGE(0, 1, "of the stage's steps"),
           HELP("time over which the weight rises from 0")),
    OPTION(objective, free_bits, DEFAULT(2), RANGE(0, 1000, "nats a sample"),
           HELP("divergence of the residual latents that costs nothing")),
    OPTION(objective, delta, DEFAULT(0.7), RANGE(0, 1, ""), HELP("weight of the dispersion")),
    OPTION(objective, alpha, DEFAULT(1), RANGE(1, 10, ""), .or_zero = true,
           HELP("weight of the mutual information")),
    OPTION(objective, gamma, DEFAULT(30), RANGE(0, 1000, ""),
           HELP("weight of the labels' log-likelihood")),
    OPTION(objective, attribute_weight, DEFAULT(10), RANGE(0, 1000, ""),
           HELP("eta_A: weight of the fader loss")),
    OPTION(objective, attribute_scale, DEFAULT(1), RANGE(1e-3, 100, ""),
           HELP("s0: slope of the fader loss")),
    OPTION(objective, decorrelation, DEFAULT(1), RANGE(0, 1000, ""),
           HELP("weight of what correlates the tonal latent with rhythm, in a micro-batch")),
    OPTION(objective, separation_weight, DEFAULT(1), RANGE(0, 1000, ""),
           HELP("eta_S: weight of the separation of emotions; of a dispersed prior only")),
    OPTION(objective, separation_distance, DEFAULT(2), RANGE(0, 100, "nats"),
           HELP("D0: Bhattacharyya distance under which emotions are pushed apart")),
    OPTION(objective, temperature_start, DEFAULT(6), RANGE(1, 1000, ""),
           HELP("temperature of the responsibilities at first")),
    OPTION(objective, temperature_end, DEFAULT(1), RANGE(1, 1000, ""),
           HELP("temperature of the responsibilities in the end")),
    OPTION(data, label_fraction, DEFAULT(1), RANGE(0, 1, "of the labelled pieces"),
           HELP("labels that training may see")),
    OPTION(data, augment, DEFAULT(1), FLAG, HELP("transpose, shift tempo and velocity")),
    OPTION(data, labelled_share, DEFAULT(0.25), RANGE(0, 1, "of the batch"),
           HELP("labelled rows of each global batch")),
    OPTION(data, row_segments, DEFAULT(2), RANGE(1, 4, "segments"),
           HELP("most consecutive segments of a row")),
    OPTION(data, folds, DEFAULT(0), RANGE(0, 100, "folds"),
           HELP("folds of a cross-validation by piece; 0: the corpus's own splits")),
    OPTION(data, fold, DEFAULT(0), RANGE(0, 99, ""), HELP("the fold held out, below data.folds")),
    OPTION(train, steps, DEFAULT(2000), RANGE(1, STEPS_MAX, "steps"), HELP("length of the run")),
    OPTION(train, batch, DEFAULT(32), RANGE(1, 65536, "rows"), HELP("rows of the global batch")),
    OPTION(train, micro_events, DEFAULT(2048), RANGE(64, 1048576, "events"),
           HELP("events computed at once on a rank")),
    OPTION(train, learning_rate, BY_PRESET(2e-3, 2e-3, 1e-3, 5e-4), RANGE(0, 1, "a step"),
           HELP("highest learning rate; falls as a cosine in each stage")),
    OPTION(train, restart, DEFAULT(0.5), RANGE(0, 1, "of train.learning_rate"),
           HELP("highest learning rate of the third stage")),
    OPTION(train, warmup, DEFAULT(50), RANGE(0, STEPS_MAX, "steps"),
           HELP("steps over which the learning rate rises")),
    OPTION(train, weight_decay, DEFAULT(0.01), RANGE(0, 1, ""), HELP("decay of the weights")),
    OPTION(train, clip, DEFAULT(1), RANGE(1e-6, 1e6, ""), HELP("largest norm of the gradient")),
    OPTION(train, stage1, DEFAULT(0.4), RANGE(0, 1, "of the steps"),
           HELP("training before the mixture fit")),
    OPTION(train, token_dropout, DEFAULT(0.2), RANGE(0, 0.9, "of the events"),
           HELP("decoder inputs hidden")),
    OPTION(train, dropout, DEFAULT(0.1), RANGE(0, 0.9, "of the units"),
           HELP("dropout of the residual branches")),
    OPTION(train, seed, DEFAULT(1), RANGE(0, SEED_MAX, ""), HELP("seed of every random number")),
    OPTION(train, log_every, DEFAULT(1), RANGE(1, STEPS_MAX, "steps"),
           HELP("steps between lines of metrics.jsonl")),
    OPTION(train, validate_every, DEFAULT(100), RANGE(0, STEPS_MAX, "steps"),
           HELP("steps between validations; 0: never")),
    OPTION(train, validate_rows, DEFAULT(64), RANGE(1, 65536, "rows"),
           HELP("rows of a validation")),
    OPTION(train, patience, DEFAULT(0), RANGE(0, 10000, "validations"),
           HELP("how many may pass without a better one before the run ends; 0: all")),
    OPTION(train, deterministic, DEFAULT(0), FLAG,
           HELP("the same bits on any number of ranks and threads")),
    OPTION(train, overlap, DEFAULT(REDUCE_OVERLAP_AUTO), ONE_OF(overlap_names),
           HELP("sum gradients over ranks while computing, by a thread; auto: between nodes")),
    OPTION(train, sharded, DEFAULT(0), FLAG,
           HELP("each rank holds the moments of its share of the weights only")),
    OPTION(train, compress, DEFAULT(COMPRESS_NONE), ONE_OF(compress_names),
           HELP("how gradients travel; bf16 halves them, what is rounded off comes next step")),
    OPTION(train, precision, DEFAULT(GEMM_FLOAT), ONE_OF(precision_names),
           HELP("what a step's matrix products round to; bf16 wants a CPU with AMX")),
    OPTION(train, threads, DEFAULT(1), RANGE(1, 256, "threads"), HELP("OpenMP threads a rank")),
    OPTION(train, watchdog, DEFAULT(600), RANGE(1, 1e6, "seconds"), .or_zero = true,
           HELP("longest wait for a rank that is stuck, before all end; 0: for ever")),
    OPTION(train, spike, DEFAULT(8), RANGE(2, 1000, "deviations"), .or_zero = true,
           HELP("how far above the last steps' a loss is told as a spike; 0: never")),
    OPTION(train, skip_spikes, DEFAULT(0), FLAG, HELP("leave out the update of such a step")),
    OPTION(fit, iterations, DEFAULT(50), RANGE(1, 10000, "iterations"),
           HELP("most iterations of the mixture fit")),
    OPTION(fit, segments, DEFAULT(8192), RANGE(16, 1e7, "segments"),
           HELP("most segments used by the mixture fit")),
    OPTION(fit, weak, DEFAULT(40), RANGE(0, 1e7, "segments"),
           HELP("labelled segments that the rule counts as, for each emotion; 0: no rule")),
    OPTION(fit, unlabelled, DEFAULT(0.1), RANGE(0, 1, ""),
           HELP("weight of what the mixture tells, over that of labels and rule")),
    OPTION(checkpoint, every, DEFAULT(200), RANGE(1, STEPS_MAX, "steps"),
           HELP("steps between checkpoints")),
    OPTION(checkpoint, keep, DEFAULT(3), RANGE(1, 10000, "checkpoints"),
           HELP("newest checkpoints kept, besides the best")),
};
const size_t n_options = sizeof options / sizeof options[0];

size_t option_find(const char *name)
{
    char known[OPTION_NAME_SIZE];
    size_t i = 0;
    while (i < n_options && strcmp(option_name(&options[i], known), name) != 0) i++;
    return i;
}

char *option_name(const struct option_entry *option, char text[OPTION_NAME_SIZE])
{
    snprintf(text, OPTION_NAME_SIZE, "%s.%s", option->section, option->key);
    return text;
}

enum status option_unknown(const char *name)
{
    char known[OPTION_NAME_SIZE], best[OPTION_NAME_SIZE] = "", hint[OPTION_NAME_SIZE + 32] = "";
    struct nearest nearest = {.wanted = name};
    for (size_t i = 0; i < n_options; i++) {
        nearest_offer(&nearest, option_name(&options[i], known));
        if (nearest.best != known) continue;
        memcpy(best, known, sizeof best);
        nearest.best = best;
    }
    /* A key without its section. */
    for (size_t i = 0; !nearest.best && i < n_options; i++)
        if (strcmp(options[i].key, name) == 0) nearest.best = option_name(&options[i], best);
    return status_fail(USAGE, "%.80s: no such option%s", name,
                       nearest_hint(&nearest, hint, sizeof hint));
}

static void store(const struct option_entry *option, void *config, double value)
{
    void *field = (char *)config + option->offset;
    switch (option->type) {
    case OPTION_INT: *(int *)field = (int)value; break;
    case OPTION_SIZE: *(size_t *)field = (size_t)value; break;
    case OPTION_REAL: *(double *)field = value; break;
    case OPTION_BOOL: *(bool *)field = value != 0; break;
    case OPTION_ENUM: *(unsigned *)field = (unsigned)value; break;
    }
}

static double load(const struct option_entry *option, const void *config)
{
    const void *field = (const char *)config + option->offset;
    switch (option->type) {
    case OPTION_INT: return *(const int *)field;
    case OPTION_SIZE: return (double)*(const size_t *)field;
    case OPTION_REAL: return *(const double *)field;
    case OPTION_BOOL: return *(const bool *)field;
    case OPTION_ENUM: return *(const unsigned *)field;
    }
    return 0;
}

void option_reset(const struct option_entry *option, void *config, enum preset preset)
{
    store(option, config, option->value[preset]);
}

/* Index of a word in a list ended by NULL, or -1. */
static int word_index(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

/* Reads a number in decimal digits only: strtod alone would take nan, inf and hexadecimal. */
static bool parse_number(double *number, const char *text, bool whole)
{
    const char *allowed = whole ? "+-0123456789" : "+-.0123456789eE";
    char *end;
    if (!*text || text[strspn(text, allowed)]) return false;
    *number = strtod(text, &end);
    return end != text && !*end;
}

/* Whether the text is of the option's type; the number it stands for. */
static bool parse_value(const struct option_entry *option, const char *text, double *number)
{
    static const char *const bools[] = {"false", "true", "no", "yes", "off", "on", "0", "1", NULL};
    int index;
    switch (option->type) {
    case OPTION_BOOL:
        index = word_index(bools, text);
        *number = index & 1;
        return index >= 0;
    case OPTION_ENUM:
        index = word_index(option->values, text);
        *number = index;
        return index >= 0;
    default: return parse_number(number, text, option->type != OPTION_REAL);
    }
}

static const char *type_phrase(const struct option_entry *option)
{
    switch (option->type) {
    case OPTION_REAL: return "is not a number";
    case OPTION_BOOL:
    case OPTION_ENUM: return "is none of its values";
    default: return "is not a whole number";
    }
}

static bool in_range(const struct option_entry *option, double number)
{
    if (option->type == OPTION_BOOL || option->type == OPTION_ENUM) return true;
    if (option->or_zero && number == 0) return true;
    return number >= option->min && number <= option->max;
}

enum status option_set(const struct option_entry *option, void *config, const char *value)
{
    char name[OPTION_NAME_SIZE], range[OPTION_RANGE_SIZE];
    double number;
    const bool typed = parse_value(option, value, &number);
    if (typed && in_range(option, number)) {
        store(option, config, number);
        return OK;
    }
    return status_fail(USAGE, "%s = %.60s: %s (%s)", option_name(option, name), value,
                       typed ? "is out of range" : type_phrase(option),
                       option_range(option, range));
}

/* The shortest of 15 to 17 digits that reads back as the same double. */
static void format_real(double x, char *text, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
}

char *option_format_value(const struct option_entry *option, double value,
                          char text[OPTION_VALUE_SIZE])
{
    switch (option->type) {
    case OPTION_REAL: format_real(value, text, OPTION_VALUE_SIZE); break;
    case OPTION_BOOL: snprintf(text, OPTION_VALUE_SIZE, value != 0 ? "true" : "false"); break;
    case OPTION_ENUM: snprintf(text, OPTION_VALUE_SIZE, "%s", option->values[(int)value]); break;
    default: snprintf(text, OPTION_VALUE_SIZE, "%.0f", value);
    }
    return text;
}

char *option_format(const struct option_entry *option, const void *config,
                    char text[OPTION_VALUE_SIZE])
{
    return option_format_value(option, load(option, config), text);
}

bool option_same(const struct option_entry *option, const void *a, const void *b)
{
    char x[OPTION_VALUE_SIZE], y[OPTION_VALUE_SIZE];
    return strcmp(option_format(option, a, x), option_format(option, b, y)) == 0;
}

static char *enum_range(const struct option_entry *option, char text[OPTION_RANGE_SIZE])
{
    size_t filled = 0;
    for (size_t i = 0; option->values[i]; i++) {
        const char *joint = i == 0 ? "" : option->values[i + 1] ? ", " : " or ";
        const int n =
            snprintf(text + filled, OPTION_RANGE_SIZE - filled, "%s%s", joint, option->values[i]);
        filled += (size_t)n;
        ASSERT(filled < OPTION_RANGE_SIZE);
    }
    return text;
}

char *option_range(const struct option_entry *option, char text[OPTION_RANGE_SIZE])
{
    char low[OPTION_VALUE_SIZE], high[OPTION_VALUE_SIZE];
    if (option->type == OPTION_ENUM) return enum_range(option, text);
    if (option->type == OPTION_BOOL) {
        snprintf(text, OPTION_RANGE_SIZE, "true or false");
        return text;
    }
    snprintf(text, OPTION_RANGE_SIZE, "%s%s to %s%s%s", option->or_zero ? "0 or " : "",
             option_format_value(option, option->min, low),
             option_format_value(option, option->max, high), *option->unit ? " " : "",
             option->unit);
    return text;
}
