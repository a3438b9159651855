/**
 * One pre-norm Transformer-XL layer on packed sequences:
 *   x += dropout(attention(norm(x)) W_o + b_o);  x += dropout(GELU(norm(x) W_1 + b_1) W_2 + b_2)
 *
 * Source: Dai et al. 2019; pre-norm as in Xiong et al. 2020.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include "attention.h"
#include "layers.h"
#include "parameters.h"

/** Standard deviation of embeddings that enter a stack: some six a step then add up to the size of
 *  a layer's output, so that a step's own event is not drowned while the layers are random. */
#define BLOCK_EMBEDDING_SCALE 0.2

/** Offsets into the parameter block. */
struct block {
    size_t width, heads;
    size_t norm1_gain, norm1_bias, qkv, relative, u, v_bias, out, out_bias;
    size_t norm2_gain, norm2_bias, up, up_bias, down, down_bias;
    size_t first, count; /* the run of reals in the block that holds all of these */
};

/** What the forward pass keeps for the backward pass; memory of the activations arena. */
struct block_tape {
    real *x1, *stat1, *norm1, *qkv, *r, *lse, *mixed; /* x1: the input */
    real *x2, *stat2, *norm2, *up, *gelu;             /* x2: after attention */
};

/** The sequences of one call, shared by all layers. */
struct block_call {
    struct attention attention;
    size_t n;              /* packed steps */
    const real *sinusoids; /* (relative rows, width) */
    struct dropout dropout;
    const uint32_t *id; /* (n) for dropout */
    uint32_t site;      /* this layer's first dropout site; it uses two */
    struct ready ready; /* told by block_backward of each half whose gradient is final */
};

/** Adds the layer's tensors, named PREFIX/attention/qkv/weight and so on.  `depth`: layers of the
 *  stack, scales the residual projections by 1/sqrt(2 depth). */
void block_define(struct block *block, struct parameters *parameters, const char *prefix,
                  size_t width, size_t heads, size_t depth);

/** x (n, width) in place.  tape is filled from `activations`.  Local.  Cannot fail. */
void block_forward(const struct block *block, const real *theta, real *x, struct block_tape *tape,
                   const struct block_call *call, struct arena *activations, struct arena *scratch);

/** dx (n, width) in place: gradient of the output in, of the input out; gradient (the whole block,
 *  same layout as theta) +=.  Local.  Cannot fail. */
void block_backward(const struct block *block, const real *theta, real *gradient, real *dx,
                    const struct block_tape *tape, const struct block_call *call,
                    struct arena *scratch);

/** Reals of activations a packed step and, apart, a relative row. */
size_t block_tape_reals(const struct block *block, size_t n, size_t relative_rows);
/** Bytes of scratch for n packed steps in spans of at most count + context. */
size_t block_scratch_bytes(const struct block *block, size_t n, size_t count, size_t context);

#endif
