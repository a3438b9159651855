/* Encoding of pieces, and what their latents say. */
#include "posterior.h"

#include "collate.h"
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_COORDINATES = 1024, /* of one kind and factor; the option table's limit */
    RHYTHM_TEMPO = 1,       /* place of the tempo among a batch's rhythm attributes */
};

enum status posterior_init(struct posterior *posterior, const struct model *model, size_t n)
{
    enum status status = OK;
    const size_t latent = vae_latent(&model->vae.shape);
    *posterior = (struct posterior){.n = n, .latent = latent};
    for (int g = 0; g < N_FACTORS; g++) {
        posterior->mean[g] = calloc(n * latent, sizeof(real));
        posterior->log_variance[g] = calloc(n * latent, sizeof(real));
        if (!posterior->mean[g] || !posterior->log_variance[g] || status_fault())
            FAIL(FAILED, "no memory for the latents of %zu segments", n);
    }
done:
    if (status != OK) posterior_fini(posterior);
    return status;
}

void posterior_fini(struct posterior *posterior)
{
    for (int g = 0; g < N_FACTORS; g++) {
        free(posterior->mean[g]);
        free(posterior->log_variance[g]);
        posterior->mean[g] = posterior->log_variance[g] = NULL;
    }
    posterior->n = 0;
}

static double temperature(const struct model *model)
{
    return schedule_at(&model->config, model->step).objective.mixture.temperature;
}

enum status posterior_encoder_init(struct posterior_encoder *encoder, const struct model *model)
{
    enum status status = OK;
    const struct vae_sizes most = vae_most(&model->vae, EVENTS_SEGMENT_EVENTS, 1, 1);
    const struct vae_memory need = vae_memory(&model->vae, &most);
    *encoder = (struct posterior_encoder){.model = model};
    TRY(arena_init(&encoder->batches,
                   collate_bytes(&model->vocabulary, EVENTS_SEGMENT_EVENTS, 1, 1)));
    TRY(arena_init(&encoder->activations, need.encode));
    TRY(arena_init(&encoder->scratch, need.scratch));
done:
    if (status != OK) posterior_encoder_fini(encoder);
    return status;
}

void posterior_encoder_fini(struct posterior_encoder *encoder)
{
    arena_fini(&encoder->batches);
    arena_fini(&encoder->activations);
    arena_fini(&encoder->scratch);
}

void posterior_encoder_moments(struct posterior_encoder *encoder, const real *moments[N_FACTORS],
                               const struct event *events, const struct segment *from)
{
    static const struct vae_noise quiet;
    const struct model *model = encoder->model;
    const struct collate collate = {.vocabulary = &model->vocabulary, .standard = model->standard};
    const struct corpus_segment segment = collate_segment(from);
    const struct source source = {events, &segment};
    const struct row row = {0, 1, CORPUS_UNLABELLED};
    struct vae_tape tape;
    arena_reset(&encoder->batches, 0);
    arena_reset(&encoder->activations, 0);
    const struct batch batch = collate_rows(&collate, &source, &row, 1, 0, &encoder->batches);
    vae_encode(&model->vae, model->theta, &tape, &batch, &quiet, temperature(model),
               &encoder->activations, &encoder->scratch);
    for (int g = 0; g < N_FACTORS; g++) moments[g] = tape.encoder[g].moments;
}

enum status posterior_encode(struct posterior *posterior, const struct model *model,
                             const struct piece *piece)
{
    enum status status = OK;
    struct posterior_encoder encoder = {0};
    TRY(posterior_init(posterior, model, piece->n_segments));
    TRY(posterior_encoder_init(&encoder, model));
    for (size_t s = 0; s < piece->n_segments; s++) {
        const size_t latent = posterior->latent, at = s * latent;
        const real *moments[N_FACTORS];
        posterior_encoder_moments(&encoder, moments, piece->events, &piece->segments[s]);
        for (int g = 0; g < N_FACTORS; g++) {
            memcpy(posterior->mean[g] + at, moments[g], latent * sizeof(real));
            memcpy(posterior->log_variance[g] + at, moments[g] + latent, latent * sizeof(real));
        }
    }
done:
    posterior_encoder_fini(&encoder);
    if (status != OK) posterior_fini(posterior);
    return status;
}

void posterior_take(struct posterior *to, const struct posterior *from, enum factor factor)
{
    const size_t latent = to->latent;
    for (size_t s = 0; s < to->n; s++) {
        const size_t at = s * latent, source = s % from->n * latent;
        memcpy(to->mean[factor] + at, from->mean[factor] + source, latent * sizeof(real));
        memcpy(to->log_variance[factor] + at, from->log_variance[factor] + source,
               latent * sizeof(real));
    }
}

static void approach(real *x, const real *end, size_t n, double t)
{
    for (size_t i = 0; i < n; i++) x[i] = (real)((1 - t) * (double)x[i] + t * (double)end[i]);
}

void posterior_approach(struct posterior *posterior, const struct posterior *end, double t)
{
    const size_t latent = posterior->latent;
    for (int g = 0; g < N_FACTORS; g++)
        for (size_t s = 0; s < posterior->n; s++) {
            const size_t at = s * latent, target = s % end->n * latent;
            approach(posterior->mean[g] + at, end->mean[g] + target, latent, t);
            approach(posterior->log_variance[g] + at, end->log_variance[g] + target, latent, t);
        }
}

/* log pi - KL / Temp of segment s: log q (K) up to a constant, without its underflow. */
static void log_responsibilities(double *log_q, const struct posterior *posterior,
                                 const struct model *model, size_t s)
{
    const struct mixture mixture = vae_mixture(&model->vae, model->theta);
    const size_t mixed = model->vae.shape.latent_mixture;
    const double temp = temperature(model);
    real m[N_FACTORS * MAX_COORDINATES], v[N_FACTORS * MAX_COORDINATES];
    real q[MIXTURE_MAX_COMPONENTS], kl[MIXTURE_MAX_COMPONENTS];
    ASSERT(mixed <= MAX_COORDINATES);
    for (size_t g = 0; g < N_FACTORS; g++) {
        const size_t at = s * posterior->latent;
        memcpy(m + g * mixed, posterior->mean[g] + at, mixed * sizeof *m);
        memcpy(v + g * mixed, posterior->log_variance[g] + at, mixed * sizeof *v);
    }
    mixture_posterior(q, kl, &mixture, m, v, temp, 1);
    for (size_t k = 0; k < mixture.shape.n_components; k++)
        log_q[k] = (double)mixture.log_weight[k] - (double)kl[k] / temp;
}

/* p = softmax(log_p), in place; returns log of the sum of exp. */
static double normalize(double *p, size_t n)
{
    double most = -HUGE_VAL, total = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, p[i]);
    for (size_t i = 0; i < n; i++) total += p[i] = exp(p[i] - most);
    for (size_t i = 0; i < n; i++) p[i] /= total;
    return most + log(total);
}

void posterior_component_mean(double *mean, const struct posterior *posterior,
                              const struct model *model, size_t s, int emotion)
{
    const struct mixture mixture = vae_mixture(&model->vae, model->theta);
    const size_t n = mixture.shape.dimensions, m = mixture.shape.per_emotion;
    const size_t first = emotion < 0 ? 0 : (size_t)emotion * m;
    const size_t count = emotion < 0 ? mixture.shape.n_components : m;
    double q[MIXTURE_MAX_COMPONENTS] = {0};
    log_responsibilities(q, posterior, model, s);
    (void)normalize(q + first, count);
    for (size_t d = 0; d < n; d++) mean[d] = 0;
    for (size_t k = first; k < first + count; k++)
        for (size_t d = 0; d < n; d++) mean[d] += q[k] * (double)mixture.mean[k * n + d];
}

void posterior_emotion(double p[N_EMOTIONS], const struct posterior *posterior,
                       const struct model *model)
{
    const size_t m = model->vae.shape.per_emotion;
    double q[MIXTURE_MAX_COMPONENTS], log_p[N_EMOTIONS];
    for (int y = 0; y < N_EMOTIONS; y++) p[y] = 0;
    for (size_t s = 0; s < posterior->n; s++) {
        log_responsibilities(q, posterior, model, s);
        for (size_t y = 0; y < N_EMOTIONS; y++) log_p[y] = normalize(q + y * m, m);
        double shares[N_EMOTIONS];
        memcpy(shares, log_p, sizeof shares);
        const double total = normalize(shares, N_EMOTIONS);
        for (int y = 0; y < N_EMOTIONS; y++) p[y] += (log_p[y] - total) / (double)posterior->n;
    }
    (void)normalize(p, N_EMOTIONS);
}

/* Mean over segments of the log tempo that the linear head hears, up to a constant. */
static double mean_log_tempo(const struct posterior *posterior, const struct model *model,
                             struct arena *scratch)
{
    const struct vae *vae = &model->vae;
    double sum = 0;
    for (size_t s = 0; s < posterior->n; s++) {
        const size_t mark = arena_mark(scratch);
        real heard[BATCH_RHYTHM_ATTRIBUTES];
        subdecoder_attributes(&vae->subdecoder, model->theta, FACTOR_RHYTHM, heard,
                              posterior->mean[FACTOR_RHYTHM] + s * posterior->latent, 1, scratch);
        arena_reset(scratch, mark);
        sum += (double)heard[RHYTHM_TEMPO] * model->standard.deviation[ATTRIBUTE_TEMPO];
    }
    return sum / (double)posterior->n;
}

enum status posterior_tempo_ratio(double *ratio, const struct posterior *to,
                                  const struct posterior *from, const struct model *model)
{
    static const double MOST = 2; /* either way */
    struct arena scratch = {0};
    *ratio = 1;
    if (model->standard.mean[ATTRIBUTE_TEMPO] <= 0) return OK; /* log bpm; 0: none was known */
    const struct subdecoder *sub = &model->vae.subdecoder;
    const enum status status =
        arena_init(&scratch, subdecoder_scratch_bytes(sub, 1, subdecoder_cells(sub)) + 4096);
    if (status == OK) {
        const double change =
            mean_log_tempo(to, model, &scratch) - mean_log_tempo(from, model, &scratch);
        *ratio = fmin(fmax(exp(change), 1 / MOST), MOST);
    }
    arena_fini(&scratch);
    return status;
}
