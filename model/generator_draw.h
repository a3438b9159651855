/**
 * Draws symbols from logits.
 */
#ifndef GENERATOR_DRAW_H
#define GENERATOR_DRAW_H

#include "real.h"

#include <stdbool.h>
#include <stddef.h>

enum { GENERATOR_MAX_SYMBOLS = 256 };

/**
 * Draws a symbol with probability softmax(logits / temperature), of the fewest most likely symbols
 * that hold top_p of it.  Local.  Cannot fail.
 *
 * @param logits   (n) at most GENERATOR_MAX_SYMBOLS
 * @param allowed  (n) false excludes a symbol; not all may be
 * @param top_p    (0, 1]: nucleus sampling (Holtzman et al. 2020); equally likely symbols stay
 *                 together
 * @param uniform  in (0, 1)
 */
size_t generator_draw(const real *logits, const bool *allowed, size_t n, double temperature,
                      double top_p, double uniform);

/** -log softmax(logits)[chosen] in nats.  Local.  Cannot fail. */
double generator_symbol_nats(const real *logits, size_t n, size_t chosen);

#endif
