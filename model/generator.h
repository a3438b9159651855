/**
 * Writes music from latents: incremental decoding with cached keys and values, several pieces in
 * lockstep, legal by construction.
 *
 * A segment starts with a bar and has exactly the bars asked for; positions do not decrease within
 * a bar and lie inside it; pitches increase at one position; the meter of the first bar stays
 * unless the request names those of its bars.  Memory of earlier segments runs through the whole
 * piece.
 */
#ifndef GENERATOR_H
#define GENERATOR_H

#include "vae.h"

/** One event; fields that its type lacks are SYMBOL_NONE. */
struct generator_event {
    uint8_t type; /* TYPE_BAR or TYPE_NOTE */
    uint8_t symbol[N_FIELDS];
};

struct generator_settings {
    double temperature; /* > 0; 1: the model's own distribution */
    double top_p;       /* (0, 1]: nucleus sampling (Holtzman et al. 2020) */
    uint64_t seed;
    size_t max_events;         /* of a segment, at least its bars; the bars still due count in */
    const uint16_t *bar_steps; /* length of a bar of each signature symbol, grid steps */
    int tempo, signature;      /* symbols to keep to, or -1 */
};

struct generator; /* opaque */

/**
 * Prepares `n_pieces` pieces; piece i draws random numbers of index first_piece + i.  Local.  Fails
 * only for want of memory.
 *
 * @param vae, theta  used until generator_destroy
 */
STATUS_CHECKED enum status generator_create(struct generator **generator, const struct vae *vae,
                                            const real *theta, size_t n_pieces,
                                            uint32_t first_piece,
                                            const struct generator_settings *settings);
void generator_destroy(struct generator *generator);

/** Pitch symbols a piece may have: `count` from `first` on. */
struct generator_pitches {
    uint8_t first, count;
};

/** What the next segment of every piece shall be. */
struct generator_request {
    const real *z[N_FACTORS];                /* (n_pieces, latent) */
    const uint8_t *tonic;                    /* (n_pieces) 0-11 */
    const struct generator_pitches *pitches; /* (n_pieces) legal ones; NULL: all */
    size_t bars;                             /* 1 to vocabulary.bars */
    /* (bars) symbols that every piece keeps to, whatever the settings say; NULL: drawn */
    const uint8_t *tempo, *signature;
};

/**
 * Writes the next segment of every piece.  Local.  Cannot fail.
 *
 * @param[out] events  (n_pieces, max_events)
 * @param[out] counts  (n_pieces) events written
 */
void generator_segment(struct generator *generator, const struct generator_request *request,
                       struct generator_event *events, size_t *counts);

/** Begins the next segment of every piece; the request is used until the segment is written. Local.
 */
void generator_begin(struct generator *generator, const struct generator_request *request);

/** Writes the segment begun as far as its first `bars` bars.  Local.  Cannot fail.
 *
 * @param[in,out] events  (n_pieces, max_events): what the segment holds so far, as left before
 * @param[out]    counts  (n_pieces) events of those bars
 */
void generator_write(struct generator *generator, size_t bars, struct generator_event *events,
                     size_t *counts);

/** Lets piece `to` go on as `from` would, but for its random numbers, which stay its own.  Local.
 */
void generator_copy(struct generator *generator, size_t to, size_t from);

/** -log p in nats of all that piece i has written, under the model's own distribution.  Local. */
double generator_nats(const struct generator *generator, size_t piece);

#endif
