/* Segments -> posteriors -> a piece's emotion. */
#include "classify.h"

#include "collate.h"
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_EVENTS = 8 * EVENTS_SEGMENT_EVENTS, MOST_SEGMENTS = 64 }; /* encoded at once */

enum status classifier_init(struct classifier *classifier, const struct model *model)
{
    enum status status = OK;
    const struct vae_sizes most = vae_most(&model->vae, MOST_EVENTS, MOST_SEGMENTS, MOST_SEGMENTS);
    const struct vae_memory memory = vae_memory(&model->vae, &most);
    *classifier = (struct classifier){
        .model = model,
        .temperature = schedule_at(&model->config, model->step).objective.mixture.temperature};
    TRY(arena_init(&classifier->batches,
                   collate_bytes(&model->vocabulary, MOST_EVENTS, MOST_SEGMENTS, MOST_SEGMENTS)));
    TRY(arena_init(&classifier->activations, memory.encode));
    TRY(arena_init(&classifier->scratch, memory.scratch));
done:
    if (status != OK) classifier_fini(classifier);
    return status;
}

void classifier_fini(struct classifier *classifier)
{
    arena_fini(&classifier->batches);
    arena_fini(&classifier->activations);
    arena_fini(&classifier->scratch);
    *classifier = (struct classifier){0};
}

/* log p(y) of a segment from its divergences (K), up to a constant. */
static void log_emotions(double log_p[N_EMOTIONS], const struct mixture *mixture, const real *kl,
                         double temperature)
{
    const size_t m = mixture->shape.per_emotion;
    for (size_t y = 0; y < N_EMOTIONS; y++) {
        double most = -HUGE_VAL, total = 0;
        for (size_t k = y * m; k < (y + 1) * m; k++)
            most = fmax(most, (double)mixture->log_weight[k] - (double)kl[k] / temperature);
        for (size_t k = y * m; k < (y + 1) * m; k++)
            total += exp((double)mixture->log_weight[k] - (double)kl[k] / temperature - most);
        log_p[y] = most + log(total);
    }
}

/* p = softmax(log_p): what the segments' log p(y) lack, the same for every y, falls out here. */
static void normalize(double p[N_EMOTIONS], const double log_p[N_EMOTIONS])
{
    double most = -HUGE_VAL, total = 0;
    for (int y = 0; y < N_EMOTIONS; y++) most = fmax(most, log_p[y]);
    for (int y = 0; y < N_EMOTIONS; y++) total += p[y] = exp(log_p[y] - most);
    for (int y = 0; y < N_EMOTIONS; y++) p[y] /= total;
}

/* Adds up log p(y) and the latents of n segments. */
static void encode(struct classifier *classifier, const struct source *source,
                   const struct row *rows, size_t n, double sum[N_EMOTIONS], double *latent)
{
    static const struct vae_noise quiet;
    const struct model *model = classifier->model;
    const struct mixture mixture = vae_mixture(&model->vae, model->theta);
    const struct collate collate = {.vocabulary = &model->vocabulary, .standard = model->standard};
    const size_t d = mixture.shape.dimensions, k = mixture.shape.n_components;
    struct vae_tape tape;
    arena_reset(&classifier->batches, 0);
    arena_reset(&classifier->activations, 0);
    const struct batch batch = collate_rows(&collate, source, rows, n, 0, &classifier->batches);
    vae_encode(&model->vae, model->theta, &tape, &batch, &quiet, classifier->temperature,
               &classifier->activations, &classifier->scratch);
    for (size_t i = 0; i < n; i++) {
        double log_p[N_EMOTIONS];
        log_emotions(log_p, &mixture, tape.kl + i * k, classifier->temperature);
        for (int y = 0; y < N_EMOTIONS; y++) sum[y] += log_p[y];
        for (size_t j = 0; latent && j < d; j++) latent[j] += (double)tape.m[i * d + j];
    }
}

/* Segments from `first` on that are encoded at once. */
static size_t run_length(const struct piece *piece, size_t first)
{
    size_t n = 0, events = 0;
    while (n < MOST_SEGMENTS && first + n < piece->n_segments) {
        events += piece->segments[first + n].count;
        if (events > MOST_EVENTS) break;
        n++;
    }
    return n;
}

enum status classifier_piece(struct classifier *classifier, const struct piece *piece,
                             struct classification *result, double *latent)
{
    enum status status = OK;
    const size_t d = N_FACTORS * classifier->model->vae.shape.latent_mixture;
    struct corpus_segment *segments =
        status_fault() ? NULL : malloc(piece->n_segments * sizeof *segments);
    const struct source source = {piece->events, segments};
    struct row rows[MOST_SEGMENTS];
    double sum[N_EMOTIONS] = {0};
    *result = (struct classification){.n_segments = piece->n_segments};
    if (!segments) FAIL(FAILED, "no memory for %zu segments", piece->n_segments);
    for (size_t s = 0; s < piece->n_segments; s++)
        segments[s] = collate_segment(&piece->segments[s]);
    if (latent) memset(latent, 0, d * sizeof *latent);
    for (size_t first = 0, n; first < piece->n_segments; first += n) {
        n = run_length(piece, first);
        for (size_t i = 0; i < n; i++)
            rows[i] = (struct row){(uint32_t)(first + i), 1, CORPUS_UNLABELLED};
        encode(classifier, &source, rows, n, sum, latent);
    }
    for (int y = 0; y < N_EMOTIONS; y++) sum[y] /= (double)piece->n_segments;
    normalize(result->probability, sum);
    for (int y = 1; y < N_EMOTIONS; y++)
        if (result->probability[y] > result->probability[result->emotion]) result->emotion = y;
    for (size_t j = 0; latent && j < d; j++) latent[j] /= (double)piece->n_segments;
done:
    free(segments);
    return status;
}
