/**
 * Music from a model: latents of an emotion -> events -> scores.
 *
 * A piece is a function of the model, the request's seed and the piece's index alone: how many
 * pieces are asked for, and which are written side by side, changes nothing.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "latent.h"
#include "score.h"
#include "writer.h"

enum {
    GENERATE_MAX_PIECES = 99999,
    GENERATE_MAX_BARS = 512,
    GENERATE_MAX_STEPS = 32,
    GENERATE_ANY_TONIC = -1,
};

/** A stretch of a piece in one mood. */
struct generate_step {
    struct latent_point point;
    size_t bars; /* >= 1 */
};

struct generate_request {
    struct generate_step steps[GENERATE_MAX_STEPS];
    size_t n_steps;             /* >= 1; of GENERATE_MAX_BARS bars in all at most */
    uint32_t count;             /* pieces, 1..GENERATE_MAX_PIECES */
    uint64_t seed;              /* of every random number */
    double temperature;         /* of events, > 0 */
    double top_p;               /* of events, (0, 1] */
    size_t drafts;              /* of a bar, the best of which stays: 1..WRITER_MAX_DRAFTS */
    int tonic;                  /* 0-11, or GENERATE_ANY_TONIC: drawn for each piece */
    double tempo;               /* bpm within the vocabulary's range; 0: what the model writes */
    struct fader_target faders; /* of every segment */
};

/** Bars of a piece.  Local. */
size_t generate_bars(const struct generate_request *request);

/** A finished piece, valid during the visit. */
struct generated {
    uint32_t index;            /* from 0 */
    const struct score *score; /* sorted; a tempo a step, whole bars, no note beyond the last */
    int tonic;                 /* 0-11 */
    double tempo;              /* bpm at the start */
    double seconds;            /* of all bars */
};

/** Called for each piece, in order of index.  A failure returned ends the generation. */
typedef enum status generate_visit(void *context, const struct generated *piece);

/**
 * Writes the pieces.  Local.
 *
 * A piece has exactly the bars asked for and at least one note: one that comes out empty is drawn
 * anew.  Segments end where a step does, and the latents of the next follow its point.  A step
 * keeps one tempo, the median of what the model wrote for its bars, since single draws of a bar's
 * tempo would make it stumble.  A note ends with the last bar at the latest, and where the same key
 * is struck again.
 *
 * @param model  its mixture has been fitted (latent_check)
 * @return FAILED for want of memory, when a piece stays empty, or what a visit returned
 */
STATUS_CHECKED enum status generate_pieces(const struct model *model,
                                           const struct generate_request *request,
                                           generate_visit *visit, void *context);

#endif
