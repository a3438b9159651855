/**
 * A segment encoder: events -> bidirectional Transformer-XL layers -> pooled -> mean and
 * log-variance of one latent.  The rhythm encoder reads position, duration, velocity, tempo and
 * signature; the tonal encoder reads pitch minus tonic; with full inputs both read all of them.
 *
 * Source: model.md section 2 (factored inputs); Dai et al. 2019 for the layers.
 */
#ifndef ENCODER_H
#define ENCODER_H

#include "batch.h"
#include "block.h"

enum { ENCODER_MAX_LAYERS = 16 };

struct encoder_shape {
    size_t width, heads, layers;
    size_t latent; /* coordinates of the latent */
    bool rhythm;   /* reads the rhythm fields */
    bool tonal;    /* reads pitch minus tonic */
    bool count;    /* pools a sum beside the mean, so that density can be read */
};

struct encoder {
    struct encoder_shape shape;
    size_t field[N_FIELDS]; /* offsets of the tables; FIELD_PITCH holds the tonal table */
    size_t type, bar;       /* tables of bar or note, and of the bar in the segment */
    struct block block[ENCODER_MAX_LAYERS];
    size_t norm_gain, norm_bias, head, head_bias;
    uint32_t site;       /* first dropout site */
    size_t first, count; /* its run of the parameter block */
};

struct encoder_tape {
    struct block_call call;
    struct block_tape block[ENCODER_MAX_LAYERS];
    uint8_t *type;
    real *last, *stat, *norm; /* input, statistics, output of the final norm */
    real *pooled;             /* (n_segments, pooled width) */
    real *moments;            /* (n_segments, 2 latent): mean, log-variance */
};

/** Adds the tensors, top layer first.  `vocabulary` gives the table sizes. */
void encoder_define(struct encoder *encoder, struct parameters *parameters, const char *prefix,
                    const struct encoder_shape *shape, const struct vocabulary *vocabulary,
                    uint32_t site);

/** Fills tape->moments.  tape lives in `activations`.  Local.  Cannot fail. */
void encoder_forward(const struct encoder *encoder, const real *theta, struct encoder_tape *tape,
                     const struct batch *batch, const struct dropout *dropout,
                     struct arena *activations, struct arena *scratch);

/** gradient += from dmoments (n_segments, 2 latent), each layer's part announced when it is final.
 *  Local.  Cannot fail. */
void encoder_backward(const struct encoder *encoder, const real *theta, real *gradient,
                      const real *dmoments, const struct encoder_tape *tape,
                      const struct batch *batch, const struct ready *ready, struct arena *scratch);

#endif
