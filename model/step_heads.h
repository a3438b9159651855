/**
 * The factored outputs of single steps, for generation: logits of a type, then of one field after
 * the other; heads.h says what they are.
 */
#ifndef STEP_HEADS_H
#define STEP_HEADS_H

#include "heads.h"
#include "rows.h"

struct step_heads {
    const struct heads *heads;
    const real *theta;
    struct rows_matrix type, hidden[N_FIELDS], out[N_FIELDS];
};

/** Bytes of arena that step_heads_init takes. */
size_t step_heads_bytes(const struct heads *heads);

/** Lays the weights out in memory of the arena; heads and theta are used from then on.  Local.
 *  Cannot fail. */
void step_heads_init(struct step_heads *step, const struct heads *heads, const real *theta,
                     struct arena *arena);

/** Type logits (n, N_TYPES) of steps h (n, width).  Local. */
void step_heads_type(const struct step_heads *step, real *logits, const real *h, size_t n);

/** Logits (n, n_symbols) of one field, given the symbols chosen so far; n * width reals of scratch.
 *  Local. */
void step_heads_field(const struct step_heads *step, real *logits, const real *h, enum field field,
                      const uint8_t *const symbol[N_FIELDS], size_t n, struct arena *scratch);

#endif
