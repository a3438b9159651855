/* Encoding a split. */
#include "evaluate_latents.h"

#include "baseline.h"
#include "encode.h"
#include "validate.h"

#include <math.h>
#include <string.h>

/* What the visits of one encoding fill. */
struct visit {
    struct evaluate_latents *latents;
    struct trainer *trainer;
    const struct evaluate_rows *which;
    double temperature;
};

/* log p(y) of a segment from its divergences (K). */
static void log_emotions(double log_p[N_EMOTIONS], const struct mixture *mixture, const real *kl,
                         double temperature)
{
    const size_t m = mixture->shape.per_emotion, n = mixture->shape.n_components;
    double most = -HUGE_VAL, all = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, (double)mixture->log_weight[k] - (double)kl[k] / temperature);
    for (size_t y = 0; y < N_EMOTIONS; y++) {
        double own = -HUGE_VAL, total = 0;
        for (size_t k = y * m; k < (y + 1) * m; k++)
            own = fmax(own, (double)mixture->log_weight[k] - (double)kl[k] / temperature);
        for (size_t k = y * m; k < (y + 1) * m; k++)
            total += exp((double)mixture->log_weight[k] - (double)kl[k] / temperature - own);
        log_p[y] = own + log(total) - most;
        all += exp(log_p[y]);
    }
    for (size_t y = 0; y < N_EMOTIONS; y++) log_p[y] -= log(all);
}

static void keep_likelihood(const struct visit *visit, const struct micro *micro)
{
    static const struct vae_noise quiet;
    struct trainer *trainer = visit->trainer;
    const struct vae_decode_call call = {&quiet, 1, {NULL, NULL}};
    struct vae_tape tape = micro->tape;
    double loss[N_LOSS_PARTS] = {0};
    double *nats = visit->latents->nats + micro->first_row * N_ROW_NATS;
    ASSERT(micro->n_rows == 1);
    vae_decode(&trainer->vae, trainer->theta, NULL, &tape, &call, loss, &trainer->activations,
               &trainer->scratch);
    for (int i = 0; i < N_EVENT_LOSSES; i++) nats[NATS_EVENTS] += loss[LOSS_EVENT + i];
    nats[NATS_DIVERGENCE] = validation_divergence(trainer, micro, visit->which->normal);
    nats[NATS_BIGRAM] = bigram_nats(visit->which->bigram, &micro->batch);
}

static void keep(void *context, const struct micro *micro)
{
    const struct visit *visit = context;
    const struct evaluate_latents *to = visit->latents;
    const struct mixture mixture = vae_mixture(&visit->trainer->vae, visit->trainer->theta);
    for (size_t i = 0; i < micro->n_segments; i++) {
        const size_t at = micro->first_segment + i;
        for (int f = 0; f < N_FACTORS; f++)
            for (size_t d = 0; d < to->latent; d++)
                to->z[f][at * to->latent + d] =
                    (double)micro->tape.encoder[f].moments[i * 2 * to->latent + d];
        log_emotions(to->log_p + at * N_EMOTIONS, &mixture,
                     micro->tape.kl + i * mixture.shape.n_components, visit->temperature);
    }
    if (to->nats) keep_likelihood(visit, micro);
}

/* Labelled rows, and the first `most` of the others, in the drawn order. */
static enum status choose(struct evaluate_latents *latents, const struct trainer *trainer,
                          const struct evaluate_rows *which)
{
    enum status status = OK;
    size_t n = 0, unlabelled = 0;
    TRY(sampler_held_out(&trainer->sampler, &trainer->config, which->split, SIZE_MAX,
                         &latents->rows, &n));
    for (size_t i = 0; i < n; i++) {
        const struct row row = latents->rows[i];
        if (row.label == CORPUS_UNLABELLED && unlabelled++ >= which->most) continue;
        latents->rows[latents->n_rows++] = row;
        latents->n_segments += row.n_segments;
    }
    if (latents->n_rows == 0)
        FAIL(FAILED, "the corpus has no piece in its %s split", split_names[which->split]);
done:
    return status;
}

/* Numbers the pieces that occur, in the corpus's order. */
static enum status number_pieces(struct evaluate_latents *latents, const struct corpus *corpus)
{
    const size_t n = (size_t)corpus->n_pieces;
    uint32_t *number = status_fault() ? NULL : calloc(n + 1, sizeof *number);
    if (!number) return status_fail(FAILED, "no memory for %zu pieces", n);
    for (size_t s = 0; s < latents->n_segments; s++)
        number[corpus->segments[latents->segment[s]].piece] = 1;
    for (size_t p = 0; p < n; p++)
        if (number[p]) number[p] = (uint32_t)latents->n_pieces++;
    for (size_t s = 0; s < latents->n_segments; s++)
        latents->piece[s] = number[corpus->segments[latents->segment[s]].piece];
    free(number);
    return OK;
}

static enum status take_memory(struct evaluate_latents *latents, const struct trainer *trainer,
                               bool nats)
{
    const struct vae_shape *shape = &trainer->vae.shape;
    const size_t n = latents->n_segments;
    latents->latent = vae_latent(shape);
    latents->mixed = shape->latent_mixture;
    const size_t count = n * (N_FACTORS * latents->latent + N_EMOTIONS);
    latents->segment = calloc(n + 1, sizeof *latents->segment);
    latents->piece = calloc(n + 1, sizeof *latents->piece);
    latents->block = calloc(count + latents->n_rows * N_ROW_NATS, sizeof *latents->block);
    if (!latents->segment || !latents->piece || !latents->block || status_fault())
        return status_fail(FAILED, "no memory for the latents of %zu segments", n);
    latents->z[FACTOR_RHYTHM] = latents->block;
    latents->z[FACTOR_TONAL] = latents->block + n * latents->latent;
    latents->log_p = latents->block + n * N_FACTORS * latents->latent;
    latents->nats = nats ? latents->block + count : NULL;
    for (size_t i = 0, at = 0; i < latents->n_rows; i++)
        for (uint32_t s = 0; s < latents->rows[i].n_segments; s++)
            latents->segment[at++] = latents->rows[i].first_segment + s;
    return number_pieces(latents, trainer->corpus);
}

enum status evaluate_latents_create(struct evaluate_latents *latents, struct trainer *trainer,
                                    const struct evaluate_rows *which)
{
    enum status status = OK;
    const struct schedule schedule = schedule_at(&trainer->config, trainer->step);
    struct visit visit = {latents, trainer, which, schedule.objective.mixture.temperature};
    *latents = (struct evaluate_latents){0};
    trainer->config.train.micro_events = 1; /* every row alone */
    enum status local = choose(latents, trainer, which);
    if (local == OK) local = take_memory(latents, trainer, which->bigram != NULL);
    if (local == OK) local = encode_rows(trainer, latents->rows, latents->n_rows, 1, keep, &visit);
    TRY(group_agree(trainer->group, local));
    group_sum_doubles(trainer->group, latents->block,
                      latents->n_segments * (N_FACTORS * latents->latent + N_EMOTIONS) +
                          latents->n_rows * N_ROW_NATS);
done:
    if (status != OK) evaluate_latents_fini(latents);
    return status;
}

void evaluate_latents_fini(struct evaluate_latents *latents)
{
    free(latents->rows);
    free(latents->segment);
    free(latents->piece);
    free(latents->block);
    *latents = (struct evaluate_latents){0};
}

static enum status pieces_init(struct evaluate_pieces *pieces, size_t n, size_t n_coordinates)
{
    *pieces = (struct evaluate_pieces){.n = n, .n_coordinates = n_coordinates};
    pieces->piece = malloc((n + 1) * sizeof *pieces->piece);
    pieces->label = malloc(n + 1);
    pieces->coordinates = calloc(n * n_coordinates + 1, sizeof *pieces->coordinates);
    pieces->log_p = calloc(n * N_EMOTIONS + 1, sizeof *pieces->log_p);
    pieces->attributes = calloc(n * N_ATTRIBUTES + 1, sizeof *pieces->attributes);
    if (!pieces->piece || !pieces->label || !pieces->coordinates || !pieces->log_p ||
        !pieces->attributes || status_fault())
        return status_fail(FAILED, "no memory for %zu pieces", n);
    return OK;
}

void evaluate_pieces_fini(struct evaluate_pieces *pieces)
{
    free(pieces->piece);
    free(pieces->label);
    free(pieces->coordinates);
    free(pieces->log_p);
    free(pieces->attributes);
    *pieces = (struct evaluate_pieces){0};
}

/* Adds a segment's share of the means of piece i. */
static void add_segment(struct evaluate_pieces *pieces, size_t i,
                        const struct evaluate_latents *latents, size_t at, double n_segments)
{
    const size_t mixed = latents->mixed;
    for (size_t f = 0; f < N_FACTORS; f++)
        for (size_t d = 0; d < mixed; d++)
            pieces->coordinates[i * pieces->n_coordinates + f * mixed + d] +=
                latents->z[f][at * latents->latent + d] / n_segments;
    for (size_t y = 0; y < N_EMOTIONS; y++)
        pieces->log_p[i * N_EMOTIONS + y] += latents->log_p[at * N_EMOTIONS + y] / n_segments;
}

enum status evaluate_pieces_create(struct evaluate_pieces *pieces,
                                   const struct evaluate_latents *latents,
                                   const struct corpus *corpus, const int8_t *label)
{
    enum status status = OK;
    static const uint32_t NONE = UINT32_MAX;
    uint32_t n = 0, *place = malloc((corpus->n_pieces + 1) * sizeof *place);
    *pieces = (struct evaluate_pieces){0};
    if (!place || status_fault())
        FAIL(FAILED, "no memory for %zu pieces", (size_t)corpus->n_pieces);
    for (uint64_t p = 0; p < corpus->n_pieces; p++) place[p] = NONE;
    for (size_t s = 0; s < latents->n_segments; s++) {
        const uint32_t piece = corpus->segments[latents->segment[s]].piece;
        if (label[piece] != CORPUS_UNLABELLED) place[piece] = 0;
    }
    for (uint64_t p = 0; p < corpus->n_pieces; p++)
        if (place[p] != NONE) place[p] = n++;
    TRY(pieces_init(pieces, n, N_FACTORS * latents->mixed));
    for (uint32_t p = 0; p < corpus->n_pieces; p++) {
        if (place[p] == NONE) continue;
        pieces->piece[place[p]] = p;
        pieces->label[place[p]] = label[p];
        baseline_attributes(pieces->attributes + place[p] * N_ATTRIBUTES,
                            corpus->segments + corpus->pieces[p].first_segment,
                            corpus->pieces[p].n_segments);
    }
    for (size_t s = 0; s < latents->n_segments; s++) {
        const uint32_t piece = corpus->segments[latents->segment[s]].piece;
        if (place[piece] != NONE)
            add_segment(pieces, place[piece], latents, s, corpus->pieces[piece].n_segments);
    }
done:
    free(place);
    if (status != OK) evaluate_pieces_fini(pieces);
    return status;
}
