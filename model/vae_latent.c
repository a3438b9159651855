/* The losses on the latents and their way back to the encoders' moments. */
#include "decorrelation.h"
#include "vae.h"

#include <string.h>

static void fader_backward(const struct vae *vae, struct vae_tape *tape,
                           const struct objective *objective, const struct vae_share *share,
                           size_t first, double loss[N_LOSS_PARTS], struct arena *scratch)
{
    const size_t n = tape->batch->n_segments, latent = vae_latent(&vae->shape);
    const size_t mark = arena_mark(scratch);
    real *dz = arena_reals(scratch, n);
    for (int fader = 0; fader < BATCH_FADERS; fader++) {
        real *row = tape->dz[vae_fader_factor(fader)] + vae_fader_coordinate(fader);
        memset(dz, 0, n * sizeof *dz);
        loss[LOSS_FADER] +=
            fader_loss(dz, share->fader_z[fader], share->fader_a[fader], share->n_all, first, n,
                       objective->fader_scale, objective->fader_weight);
        for (size_t i = 0; i < n; i++) row[i * latent] += dz[i];
    }
    arena_reset(scratch, mark);
}

/* dJ/dm = dJ/dz, dJ/ds = 1/2 e^{s/2} eps dJ/dz: the reparametrised part. */
static void reparametrise(const struct vae *vae, struct vae_tape *tape)
{
    const size_t n = tape->batch->n_segments, latent = vae_latent(&vae->shape);
    for (int g = 0; g < N_FACTORS; g++)
        for (size_t i = 0; i < n; i++) {
            const real *s = tape->encoder[g].moments + i * 2 * latent + latent;
            const real *eps = tape->noise[g] + i * latent, *dz = tape->dz[g] + i * latent;
            real *dm = tape->dmoments[g] + i * 2 * latent, *ds = dm + latent;
            for (size_t d = 0; d < latent; d++) {
                dm[d] = dz[d];
                ds[d] = REAL(0.5) * real_exp(s[d] / 2) * eps[d] * dz[d];
            }
        }
}

/* Copies `count` coordinates a segment, `from` on, out of the moments' rows and back. */
struct slice {
    size_t from, count;
    real *m, *s, *dm, *ds; /* (n, count) */
};

static struct slice slice_take(const struct vae *vae, const struct vae_tape *tape,
                               enum factor group, size_t from, size_t count, struct arena *scratch)
{
    const size_t n = tape->batch->n_segments, latent = vae_latent(&vae->shape);
    struct slice slice = {from,
                          count,
                          arena_reals(scratch, n * count),
                          arena_reals(scratch, n * count),
                          arena_zeros(scratch, n * count),
                          arena_zeros(scratch, n * count)};
    for (size_t i = 0; i < n; i++) {
        const real *m = tape->encoder[group].moments + i * 2 * latent + from;
        memcpy(slice.m + i * count, m, count * sizeof *m);
        memcpy(slice.s + i * count, m + latent, count * sizeof *m);
    }
    return slice;
}

static void slice_add_gradient(const struct slice *slice, const struct vae *vae,
                               struct vae_tape *tape, enum factor group)
{
    const size_t n = tape->batch->n_segments, latent = vae_latent(&vae->shape);
    for (size_t i = 0; i < n; i++) {
        real *dm = tape->dmoments[group] + i * 2 * latent + slice->from;
        for (size_t d = 0; d < slice->count; d++) {
            dm[d] += slice->dm[i * slice->count + d];
            dm[latent + d] += slice->ds[i * slice->count + d];
        }
    }
}

/* KL against N(0, I) of some coordinates of one group; returns the plain sum. */
static double normal_backward(const struct vae *vae, struct vae_tape *tape, enum factor group,
                              size_t from, size_t count, double scale, double free_nats,
                              struct arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    const struct slice slice = slice_take(vae, tape, group, from, count, scratch);
    const double sum = normal_divergence(slice.dm, slice.ds, slice.m, slice.s, scale, free_nats,
                                         tape->batch->n_segments, count);
    slice_add_gradient(&slice, vae, tape, group);
    arena_reset(scratch, mark);
    return sum;
}

/* No linear reading of the tonal latent shall tell the rhythm: the number of notes passes into it,
 * however little of them it is shown. */
static double decorrelate(const struct vae *vae, struct vae_tape *tape, double weight,
                          struct arena *scratch)
{
    enum { RHYTHM = BATCH_RHYTHM_ATTRIBUTES + VAE_FADERS };
    const struct batch *batch = tape->batch;
    const size_t n = batch->n_segments, latent = vae_latent(&vae->shape);
    const size_t mark = arena_mark(scratch);
    real *a = arena_reals(scratch, n * RHYTHM);
    const struct slice slice = slice_take(vae, tape, FACTOR_TONAL, 0, latent, scratch);
    for (size_t i = 0; i < n; i++) {
        memcpy(a + i * RHYTHM, batch->rhythm_attributes + i * BATCH_RHYTHM_ATTRIBUTES,
               BATCH_RHYTHM_ATTRIBUTES * sizeof *a);
        memcpy(a + i * RHYTHM + BATCH_RHYTHM_ATTRIBUTES, batch->faders + i * BATCH_FADERS,
               VAE_FADERS * sizeof *a);
    }
    const struct decorrelation call = {.n = n,
                                       .coordinates = latent,
                                       .attributes = RHYTHM,
                                       .m = slice.m,
                                       .a = a,
                                       .dm = slice.dm,
                                       .weight = weight};
    const double loss = decorrelation_loss(&call, scratch);
    slice_add_gradient(&slice, vae, tape, FACTOR_TONAL);
    arena_reset(scratch, mark);
    return loss;
}

static void mixture_part_backward(const struct vae *vae, const real *theta, real *gradient,
                                  struct vae_tape *tape, const struct objective *objective,
                                  const struct vae_share *share, double loss[N_LOSS_PARTS],
                                  struct arena *scratch)
{
    const struct mixture mixture = vae_mixture(vae, theta);
    const size_t n = tape->batch->n_segments, d = mixture.shape.dimensions;
    const size_t mixed = vae->shape.latent_mixture, latent = vae_latent(&vae->shape);
    const size_t mark = arena_mark(scratch);
    struct mixture_loss part = {0};
    const struct mixture_gradient out = {.dm = arena_zeros(scratch, n * d),
                                         .ds = arena_zeros(scratch, n * d),
                                         .dmean = gradient + vae->mixture_mean,
                                         .dlog_variance = gradient + vae->mixture_log_variance};
    mixture_backward(&out, &part, &mixture, tape->m, tape->s, tape->batch->label, &share->mixture,
                     &objective->mixture, n, scratch);
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < N_FACTORS; g++)
            for (size_t j = 0; j < mixed; j++) {
                real *dm = tape->dmoments[g] + i * 2 * latent + j;
                dm[0] += out.dm[i * d + g * mixed + j];
                dm[latent] += out.ds[i * d + g * mixed + j];
            }
    loss[LOSS_KL] += part.kl;
    loss[LOSS_CATEGORY] += part.category;
    loss[LOSS_DISPERSION] += part.dispersion;
    loss[LOSS_LABEL] += part.label;
    loss[LOSS_ENTROPY] += part.entropy;
    loss[LOSS_MAX_POSTERIOR] += part.max_posterior;
    loss[LOSS_CORRECT] += part.correct;
    arena_reset(scratch, mark);
}

void vae_latent_backward(const struct vae *vae, const real *theta, real *gradient,
                         struct vae_tape *tape, const struct objective *objective,
                         const struct vae_share *share, size_t first, double scale,
                         double loss[N_LOSS_PARTS], struct arena *scratch)
{
    const struct vae_shape *shape = &vae->shape;
    const double residual = objective->residual * scale, weight = objective->mixture.kl * scale;
    fader_backward(vae, tape, objective, share, first, loss, scratch);
    reparametrise(vae, tape);
    const double segments = scale * (double)tape->batch->n_segments;
    loss[LOSS_CORRELATION] +=
        segments * decorrelate(vae, tape, segments * objective->decorrelation, scratch);
    for (enum factor g = 0; g < N_FACTORS; g++) {
        loss[LOSS_RESIDUAL] +=
            scale * normal_backward(vae, tape, g, shape->latent_mixture, shape->latent_residual,
                                    residual, objective->free_nats / N_FACTORS, scratch);
        if (objective->normal)
            loss[LOSS_KL] +=
                scale * normal_backward(vae, tape, g, 0, shape->latent_mixture, weight, 0, scratch);
    }
    if (!objective->normal)
        mixture_part_backward(vae, theta, gradient, tape, objective, share, loss, scratch);
}
