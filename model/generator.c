/* Drawing legal music from the decoder. */
#include "generator.h"

#include "generator_draw.h"
#include "random.h"
#include "step.h"

#include <stdlib.h>
#include <string.h>

enum {
    DRAW_TYPE = N_FIELDS,
    /* Pieces in one round: each reads keys and values of its own, but weights are read for all. */
    TOGETHER = 64,
};

/* One piece in the making. */
struct piece_state {
    struct generator_event last; /* what the next step reads */
    uint8_t bar;                 /* its bar in its segment */
    int signature;               /* the meter, -1 before the first bar */
    uint32_t n_events;           /* since the start of the piece */
    size_t bars_begun;           /* in this segment */
    size_t count;                /* events of this segment */
    bool done;                   /* this segment is complete */
    bool paused;                 /* it has begun the bar up to which is written */
    double nats, end_nats;       /* end_nats: of the latest `bar is over` that ended a segment */
};

struct generator {
    const struct vae *vae;
    const real *theta;
    struct generator_settings settings;
    size_t n_pieces;
    uint32_t first_piece;
    struct piece_state *piece;               /* (n_pieces) owned */
    const struct generator_request *request; /* during a segment */
    struct step_cache cache;
    struct arena scratch;
};

enum status generator_create(struct generator **out, const struct vae *vae, const real *theta,
                             size_t n_pieces, uint32_t first_piece,
                             const struct generator_settings *settings)
{
    enum status status = OK;
    const struct vae_shape *shape = &vae->shape;
    struct generator *generator = status_fault() ? NULL : calloc(1, sizeof *generator);
    *out = NULL;
    if (!generator) return status_fail(FAILED, "no memory for %zu pieces", n_pieces);
    *generator = (struct generator){.vae = vae,
                                    .theta = theta,
                                    .settings = *settings,
                                    .n_pieces = n_pieces,
                                    .first_piece = first_piece};
    if (!status_fault()) generator->piece = calloc(n_pieces, sizeof *generator->piece);
    if (!generator->piece) FAIL(FAILED, "no memory for %zu pieces", n_pieces);
    for (size_t i = 0; i < n_pieces; i++) {
        generator->piece[i].last.type = DECODER_START;
        generator->piece[i].signature = settings->signature;
        memset(generator->piece[i].last.symbol, SYMBOL_NONE, N_FIELDS);
    }
    TRY(step_cache_init(&generator->cache, &vae->decoder, theta, n_pieces,
                        settings->max_events + 1));
    const size_t round = TOGETHER * (3 * shape->width + GENERATOR_MAX_SYMBOLS + 256);
    const size_t condition = n_pieces * vae->decoder.shape.condition;
    TRY(arena_init(&generator->scratch, (round + condition) * sizeof(real) + (1 << 16)));
    *out = generator;
    generator = NULL;
done:
    generator_destroy(generator);
    return status;
}

void generator_destroy(struct generator *generator)
{
    if (!generator) return;
    step_cache_fini(&generator->cache);
    arena_fini(&generator->scratch);
    free(generator->piece);
    free(generator);
}

void generator_copy(struct generator *generator, size_t to, size_t from)
{
    if (to == from) return;
    generator->piece[to] = generator->piece[from];
    step_attention_copy(&generator->cache.attention, to, from);
}

double generator_nats(const struct generator *generator, size_t piece)
{
    return generator->piece[piece].nats;
}

/* Draws a symbol for a piece and counts its nats. */
static size_t draw(struct generator *generator, size_t piece, uint32_t field, const real *logits,
                   const bool *allowed, size_t n)
{
    const struct generator_settings *settings = &generator->settings;
    const double uniform =
        random_uniform(settings->seed, RANDOM_SAMPLE, generator->first_piece + piece,
                       generator->piece[piece].n_events, field);
    const size_t chosen =
        generator_draw(logits, allowed, n, settings->temperature, settings->top_p, uniform);
    generator->piece[piece].nats += generator_symbol_nats(logits, n, chosen);
    return chosen;
}

/* One more than the highest pitch symbol of a piece. */
static size_t end_of_pitches(const struct generator *generator, size_t piece)
{
    const struct generator_pitches *pitches = generator->request->pitches;
    return pitches ? (size_t)pitches[piece].first + pitches[piece].count
                   : generator->vae->shape.vocabulary.size[FIELD_PITCH];
}

/* Whether a note can still follow in this bar, and in this segment's budget of events. */
static bool note_fits(const struct generator *generator, size_t index, size_t bars)
{
    const struct piece_state *piece = &generator->piece[index];
    const struct generator_event *last = &piece->last;
    const size_t due = bars - piece->bars_begun;
    if (piece->count == 0 || piece->count + due >= generator->settings.max_events) return false;
    if (last->type == TYPE_BAR) return true;
    const size_t steps = generator->settings.bar_steps[piece->signature];
    return last->symbol[FIELD_POSITION] + 1u < steps ||
           last->symbol[FIELD_PITCH] + 1u < end_of_pitches(generator, index);
}

/* The one symbol that the field of a bar may have, or -1. */
static int kept_symbol(const struct generator *generator, const struct piece_state *piece,
                       enum field field)
{
    const struct generator_request *request = generator->request;
    if (field == FIELD_TEMPO)
        return request->tempo ? request->tempo[piece->bars_begun] : generator->settings.tempo;
    return request->signature ? request->signature[piece->bars_begun] : piece->signature;
}

static void allow_pitches(const struct generator *generator, size_t index, const uint8_t *chosen,
                          bool *allowed)
{
    const struct generator_event *last = &generator->piece[index].last;
    const struct generator_pitches *pitches = generator->request->pitches;
    const bool stacked =
        last->type == TYPE_NOTE && chosen[FIELD_POSITION] == last->symbol[FIELD_POSITION];
    const size_t low = pitches ? pitches[index].first : 0, end = end_of_pitches(generator, index);
    for (size_t i = 0; i < generator->vae->shape.vocabulary.size[FIELD_PITCH]; i++)
        allowed[i] = i >= low && i < end && !(stacked && i <= last->symbol[FIELD_PITCH]);
}

static void allow_field(const struct generator *generator, size_t index, enum field field,
                        const uint8_t *chosen, bool *allowed)
{
    const struct piece_state *piece = &generator->piece[index];
    const struct generator_settings *settings = &generator->settings;
    const struct vocabulary *vocabulary = &generator->vae->shape.vocabulary;
    const bool after_note = piece->last.type == TYPE_NOTE;
    const uint8_t *last = piece->last.symbol;
    for (size_t i = 0; i < vocabulary->size[field]; i++) allowed[i] = true;
    if (field == FIELD_PITCH) allow_pitches(generator, index, chosen, allowed);
    if (field == FIELD_TEMPO || field == FIELD_SIGNATURE) {
        const int kept = kept_symbol(generator, piece, field);
        for (size_t i = 0; kept >= 0 && i < vocabulary->size[field]; i++)
            allowed[i] = i == (size_t)kept;
        if (kept < 0 && field == FIELD_TEMPO) allowed[0] = false; /* unknown */
        return;
    }
    for (size_t i = 0; field == FIELD_POSITION && i < vocabulary->size[field]; i++) {
        const bool full = after_note && i == last[FIELD_POSITION] &&
                          last[FIELD_PITCH] + 1u == end_of_pitches(generator, index);
        allowed[i] = i < settings->bar_steps[piece->signature] && !full &&
                     (!after_note || i >= last[FIELD_POSITION]);
    }
}

/* The steps of one round whose event has one type. */
struct drawing {
    size_t n;
    uint32_t *step;            /* (n) place in the round */
    real *h, *logits;          /* (n, width), (n, symbols) */
    uint8_t *symbol[N_FIELDS]; /* (n) drawn so far */
};

static void draw_field(struct generator *generator, struct drawing *drawing, enum field field,
                       const struct step_input *input, struct generator_event *events)
{
    const size_t n_symbols = generator->vae->shape.vocabulary.size[field];
    step_heads_field(&generator->cache.heads, drawing->logits, drawing->h, field,
                     (const uint8_t *const *)drawing->symbol, drawing->n, &generator->scratch);
    for (size_t i = 0; i < drawing->n; i++) {
        bool allowed[GENERATOR_MAX_SYMBOLS];
        const size_t index = input->piece[drawing->step[i]];
        struct generator_event *event = &events[drawing->step[i]];
        allow_field(generator, index, field, event->symbol, allowed);
        drawing->symbol[field][i] = event->symbol[field] = (uint8_t)draw(
            generator, index, field, drawing->logits + i * n_symbols, allowed, n_symbols);
    }
}

/* Draws the fields of the events of one type, all of them at once, field by field. */
static void draw_fields(struct generator *generator, uint8_t type, const real *h,
                        const struct step_input *input, struct generator_event *events)
{
    const enum field first = type == TYPE_BAR ? FIELD_TEMPO : FIELD_POSITION;
    const enum field end = type == TYPE_BAR ? FIELD_POSITION : N_FIELDS;
    const size_t width = generator->vae->shape.width, mark = arena_mark(&generator->scratch);
    struct drawing drawing = {.step = arena_take(&generator->scratch, input->n * sizeof(uint32_t))};
    drawing.h = arena_reals(&generator->scratch, input->n * width);
    drawing.logits = arena_reals(&generator->scratch, input->n * GENERATOR_MAX_SYMBOLS);
    for (enum field f = 0; f < N_FIELDS; f++)
        drawing.symbol[f] = arena_take(&generator->scratch, input->n);
    for (size_t i = 0; i < input->n; i++) {
        if (events[i].type != type || generator->piece[input->piece[i]].done) continue;
        memcpy(drawing.h + drawing.n * width, h + i * width, width * sizeof(real));
        drawing.step[drawing.n++] = (uint32_t)i;
    }
    for (enum field field = first; field < end && drawing.n > 0; field++)
        draw_field(generator, &drawing, field, input, events);
    arena_reset(&generator->scratch, mark);
}

/* Draws the types of the next events; a piece whose segment is over is done. */
static void draw_types(struct generator *generator, const real *h, size_t bars,
                       const struct step_input *input, struct generator_event *events)
{
    const size_t mark = arena_mark(&generator->scratch);
    real *logits = arena_reals(&generator->scratch, input->n * N_TYPES);
    step_heads_type(&generator->cache.heads, logits, h, input->n);
    for (size_t i = 0; i < input->n; i++) {
        struct piece_state *piece = &generator->piece[input->piece[i]];
        const bool allowed[N_TYPES] = {
            [TYPE_BAR] = true, [TYPE_NOTE] = note_fits(generator, input->piece[i], bars)};
        const double before = piece->nats;
        memset(events[i].symbol, SYMBOL_NONE, N_FIELDS);
        events[i].type = (uint8_t)draw(generator, input->piece[i], DRAW_TYPE, logits + i * N_TYPES,
                                       allowed, N_TYPES);
        piece->done = events[i].type == TYPE_BAR && piece->bars_begun == bars;
        if (piece->done) piece->end_nats = piece->nats - before;
    }
    arena_reset(&generator->scratch, mark);
}

static void take_event(struct piece_state *piece, const struct generator_event *event,
                       struct generator_event *events)
{
    events[piece->count++] = *event;
    piece->n_events++;
    piece->last = *event;
    if (event->type == TYPE_NOTE) return;
    piece->bar = (uint8_t)piece->bars_begun++;
    piece->signature = event->symbol[FIELD_SIGNATURE];
}

/* What the pieces of this round read next: the first that are not done; symbols live in scratch. */
static struct step_input gather_input(struct generator *generator)
{
    uint32_t *list = arena_take(&generator->scratch, TOGETHER * sizeof *list);
    uint8_t *type = arena_take(&generator->scratch, TOGETHER);
    uint8_t *bar = arena_take(&generator->scratch, TOGETHER);
    uint8_t *symbol[N_FIELDS];
    struct step_input input = {.piece = list, .type = type, .bar = bar};
    for (enum field f = 0; f < N_FIELDS; f++)
        input.symbol[f] = symbol[f] = arena_take(&generator->scratch, TOGETHER);
    for (size_t i = 0; i < generator->n_pieces && input.n < TOGETHER; i++) {
        const struct piece_state *piece = &generator->piece[i];
        if (piece->done || piece->paused) continue;
        list[input.n] = (uint32_t)i;
        type[input.n] = piece->last.type;
        bar[input.n] = piece->bar;
        for (enum field f = 0; f < N_FIELDS; f++) symbol[f][input.n] = piece->last.symbol[f];
        input.n++;
    }
    return input;
}

/* One step of each piece of a round, as far as its first `bars` bars; false when all have them. */
static bool advance(struct generator *generator, size_t bars, struct generator_event *events)
{
    const size_t mark = arena_mark(&generator->scratch), width = generator->vae->shape.width;
    const struct step_input input = gather_input(generator);
    real *h = arena_reals(&generator->scratch, input.n * width);
    struct generator_event drawn[TOGETHER];
    if (input.n > 0) {
        step_advance(&generator->cache, h, &input);
        draw_types(generator, h, generator->request->bars, &input, drawn);
    }
    for (uint8_t type = 0; type < N_TYPES; type++) draw_fields(generator, type, h, &input, drawn);
    for (size_t i = 0; i < input.n; i++) {
        const size_t index = input.piece[i];
        struct piece_state *piece = &generator->piece[index];
        if (piece->done) continue;
        take_event(piece, &drawn[i], events + index * generator->settings.max_events);
        piece->paused = drawn[i].type == TYPE_BAR && piece->bars_begun > bars;
    }
    arena_reset(&generator->scratch, mark);
    return input.n > 0;
}

void generator_begin(struct generator *generator, const struct generator_request *request)
{
    const struct vae_shape *shape = &generator->vae->shape;
    const size_t mark = arena_mark(&generator->scratch);
    ASSERT(request->bars >= 1 && request->bars <= shape->vocabulary.bars);
    ASSERT(request->bars <= generator->settings.max_events);
    generator->request = request;
    for (size_t i = 0; i < generator->n_pieces; i++) {
        struct piece_state *piece = &generator->piece[i];
        if (piece->n_events > 0) { /* its last step ended a segment; it now begins the next */
            step_pop(&generator->cache, i);
            piece->nats -= piece->end_nats;
        }
        piece->count = piece->bars_begun = 0;
        piece->done = false;
    }
    real *condition = arena_reals(&generator->scratch,
                                  generator->n_pieces * generator->vae->decoder.shape.condition);
    vae_condition(shape, condition, request->z, request->tonic, generator->n_pieces);
    step_begin_segment(&generator->cache, condition);
    arena_reset(&generator->scratch, mark);
}

void generator_write(struct generator *generator, size_t bars, struct generator_event *events,
                     size_t *counts)
{
    for (size_t i = 0; i < generator->n_pieces; i++) generator->piece[i].paused = false;
    while (advance(generator, bars, events)) {
    }
    for (size_t i = 0; i < generator->n_pieces; i++)
        counts[i] = generator->piece[i].count - generator->piece[i].paused;
    if (bars >= generator->request->bars) generator->request = NULL;
}

void generator_segment(struct generator *generator, const struct generator_request *request,
                       struct generator_event *events, size_t *counts)
{
    generator_begin(generator, request);
    generator_write(generator, request->bars, events, counts);
}
