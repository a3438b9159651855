/* Batches of pieces, and what makes a score of their events. */
#include "generate.h"

#include "events.h"
#include "generator.h"
#include "latent.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_BATCH = 32,
    MAX_ATTEMPTS = 16,       /* draws of a piece that comes out empty */
    CACHE_BYTES = 256 << 20, /* of keys and values, which bounds a batch of a large model */
};

/* Draws nearer to the clusters' centres are clearer cases of their emotion. */
static const double MIXTURE_TEMPERATURE = 0.8;
static const double RESIDUAL_TEMPERATURE = 0.8;

/* Some pieces written side by side. */
struct batch_state {
    const struct model *model;
    const struct generate_request *request;
    size_t room;                     /* events a piece */
    struct event *events;            /* (n_pieces, room) owned */
    size_t *n_events;                /* (n_pieces) owned */
    struct generator_event *segment; /* (n_pieces, EVENTS_SEGMENT_EVENTS) owned */
    size_t *n_segment;               /* (n_pieces) owned */
    real *z[N_FACTORS];              /* (n_pieces, latent) owned */
    uint8_t *tonic;                  /* (n_pieces) owned */
};

static void batch_fini(struct batch_state *batch)
{
    free(batch->events);
    free(batch->n_events);
    free(batch->segment);
    free(batch->n_segment);
    for (int g = 0; g < N_FACTORS; g++) free(batch->z[g]);
    free(batch->tonic);
    *batch = (struct batch_state){0};
}

static enum status batch_init(struct batch_state *batch, const struct model *model,
                              const struct generate_request *request, size_t n)
{
    enum status status = OK;
    const size_t bars = (size_t)model->vocabulary.settings.bars;
    const size_t n_segments = (request->bars + bars - 1) / bars;
    const size_t latent = vae_latent(&model->vae.shape);
    *batch = (struct batch_state){
        .model = model, .request = request, .room = n_segments * EVENTS_SEGMENT_EVENTS};
    batch->events = calloc(n * batch->room, sizeof *batch->events);
    batch->n_events = calloc(n, sizeof *batch->n_events);
    batch->segment = calloc(n * EVENTS_SEGMENT_EVENTS, sizeof *batch->segment);
    batch->n_segment = calloc(n, sizeof *batch->n_segment);
    for (int g = 0; g < N_FACTORS; g++) batch->z[g] = calloc(n * latent, sizeof(real));
    batch->tonic = calloc(n, sizeof *batch->tonic);
    if (!batch->events || !batch->n_events || !batch->segment || !batch->n_segment ||
        !batch->z[0] || !batch->z[1] || !batch->tonic || status_fault())
        FAIL(FAILED, "no memory for %zu pieces of %zu bars", n, request->bars);
done:
    if (status != OK) batch_fini(batch);
    return status;
}

static struct event note_or_bar(const struct generator_event *from)
{
    if (from->type == TYPE_BAR)
        return (struct event){.position = EVENTS_BAR,
                              .pitch = from->symbol[FIELD_TEMPO],
                              .duration = from->symbol[FIELD_SIGNATURE]};
    return (struct event){.position = from->symbol[FIELD_POSITION],
                          .pitch = (uint8_t)(from->symbol[FIELD_PITCH] + EVENTS_PITCH_LOW),
                          .duration = from->symbol[FIELD_DURATION],
                          .velocity = (uint8_t)events_velocity_value(from->symbol[FIELD_VELOCITY])};
}

static void draw_latents(struct batch_state *batch, size_t i, uint32_t segment,
                         const struct latent_key *key)
{
    const struct model *model = batch->model;
    const size_t latent = vae_latent(&model->vae.shape);
    real *const z[N_FACTORS] = {batch->z[0] + i * latent, batch->z[1] + i * latent};
    const int asked = batch->request->tonic;
    latent_draw_emotion(z, model, batch->request->emotion, MIXTURE_TEMPERATURE, key);
    latent_draw_residual(z, model, segment, RESIDUAL_TEMPERATURE, key);
    batch->tonic[i] = (uint8_t)(asked == GENERATE_ANY_TONIC ? latent_draw_tonic(key) : asked);
}

static void take_segment(struct batch_state *batch, size_t i)
{
    const struct generator_event *from = batch->segment + i * EVENTS_SEGMENT_EVENTS;
    struct event *to = batch->events + i * batch->room + batch->n_events[i];
    for (size_t j = 0; j < batch->n_segment[i]; j++) to[j] = note_or_bar(&from[j]);
    batch->n_events[i] += batch->n_segment[i];
}

/* Another seed an attempt; the first is the request's own. */
static uint64_t event_seed(uint64_t seed, uint32_t attempt)
{
    return seed + attempt * UINT64_C(0x9e3779b97f4a7c15);
}

static struct generator_settings settings_of(const struct batch_state *batch, uint32_t attempt)
{
    const struct generate_request *request = batch->request;
    return (struct generator_settings){
        .temperature = request->temperature,
        .top_p = request->top_p,
        .seed = event_seed(request->seed, attempt),
        .max_events = EVENTS_SEGMENT_EVENTS,
        .bar_steps = batch->model->vocabulary.bar_steps,
        .tempo = request->tempo > 0 ? events_tempo_symbol(request->tempo) : -1,
        .signature = -1};
}

/* Writes the events of pieces first .. first + n. */
static enum status batch_write(struct batch_state *batch, uint32_t first, size_t n,
                               uint32_t attempt)
{
    enum status status = OK;
    const struct model *model = batch->model;
    const struct generator_settings settings = settings_of(batch, attempt);
    const size_t bars = (size_t)model->vocabulary.settings.bars, all = batch->request->bars;
    struct generator *generator = NULL;
    TRY(generator_create(&generator, &model->vae, model->theta, n, first, &settings));
    memset(batch->n_events, 0, n * sizeof *batch->n_events);
    for (size_t bar = 0; bar < all; bar += bars) {
        const struct generator_request request = {.z = {batch->z[0], batch->z[1]},
                                                  .tonic = batch->tonic,
                                                  .bars = all - bar < bars ? all - bar : bars};
        for (size_t i = 0; i < n; i++) {
            const struct latent_key key = {batch->request->seed, first + (uint32_t)i, attempt};
            draw_latents(batch, i, (uint32_t)(bar / bars), &key);
        }
        generator_segment(generator, &request, batch->segment, batch->n_segment);
        for (size_t i = 0; i < n; i++) take_segment(batch, i);
    }
done:
    generator_destroy(generator);
    return status;
}

/* Gives every bar the median of their tempi; returns its symbol. */
static int steady_tempo(struct event *events, size_t n_events)
{
    size_t counts[EVENTS_N_TEMPO] = {0}, n_bars = 0, below = 0;
    int median = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].position != EVENTS_BAR) continue;
        counts[events[i].pitch]++;
        n_bars++;
    }
    while (2 * (below + counts[median]) < n_bars) below += counts[median++];
    for (size_t i = 0; i < n_events; i++)
        if (events[i].position == EVENTS_BAR) events[i].pitch = (uint8_t)median;
    return median;
}

/* Notes end with the piece, and where their key is struck again. */
static void cut_notes(struct score *score)
{
    struct score_note *sounding[128] = {0};
    for (size_t i = 0; i < score->n_notes; i++) {
        struct score_note *note = &score->notes[i], *before = sounding[note->pitch];
        if (note->end > score->end) note->end = score->end;
        if (before && before->end > note->onset) before->end = note->onset;
        sounding[note->pitch] = note;
    }
}

static enum status finish_piece(const struct batch_state *batch, size_t i, uint32_t index,
                                generate_visit *visit, void *context)
{
    enum status status = OK;
    struct event *events = batch->events + i * batch->room;
    struct score score = {0};
    const double asked = batch->request->tempo;
    const int symbol = steady_tempo(events, batch->n_events[i]);
    const double tempo = asked > 0 ? asked : events_tempo_bpm(symbol);
    TRY(score_from_events(&score, events, batch->n_events[i], &batch->model->vocabulary));
    cut_notes(&score);
    score.tempi[0].microseconds = (uint32_t)lround(60e6 / tempo); /* finer than its symbol */
    const struct generated piece = {.index = index,
                                    .score = &score,
                                    .tonic = batch->tonic[i],
                                    .tempo = tempo,
                                    .seconds = (double)score.end / score.division * 60 / tempo};
    TRY(visit(context, &piece));
done:
    score_fini(&score);
    return status;
}

static bool has_note(const struct batch_state *batch, size_t i)
{
    for (size_t j = 0; j < batch->n_events[i]; j++)
        if (batch->events[i * batch->room + j].position != EVENTS_BAR) return true;
    return false;
}

/* Draws a piece anew until it has a note. */
static enum status redraw(const struct batch_state *empty, uint32_t index, generate_visit *visit,
                          void *context)
{
    enum status status = OK;
    struct batch_state one = {0};
    TRY(batch_init(&one, empty->model, empty->request, 1));
    for (uint32_t attempt = 1; attempt < MAX_ATTEMPTS && !has_note(&one, 0); attempt++)
        TRY(batch_write(&one, index, 1, attempt));
    if (!has_note(&one, 0))
        FAIL(FAILED, "piece %u has no note in %d draws; try a higher temperature", index + 1,
             MAX_ATTEMPTS);
    TRY(finish_piece(&one, 0, index, visit, context));
done:
    batch_fini(&one);
    return status;
}

/* Pieces whose keys and values fit into CACHE_BYTES. */
static size_t batch_size(const struct model *model, uint32_t count)
{
    const struct vae_shape *shape = &model->vae.shape;
    const size_t steps = shape->memory + EVENTS_SEGMENT_EVENTS;
    const size_t piece = 2 * shape->decoder_layers * steps * shape->width * sizeof(real);
    size_t n = CACHE_BYTES / piece;
    if (n > MAX_BATCH) n = MAX_BATCH;
    if (n > count) n = count;
    return n > 0 ? n : 1;
}

enum status generate_pieces(const struct model *model, const struct generate_request *request,
                            generate_visit *visit, void *context)
{
    enum status status = OK;
    struct batch_state batch = {0};
    const uint32_t size = (uint32_t)batch_size(model, request->count);
    ASSERT(request->bars >= 1 && request->count >= 1);
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
