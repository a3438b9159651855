/* Batches of pieces, and what makes a score of their events. */
#include "generate.h"

#include "generator.h"
#include "writer.h"
#include "written.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_BATCH = 64,
    CACHE_BYTES = 256 << 20, /* of keys and values, which bounds a batch of a large model */
};

/*
 * Deviations of the draws, against the prior's 1.  Nearer to the centres a piece is a clearer case
 * of its emotion: of 400 pieces by two tiny models a judge of real music heard the asked emotion in
 * 60, 68 and 73 % at .7, .4 and .1 of the mixture's.  The residual keeps pieces apart.
 */
static const double MIXTURE_TEMPERATURE = 0.3;
static const double RESIDUAL_TEMPERATURE = 0.5;

/* Some pieces written side by side. */
struct batch_state {
    const struct model *model;
    const struct generate_request *request;
    size_t room;                       /* events a piece */
    struct event *events;              /* (n_pieces, room) owned */
    size_t *n_events;                  /* (n_pieces) owned */
    struct generator_event *segment;   /* (n_pieces, EVENTS_SEGMENT_EVENTS) owned */
    size_t *n_segment;                 /* (n_pieces) owned */
    real *z[N_FACTORS];                /* (n_pieces, latent) owned */
    uint8_t *tonic;                    /* (n_pieces) owned */
    struct generator_pitches *pitches; /* (n_pieces) owned */
};

static void batch_fini(struct batch_state *batch)
{
    free(batch->events);
    free(batch->n_events);
    free(batch->segment);
    free(batch->n_segment);
    for (int g = 0; g < N_FACTORS; g++) free(batch->z[g]);
    free(batch->tonic);
    free(batch->pitches);
    *batch = (struct batch_state){0};
}

size_t generate_bars(const struct generate_request *request)
{
    size_t bars = 0;
    for (size_t i = 0; i < request->n_steps; i++) bars += request->steps[i].bars;
    return bars;
}

static size_t count_segments(const struct generate_request *request, size_t bars)
{
    size_t n = 0;
    for (size_t i = 0; i < request->n_steps; i++) n += (request->steps[i].bars + bars - 1) / bars;
    return n;
}

static enum status batch_init(struct batch_state *batch, const struct model *model,
                              const struct generate_request *request, size_t n)
{
    enum status status = OK;
    const size_t n_segments = count_segments(request, (size_t)model->vocabulary.settings.bars);
    const size_t latent = vae_latent(&model->vae.shape);
    *batch = (struct batch_state){
        .model = model, .request = request, .room = n_segments * EVENTS_SEGMENT_EVENTS};
    batch->events = calloc(n * batch->room, sizeof *batch->events);
    batch->n_events = calloc(n, sizeof *batch->n_events);
    batch->segment = calloc(n * EVENTS_SEGMENT_EVENTS, sizeof *batch->segment);
    batch->n_segment = calloc(n, sizeof *batch->n_segment);
    for (int g = 0; g < N_FACTORS; g++) batch->z[g] = calloc(n * latent, sizeof(real));
    batch->tonic = calloc(n, sizeof *batch->tonic);
    batch->pitches = calloc(n, sizeof *batch->pitches);
    if (!batch->events || !batch->n_events || !batch->segment || !batch->n_segment ||
        !batch->z[0] || !batch->z[1] || !batch->tonic || !batch->pitches || status_fault())
        FAIL(FAILED, "no memory for %zu pieces of %zu bars", n, generate_bars(request));
done:
    if (status != OK) batch_fini(batch);
    return status;
}

static void draw_latents(struct batch_state *batch, size_t i, struct latent_point point,
                         uint32_t segment, const struct latent_key *key)
{
    const struct model *model = batch->model;
    const size_t latent = vae_latent(&model->vae.shape);
    real *const z[N_FACTORS] = {batch->z[0] + i * latent, batch->z[1] + i * latent};
    const int asked = batch->request->tonic;
    latent_draw_point(z, model, point, MIXTURE_TEMPERATURE, key);
    latent_draw_residual(z, model, segment, RESIDUAL_TEMPERATURE, key);
    faders_apply(&model->faders, &batch->request->faders, z, latent);
    batch->tonic[i] = (uint8_t)(asked == GENERATE_ANY_TONIC ? latent_draw_tonic(key) : asked);
    batch->pitches[i] = written_pitches(batch->tonic[i]);
}

static void take_segment(struct batch_state *batch, size_t i)
{
    const struct generator_event *from = batch->segment + i * EVENTS_SEGMENT_EVENTS;
    struct event *to = batch->events + i * batch->room + batch->n_events[i];
    for (size_t j = 0; j < batch->n_segment[i]; j++)
        to[j] = written_event(&from[j], batch->tonic[i]);
    batch->n_events[i] += batch->n_segment[i];
}

static struct generator_settings settings_of(const struct batch_state *batch, uint32_t attempt)
{
    const struct generate_request *request = batch->request;
    return (struct generator_settings){
        .temperature = request->temperature,
        .top_p = request->top_p,
        .seed = written_seed(request->seed, attempt),
        .max_events = EVENTS_SEGMENT_EVENTS,
        .bar_steps = batch->model->vocabulary.bar_steps,
        .tempo = request->tempo > 0 ? events_tempo_symbol(request->tempo) : -1,
        .signature = -1};
}

/* Where the writing of a batch stands. */
struct passage {
    uint32_t first; /* index of the batch's first piece */
    size_t n;       /* pieces */
    uint32_t attempt;
    uint32_t segment; /* the next one */
};

/* Writes the segments of one step. */
static void write_step(struct batch_state *batch, struct writer *writer,
                       const struct generate_step *step, struct passage *passage)
{
    const size_t bars = (size_t)batch->model->vocabulary.settings.bars;
    for (size_t bar = 0; bar < step->bars; bar += bars, passage->segment++) {
        const size_t left = step->bars - bar;
        const struct generator_request request = {.z = {batch->z[0], batch->z[1]},
                                                  .tonic = batch->tonic,
                                                  .pitches = batch->pitches,
                                                  .bars = left < bars ? left : bars};
        for (size_t i = 0; i < passage->n; i++) {
            const struct latent_key key = {batch->request->seed, passage->first + (uint32_t)i,
                                           passage->attempt};
            draw_latents(batch, i, step->point, passage->segment, &key);
        }
        writer_segment(writer, &request, batch->segment, batch->n_segment);
        for (size_t i = 0; i < passage->n; i++) take_segment(batch, i);
    }
}

/* Writes the events of pieces first .. first + n. */
static enum status batch_write(struct batch_state *batch, uint32_t first, size_t n,
                               uint32_t attempt)
{
    enum status status = OK;
    const struct model *model = batch->model;
    const struct generator_settings settings = settings_of(batch, attempt);
    struct passage passage = {.first = first, .n = n, .attempt = attempt};
    struct writer *writer = NULL;
    TRY(writer_create(&writer, model, n, first, &settings, batch->request->drafts));
    memset(batch->n_events, 0, n * sizeof *batch->n_events);
    for (size_t i = 0; i < batch->request->n_steps; i++)
        write_step(batch, writer, &batch->request->steps[i], &passage);
done:
    writer_destroy(writer);
    return status;
}

/* Gives every bar of each step the median of the step's tempi. */
static void steady_tempi(const struct generate_request *request, struct event *events,
                         size_t n_events)
{
    size_t at = 0;
    for (size_t i = 0; i < request->n_steps; i++) {
        const size_t first = at;
        for (size_t bars = 0; at < n_events; at++) {
            bars += events[at].position == EVENTS_BAR;
            if (bars > request->steps[i].bars) break;
        }
        const int median = written_median_tempo(events + first, at - first);
        for (size_t j = first; j < at; j++)
            if (events[j].position == EVENTS_BAR) events[j].pitch = (uint8_t)median;
    }
}

static enum status finish_piece(const struct batch_state *batch, size_t i, uint32_t index,
                                generate_visit *visit, void *context)
{
    enum status status = OK;
    struct event *events = batch->events + i * batch->room;
    struct score score = {0};
    const double asked = batch->request->tempo;
    steady_tempi(batch->request, events, batch->n_events[i]);
    TRY(score_from_events(&score, events, batch->n_events[i], &batch->model->vocabulary));
    written_cut_notes(&score);
    if (asked > 0) score.tempi[0].microseconds = (uint32_t)lround(60e6 / asked); /* finer */
    const struct generated piece = {.index = index,
                                    .score = &score,
                                    .tonic = batch->tonic[i],
                                    .tempo = asked > 0 ? asked : events_tempo_bpm(events[0].pitch),
                                    .seconds = written_seconds(&score)};
    TRY(visit(context, &piece));
done:
    score_fini(&score);
    return status;
}

static bool has_note(const struct batch_state *batch, size_t i)
{
    return written_has_note(batch->events + i * batch->room, batch->n_events[i]);
}

/* Draws a piece anew until it has a note. */
static enum status redraw(const struct batch_state *empty, uint32_t index, generate_visit *visit,
                          void *context)
{
    enum status status = OK;
    struct batch_state one = {0};
    TRY(batch_init(&one, empty->model, empty->request, 1));
    for (uint32_t attempt = 1; attempt < WRITTEN_ATTEMPTS && !has_note(&one, 0); attempt++)
        TRY(batch_write(&one, index, 1, attempt));
    if (!has_note(&one, 0))
        FAIL(FAILED, "piece %u has no note in %d draws; try a higher temperature", index + 1,
             WRITTEN_ATTEMPTS);
    TRY(finish_piece(&one, 0, index, visit, context));
done:
    batch_fini(&one);
    return status;
}

/* Pieces whose keys and values fit into CACHE_BYTES. */
static size_t batch_size(const struct model *model, const struct generate_request *request)
{
    const struct vae_shape *shape = &model->vae.shape;
    const size_t steps = shape->memory + EVENTS_SEGMENT_EVENTS;
    const size_t piece = 2 * shape->decoder_layers * steps * shape->width * sizeof(real);
    size_t n = CACHE_BYTES / piece / request->drafts;
    if (n > MAX_BATCH) n = MAX_BATCH;
    if (n > request->count) n = request->count;
    return n > 0 ? n : 1;
}

enum status generate_pieces(const struct model *model, const struct generate_request *request,
                            generate_visit *visit, void *context)
{
    enum status status = OK;
    struct batch_state batch = {0};
    const uint32_t size = (uint32_t)batch_size(model, request);
    ASSERT(request->n_steps >= 1 && request->count >= 1);
    TRY(batch_init(&batch, model, request, size));
    for (uint32_t first = 0; first < request->count; first += size) {
        const uint32_t left = request->count - first, n = left < size ? left : size;
        TRY(batch_write(&batch, first, n, 0));
        for (uint32_t i = 0; i < n; i++) {
            if (has_note(&batch, i))
                TRY(finish_piece(&batch, i, first + i, visit, context));
            else
                TRY(redraw(&batch, first + i, visit, context));
        }
    }
done:
    batch_fini(&batch);
    return status;
}
