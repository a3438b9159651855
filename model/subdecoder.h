/**
 * The sub-decoders, which keep each latent meaningful: the rhythm latent must tell the onset grid,
 * the tonal latent the tonic-relative pitch classes of each bar; and, linearly from the mixture
 * coordinates alone, each must tell its group's attributes.
 *
 * Source: model.md section 2; Music FaderNets (Tan & Herremans 2020), section 3.
 */
#ifndef SUBDECODER_H
#define SUBDECODER_H

#include "arena.h"
#include "batch.h"
#include "parameters.h"

struct subdecoder_shape {
    size_t width, latent, mixture; /* latent: coordinates of one z; mixture: the first of them */
    struct vocabulary vocabulary;
};

struct subdecoder {
    struct subdecoder_shape shape;
    size_t onset_in, onset_cell, onset_out, onset_bias;
    size_t chroma_in, chroma_in_bias, chroma_out, chroma_bias;
    size_t attributes[2], attributes_bias[2]; /* rhythm, tonal */
    size_t first, count;
};

enum subdecoder_part { SUBDECODER_ONSET, SUBDECODER_CHROMA, SUBDECODER_ATTRIBUTES, N_SUBDECODER };

/** Nats that a squared error of one standard deviation costs, times two. */
extern const double SUBDECODER_ATTRIBUTE_PRECISION;

void subdecoder_define(struct subdecoder *subdecoder, struct parameters *parameters,
                       const char *prefix, const struct subdecoder_shape *shape);

/**
 * Losses summed over segments, in nats, loss[part] +=; with a gradient block also backward.
 * Local.  Cannot fail.
 *
 * @param[in,out] dz  rhythm and tonal (n_segments, latent) +=, scaled by scale
 * @param[in]     z   rhythm and tonal (n_segments, latent)
 */
void subdecoder_loss(const struct subdecoder *subdecoder, const real *theta, real *gradient,
                     real *const dz[2], const real *const z[2], const struct batch *batch,
                     double scale, double loss[N_SUBDECODER], struct arena *scratch);

/** Predicted attributes (n, rhythm or tonal count) in standard deviations.  Local. */
void subdecoder_attributes(const struct subdecoder *subdecoder, const real *theta, int group,
                           real *y, const real *z, size_t n, struct arena *scratch);

/** Cells of a segment's onset grid, those beyond the end of a bar included.  Local. */
size_t subdecoder_cells(const struct subdecoder *subdecoder);

/** Bytes of scratch for n segments of which `cells` cells in all exist.  Local. */
size_t subdecoder_scratch_bytes(const struct subdecoder *subdecoder, size_t n_segments,
                                size_t cells);

#endif
