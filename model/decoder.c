/* Decoder stack: inputs, layers with in-attention, heads; forward and backward in one call. */
#include "decoder.h"

#include "random.h"

#include <stdio.h>
#include <string.h>

/* Every layer adds the condition: at first it must not drown the event that a step reads. */
static const double CONDITION_SCALE = 0.2;

/* Everything about the steps of one micro-batch. */
struct steps {
    size_t n;
    uint32_t *segment; /* (n) segment of the event to be predicted */
    uint8_t *input_type, *input_bar;
    uint8_t *input[N_FIELDS];
    uint8_t *target_type;
    uint8_t *target[N_FIELDS];
    struct block_call call;
};

void decoder_define(struct decoder *decoder, struct parameters *parameters, const char *prefix,
                    const struct decoder_shape *shape, const struct vocabulary *vocabulary,
                    uint32_t site)
{
    const size_t width = shape->width;
    char name[PARAMETERS_NAME_SIZE];
    ASSERT(shape->layers <= DECODER_MAX_LAYERS);
    *decoder = (struct decoder){.shape = *shape, .site = site, .first = parameters->count};
    snprintf(name, sizeof name, "%s/heads", prefix);
    heads_define(&decoder->heads, parameters, name, width, vocabulary);
    decoder->norm_gain =
        parameters_add(parameters, 1, width, INITIALIZE_ONE, 0, "%s/norm/gain", prefix);
    decoder->norm_bias =
        parameters_add(parameters, 1, width, INITIALIZE_ZERO, 0, "%s/norm/bias", prefix);
    for (size_t layer = shape->layers; layer-- > 0;) {
        snprintf(name, sizeof name, "%s/%zu", prefix, layer);
        block_define(&decoder->block[layer], parameters, name, width, shape->heads, shape->layers);
        decoder->condition[layer] = parameters_add(
            parameters, shape->condition, width, INITIALIZE_NORMAL,
            CONDITION_SCALE / sqrt((double)shape->condition), "%s/condition/weight", name);
    }
    for (enum field field = 0; field < N_FIELDS; field++)
        decoder->field[field] =
            parameters_add(parameters, vocabulary->size[field], width, INITIALIZE_NORMAL,
                           BLOCK_EMBEDDING_SCALE, "%s/embedding/%s", prefix, field_names[field]);
    decoder->type = parameters_add(parameters, DECODER_N_TYPES, width, INITIALIZE_NORMAL,
                                   BLOCK_EMBEDDING_SCALE, "%s/embedding/type", prefix);
    decoder->bar = parameters_add(parameters, vocabulary->bars, width, INITIALIZE_NORMAL,
                                  BLOCK_EMBEDDING_SCALE, "%s/embedding/bar", prefix);
    decoder->count = parameters->count - decoder->first;
}

/* Copies event `event` into the input of step `step`; a hidden note keeps only that it is one. */
static void set_input(struct steps *steps, size_t step, const struct batch *batch, size_t event,
                      int hidden)
{
    const int bar = batch_is_bar(batch, event);
    hidden = hidden && !bar; /* bars keep the frame of the segment */
    steps->input_type[step] = hidden ? DECODER_HIDDEN : bar ? TYPE_BAR : TYPE_NOTE;
    steps->input_bar[step] = batch->bar[event];
    for (enum field field = 0; field < N_FIELDS; field++)
        steps->input[field][step] = hidden ? SYMBOL_NONE : batch->symbol[field][event];
}

static void set_start(struct steps *steps, size_t step)
{
    steps->input_type[step] = DECODER_START;
    steps->input_bar[step] = 0;
    for (enum field field = 0; field < N_FIELDS; field++) steps->input[field][step] = SYMBOL_NONE;
}

static void set_target(struct steps *steps, size_t step, const struct batch *batch, size_t event,
                       int end)
{
    steps->target_type[step] = end || batch_is_bar(batch, event) ? TYPE_BAR : TYPE_NOTE;
    for (enum field field = 0; field < N_FIELDS; field++)
        steps->target[field][step] = end ? SYMBOL_NONE : batch->symbol[field][event];
}

static void fill_row(struct steps *steps, struct span *spans, uint32_t *id, size_t row,
                     const struct decoder_call *call, size_t memory)
{
    const struct batch *batch = call->batch;
    const size_t first_segment = batch->row_segment[row], end_segment = batch->row_segment[row + 1];
    const size_t first = batch->segment_event[first_segment];
    const size_t count = batch->segment_event[end_segment] - first;
    const size_t base = first + row; /* each earlier row has one step more than it has events */
    ASSERT(count + 1 < BATCH_ROW_STEPS);
    for (size_t t = 0; t <= count; t++) {
        id[base + t] = batch->row_id[row] * BATCH_ROW_STEPS + (uint32_t)t;
        const int hidden =
            call->token_dropout > 0 &&
            random_uniform(call->dropout.seed, RANDOM_TOKEN_DROPOUT, call->dropout.step,
                           id[base + t], 0) < (double)call->token_dropout;
        if (t == 0)
            set_start(steps, base);
        else
            set_input(steps, base + t, batch, first + t - 1, hidden);
        set_target(steps, base + t, batch, first + t, t == count);
    }
    for (size_t s = first_segment; s < end_segment; s++) {
        struct span *span = &spans[s];
        span->first = batch->segment_event[s] + row;
        span->count =
            batch->segment_event[s + 1] - batch->segment_event[s] + (s + 1 == end_segment);
        span->context = span->first - base < memory ? span->first - base : memory;
        for (size_t i = 0; i < span->count; i++) steps->segment[span->first + i] = (uint32_t)s;
    }
}

static void prepare_steps(const struct decoder *decoder, struct steps *steps,
                          const struct decoder_call *call, struct arena *activations)
{
    const struct batch *batch = call->batch;
    const size_t n = steps->n = batch_steps(batch), width = decoder->shape.width;
    struct span *spans = arena_take(activations, batch->n_segments * sizeof *spans);
    uint32_t *id = arena_take(activations, n * sizeof *id);
    steps->segment = arena_take(activations, n * sizeof *steps->segment);
    steps->input_type = arena_take(activations, n);
    steps->input_bar = arena_take(activations, n);
    steps->target_type = arena_take(activations, n);
    for (enum field field = 0; field < N_FIELDS; field++) {
        steps->input[field] = arena_take(activations, n);
        steps->target[field] = arena_take(activations, n);
    }
    for (size_t row = 0; row < batch->n_rows; row++)
        fill_row(steps, spans, id, row, call, decoder->shape.memory);
    const size_t reach = attention_reach(spans, batch->n_segments);
    real *sinusoids = arena_reals(activations, attention_relative_rows(true, reach) * width);
    attention_sinusoids(sinusoids, true, reach, width);
    steps->call = (struct block_call){
        .attention = {.width = width,
                      .heads = decoder->shape.heads,
                      .causal = true,
                      .spans = spans,
                      .n_spans = batch->n_segments,
                      .reach = reach},
        .n = n,
        .sinusoids = sinusoids,
        .dropout = call->dropout,
        .id = id,
    };
}

static void embed(const struct decoder *decoder, const real *theta, real *x,
                  const struct steps *steps)
{
    const size_t width = decoder->shape.width;
    for (enum field field = 0; field < N_FIELDS; field++)
        embedding_forward(x, theta + decoder->field[field], steps->input[field], steps->n, width);
    embedding_forward(x, theta + decoder->type, steps->input_type, steps->n, width);
    embedding_forward(x, theta + decoder->bar, steps->input_bar, steps->n, width);
}

static void embed_backward(const struct decoder *decoder, real *gradient, const real *dx,
                           const struct steps *steps)
{
    const size_t width = decoder->shape.width;
    for (enum field field = 0; field < N_FIELDS; field++)
        embedding_backward(gradient + decoder->field[field], dx, steps->input[field], steps->n,
                           width);
    embedding_backward(gradient + decoder->type, dx, steps->input_type, steps->n, width);
    embedding_backward(gradient + decoder->bar, dx, steps->input_bar, steps->n, width);
}

/* x += condition W of the step's segment. */
static void condition_forward(const struct decoder *decoder, const real *theta, size_t layer,
                              real *x, const struct decoder_call *call, const struct steps *steps,
                              struct arena *scratch)
{
    const size_t width = decoder->shape.width, mark = arena_mark(scratch);
    real *shift = arena_reals(scratch, call->batch->n_segments * width);
    linear_forward(shift, call->condition, theta + decoder->condition[layer], NULL,
                   call->batch->n_segments, decoder->shape.condition, width);
    for (size_t i = 0; i < steps->n; i++) {
        const real *row = shift + steps->segment[i] * width;
        for (size_t j = 0; j < width; j++) x[i * width + j] += row[j];
    }
    arena_reset(scratch, mark);
}

static void condition_backward(const struct decoder *decoder, const real *theta, real *gradient,
                               size_t layer, const real *dx, const struct decoder_call *call,
                               const struct steps *steps, struct arena *scratch)
{
    const size_t width = decoder->shape.width, mark = arena_mark(scratch);
    const size_t n_segments = call->batch->n_segments, n_condition = decoder->shape.condition;
    real *dshift = arena_zeros(scratch, n_segments * width);
    real *d = arena_reals(scratch, n_segments * n_condition);
    for (size_t i = 0; i < steps->n; i++) {
        real *row = dshift + steps->segment[i] * width;
        for (size_t j = 0; j < width; j++) row[j] += dx[i * width + j];
    }
    linear_backward(d, gradient + decoder->condition[layer], NULL, dshift, call->condition,
                    theta + decoder->condition[layer], n_segments, n_condition, width);
    for (size_t i = 0; i < n_segments * n_condition; i++) call->dcondition[i] += d[i];
    arena_reset(scratch, mark);
}

/* Layers from the top down; each layer's run of the block is final when it is done. */
static void layers_backward(const struct decoder *decoder, const real *theta, real *gradient,
                            real *dx, const struct block_tape *tape,
                            const struct decoder_call *call, struct steps *steps,
                            struct arena *scratch)
{
    size_t done = 0;
    steps->call.ready = call->ready;
    ready_announce(&call->ready, decoder->first, decoder->block[decoder->shape.layers - 1].first);
    for (size_t layer = decoder->shape.layers; layer-- > 0;) {
        steps->call.site = decoder->site + 2 * (uint32_t)layer;
        block_backward(&decoder->block[layer], theta, gradient, dx, &tape[layer], &steps->call,
                       scratch);
        condition_backward(decoder, theta, gradient, layer, dx, call, steps, scratch);
        done = layer > 0 ? decoder->block[layer - 1].first : decoder->field[0];
        ready_announce(&call->ready, decoder->block[layer].first + decoder->block[layer].count,
                       done);
    }
    embed_backward(decoder, gradient, dx, steps);
    ready_announce(&call->ready, done, decoder->first + decoder->count);
}

void decoder_loss(const struct decoder *decoder, const real *theta, real *gradient,
                  const struct decoder_call *call, double loss[N_EVENT_LOSSES],
                  struct arena *activations, struct arena *scratch)
{
    const size_t mark = arena_mark(activations), width = decoder->shape.width;
    struct block_tape tape[DECODER_MAX_LAYERS];
    struct steps steps;
    prepare_steps(decoder, &steps, call, activations);
    real *x = arena_zeros(activations, steps.n * width);
    embed(decoder, theta, x, &steps);
    for (size_t layer = 0; layer < decoder->shape.layers; layer++) {
        condition_forward(decoder, theta, layer, x, call, &steps, scratch);
        steps.call.site = decoder->site + 2 * (uint32_t)layer;
        block_forward(&decoder->block[layer], theta, x, &tape[layer], &steps.call, activations,
                      scratch);
    }
    real *norm = arena_reals(activations, steps.n * width);
    real *stat = arena_reals(activations, steps.n * 2);
    real *dnorm = arena_zeros(activations, steps.n * width);
    struct heads_targets targets = {.type = steps.target_type};
    for (enum field field = 0; field < N_FIELDS; field++)
        targets.symbol[field] = steps.target[field];
    layer_norm_forward(norm, stat, x, theta + decoder->norm_gain, theta + decoder->norm_bias,
                       steps.n, width);
    heads_loss(&decoder->heads, theta, gradient, dnorm, norm, &targets, call->scale, loss, steps.n,
               scratch);
    if (gradient) {
        real *dx = arena_zeros(activations, steps.n * width);
        layer_norm_backward(dx, gradient + decoder->norm_gain, gradient + decoder->norm_bias, dnorm,
                            x, stat, theta + decoder->norm_gain, steps.n, width);
        layers_backward(decoder, theta, gradient, dx, tape, call, &steps, scratch);
    }
    arena_reset(activations, mark);
}
