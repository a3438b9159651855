/**
 * What the decoder does with latents that were tampered with: swapped between pieces, swept along
 * a fader as faders_apply moves it.  A disentangled encoder does not imply a controllable decoder.
 */
#ifndef EVALUATE_CONTROL_H
#define EVALUATE_CONTROL_H

#include "evaluate_parts.h"

enum {
    CONTROL_VALUES = 8, /* places of a sweep: the training mean of the coordinate -2..+2
                           deviations */
    CONTROL_PAIRS = 4,  /* swaps for each segment that is swept */
    CONTROL_MEASURES = N_ATTRIBUTES + BATCH_PITCH_CLASSES,
};

/** Latents to decode, and the segments that came out; on every rank. */
struct evaluate_control {
    size_t n_swaps, n_sweeps, n; /* swaps come first; then (BATCH_FADERS, n_sweeps, values) */
    uint32_t
        *source[N_FACTORS]; /* owned; (n_swaps) corpus segments: A gives z_r, B z_t and tonic */
    real *z[N_FACTORS];     /* owned; (n, latent) */
    uint8_t *tonic;         /* owned; (n) */
    double value[BATCH_FADERS][CONTROL_VALUES];
    double *measured; /* owned; (n, CONTROL_MEASURES) attributes, tonic-relative note counts */
};

/** Draws segments of the measured split, decodes each latent into one segment on some rank, and
 *  measures it.  Collective. */
STATUS_CHECKED enum status evaluate_control_create(struct evaluate_control *control,
                                                   const struct evaluation *evaluation);
void evaluate_control_fini(struct evaluate_control *control);

/** The faders' consistency, restrictiveness and linearity over sweeps; context of the three below,
 *  whose pieces are the swept segments.  Attributes in units of the training deviation. */
struct fader_sweep {
    const struct evaluate_control *control;
    const struct standard *standard;
    int fader;
};
/** 1 - the mean over places of the deviation over segments of the fader's attribute.  Local.
 *  Source of all three: Tan & Herremans 2020, section 4.2. */
double control_consistency(const void *context, const uint32_t *index, size_t n);
/** 1 - the mean over segments and other faders of the deviation of their attribute along the sweep.
 *  Local. */
double control_restrictiveness(const void *context, const uint32_t *index, size_t n);
/** Mean over segments of the R^2 of attribute on place; 0 where the attribute stands still.  Local.
 */
double control_linearity(const void *context, const uint32_t *index, size_t n);

/** Swap test and faders.  Local. */
STATUS_CHECKED enum status evaluate_swaps(const struct evaluation *evaluation, json_t *section);
STATUS_CHECKED enum status evaluate_faders(const struct evaluation *evaluation, json_t *section);

#endif
