/**
 * Latents drawn from the prior: where generated music starts from.
 *
 * A piece keeps one point z^e of its emotion's mixture, so that it stays in one mood and style. Its
 * residual z^0 drifts a little from segment to segment around the piece's own, each of them N(0, I)
 * by itself: segments of one piece are alike, not equal.  Draws are keyed by (seed, piece, attempt)
 * and not by the emotion: one seed gives the same place within each of the four clusters.
 *
 * Between the emotions lies the plane of valence and arousal: an emotion is a corner, and what
 * belongs to a point is the bilinear blend of what belongs to the corners.
 */
#ifndef LATENT_H
#define LATENT_H

#include "emotion.h"
#include "model_file.h"

struct latent_key {
    uint64_t seed;
    uint32_t piece;
    uint32_t attempt; /* 0, or how often the piece was drawn anew; below 2^24 */
};

struct latent_point {
    double valence, arousal; /* -1..1 */
};

/** The corner of an emotion.  Local. */
struct latent_point latent_emotion(int emotion);

/** How much of each emotion a point has; they sum to 1.  Local. */
void latent_weights(double weight[N_EMOTIONS], struct latent_point point);

/**
 * OK when each emotion that the point has a part of was labelled in some training piece or placed
 * by rule in the fit, or the checkpoint does not say; else FAILED, naming `path`.  Local.
 */
STATUS_CHECKED enum status latent_check_point(const struct model *model, struct latent_point point,
                                              const char *path);

/** OK when the model's mixture has been fitted; else FAILED, naming `path`.  Local. */
STATUS_CHECKED enum status latent_check(const struct model *model, const char *path);

/**
 * Sets the mixture coordinates z[g][0 .. D_e): a component of the emotion by its weight, then
 * N(mu, temperature^2 e^lam).  Local.
 *
 * @param[out] z            (latent) each; the residual coordinates are not touched
 * @param      temperature  0: the component's mean
 */
void latent_draw_emotion(real *const z[N_FACTORS], const struct model *model, int emotion,
                         double temperature, const struct latent_key *key);

/** As latent_draw_emotion, the blend of the four draws.  Local. */
void latent_draw_point(real *const z[N_FACTORS], const struct model *model,
                       struct latent_point point, double temperature, const struct latent_key *key);

/** Sets the residual coordinates z[g][D_e ..) of one segment of the piece.  Local. */
void latent_draw_residual(real *const z[N_FACTORS], const struct model *model, uint32_t segment,
                          double temperature, const struct latent_key *key);

/** The tonic of a piece, 0-11, each as likely.  Local. */
int latent_draw_tonic(const struct latent_key *key);

#endif
