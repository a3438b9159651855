/**
 * Latents drawn from the prior: where generated music starts from.
 *
 * A piece keeps one point z^e of its emotion's mixture, so that it stays in one mood and style. Its
 * residual z^0 drifts a little from segment to segment around the piece's own, each of them N(0, I)
 * by itself: segments of one piece are alike, not equal.  Draws are keyed by (seed, piece, attempt)
 * and not by the emotion: one seed gives the same place within each of the four clusters.
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

/** Sets the residual coordinates z[g][D_e ..) of one segment of the piece.  Local. */
void latent_draw_residual(real *const z[N_FACTORS], const struct model *model, uint32_t segment,
                          double temperature, const struct latent_key *key);

/** The tonic of a piece, 0-11, each as likely.  Local. */
int latent_draw_tonic(const struct latent_key *key);

#endif
