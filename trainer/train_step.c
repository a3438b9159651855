/*
 * One training step, as model.md section 5 orders it.
 *
 * The exchange before the backward pass is one sum over ranks in which every number has a single
 * contributor: each segment's posterior, fader coordinates and attributes stand in the segment's
 * own slot.  So its result, and all that follows from it in fixed order, has the same bits on any
 * number of ranks.
 */
#include "fit.h"
#include "gemm.h"
#include "trainer.h"

#include <math.h>
#include <string.h>

enum { FLAG_FAILED, FLAG_STOP, N_FLAGS }; /* the first slots of the exchange */

static size_t slot_size(const struct trainer *trainer)
{
    return MIXTURE_EMOTIONS * trainer->vae.shape.per_emotion + 2 * BATCH_FADERS;
}

static bool mine(const struct trainer *trainer, const struct micro *micro)
{
    return micro->rank == group_rank(trainer->group);
}

static struct vae_noise step_noise(const struct trainer *trainer)
{
    return (struct vae_noise){.dropout = {.rate = (real)trainer->config.train.dropout,
                                          .seed = trainer->config.train.seed,
                                          .step = trainer->step},
                              .token_dropout = (real)trainer->config.train.token_dropout,
                              .sample = true};
}

static double micro_scale(const struct trainer *trainer, const struct micro *micro)
{
    return 1.0 / (double)(micro->labelled ? trainer->plan.n_labelled : trainer->plan.n_unlabelled);
}

/* This rank's micro-batches: collated, encoded, kept. */
static void encode_mine(struct trainer *trainer, const struct row *rows,
                        const struct schedule *schedule)
{
    const struct source source = {trainer->corpus->events, trainer->corpus->segments};
    const struct collate collate = {.vocabulary = &trainer->corpus->vocabulary,
                                    .standard = trainer->standard,
                                    .augment = trainer->config.data.augment,
                                    .seed = trainer->config.train.seed,
                                    .step = trainer->step};
    const struct vae_noise noise = step_noise(trainer);
    struct timeline *timeline = &trainer->timeline;
    for (size_t i = 0; i < trainer->plan.n_micros; i++) {
        struct micro *micro = &trainer->plan.micros[i];
        if (!mine(trainer, micro)) continue;
        timeline_begin(timeline, PHASE_COLLATE);
        micro->batch = collate_rows(&collate, &source, rows + micro->first_row, micro->n_rows,
                                    (uint32_t)micro->first_row, &trainer->batches);
        timeline_end(timeline, PHASE_COLLATE);
        timeline_begin(timeline, PHASE_ENCODE);
        vae_encode(&trainer->vae, trainer->theta, &micro->tape, &micro->batch, &noise,
                   schedule->objective.mixture.temperature, &trainer->activations,
                   &trainer->scratch);
        timeline_end(timeline, PHASE_ENCODE);
    }
}

static void fill_slots(const struct trainer *trainer, const struct micro *micro, double *slots)
{
    const size_t k = MIXTURE_EMOTIONS * trainer->vae.shape.per_emotion;
    const size_t latent = vae_latent(&trainer->vae.shape);
    for (size_t i = 0; i < micro->n_segments; i++) {
        double *slot = slots + (micro->first_segment + i) * slot_size(trainer);
        for (size_t j = 0; j < k; j++) slot[j] = (double)micro->tape.q[i * k + j];
        for (int f = 0; f < BATCH_FADERS; f++) {
            const real *z = micro->tape.z[vae_fader_factor(f)] + i * latent;
            slot[k + (size_t)f] = (double)z[vae_fader_coordinate(f)];
            slot[k + BATCH_FADERS + (size_t)f] =
                (double)micro->batch.faders[i * BATCH_FADERS + (size_t)f];
        }
    }
}

static void read_slots(struct trainer *trainer, const double *slots, struct vae_share *share)
{
    const size_t k = MIXTURE_EMOTIONS * trainer->vae.shape.per_emotion;
    const size_t n = trainer->plan.n_segments;
    *share = (struct vae_share){.n_all = n,
                                .mixture = {.n_unlabelled = (double)trainer->plan.n_unlabelled,
                                            .n_labelled = (double)trainer->plan.n_labelled}};
    for (size_t i = 0; i < n; i++) { /* unlabelled segments come first */
        const double *slot = slots + i * slot_size(trainer);
        for (size_t j = 0; j < k && i < trainer->plan.n_unlabelled; j++)
            share->mixture.mean_posterior[j] += slot[j] / share->mixture.n_unlabelled;
        for (size_t f = 0; f < BATCH_FADERS; f++) {
            trainer->faders[f * n + i] = (real)slot[k + f];
            trainer->faders[(BATCH_FADERS + f) * n + i] = (real)slot[k + BATCH_FADERS + f];
        }
    }
    for (size_t f = 0; f < BATCH_FADERS; f++) {
        share->fader_z[f] = trainer->faders + f * n;
        share->fader_a[f] = trainer->faders + (BATCH_FADERS + f) * n;
    }
}

/* The exchange before the backward pass; carries a rank's failure and wish to stop. */
static enum status share_step(struct trainer *trainer, enum status local, bool stop,
                              struct vae_share *share, struct step_report *report)
{
    const size_t n = N_FLAGS + trainer->max_segments * slot_size(trainer);
    double *flags = trainer->shared, *slots = flags + N_FLAGS;
    memset(trainer->shared, 0, n * sizeof *trainer->shared);
    flags[FLAG_FAILED] = local != OK;
    flags[FLAG_STOP] = stop;
    for (size_t i = 0; local == OK && i < trainer->plan.n_micros; i++)
        if (mine(trainer, &trainer->plan.micros[i]))
            fill_slots(trainer, &trainer->plan.micros[i], slots);
    group_sum_doubles(trainer->group, trainer->shared, n);
    if (flags[FLAG_FAILED] > 0) return group_agree(trainer->group, local);
    read_slots(trainer, slots, share);
    report->stop = flags[FLAG_STOP] > 0;
    return OK;
}

/* Separation is not additive: rank 0 adds it, as an addend of its own. */
static void separate(struct trainer *trainer, const struct objective *objective,
                     struct step_report *report)
{
    const struct mixture mixture = vae_mixture(&trainer->vae, trainer->theta);
    if (objective->normal) return;
    const bool adds = group_rank(trainer->group) == 0;
    const size_t mark = arena_mark(&trainer->scratch);
    const size_t count = mixture.shape.n_components * mixture.shape.dimensions;
    real *unused = arena_zeros(&trainer->scratch, 2 * count);
    report->separation = mixture_separation(
        adds ? trainer->gradient + trainer->vae.mixture_mean : unused,
        adds ? trainer->gradient + trainer->vae.mixture_log_variance : unused + count,
        &report->distance, &mixture, trainer->config.objective.separation_distance,
        objective->separation);
    arena_reset(&trainer->scratch, mark);
    reduce_micro_batch(trainer->reduce);
}

/* This rank's micro-batch that comes last, with which its gradient is final; NULL: it has none. */
static const struct micro *last_mine(const struct trainer *trainer)
{
    const struct micro *last = NULL;
    for (size_t i = 0; i < trainer->plan.n_micros; i++)
        if (mine(trainer, &trainer->plan.micros[i])) last = &trainer->plan.micros[i];
    return last;
}

/* Decoders and latents of this rank's micro-batches; parts (n_micros, N_LOSS_PARTS). */
static void decode_mine(struct trainer *trainer, const struct objective *objective,
                        const struct vae_share *share, double *parts)
{
    static const struct ready nobody = {NULL, NULL};
    const struct ready reduce = {reduce_ready, trainer->reduce};
    const struct vae_noise noise = step_noise(trainer);
    const struct micro *last = last_mine(trainer);
    struct timeline *timeline = &trainer->timeline;
    for (size_t i = 0; i < trainer->plan.n_micros; i++) {
        struct micro *micro = &trainer->plan.micros[i];
        if (!mine(trainer, micro)) continue;
        const double scale = micro_scale(trainer, micro);
        const struct vae_decode_call call = {&noise, scale, micro == last ? reduce : nobody};
        timeline_begin(timeline, PHASE_DECODE);
        vae_decode(&trainer->vae, trainer->theta, trainer->gradient, &micro->tape, &call,
                   parts + i * N_LOSS_PARTS, &trainer->activations, &trainer->scratch);
        timeline_end(timeline, PHASE_DECODE);
        timeline_begin(timeline, PHASE_LATENT);
        vae_latent_backward(&trainer->vae, trainer->theta, trainer->gradient, &micro->tape,
                            objective, share, micro->first_segment, scale, parts + i * N_LOSS_PARTS,
                            &trainer->scratch);
        reduce_micro_batch(trainer->reduce);
        timeline_end(timeline, PHASE_LATENT);
    }
}

/* One encoder of all micro-batches, then the other, in the order of their parameters: the
 * decoder's gradient travels meanwhile, and the first encoder's during the second. */
static void encoders_backward_mine(struct trainer *trainer)
{
    static const enum factor ORDER[N_FACTORS] = {FACTOR_TONAL, FACTOR_RHYTHM};
    static const struct ready nobody = {NULL, NULL};
    const struct ready reduce = {reduce_ready, trainer->reduce};
    const struct vae *vae = &trainer->vae;
    const struct micro *last = last_mine(trainer);
    if (last) ready_announce(&reduce, vae->first_mixture, vae->end_mixture);
    for (int f = 0; f < N_FACTORS; f++) {
        const struct encoder *encoder = &vae->encoder[ORDER[f]];
        for (size_t i = 0; i < trainer->plan.n_micros; i++) {
            const struct micro *micro = &trainer->plan.micros[i];
            const struct vae_tape *tape = &micro->tape;
            if (!mine(trainer, micro)) continue;
            timeline_begin(&trainer->timeline, PHASE_ENCODE_BACKWARD);
            encoder_backward(encoder, trainer->theta, trainer->gradient, tape->dmoments[ORDER[f]],
                             &tape->encoder[ORDER[f]], tape->batch,
                             micro == last ? &reduce : &nobody, &trainer->scratch);
            reduce_micro_batch(trainer->reduce);
            timeline_end(&trainer->timeline, PHASE_ENCODE_BACKWARD);
        }
    }
    if (!last) reduce_ready(trainer->reduce, 0, vae->parameters.count);
}

static double total_loss(const struct objective *objective, const struct step_report *report)
{
    const struct mixture_weights *w = &objective->mixture;
    const double *part = report->part;
    double loss = 0;
    for (int i = 0; i <= LOSS_ATTRIBUTES; i++) loss += part[i];
    loss += objective->residual * part[LOSS_RESIDUAL] + w->kl * part[LOSS_KL];
    loss += objective->fader_weight * part[LOSS_FADER];
    loss += objective->decorrelation * part[LOSS_CORRELATION];
    if (objective->normal) return loss;
    loss += w->kl * (part[LOSS_CATEGORY] - w->delta * part[LOSS_DISPERSION]);
    loss += w->gamma * part[LOSS_LABEL] - w->kl * w->alpha * report->information;
    return loss + objective->separation * report->separation;
}

/* Brings the loss parts together.  The separation, which every rank has computed, is not added up;
 * but where one rank's is not finite, so is everybody's: a step is skipped by all or by none. */
static void share_losses(struct trainer *trainer, double *parts, struct step_report *report)
{
    const size_t n = trainer->plan.n_micros * N_LOSS_PARTS;
    parts[n] = 0 * report->separation;
    group_sum_doubles(trainer->group, parts, n + 1);
    report->separation += parts[n];
}

/* Loss parts of all micro-batches, summed in their order. */
static void report_losses(struct trainer *trainer, const struct objective *objective,
                          const struct vae_share *share, const double *parts,
                          struct step_report *report)
{
    const size_t k = MIXTURE_EMOTIONS * trainer->vae.shape.per_emotion;
    for (size_t i = 0; i < trainer->plan.n_micros; i++)
        for (int part = 0; part < N_LOSS_PARTS; part++)
            report->part[part] += parts[i * N_LOSS_PARTS + (size_t)part];
    report->posterior_entropy = mixture_information(&share->mixture, k, 0);
    report->information = mixture_information(&share->mixture, k, report->part[LOSS_ENTROPY]);
    report->normal = objective->normal;
    report->weights = objective->mixture;
    report->loss = total_loss(objective, report);
    report->n_events = trainer->plan.n_events;
    report->n_segments = trainer->plan.n_segments;
    report->n_labelled = trainer->plan.n_labelled;
}

static void update(struct trainer *trainer, const struct schedule *schedule,
                   struct step_report *report)
{
    const struct mixture_shape shape = vae_mixture(&trainer->vae, trainer->theta).shape;
    report->learning_rate = schedule->learning_rate;
    report->gradient_norm = optimiser_norm(&trainer->optimiser, trainer->gradient);
    report->finite = isfinite(report->gradient_norm) && isfinite(report->loss);
    report->event_loss = report->loss * (double)report->n_segments / (double)report->n_events;
    if (report->finite)
        report->spike =
            spike_judge(&trainer->spike, report->event_loss, trainer->config.train.spike);
    /* last bits may differ between unlike processors, and all must decide alike */
    if (trainer->config.train.skip_spikes)
        group_broadcast(trainer->group, &report->spike, sizeof report->spike, 0);
    report->skipped = !report->finite || (report->spike > 0 && trainer->config.train.skip_spikes);
    trainer->step++;
    report->step = trainer->step;
    if (report->skipped) return;
    const struct optimiser_update update = {
        schedule->learning_rate, adam_clip_scale(report->gradient_norm, trainer->config.train.clip),
        trainer->step};
    optimiser_step(&trainer->optimiser, trainer->theta, trainer->gradient, &update);
    mixture_project(trainer->theta + trainer->vae.mixture_log_variance,
                    shape.n_components * shape.dimensions);
}

/* What follows the exchange: gradients, their sum over ranks, the update. */
static void descend(struct trainer *trainer, const struct schedule *schedule,
                    const struct vae_share *share, struct step_report *report)
{
    struct timeline *timeline = &trainer->timeline;
    double *parts = trainer->shared;
    timeline_begin(timeline, PHASE_PREPARE);
    memset(trainer->gradient, 0, trainer->vae.parameters.count * sizeof *trainer->gradient);
    memset(parts, 0, trainer->plan.n_micros * N_LOSS_PARTS * sizeof *parts);
    reduce_begin(trainer->reduce);
    separate(trainer, &schedule->objective, report);
    timeline_end(timeline, PHASE_PREPARE);
    decode_mine(trainer, &schedule->objective, share, parts);
    encoders_backward_mine(trainer);
    timeline_begin(timeline, PHASE_REDUCE_WAIT);
    reduce_finish(trainer->reduce);
    timeline_end(timeline, PHASE_REDUCE_WAIT);
    timeline_buckets(timeline, trainer->reduce);
    timeline_begin(timeline, PHASE_SHARE);
    share_losses(trainer, parts, report);
    report_losses(trainer, &schedule->objective, share, parts, report);
    timeline_end(timeline, PHASE_SHARE);
    timeline_begin(timeline, PHASE_UPDATE);
    update(trainer, schedule, report);
    timeline_end(timeline, PHASE_UPDATE);
}

/* The rows of this step, cut and shared out. */
static enum status draw_rows(struct trainer *trainer, const struct row **rows)
{
    const struct source source = {trainer->corpus->events, trainer->corpus->segments};
    size_t n_rows = 0;
    const enum status status = sampler_batch(&trainer->sampler, trainer->step, rows, &n_rows);
    if (status == OK)
        micro_plan_cut(&trainer->plan, &source, *rows, n_rows, trainer->config.train.micro_events);
    return status;
}

static enum status fit_if_due(struct trainer *trainer)
{
    if (trainer->step != schedule_fit_step(&trainer->config)) return OK;
    timeline_begin(&trainer->timeline, PHASE_FIT);
    const enum status status = fit_mixture(trainer);
    trainer->spike = (struct spike){0}; /* from here on the loss has other parts */
    timeline_end(&trainer->timeline, PHASE_FIT);
    return status;
}

enum status trainer_step(struct trainer *trainer, bool stop, struct step_report *report)
{
    enum status status = OK;
    const struct schedule schedule = schedule_at(&trainer->config, trainer->step);
    struct timeline *timeline = &trainer->timeline;
    const struct row *rows = NULL;
    struct vae_share share;
    *report = (struct step_report){0};
    arena_reset(&trainer->batches, 0);
    arena_reset(&trainer->activations, 0);
    timeline_step(timeline, trainer->step + 1);
    TRY(fit_if_due(trainer));

    timeline_begin(timeline, PHASE_COLLATE);
    const enum status local = draw_rows(trainer, &rows);
    timeline_end(timeline, PHASE_COLLATE);
    gemm_set_precision(trainer->config.train.precision);
    if (local == OK) encode_mine(trainer, rows, &schedule);
    timeline_begin(timeline, PHASE_SHARE);
    status = share_step(trainer, local, stop, &share, report);
    timeline_end(timeline, PHASE_SHARE);
    if (status != OK) goto done;
    if (!schedule.objective.normal)
        cluster_window_take(trainer, rows, trainer->shared + N_FLAGS, slot_size(trainer));
    descend(trainer, &schedule, &share, report);
    if (!schedule.objective.normal)
        cluster_window_close(trainer, rows, report->skipped, &report->clusters);
done:
    gemm_set_precision(GEMM_FLOAT); /* validation and the mixture fit measure in float */
    timeline_end(timeline, PHASE_STEP);
    return status;
}
