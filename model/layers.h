/**
 * The simple layers, forward and backward.
 *
 * Rows are packed: (n, width), row-major, no padding.  All functions are Local and cannot fail.
 * Backward functions add to parameter gradients (+=) and set input gradients unless they say
 * otherwise; a NULL input gradient is not computed.
 */
#ifndef LAYERS_H
#define LAYERS_H

#include "real.h"

#include <stddef.h>
#include <stdint.h>

enum { SYMBOL_NONE = 255 }; /* a symbol that selects no row: no embedding, no target */

/** The masks of dropout: a function of (seed, step, id of the row, site, column) alone. */
struct dropout {
    real rate; /* 0: off */
    uint64_t seed, step;
};

/** y (n, out) = x (n, in) W (in, out) + b (out); b may be NULL. */
void linear_forward(real *y, const real *x, const real *w, const real *b, size_t n, size_t in,
                    size_t out);
/** The same, and act (n, out) = GELU(y), done while y's rows are in the cache. */
void linear_gelu_forward(real *y, real *act, const real *x, const real *w, const real *b, size_t n,
                         size_t in, size_t out);
/** y (n, out) = dropout(a W + b) and x (n, out) = residual + y: the end of a branch.  y is room to
 *  work in; x may be residual. */
struct branch {
    const real *residual; /* (n, out) */
    const struct dropout *dropout;
    const uint32_t *id; /* (n) */
    uint32_t site;
};
void linear_branch_forward(real *x, real *y, const real *a, const real *w, const real *b,
                           const struct branch *branch, size_t n, size_t in, size_t out);
/** dx (n, in) = dy W^T (NULL: skipped); dw += x^T dy; db += column sums of dy (NULL: skipped). */
void linear_backward(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w,
                     size_t n, size_t in, size_t out);
/** The same behind act = GELU(pre): dpre (n, in) = (dy W^T) GELU'(pre). */
void linear_gelu_backward(real *dpre, real *dw, real *db, const real *dy, const real *pre,
                          const real *act, const real *w, size_t n, size_t in, size_t out);

/** y = (x - mean) * rstd * gain + bias a row; eps 1e-5.  stat (n, 2) keeps mean and rstd. */
void layer_norm_forward(real *y, real *stat, const real *x, const real *gain, const real *bias,
                        size_t n, size_t width);
/** dx (n, width) += the input's gradient; dgain, dbias +=. */
void layer_norm_backward(real *dx, real *dgain, real *dbias, const real *dy, const real *x,
                         const real *stat, const real *gain, size_t n, size_t width);

/** y = GELU(x), tanh form (Hendrycks & Gimpel 2016). */
void gelu_forward(real *y, const real *x, size_t n);
/** dx = dy * GELU'(x); dx may be dy. */
void gelu_backward(real *dx, const real *dy, const real *x, size_t n);

/** y[i] += table[symbol[i]], table (n_symbols, width); SYMBOL_NONE adds nothing. */
void embedding_forward(real *y, const real *table, const uint8_t *symbol, size_t n, size_t width);
/** dtable[symbol[i]] += dy[i]. */
void embedding_backward(real *dtable, const real *dy, const uint8_t *symbol, size_t n,
                        size_t width);

/**
 * Softmax cross-entropy.  Returns the sum of -log p(target) in nats over rows with a target, in
 * double; dlogits (n, n_symbols) = scale * (p - one-hot), zero for rows of SYMBOL_NONE; dlogits may
 * be logits; NULL: not computed.
 */
double cross_entropy(real *dlogits, const real *logits, const uint8_t *target, real scale, size_t n,
                     size_t n_symbols);
/** The same against distributions target (n, n_symbols) that sum to 1, or to 0 for no target. */
double cross_entropy_soft(real *dlogits, const real *logits, const real *target, real scale,
                          size_t n, size_t n_symbols);

/** x (n, width): zeroes each number with probability rate (to 1/65536, below 1), scales the rest by
 * 1/(1 - rate); the backward pass is the same call on the gradient.  id (n): identity of each
 * packed row in the global batch; site < 4096: place in the network. */
void dropout_apply(real *x, const struct dropout *dropout, const uint32_t *id, uint32_t site,
                   size_t n, size_t width);

#endif
