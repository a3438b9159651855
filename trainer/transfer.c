/* Latents moved, and written again on the input's bars. */
#include "transfer.h"

#include "smf.h"
#include "transfer_score.h"
#include "writer.h"
#include "written.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COORDINATES = 1024, MAX_BARS = 32 };

enum status transfer_source_init(struct transfer_source *source, const struct model *model,
                                 struct score *score)
{
    enum status status = OK;
    *source = (struct transfer_source){.score = *score};
    *score = (struct score){0};
    TRY(piece_from_score(&source->piece, &source->score, &model->vocabulary, -1));
    TRY(bar_map_init(&source->bars, &source->piece, &source->score, &model->vocabulary));
    TRY(posterior_encode(&source->posterior, model, &source->piece));
done:
    if (status != OK) transfer_source_fini(source);
    return status;
}

enum status transfer_source_open(struct transfer_source *source, const struct model *model,
                                 const char *path)
{
    enum status status = OK;
    const struct smf_options options = {.pedal = false};
    struct smf_report report;
    struct score score = {0};
    *source = (struct transfer_source){0};
    TRY(smf_read(&score, &report, path, &options));
    status = transfer_source_init(source, model, &score);
    if (status != OK) status_prefix(status, "%s", path);
done:
    return status;
}

void transfer_source_fini(struct transfer_source *source)
{
    posterior_fini(&source->posterior);
    bar_map_fini(&source->bars);
    piece_fini(&source->piece);
    score_fini(&source->score);
}

/* The axes that tell emotions apart: an orthonormal basis, in coordinates divided by the
 * components' mean deviation, of what lies between the emotions' means. */
struct axes {
    size_t n, dimensions;
    double weight[N_FACTORS * MAX_COORDINATES]; /* 1 / deviation */
    double basis[N_EMOTIONS - 1][N_FACTORS * MAX_COORDINATES];
};

static void weigh(struct axes *axes, const struct model *model)
{
    const struct mixture mixture = vae_mixture(&model->vae, model->theta);
    const size_t n = mixture.shape.dimensions, k = mixture.shape.n_components;
    *axes = (struct axes){.dimensions = n};
    for (size_t d = 0; d < n; d++) {
        double precision = 0;
        for (size_t i = 0; i < k; i++)
            precision += exp(-(double)mixture.log_variance[i * n + d]) / (double)k;
        axes->weight[d] = sqrt(precision);
    }
}

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* x less its part along the axes there are. */
static void take_off(const struct axes *axes, double *x)
{
    for (size_t a = 0; a < axes->n; a++) {
        const double along = dot(x, axes->basis[a], axes->dimensions);
        for (size_t d = 0; d < axes->dimensions; d++) x[d] -= along * axes->basis[a][d];
    }
}

/* One more axis, towards x from y; none when they differ in no new direction. */
static void add_axis(struct axes *axes, const double *x, const double *y)
{
    const size_t n = axes->dimensions;
    double *axis = axes->basis[axes->n];
    for (size_t d = 0; d < n; d++) axis[d] = axes->weight[d] * (x[d] - y[d]);
    const double before = dot(axis, axis, n);
    take_off(axes, axis);
    take_off(axes, axis); /* twice: one pass leaves rounding behind */
    const double square = dot(axis, axis, n);
    if (!(square > 1e-12 * before)) return;
    for (size_t d = 0; d < n; d++) axis[d] /= sqrt(square);
    axes->n++;
}

/* What segment s moves by at full strength: along the axes that tell emotions apart to the place of
 * the asked point, by nothing across them. */
static void difference(double *way, const struct posterior *latents, const struct model *model,
                       size_t s, struct latent_point to)
{
    const size_t n = N_FACTORS * model->vae.shape.latent_mixture;
    const size_t mixed = model->vae.shape.latent_mixture;
    double weight[N_EMOTIONS], mean[N_EMOTIONS][N_FACTORS * MAX_COORDINATES];
    struct axes axes;
    ASSERT(n <= N_FACTORS * MAX_COORDINATES);
    latent_weights(weight, to);
    weigh(&axes, model);
    for (int y = 0; y < N_EMOTIONS; y++) {
        posterior_component_mean(mean[y], latents, model, s, y);
        if (y > 0) add_axis(&axes, mean[y], mean[0]);
    }
    for (size_t d = 0; d < n; d++) {
        double target = 0;
        for (int y = 0; y < N_EMOTIONS; y++) target += weight[y] * mean[y][d];
        const size_t at = s * latents->latent + d % mixed;
        way[d] = axes.weight[d] * (target - (double)latents->mean[d / mixed][at]);
    }
    double across[N_FACTORS * MAX_COORDINATES];
    memcpy(across, way, n * sizeof *way);
    take_off(&axes, across);
    for (size_t d = 0; d < n; d++) way[d] = (way[d] - across[d]) / axes.weight[d];
}

static void shift(struct posterior *latents, const struct model *model,
                  const struct transfer_request *request)
{
    const size_t mixed = model->vae.shape.latent_mixture;
    double way[N_FACTORS * MAX_COORDINATES];
    for (size_t s = 0; s < latents->n; s++) {
        difference(way, latents, model, s, request->to);
        for (size_t g = 0; g < N_FACTORS; g++) {
            real *z = latents->mean[g] + s * latents->latent;
            for (size_t d = 0; d < mixed; d++)
                z[d] += (real)(request->strength * way[g * mixed + d]);
        }
    }
}

static void set_faders(struct posterior *latents, const struct model *model,
                       const struct fader_target *target)
{
    for (size_t s = 0; s < latents->n; s++) {
        const size_t at = s * latents->latent;
        real *const z[N_FACTORS] = {latents->mean[0] + at, latents->mean[1] + at};
        faders_apply(&model->faders, target, z, latents->latent);
    }
}

enum status transfer_latents(struct posterior *latents, double *tempo_ratio,
                             const struct model *model, const struct transfer_request *request,
                             uint32_t index)
{
    enum status status = OK;
    const struct posterior *input = &request->input->posterior;
    *tempo_ratio = 1;
    TRY(posterior_init(latents, model, input->n));
    for (enum factor g = 0; g < N_FACTORS; g++) posterior_take(latents, input, g);
    if (request->rhythm) posterior_take(latents, &request->rhythm->posterior, FACTOR_RHYTHM);
    if (request->tonal) posterior_take(latents, &request->tonal->posterior, FACTOR_TONAL);
    if (request->end)
        posterior_approach(latents, &request->end->posterior,
                           (double)index / (double)(request->count - 1));
    if (request->shift) shift(latents, model, request);
    TRY(posterior_tempo_ratio(tempo_ratio, latents, input, model));
    set_faders(latents, model, &request->faders);
done:
    if (status != OK) posterior_fini(latents);
    return status;
}

/* A piece in the making. */
struct work {
    const struct model *model;
    const struct transfer_request *request;
    struct posterior latents;
    double tempo_ratio;
    struct event *events; /* owned; room for all segments */
    size_t n_events;
};

/* The symbol of a bar's tempo after the change. */
static uint8_t changed_tempo(const struct work *work, uint8_t symbol)
{
    if (symbol == EVENTS_TEMPO_UNKNOWN) return symbol;
    return (uint8_t)events_tempo_symbol(work->tempo_ratio * events_tempo_bpm(symbol));
}

/* Writes segment s, whose first bar is bar `bar` of the piece, and returns its number of bars. */
static size_t write_segment(struct work *work, struct writer *writer, size_t s, size_t bar)
{
    const struct transfer_source *input = work->request->input;
    const struct segment *segment = &input->piece.segments[s];
    const size_t at = s * work->latents.latent;
    const uint8_t tonic = (uint8_t)((segment->tonic + 12) % 12);
    const struct generator_pitches pitches = written_pitches(tonic);
    uint8_t tempo[MAX_BARS], signature[MAX_BARS];
    struct generator_event events[EVENTS_SEGMENT_EVENTS];
    size_t n_bars = 0, n_events = 0;
    for (uint32_t i = 0; i < segment->count; i++) {
        const struct event *event = &input->piece.events[segment->first + i];
        if (event->position != EVENTS_BAR) continue;
        signature[n_bars] = (uint8_t)input->bars.bars[bar + n_bars].symbol;
        tempo[n_bars++] = changed_tempo(work, event->pitch);
    }
    const struct generator_request request = {
        .z = {work->latents.mean[FACTOR_RHYTHM] + at, work->latents.mean[FACTOR_TONAL] + at},
        .tonic = &tonic,
        .pitches = &pitches,
        .bars = n_bars,
        .tempo = tempo,
        .signature = signature};
    writer_segment(writer, &request, events, &n_events);
    for (size_t i = 0; i < n_events; i++)
        work->events[work->n_events++] = written_event(&events[i], tonic);
    return n_bars;
}

static enum status write_events(struct work *work, uint32_t attempt)
{
    enum status status = OK;
    const struct model *model = work->model;
    const struct generator_settings settings = {.temperature = work->request->temperature,
                                                .top_p = work->request->top_p,
                                                .seed = written_seed(work->request->seed, attempt),
                                                .max_events = EVENTS_SEGMENT_EVENTS,
                                                .bar_steps = model->vocabulary.bar_steps,
                                                .tempo = -1,
                                                .signature = -1};
    struct writer *writer = NULL;
    work->n_events = 0;
    TRY(writer_create(&writer, model, 1, 0, &settings, work->request->drafts));
    for (size_t s = 0, bar = 0; s < work->latents.n; s++)
        bar += write_segment(work, writer, s, bar);
done:
    writer_destroy(writer);
    return status;
}

static enum status finish(const struct work *work, uint32_t index, transfer_visit *visit,
                          void *context)
{
    enum status status = OK;
    const struct transfer_source *input = work->request->input;
    const struct transfer_layout layout = {.score = &input->score,
                                           .piece = &input->piece,
                                           .bars = &input->bars,
                                           .vocabulary = &work->model->vocabulary,
                                           .tempo_ratio = work->tempo_ratio};
    struct score score = {0};
    struct transferred piece = {
        .index = index, .score = &score, .events = work->events, .n_events = work->n_events};
    TRY(transfer_score(&score, &layout, work->events, work->n_events));
    piece.tempo_ratio = transfer_tempo_known(&layout) ? work->tempo_ratio : 1;
    posterior_emotion(piece.before, &input->posterior, work->model);
    posterior_emotion(piece.after, &work->latents, work->model);
    TRY(visit(context, &piece));
done:
    score_fini(&score);
    return status;
}

static enum status write_piece(struct work *work, uint32_t index, transfer_visit *visit,
                               void *context)
{
    enum status status = OK;
    const size_t room = work->request->input->posterior.n * EVENTS_SEGMENT_EVENTS;
    TRY(transfer_latents(&work->latents, &work->tempo_ratio, work->model, work->request, index));
    work->events = status_fault() ? NULL : malloc(room * sizeof *work->events);
    if (!work->events) FAIL(FAILED, "no memory for a piece of %zu segments", work->latents.n);
    for (uint32_t attempt = 0; attempt < WRITTEN_ATTEMPTS; attempt++) {
        TRY(write_events(work, attempt));
        if (written_has_note(work->events, work->n_events)) break;
    }
    if (!written_has_note(work->events, work->n_events))
        FAIL(FAILED, "the piece has no note in %d draws; try a higher temperature",
             WRITTEN_ATTEMPTS);
    TRY(finish(work, index, visit, context));
done:
    posterior_fini(&work->latents);
    free(work->events);
    return status;
}

enum status transfer_pieces(const struct model *model, const struct transfer_request *request,
                            transfer_visit *visit, void *context)
{
    enum status status = OK;
    ASSERT(request->count >= 1 && (!request->end || request->count >= 2));
    for (uint32_t index = 0; index < request->count; index++) {
        struct work work = {.model = model, .request = request};
        TRY(write_piece(&work, index, visit, context));
    }
done:
    return status;
}
