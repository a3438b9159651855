/* Validation. */
#include "validate.h"

#include "encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUM_EVENTS, SUM_DIVERGENCE, SUM_BIGRAM, SUM_COUNT, N_SUMS };

static enum status keep_labelled(struct validation *validation, struct trainer *trainer)
{
    size_t n = 0, kept = 0;
    const enum status status = sampler_held_out(
        &trainer->sampler, &trainer->config, SPLIT_VALIDATION, SIZE_MAX, &validation->labelled, &n);
    for (size_t i = 0; status == OK && i < n; i++)
        if (validation->labelled[i].label != CORPUS_UNLABELLED)
            validation->labelled[kept++] = validation->labelled[i];
    validation->n_labelled = kept;
    return status;
}

enum status validation_init(struct validation *validation, struct trainer *trainer)
{
    enum status status = OK;
    *validation = (struct validation){0};
    enum status local = sampler_held_out(&trainer->sampler, &trainer->config, SPLIT_VALIDATION,
                                         trainer->config.train.validate_rows, &validation->rows,
                                         &validation->n_rows);
    if (local == OK) local = keep_labelled(validation, trainer);
    TRY(group_agree(trainer->group, local));
done:
    if (status != OK) validation_fini(validation);
    return status;
}

void validation_fini(struct validation *validation)
{
    free(validation->rows);
    free(validation->labelled);
    bigram_destroy(validation->bigram);
    *validation = (struct validation){0};
}

double validation_divergence(const struct trainer *trainer, const struct micro *micro, bool normal)
{
    const struct mixture mixture = vae_mixture(&trainer->vae, trainer->theta);
    const size_t latent = vae_latent(&trainer->vae.shape), k = mixture.shape.n_components;
    const size_t from = normal ? 0 : trainer->vae.shape.latent_mixture;
    double nats = 0;
    for (size_t i = 0; i < micro->n_segments; i++) {
        for (int f = 0; f < N_FACTORS; f++) {
            const real *m = micro->tape.encoder[f].moments + i * 2 * latent, *s = m + latent;
            for (size_t d = from; d < latent; d++)
                nats += 0.5 * (exp((double)s[d]) + (double)m[d] * (double)m[d] - 1 - (double)s[d]);
        }
        for (size_t j = 0; !normal && j < k; j++) {
            const double q = (double)micro->tape.q[i * k + j];
            if (q > 0)
                nats += q * ((double)micro->tape.kl[i * k + j] + log(q) -
                             (double)mixture.log_weight[j]);
        }
    }
    return nats;
}

/* What the visits of one validation add to. */
struct likelihood {
    struct validation *validation;
    struct trainer *trainer;
    bool normal;
    size_t n_coordinates; /* of both factors */
    double *sum; /* N_SUMS, segments, then sum and squares of the means (n_coordinates) each */
};

/* Sums of the posterior means of a micro-batch's segments. */
static void add_means(const struct likelihood *likelihood, const struct micro *micro)
{
    const size_t latent = likelihood->n_coordinates / N_FACTORS;
    double *segments = likelihood->sum + N_SUMS, *sum = segments + 1;
    double *square = sum + likelihood->n_coordinates;
    *segments += (double)micro->n_segments;
    for (size_t i = 0; i < micro->n_segments; i++)
        for (size_t d = 0; d < likelihood->n_coordinates; d++) {
            const real *m = micro->tape.encoder[d / latent].moments + i * 2 * latent;
            sum[d] += (double)m[d % latent];
            square[d] += (double)m[d % latent] * (double)m[d % latent];
        }
}

/* Coordinates whose posterior mean varies from segment to segment: the others have collapsed. */
static size_t count_active(const struct likelihood *likelihood)
{
    const double n = likelihood->sum[N_SUMS];
    const double *sum = likelihood->sum + N_SUMS + 1, *square = sum + likelihood->n_coordinates;
    size_t active = 0;
    for (size_t d = 0; d < likelihood->n_coordinates; d++)
        active += square[d] / n - sum[d] / n * (sum[d] / n) > ENCODE_ACTIVE;
    return active;
}

static void add_likelihood(void *context, const struct micro *micro)
{
    static const struct vae_noise quiet;
    struct likelihood *likelihood = context;
    struct trainer *trainer = likelihood->trainer;
    const struct vae_decode_call call = {&quiet, 1, {NULL, NULL}};
    struct vae_tape tape = micro->tape;
    double loss[N_LOSS_PARTS] = {0};
    vae_decode(&trainer->vae, trainer->theta, NULL, &tape, &call, loss, &trainer->activations,
               &trainer->scratch);
    for (int i = 0; i < N_EVENT_LOSSES; i++) likelihood->sum[SUM_EVENTS] += loss[LOSS_EVENT + i];
    likelihood->sum[SUM_DIVERGENCE] += validation_divergence(trainer, micro, likelihood->normal);
    likelihood->sum[SUM_BIGRAM] += bigram_nats(likelihood->validation->bigram, &micro->batch);
    likelihood->sum[SUM_COUNT] += (double)micro->n_events;
    add_means(likelihood, micro);
}

/* log p(y) summed over the segments of each labelled piece: (n_pieces of the corpus, 4). */
struct emotion_votes {
    struct trainer *trainer;
    const struct row *rows;
    double *votes;
};

static void add_votes(void *context, const struct micro *micro)
{
    struct emotion_votes *votes = context;
    const size_t per = votes->trainer->vae.shape.per_emotion;
    size_t segment = 0;
    for (size_t row = 0; row < micro->n_rows; row++) {
        const struct row *from = &votes->rows[micro->first_row + row];
        const uint32_t piece = votes->trainer->corpus->segments[from->first_segment].piece;
        for (uint32_t s = 0; s < from->n_segments; s++, segment++)
            for (size_t y = 0; y < MIXTURE_EMOTIONS; y++) {
                double p = 0;
                for (size_t c = 0; c < per; c++)
                    p += (double)micro->tape.q[(segment * MIXTURE_EMOTIONS + y) * per + c];
                votes->votes[piece * MIXTURE_EMOTIONS + y] += log(fmax(p, 1e-30));
            }
    }
}

/* -log p(y) of a piece whose segments' mean log p is the sum of votes over their number. */
static double label_cost(const double votes[MIXTURE_EMOTIONS], size_t y, double n_segments)
{
    double most = votes[0], total = 0;
    for (size_t i = 1; i < MIXTURE_EMOTIONS; i++) most = fmax(most, votes[i]);
    for (size_t i = 0; i < MIXTURE_EMOTIONS; i++) total += exp((votes[i] - most) / n_segments);
    return log(total) - (votes[y] - most) / n_segments;
}

static size_t most_likely(const double *votes)
{
    size_t best = 0;
    for (size_t y = 1; y < MIXTURE_EMOTIONS; y++)
        if (votes[y] > votes[best]) best = y;
    return best;
}

/* Accuracy over pieces; quadrants 0, 1 have high arousal, 0, 3 positive valence. */
static void judge(const struct trainer *trainer, const double *votes,
                  struct validation_report *report)
{
    size_t emotion = 0, arousal = 0, valence = 0, n = 0;
    double label = 0;
    for (uint64_t i = 0; i < trainer->corpus->n_pieces; i++) {
        const double *row = votes + i * MIXTURE_EMOTIONS;
        if (row[0] == 0 && row[1] == 0 && row[2] == 0 && row[3] == 0) continue;
        const struct corpus_piece *piece = &trainer->corpus->pieces[i];
        const size_t truth = (size_t)piece->label, guess = most_likely(row);
        label += label_cost(row, truth, piece->n_segments);
        emotion += guess == truth;
        arousal += (guess < 2) == (truth < 2);
        valence += (guess % 3 == 0) == (truth % 3 == 0);
        n++;
    }
    report->n_pieces = n;
    report->emotion = n ? (double)emotion / (double)n : (double)NAN;
    report->arousal = n ? (double)arousal / (double)n : (double)NAN;
    report->valence = n ? (double)valence / (double)n : (double)NAN;
    report->label = n ? label / (double)n : (double)NAN;
}

static enum status run_emotion(struct validation *validation, struct trainer *trainer,
                               struct validation_report *report)
{
    enum status status = OK;
    const size_t n = (size_t)trainer->corpus->n_pieces * MIXTURE_EMOTIONS;
    struct emotion_votes votes = {trainer, validation->labelled,
                                  calloc(n + 1, sizeof *votes.votes)};
    enum status local = votes.votes ? OK : status_fail(FAILED, "no memory for %zu votes", n);
    if (local == OK)
        local = encode_rows(trainer, validation->labelled, validation->n_labelled, 1, add_votes,
                            &votes);
    TRY(group_agree(trainer->group, local));
    group_sum_doubles(trainer->group, votes.votes, n);
    judge(trainer, votes.votes, report);
done:
    free(votes.votes);
    return status;
}

enum status validation_run(struct validation *validation, struct trainer *trainer,
                           struct validation_report *report)
{
    enum status status = OK;
    const size_t n_coordinates = N_FACTORS * vae_latent(&trainer->vae.shape);
    const size_t n_sums = N_SUMS + 1 + 2 * n_coordinates;
    struct likelihood likelihood = {.validation = validation,
                                    .trainer = trainer,
                                    .normal = trainer->step <= schedule_fit_step(&trainer->config),
                                    .n_coordinates = n_coordinates,
                                    .sum = calloc(n_sums, sizeof(double))};
    *report = (struct validation_report){.emotion = (double)NAN,
                                         .arousal = (double)NAN,
                                         .valence = (double)NAN,
                                         .label = (double)NAN};
    if (!validation->bigram) /* it reads the whole corpus, so not before it is needed */
        TRY(bigram_create(&validation->bigram, trainer->group, trainer->corpus, &trainer->config));
    enum status local = likelihood.sum && !status_fault()
                            ? OK
                            : status_fail(FAILED, "no memory for %zu sums", n_sums);
    if (local == OK)
        local = encode_rows(trainer, validation->rows, validation->n_rows, 1, add_likelihood,
                            &likelihood);
    TRY(group_agree(trainer->group, local));
    group_sum_doubles(trainer->group, likelihood.sum, n_sums);
    const double *sum = likelihood.sum;
    report->n_events = (size_t)sum[SUM_COUNT];
    report->n_active = count_active(&likelihood);
    report->n_coordinates = n_coordinates;
    report->loss = (sum[SUM_EVENTS] + sum[SUM_DIVERGENCE]) / sum[SUM_COUNT];
    report->events = sum[SUM_EVENTS] / sum[SUM_COUNT];
    report->bigram = sum[SUM_BIGRAM] / sum[SUM_COUNT];
    if (!likelihood.normal) TRY(run_emotion(validation, trainer, report));
done:
    free(likelihood.sum);
    return status;
}
