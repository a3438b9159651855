/**
 * Emotion of a piece: its segments' posteriors p(y | x), averaged in the log.
 *
 * Segments are encoded without noise, each by itself, so neither the rest of the piece nor what is
 * encoded side by side changes a segment's posterior.
 *
 * Source: model.md sections 3 and 7.
 */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include "emotion.h"
#include "model_file.h"

struct classifier {
    const struct model *model; /* borrowed */
    double temperature;        /* of the posterior: that of the model's latest step */
    struct arena batches, activations, scratch;
};

struct classification {
    double probability[N_EMOTIONS]; /* exp(mean over segments of log p(y)), made to sum to 1 */
    int emotion;                    /* the likeliest */
    size_t n_segments;
};

/** Reserves memory.  Local.  The model's mixture has been fitted (latent_check). */
STATUS_CHECKED enum status classifier_init(struct classifier *classifier,
                                           const struct model *model);
void classifier_fini(struct classifier *classifier);

/**
 * Classifies a piece.  Local.  Fails for want of memory only.
 *
 * @param[out] latent  (N_FACTORS D_e) mean over segments of the mixture coordinates' means, rhythm
 *                     then tonal; NULL: not wanted
 */
STATUS_CHECKED enum status classifier_piece(struct classifier *classifier,
                                            const struct piece *piece,
                                            struct classification *result, double *latent);

#endif
