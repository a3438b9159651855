/**
 * The operations of a training step, counted by formula from the shape of the model and of a
 * micro-batch.
 *
 * Counted are multiply-adds of products, as two operations each, that the mathematics needs:
 *
 *   linear layer     y (n, out) = x (n, in) W (in, out): 2 n in out forward, as many for the
 * input's gradient where there is one, as many for the weight's attention        2 width for each
 * pair of a query and a key in sight and each of: content and position score, mixing of values;
 * twice that backward (each has two factors)
 *
 * A key in sight is one of the span's own, up to the query where attention is causal, or of its
 * memory.  What an implementation computes again or beyond that, and everything that is no product
 * (norms, activations, softmax, losses, the optimiser: of lower order), is not counted, so that the
 * same work has the same count however it is done.
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "vae.h"

enum { OPERATIONS_MAX_LAYERS = 64, OPERATIONS_NAME_SIZE = 48 };

/** What of a micro-batch the counts depend on. */
struct operations_sizes {
    size_t events, steps, bars, notes, segments;
    size_t cells;                        /* of the onset grid that exist */
    size_t encoder_rows, decoder_rows;   /* of the tables of relative positions */
    size_t encoder_pairs, decoder_pairs; /* of a query and a key in sight, in one layer */
};

/** One kind of linear layer: a tensor, or the same one in each of `repeats` layers of a stack. */
struct operations_layer {
    char name[OPERATIONS_NAME_SIZE]; /* "decoder/attention/qkv" */
    size_t n, in, out;               /* y (n, out) = x (n, in) W (in, out) */
    size_t repeats;
    bool input_gradient; /* the backward pass needs dx */
    bool encoder;        /* of an encoder, not of what decodes */
};

/** The sizes of a micro-batch for a model of that shape.  Local. */
struct operations_sizes operations_sizes(const struct batch *batch, const struct vae_shape *shape);

/** Lists the linear layers, OPERATIONS_MAX_LAYERS at most; returns how many.  Local. */
size_t operations_layers(struct operations_layer layers[OPERATIONS_MAX_LAYERS],
                         const struct vae *vae, const struct operations_sizes *sizes);

/** Operations of a micro-batch by pass. */
struct operations {
    double encode;          /* vae_encode */
    double decode;          /* vae_decode: decoder, heads and sub-decoders, both ways */
    double encode_backward; /* vae_encode_backward */
};

/** Local. */
struct operations operations_count(const struct vae *vae, const struct operations_sizes *sizes);

/** The sum of all passes.  Local. */
static inline double operations_total(const struct operations *operations)
{
    return operations->encode + operations->decode + operations->encode_backward;
}

/** Operations of writing one event at generation, `context` keys in sight, as a mean over bars and
 *  notes in the proportion of `sizes`.  Local. */
double operations_event(const struct vae *vae, const struct operations_sizes *sizes,
                        double context);

#endif
