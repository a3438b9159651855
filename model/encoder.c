/* Segment encoder: embeddings, bidirectional layers, pooling, moments. */
#include "encoder.h"

#include <stdio.h>
#include <string.h>

/* The summed pool is divided by this many events, a usual segment, to be of order one. */
static const double COUNT_SCALE = 100;

static size_t pooled_width(const struct encoder_shape *shape)
{
    return shape->width * (shape->count ? 2 : 1);
}

static bool reads(const struct encoder_shape *shape, enum field field)
{
    return field == FIELD_PITCH ? shape->tonal : shape->rhythm;
}

void encoder_define(struct encoder *encoder, struct parameters *parameters, const char *prefix,
                    const struct encoder_shape *shape, const struct vocabulary *vocabulary,
                    uint32_t site)
{
    const size_t width = shape->width;
    char name[PARAMETERS_NAME_SIZE];
    ASSERT(shape->layers <= ENCODER_MAX_LAYERS);
    *encoder = (struct encoder){.shape = *shape, .site = site, .first = parameters->count};
    encoder->head = parameters_add(parameters, pooled_width(shape), 2 * shape->latent,
                                   INITIALIZE_NORMAL, 0.02, "%s/head/weight", prefix);
    encoder->head_bias = parameters_add(parameters, 1, 2 * shape->latent, INITIALIZE_ZERO, 0,
                                        "%s/head/bias", prefix);
    encoder->norm_gain =
        parameters_add(parameters, 1, width, INITIALIZE_ONE, 0, "%s/norm/gain", prefix);
    encoder->norm_bias =
        parameters_add(parameters, 1, width, INITIALIZE_ZERO, 0, "%s/norm/bias", prefix);
    for (size_t layer = shape->layers; layer-- > 0;) {
        snprintf(name, sizeof name, "%s/%zu", prefix, layer);
        block_define(&encoder->block[layer], parameters, name, width, shape->heads, shape->layers);
    }
    for (enum field field = 0; field < N_FIELDS; field++) {
        if (!reads(shape, field)) continue;
        const size_t rows = field == FIELD_PITCH ? vocabulary->n_tonal : vocabulary->size[field];
        const char *label = field == FIELD_PITCH ? "tonal" : field_names[field];
        encoder->field[field] =
            parameters_add(parameters, rows, width, INITIALIZE_NORMAL, BLOCK_EMBEDDING_SCALE,
                           "%s/embedding/%s", prefix, label);
    }
    encoder->type = parameters_add(parameters, N_TYPES, width, INITIALIZE_NORMAL,
                                   BLOCK_EMBEDDING_SCALE, "%s/embedding/type", prefix);
    encoder->bar = parameters_add(parameters, vocabulary->bars, width, INITIALIZE_NORMAL,
                                  BLOCK_EMBEDDING_SCALE, "%s/embedding/bar", prefix);
    encoder->count = parameters->count - encoder->first;
}

static const uint8_t *field_symbols(const struct batch *batch, enum field field)
{
    return field == FIELD_PITCH ? batch->tonal : batch->symbol[field];
}

/* Spans, identities and sinusoids of the segments; all live as long as the tape. */
static void prepare_call(const struct encoder *encoder, struct encoder_tape *tape,
                         const struct batch *batch, const struct dropout *dropout,
                         struct arena *activations)
{
    const size_t n = batch->n_events;
    struct span *spans = arena_take(activations, batch->n_segments * sizeof *spans);
    uint32_t *id = arena_take(activations, n * sizeof *id);
    tape->type = arena_take(activations, n);
    for (size_t s = 0; s < batch->n_segments; s++) {
        spans[s].first = batch->segment_event[s];
        spans[s].count = batch->segment_event[s + 1] - batch->segment_event[s];
        spans[s].context = 0;
    }
    for (size_t row = 0; row < batch->n_rows; row++) {
        const size_t first = batch->segment_event[batch->row_segment[row]];
        const size_t end = batch->segment_event[batch->row_segment[row + 1]];
        for (size_t i = first; i < end; i++)
            id[i] = batch->row_id[row] * BATCH_ROW_STEPS + (uint32_t)(i - first);
    }
    for (size_t i = 0; i < n; i++) tape->type[i] = batch_is_bar(batch, i) ? TYPE_BAR : TYPE_NOTE;
    const size_t reach = attention_reach(spans, batch->n_segments);
    real *sinusoids =
        arena_reals(activations, attention_relative_rows(false, reach) * encoder->shape.width);
    attention_sinusoids(sinusoids, false, reach, encoder->shape.width);
    tape->call = (struct block_call){
        .attention = {.width = encoder->shape.width,
                      .heads = encoder->shape.heads,
                      .spans = spans,
                      .n_spans = batch->n_segments,
                      .reach = reach},
        .n = n,
        .sinusoids = sinusoids,
        .dropout = *dropout,
        .id = id,
    };
}

static void pool_forward(const struct encoder *encoder, struct encoder_tape *tape,
                         const struct batch *batch)
{
    const size_t width = encoder->shape.width, stride = pooled_width(&encoder->shape);
    memset(tape->pooled, 0, batch->n_segments * stride * sizeof(real));
    for (size_t s = 0; s < batch->n_segments; s++) {
        real *mean = tape->pooled + s * stride;
        const size_t first = batch->segment_event[s], end = batch->segment_event[s + 1];
        for (size_t i = first; i < end; i++)
            for (size_t j = 0; j < width; j++) mean[j] += tape->norm[i * width + j];
        const real scale = (real)(1.0 / (double)(end - first));
        for (size_t j = 0; j < width; j++) {
            if (encoder->shape.count) mean[width + j] = mean[j] * (real)(1 / COUNT_SCALE);
            mean[j] *= scale;
        }
    }
}

void encoder_forward(const struct encoder *encoder, const real *theta, struct encoder_tape *tape,
                     const struct batch *batch, const struct dropout *dropout,
                     struct arena *activations, struct arena *scratch)
{
    const struct encoder_shape *shape = &encoder->shape;
    const size_t n = batch->n_events, width = shape->width;
    prepare_call(encoder, tape, batch, dropout, activations);
    tape->stat = arena_reals(activations, 2 * n);
    tape->norm = arena_reals(activations, n * width);
    tape->pooled = arena_reals(activations, batch->n_segments * pooled_width(shape));
    tape->moments = arena_reals(activations, batch->n_segments * 2 * shape->latent);
    real *x = tape->last = arena_zeros(activations, n * width);
    for (enum field field = 0; field < N_FIELDS; field++)
        if (reads(shape, field))
            embedding_forward(x, theta + encoder->field[field], field_symbols(batch, field), n,
                              width);
    embedding_forward(x, theta + encoder->type, tape->type, n, width);
    embedding_forward(x, theta + encoder->bar, batch->bar, n, width);
    for (size_t layer = 0; layer < shape->layers; layer++) {
        tape->call.site = encoder->site + 2 * (uint32_t)layer;
        block_forward(&encoder->block[layer], theta, x, &tape->block[layer], &tape->call,
                      activations, scratch);
    }
    layer_norm_forward(tape->norm, tape->stat, x, theta + encoder->norm_gain,
                       theta + encoder->norm_bias, n, width);
    pool_forward(encoder, tape, batch);
    linear_forward(tape->moments, tape->pooled, theta + encoder->head, theta + encoder->head_bias,
                   batch->n_segments, pooled_width(shape), 2 * shape->latent);
}

static void pool_backward(const struct encoder *encoder, real *dnorm, const real *dpooled,
                          const struct batch *batch)
{
    const size_t width = encoder->shape.width, stride = pooled_width(&encoder->shape);
    for (size_t s = 0; s < batch->n_segments; s++) {
        const real *d = dpooled + s * stride;
        const size_t first = batch->segment_event[s], end = batch->segment_event[s + 1];
        const real scale = (real)(1.0 / (double)(end - first));
        for (size_t i = first; i < end; i++)
            for (size_t j = 0; j < width; j++)
                dnorm[i * width + j] =
                    d[j] * scale +
                    (encoder->shape.count ? d[width + j] * (real)(1 / COUNT_SCALE) : 0);
    }
}

void encoder_backward(const struct encoder *encoder, const real *theta, real *gradient,
                      const real *dmoments, const struct encoder_tape *tape,
                      const struct batch *batch, const struct ready *ready, struct arena *scratch)
{
    const struct encoder_shape *shape = &encoder->shape;
    const size_t n = batch->n_events, width = shape->width, mark = arena_mark(scratch);
    real *dpooled = arena_reals(scratch, batch->n_segments * pooled_width(shape));
    real *dnorm = arena_reals(scratch, n * width);
    real *dx = arena_zeros(scratch, n * width);
    linear_backward(dpooled, gradient + encoder->head, gradient + encoder->head_bias, dmoments,
                    tape->pooled, theta + encoder->head, batch->n_segments, pooled_width(shape),
                    2 * shape->latent);
    pool_backward(encoder, dnorm, dpooled, batch);
    layer_norm_backward(dx, gradient + encoder->norm_gain, gradient + encoder->norm_bias, dnorm,
                        tape->last, tape->stat, theta + encoder->norm_gain, n, width);
    struct block_call call = tape->call;
    call.ready = *ready;
    ready_announce(ready, encoder->first, encoder->block[shape->layers - 1].first);
    for (size_t layer = shape->layers; layer-- > 0;) {
        call.site = encoder->site + 2 * (uint32_t)layer;
        block_backward(&encoder->block[layer], theta, gradient, dx, &tape->block[layer], &call,
                       scratch);
    }
    for (enum field field = 0; field < N_FIELDS; field++)
        if (reads(shape, field))
            embedding_backward(gradient + encoder->field[field], dx, field_symbols(batch, field), n,
                               width);
    embedding_backward(gradient + encoder->type, dx, tape->type, n, width);
    embedding_backward(gradient + encoder->bar, dx, batch->bar, n, width);
    ready_announce(ready, encoder->block[0].first + encoder->block[0].count,
                   encoder->first + encoder->count);
    arena_reset(scratch, mark);
}
