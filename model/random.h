/**
 * Counter-based random numbers, keyed by what they are for.
 *
 * A number is a pure function of (seed, stream, a, b, c): training uses a = step, b = global row or
 * segment, c = index inside it, so that neither the rank count nor a restart can change it.
 *
 * Source: Philox4x32-10, Salmon et al. 2011 (Random123).
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "real.h"

#include <stddef.h>
#include <stdint.h>

enum random_stream {
    RANDOM_INITIALISE = 1,
    RANDOM_POSTERIOR,     /* the reparametrisation's standard normal */
    RANDOM_TOKEN_DROPOUT, /* decoder inputs hidden */
    RANDOM_DROPOUT,       /* residual branches */
    RANDOM_AUGMENT,       /* transposition, tempo and velocity shifts */
    RANDOM_SHUFFLE,       /* order of rows in an epoch */
    RANDOM_CHUNK,         /* where the rows of a piece are cut */
    RANDOM_SAMPLE,        /* events drawn in generation */
    RANDOM_LATENT,        /* latents drawn in generation */
    RANDOM_COMPOSE,       /* the rule-based composer */
    RANDOM_FIT,           /* mixture fitting */
    RANDOM_TEST,
    RANDOM_EVALUATE, /* resamples and choices of the measures */
    RANDOM_FOREST,   /* rows and features of the trees of a forest */
};

/** Four independent 32-bit words for one counter; c counts blocks of four.  Local. */
void random_block(uint32_t out[4], uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b,
                  uint32_t c);

/** One uniform number in (0, 1).  Local. */
double random_uniform(uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b, uint32_t c);

/** One integer in [0, n), n >= 1, without measurable bias.  Local. */
uint32_t random_below(uint32_t n, uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b,
                      uint32_t c);

/** Fills x[0..n) with standard normal numbers of the counters (a, b, 0..).  Local. */
void random_normals(real *x, size_t n, uint64_t seed, enum random_stream stream, uint64_t a,
                    uint32_t b);

#endif
