/* Incremental decoding. */
#include "step.h"

#include <stdlib.h>
#include <string.h>

static size_t layer_reals(const struct step_cache *cache)
{
    return cache->n_pieces * cache->capacity * cache->decoder->shape.width;
}

static void project_relative(struct step_cache *cache)
{
    const struct decoder *decoder = cache->decoder;
    const size_t width = decoder->shape.width, mark = arena_mark(&cache->scratch);
    real *sinusoids = arena_reals(&cache->scratch, cache->capacity * width);
    attention_sinusoids(sinusoids, true, cache->capacity - 1, width);
    for (size_t layer = 0; layer < decoder->shape.layers; layer++)
        linear_forward(cache->relative + layer * cache->capacity * width, sinusoids,
                       cache->theta + decoder->block[layer].relative, NULL, cache->capacity, width,
                       width);
    arena_reset(&cache->scratch, mark);
}

enum status step_cache_init(struct step_cache *cache, const struct decoder *decoder,
                            const real *theta, size_t n_pieces, size_t segment_steps)
{
    enum status status = OK;
    const size_t width = decoder->shape.width, layers = decoder->shape.layers;
    *cache = (struct step_cache){.decoder = decoder,
                                 .theta = theta,
                                 .n_pieces = n_pieces,
                                 .capacity = decoder->shape.memory + segment_steps};
    const size_t reals =
        layers * (2 * layer_reals(cache) + cache->capacity * width + n_pieces * width);
    const size_t working =
        cache->capacity * width + n_pieces * (16 * width + 64) + 2 * cache->capacity + 4096;
    TRY(arena_init(&cache->scratch, (reals + working) * sizeof(real)));
    cache->keys = arena_reals(&cache->scratch, layers * layer_reals(cache));
    cache->values = arena_reals(&cache->scratch, layers * layer_reals(cache));
    cache->relative = arena_reals(&cache->scratch, layers * cache->capacity * width);
    cache->shift = arena_zeros(&cache->scratch, layers * n_pieces * width);
    cache->count = arena_take(&cache->scratch, n_pieces * sizeof *cache->count);
    memset(cache->count, 0, n_pieces * sizeof *cache->count);
    project_relative(cache);
done:
    return status;
}

void step_cache_fini(struct step_cache *cache)
{
    arena_fini(&cache->scratch);
    *cache = (struct step_cache){0};
}

void step_begin_segment(struct step_cache *cache, const real *condition)
{
    const struct decoder *decoder = cache->decoder;
    const size_t width = decoder->shape.width, memory = decoder->shape.memory;
    for (size_t layer = 0; layer < decoder->shape.layers; layer++) {
        linear_forward(cache->shift + layer * cache->n_pieces * width, condition,
                       cache->theta + decoder->condition[layer], NULL, cache->n_pieces,
                       decoder->shape.condition, width);
        for (size_t piece = 0; piece < cache->n_pieces; piece++) {
            if (cache->count[piece] <= memory) continue;
            const size_t base = layer * layer_reals(cache) + piece * cache->capacity * width;
            const size_t from = (cache->count[piece] - memory) * width;
            memmove(cache->keys + base, cache->keys + base + from, memory * width * sizeof(real));
            memmove(cache->values + base, cache->values + base + from,
                    memory * width * sizeof(real));
        }
    }
    for (size_t piece = 0; piece < cache->n_pieces; piece++)
        if (cache->count[piece] > memory) cache->count[piece] = memory;
}

void step_pop(struct step_cache *cache, size_t piece)
{
    ASSERT(cache->count[piece] > 0);
    cache->count[piece]--;
}

/* One head of one piece: softmax over all steps held, the newest last. */
static void attend_head(real *y, const real *q, const real *keys, const real *values,
                        const real *relative, const real *u, const real *v, size_t n, size_t stride,
                        size_t depth, real *score)
{
    const real scale = (real)(1 / sqrt((double)depth));
    real most = -HUGE_VALF, total = 0;
    for (size_t j = 0; j < n; j++) {
        const real *k = keys + j * stride, *r = relative + (n - 1 - j) * stride;
        real sum = 0;
        for (size_t d = 0; d < depth; d++) sum += (q[d] + u[d]) * k[d] + (q[d] + v[d]) * r[d];
        score[j] = sum * scale;
        if (score[j] > most) most = score[j];
    }
    for (size_t j = 0; j < n; j++) total += score[j] = real_exp(score[j] - most);
    memset(y, 0, depth * sizeof *y);
    for (size_t j = 0; j < n; j++)
        for (size_t d = 0; d < depth; d++) y[d] += score[j] / total * values[j * stride + d];
}

static void attend(struct step_cache *cache, size_t layer, real *y, const real *qkv,
                   const struct step_input *input)
{
    const struct decoder *decoder = cache->decoder;
    const struct block *block = &decoder->block[layer];
    const size_t width = decoder->shape.width, depth = width / decoder->shape.heads;
    const size_t mark = arena_mark(&cache->scratch);
    real *score = arena_reals(&cache->scratch, cache->capacity);
    for (size_t i = 0; i < input->n; i++) {
        const size_t piece = input->piece[i], n = cache->count[piece] + 1;
        const size_t base = layer * layer_reals(cache) + piece * cache->capacity * width;
        real *keys = cache->keys + base, *values = cache->values + base;
        const real *row = qkv + i * 3 * width;
        memcpy(keys + (n - 1) * width, row + width, width * sizeof(real));
        memcpy(values + (n - 1) * width, row + 2 * width, width * sizeof(real));
        for (size_t c = 0; c < width; c += depth)
            attend_head(y + i * width + c, row + c, keys + c, values + c,
                        cache->relative + layer * cache->capacity * width + c,
                        cache->theta + block->u + c, cache->theta + block->v_bias + c, n, width,
                        depth, score);
    }
    arena_reset(&cache->scratch, mark);
}

static void add_to(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* x (n, width) through one layer, in place. */
static void layer_step(struct step_cache *cache, size_t layer, real *x,
                       const struct step_input *input)
{
    const struct block *b = &cache->decoder->block[layer];
    const real *theta = cache->theta;
    const size_t n = input->n, width = b->width, mark = arena_mark(&cache->scratch);
    real *norm = arena_reals(&cache->scratch, n * width);
    real *stat = arena_reals(&cache->scratch, n * 2);
    real *wide = arena_reals(&cache->scratch, n * 4 * width);
    real *mixed = arena_reals(&cache->scratch, n * width);
    real *out = arena_reals(&cache->scratch, n * width);
    for (size_t i = 0; i < n; i++)
        add_to(x + i * width, cache->shift + (layer * cache->n_pieces + input->piece[i]) * width,
               width);
    layer_norm_forward(norm, stat, x, theta + b->norm1_gain, theta + b->norm1_bias, n, width);
    linear_forward(wide, norm, theta + b->qkv, NULL, n, width, 3 * width);
    attend(cache, layer, mixed, wide, input);
    linear_forward(out, mixed, theta + b->out, theta + b->out_bias, n, width, width);
    add_to(x, out, n * width);
    layer_norm_forward(norm, stat, x, theta + b->norm2_gain, theta + b->norm2_bias, n, width);
    linear_forward(wide, norm, theta + b->up, theta + b->up_bias, n, width, 4 * width);
    gelu_forward(wide, wide, n * 4 * width);
    linear_forward(out, wide, theta + b->down, theta + b->down_bias, n, 4 * width, width);
    add_to(x, out, n * width);
    arena_reset(&cache->scratch, mark);
}

void step_advance(struct step_cache *cache, real *h, const struct step_input *input)
{
    const struct decoder *decoder = cache->decoder;
    const size_t n = input->n, width = decoder->shape.width, mark = arena_mark(&cache->scratch);
    real *x = arena_zeros(&cache->scratch, n * width);
    real *stat = arena_reals(&cache->scratch, n * 2);
    for (enum field field = 0; field < N_FIELDS; field++)
        embedding_forward(x, cache->theta + decoder->field[field], input->symbol[field], n, width);
    embedding_forward(x, cache->theta + decoder->type, input->type, n, width);
    embedding_forward(x, cache->theta + decoder->bar, input->bar, n, width);
    for (size_t i = 0; i < n; i++) ASSERT(cache->count[input->piece[i]] < cache->capacity);
    for (size_t layer = 0; layer < decoder->shape.layers; layer++)
        layer_step(cache, layer, x, input);
    for (size_t i = 0; i < n; i++) cache->count[input->piece[i]]++;
    layer_norm_forward(h, stat, x, cache->theta + decoder->norm_gain,
                       cache->theta + decoder->norm_bias, n, width);
    arena_reset(&cache->scratch, mark);
}
