/**
 * Own music, changed: encode a piece, move its latents, decode it again bar by bar.
 *
 * Segment by segment the mixture coordinates move along the axes that tell emotions apart - what
 * lies between the means of the four, each of its components weighted by their responsibilities -
 * to the place of the asked emotion (for a point the bilinear blend of the four).  What lies across
 * these axes, measured in the components' deviations, and the residuals stay. The decoder keeps the
 * input's tonic and bars: every bar has the meter and, but for one factor, the tempo that it has in
 * the input, on the input's own axis of ticks.  A performance off the grid has bars of two seconds
 * instead, and its tempo map stays as it is.
 *
 * Source: model.md sections 2 and 3.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "bar_map.h"
#include "latent.h"
#include "posterior.h"
#include "writer.h"

enum { TRANSFER_MAX_PIECES = 999 };

/** A file as the model sees it. */
struct transfer_source {
    struct score score;
    struct piece piece;
    struct bar_map bars;
    struct posterior posterior;
};

/** Encodes a score, which then is the source's, *score zeroed.  Local.  transfer_source_fini frees
 * on OK; FAILED without a note, or for want of memory. */
STATUS_CHECKED enum status transfer_source_init(struct transfer_source *source,
                                                const struct model *model, struct score *score);

/** Reads and encodes a file.  Local.  FAILED names it; transfer_source_fini frees on OK. */
STATUS_CHECKED enum status transfer_source_open(struct transfer_source *source,
                                                const struct model *model, const char *path);
void transfer_source_fini(struct transfer_source *source);

struct transfer_request {
    const struct transfer_source *input;
    const struct transfer_source *rhythm, *tonal; /* take that factor from there; NULL: the input's;
                                                     a shorter piece starts over */
    const struct transfer_source *end;            /* count pieces from the input to it; or NULL */
    uint32_t count;                               /* with `end` >= 2, else 1 */
    bool shift;
    struct latent_point to;
    double strength; /* 0: the latents stay; 1: the whole way */
    struct fader_target faders;
    uint64_t seed;
    double temperature, top_p; /* of events */
    size_t drafts;             /* of a bar, the best of which stays: 1..WRITER_MAX_DRAFTS */
};

/** A finished piece, valid during the visit. */
struct transferred {
    uint32_t index;             /* from 0 */
    const struct score *score;  /* sorted; ends with the input's last bar that has a note */
    const struct event *events; /* what it was made of: bar by bar as the input's piece */
    size_t n_events;
    double tempo_ratio;        /* to the input's tempi; 1 when these are unknown */
    double before[N_EMOTIONS]; /* p(y) of the input */
    double after[N_EMOTIONS];  /* p(y) of the latents that were decoded */
};

typedef enum status transfer_visit(void *context, const struct transferred *piece);

/**
 * The latents of piece `index`: factors taken from elsewhere first, then the way to `end`, then the
 * shift, then the faders.  Way and shift are straight lines: the components are Gaussians about
 * centres of their own, so that a great circle about the origin would mean nothing.  Local.
 *
 * @param[out] latents      owned by the caller on OK
 * @param[out] tempo_ratio  that the move implies; faders leave the tempo alone
 */
STATUS_CHECKED enum status transfer_latents(struct posterior *latents, double *tempo_ratio,
                                            const struct model *model,
                                            const struct transfer_request *request, uint32_t index);

/**
 * Writes the pieces.  Local.  All of them use the same random numbers, so that what differs between
 * them comes from the latents.  A piece without a note is drawn anew, FAILED in the end.
 */
STATUS_CHECKED enum status transfer_pieces(const struct model *model,
                                           const struct transfer_request *request,
                                           transfer_visit *visit, void *context);

#endif
