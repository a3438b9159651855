/**
 * A run's configuration: preset < file < command line, all through the option table.
 *
 * Every field is one option (options.c): `model.width` is the field model.width, the key `width` of
 * the section [model].  Functions here are local and deterministic, so ranks that read the same
 * file agree without communication.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "gemm.h"
#include "reduce.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum encoder_inputs { ENCODER_FACTORED, ENCODER_FULL };
enum compression { COMPRESS_NONE, COMPRESS_BF16 };
enum mixture_prior { PRIOR_NORMAL, PRIOR_GMM, PRIOR_DISPERSED };

/** Resolved values; meanings, units and ranges are in the option table (config_help). */
struct config {
    struct {
        size_t width, heads, encoder_layers, decoder_layers;
        size_t latent_mixture;  /* D_e, coordinates a factor */
        size_t latent_residual; /* D_0, coordinates a factor */
        size_t memory;          /* events */
    } model;
    struct {
        enum encoder_inputs inputs;
    } encoder;
    struct {
        enum mixture_prior prior;
        size_t components;   /* m, components an emotion */
        size_t update_every; /* steps; 0: never */
    } mixture;
    struct {
        double kl_weight, mixture_weight; /* w; over it, for the mixture */
        double kl_ramp;                   /* share of the stage's steps */
        double free_bits;                 /* nats a sample */
        double delta, alpha, gamma;
        double attribute_weight, attribute_scale; /* eta_A, s0 */
        double decorrelation; /* weight of the tonal latent's correlations with rhythm */
        double separation_weight, separation_distance; /* eta_S, D0 */
        double temperature_start, temperature_end;     /* Temp */
    } objective;
    struct {
        double label_fraction;
        bool augment;
        double labelled_share;
        size_t row_segments, folds, fold;
    } data;
    struct {
        size_t steps, batch, micro_events;
        double learning_rate, restart;
        size_t warmup; /* steps */
        double weight_decay, clip, stage1, token_dropout, dropout;
        size_t seed, log_every, validate_every, validate_rows, patience;
        bool deterministic;
        enum reduce_overlap overlap;
        bool sharded;
        enum compression compress;
        enum gemm_precision precision;
        int threads;
        double watchdog; /* seconds; 0: off */
        double spike;    /* deviations; 0: off */
        bool skip_spikes;
    } train;
    struct {
        size_t iterations, segments;
        double weak, unlabelled;
    } fit;
    struct {
        size_t every, keep;
    } checkpoint;
};

enum { CONFIG_MAX_BYTES = 1 << 20 }; /* a larger file or text is refused */

/** Fills in a preset's defaults; NULL is `small`.  USAGE on an unknown preset.  Local. */
STATUS_CHECKED enum status config_init(struct config *config, const char *preset);

/** The preset whose options of the section `model` the configuration has, or "custom".  Local. */
const char *config_preset(const struct config *config);

/**
 * Reads INI text over the present values.  Local.
 *
 * All or nothing: on failure the config is unchanged.  Text that inih would misread fails: indented
 * lines, lines it would cut, text after a section's bracket, a key given twice.
 *
 * @param[in] origin  names the text in messages: `ORIGIN:LINE: what`
 * @return USAGE
 */
STATUS_CHECKED enum status config_text(struct config *config, const char *text, const char *origin);

/** config_text on a file; FAILED when it cannot be read.  Local. */
STATUS_CHECKED enum status config_file(struct config *config, const char *path);

/** Sets one option from `section.key=value`.  Local. */
STATUS_CHECKED enum status config_set(struct config *config, const char *assignment);

/** Checks what one option's range cannot say.  USAGE names both values.  Local. */
STATUS_CHECKED enum status config_check(const struct config *config);

/** config_init, config_file (NULL: none), every assignment in turn, config_check.  Local. */
STATUS_CHECKED enum status config_resolve(struct config *config, const char *preset,
                                          const char *path, const char *const *assignments,
                                          size_t n_assignments);

/**
 * Every option as INI text, in the table's order; config_text reads back equal values.  Local.
 *
 * @return malloc'ed, owned by the caller; NULL, with a message, when memory is short
 */
char *config_print(const struct config *config);

/** Lists every option: name, default of each preset, range, unit, help.  Local. */
void config_help(FILE *stream);

#endif
