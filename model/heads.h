/**
 * The decoder's factored outputs: the type of the next event, then its fields one by one, each
 * given those before it in the same event.
 *
 * p(bar) p(tempo) p(signature | tempo), or
 * p(note) p(position) p(pitch | position) p(duration | ..) p(velocity | ..).
 * A field's logits are GELU(h W + sum of the conditions' embeddings) W_out.
 */
#ifndef HEADS_H
#define HEADS_H

#include "arena.h"
#include "batch.h"
#include "parameters.h"

enum { HEADS_MAX_CONDITIONS = 3, N_EVENT_LOSSES = N_FIELDS + 1 };

struct field_head {
    size_t n_symbols, n_conditions;
    enum field condition[HEADS_MAX_CONDITIONS];
    size_t table[HEADS_MAX_CONDITIONS];
    size_t hidden, hidden_bias, out, out_bias;
};

struct heads {
    size_t width;
    size_t type, type_bias;
    struct field_head field[N_FIELDS];
    size_t first, count; /* its run of the parameter block */
};

/** What each step should predict. */
struct heads_targets {
    const uint8_t *type;             /* (n) TYPE_BAR or TYPE_NOTE */
    const uint8_t *symbol[N_FIELDS]; /* (n) SYMBOL_NONE where the event lacks the field */
};

void heads_define(struct heads *heads, struct parameters *parameters, const char *prefix,
                  size_t width, const struct vocabulary *vocabulary);

/**
 * Cross-entropies of n steps, summed, in nats; loss[field] and loss[N_FIELDS] (the type) +=.
 * An unknown tempo is no target.  Local.  Cannot fail.
 *
 * @param[in,out] gradient  parameter block +=; NULL: losses only, dh is not touched
 * @param[in,out] dh        (n, width) +=
 * @param         scale     of every gradient
 */
void heads_loss(const struct heads *heads, const real *theta, real *gradient, real *dh,
                const real *h, const struct heads_targets *targets, double scale,
                double loss[N_EVENT_LOSSES], size_t n, struct arena *scratch);

/** Bytes of scratch for n steps. */
size_t heads_scratch_bytes(const struct heads *heads, size_t n);

#endif
