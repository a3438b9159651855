/**
 * Latents of a piece: the encoders' means and variances, segment by segment.
 *
 * Each segment is encoded by itself and without noise.
 */
#ifndef POSTERIOR_H
#define POSTERIOR_H

#include "emotion.h"
#include "model_file.h"

struct posterior {
    size_t n;                      /* segments */
    size_t latent;                 /* coordinates of a factor */
    real *mean[N_FACTORS];         /* (n, latent) owned */
    real *log_variance[N_FACTORS]; /* (n, latent) owned */
};

/** Room for n segments, all zero.  Local.  Fails for want of memory. */
STATUS_CHECKED enum status posterior_init(struct posterior *posterior, const struct model *model,
                                          size_t n);
void posterior_fini(struct posterior *posterior);

/** What encodes segments one at a time. */
struct posterior_encoder {
    const struct model *model;
    struct arena batches, activations, scratch; /* owned */
};

/** Local.  Fails for want of memory. */
STATUS_CHECKED enum status posterior_encoder_init(struct posterior_encoder *encoder,
                                                  const struct model *model);
void posterior_encoder_fini(struct posterior_encoder *encoder);

/** Moments of one segment.  Local.
 *
 * @param[out] moments  (2 latent) each: means, then log-variances; valid until the next call
 * @param      events   of the piece, in which the segment says where it begins
 */
void posterior_encoder_moments(struct posterior_encoder *encoder, const real *moments[N_FACTORS],
                               const struct event *events, const struct segment *segment);

/** Encodes a piece; posterior_fini frees what it made.  Local.  Fails for want of memory. */
STATUS_CHECKED enum status posterior_encode(struct posterior *posterior, const struct model *model,
                                            const struct piece *piece);

/** Copies the factor's rows from `from`, starting over when it has fewer.  Local. */
void posterior_take(struct posterior *to, const struct posterior *from, enum factor factor);

/** Moves every segment towards `end` (starting over when it has fewer) by a share t, along the
 *  straight line.  Local. */
void posterior_approach(struct posterior *posterior, const struct posterior *end, double t);

/**
 * The mean of the components of one emotion, or of all (emotion < 0), each by the responsibility it
 * takes for segment s: what the segment is, or the nearest way in which it could be of that
 * emotion. Local.
 *
 * @param[out] mean  (N_FACTORS D_e), rhythm then tonal
 */
void posterior_component_mean(double *mean, const struct posterior *posterior,
                              const struct model *model, size_t s, int emotion);

/** p(y) of the whole: exp(mean over segments of log p(y)), made to sum to 1.  Local. */
void posterior_emotion(double p[N_EMOTIONS], const struct posterior *posterior,
                       const struct model *model);

/** The tempo that the rhythm latents of `to` imply over that of `from`, as the model's linear head
 *  hears it: a geometric mean over segments.  1 when the model never saw a tempo.  Local.  Fails
 *  for want of memory. */
STATUS_CHECKED enum status posterior_tempo_ratio(double *ratio, const struct posterior *to,
                                                 const struct posterior *from,
                                                 const struct model *model);

#endif
