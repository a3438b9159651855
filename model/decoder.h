/**
 * The decoder: a causal Transformer-XL over the events of a row, conditioned at every layer on the
 * latents of the segment being written (in-attention).
 *
 * Memory is the earlier segments of the same row, with stopped gradient.  Step t of a row reads
 * event t - 1 (a start symbol for t = 0) and predicts event t; the last step predicts that the bar
 * is over.
 *
 * The caller counts pitches from each segment's tonic, so that what the tonal latent says of scale
 * degrees and register is said of symbols: no rotation for each of twelve tonics has to be learnt.
 *
 * Source: Dai et al. 2019; Wu & Yang 2021 (MuseMorphose), section III (in-attention).
 */
#ifndef DECODER_H
#define DECODER_H

#include "block.h"
#include "heads.h"

enum { DECODER_MAX_LAYERS = 16 };

struct decoder_shape {
    size_t width, heads, layers;
    size_t condition; /* numbers of the condition a segment */
    size_t memory;    /* steps of earlier segments in sight */
};

struct decoder {
    struct decoder_shape shape;
    struct heads heads;
    struct block block[DECODER_MAX_LAYERS];
    size_t condition[DECODER_MAX_LAYERS]; /* (condition, width) a layer */
    size_t norm_gain, norm_bias;
    size_t field[N_FIELDS], type, bar; /* input tables; type: bar, note, start, hidden */
    uint32_t site;
    size_t first, count;
};

/** One pass over a micro-batch. */
struct decoder_call {
    const struct batch *batch;
    const real *condition; /* (n_segments, condition) */
    real *dcondition;      /* (n_segments, condition) +=; unused without gradient */
    struct dropout dropout;
    real token_dropout; /* probability that an input note is hidden */
    double scale;       /* of the gradients */
    struct ready ready;
};

enum { DECODER_START = N_TYPES, DECODER_HIDDEN, DECODER_N_TYPES };

void decoder_define(struct decoder *decoder, struct parameters *parameters, const char *prefix,
                    const struct decoder_shape *shape, const struct vocabulary *vocabulary,
                    uint32_t site);

/**
 * Event losses of a micro-batch, loss += nats; with a gradient block also the backward pass.
 * Local.  Cannot fail.  Both arenas are restored.
 */
void decoder_loss(const struct decoder *decoder, const real *theta, real *gradient,
                  const struct decoder_call *call, double loss[N_EVENT_LOSSES],
                  struct arena *activations, struct arena *scratch);

#endif
