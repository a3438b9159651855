/* Incremental decoding. */
#include "step.h"

#include "simd.h"

static void pack_layer(struct step_cache *cache, size_t layer)
{
    const struct block *b = &cache->decoder->block[layer];
    const real *theta = cache->theta;
    const size_t width = b->width;
    struct arena *arena = &cache->scratch;
    cache->layer[layer] = (struct step_layer){
        .condition = rows_pack(arena, theta + cache->decoder->condition[layer], NULL,
                               cache->decoder->shape.condition, width),
        .qkv = rows_pack(arena, theta + b->qkv, NULL, width, 3 * width),
        .out = rows_pack(arena, theta + b->out, theta + b->out_bias, width, width),
        .up = rows_pack(arena, theta + b->up, theta + b->up_bias, width, 4 * width),
        .down = rows_pack(arena, theta + b->down, theta + b->down_bias, 4 * width, width)};
}

static size_t layer_reals(const struct decoder_shape *shape)
{
    const size_t width = shape->width;
    return rows_packed_reals(shape->condition, width) + rows_packed_reals(width, 3 * width) +
           rows_packed_reals(width, width) + rows_packed_reals(width, 4 * width) +
           rows_packed_reals(4 * width, width);
}

static void project_relative(struct step_cache *cache)
{
    const struct decoder *decoder = cache->decoder;
    const size_t width = decoder->shape.width, capacity = cache->attention.capacity;
    const size_t mark = arena_mark(&cache->scratch);
    real *sinusoids = arena_reals(&cache->scratch, capacity * width);
    real *projected = arena_reals(&cache->scratch, capacity * width);
    attention_sinusoids(sinusoids, true, capacity - 1, width);
    for (size_t layer = 0; layer < decoder->shape.layers; layer++) {
        const size_t inner = arena_mark(&cache->scratch);
        const struct rows_matrix relative = rows_pack(
            &cache->scratch, cache->theta + decoder->block[layer].relative, NULL, width, width);
        rows_product(projected, sinusoids, &relative, capacity);
        step_attention_relative(&cache->attention, layer, projected);
        arena_reset(&cache->scratch, inner);
    }
    arena_reset(&cache->scratch, mark);
}

enum status step_cache_init(struct step_cache *cache, const struct decoder *decoder,
                            const real *theta, size_t n_pieces, size_t segment_steps)
{
    enum status status = OK;
    const struct decoder_shape *shape = &decoder->shape;
    const size_t width = shape->width, layers = shape->layers;
    *cache = (struct step_cache){
        .decoder = decoder,
        .theta = theta,
        .n_pieces = n_pieces,
        .attention = {.n_pieces = n_pieces,
                      .layers = layers,
                      .heads = shape->heads,
                      .depth = width / shape->heads,
                      .memory = shape->memory,
                      .capacity = step_attention_capacity(shape->memory, segment_steps)}};
    const size_t kept = layers * (layer_reals(shape) + n_pieces * width);
    const size_t working = 2 * cache->attention.capacity * width + rows_packed_reals(width, width) +
                           n_pieces * (16 * width + 64);
    TRY(arena_init(&cache->scratch, (kept + working) * sizeof(real) + (1 << 16) +
                                        step_heads_bytes(&decoder->heads) +
                                        step_attention_bytes(&cache->attention)));
    step_attention_init(&cache->attention, &cache->scratch);
    step_heads_init(&cache->heads, &decoder->heads, theta, &cache->scratch);
    cache->shift = arena_zeros(&cache->scratch, layers * n_pieces * width);
    for (size_t layer = 0; layer < layers; layer++) pack_layer(cache, layer);
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
    const size_t width = cache->decoder->shape.width;
    for (size_t layer = 0; layer < cache->decoder->shape.layers; layer++)
        rows_product(cache->shift + layer * cache->n_pieces * width, condition,
                     &cache->layer[layer].condition, cache->n_pieces);
    step_attention_forget(&cache->attention);
}

void step_pop(struct step_cache *cache, size_t piece)
{
    ASSERT(cache->attention.count[piece] > 0);
    cache->attention.count[piece]--;
}

SIMD_CLONES static void add_to(real *restrict y, const real *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* x (n, width) through one layer, in place. */
static void layer_step(struct step_cache *cache, size_t layer, real *x,
                       const struct step_input *input)
{
    const struct block *b = &cache->decoder->block[layer];
    const struct step_layer *matrix = &cache->layer[layer];
    const real *theta = cache->theta;
    const size_t n = input->n, width = b->width, mark = arena_mark(&cache->scratch);
    real *norm = arena_reals(&cache->scratch, n * width);
    real *stat = arena_reals(&cache->scratch, n * 2);
    real *wide = arena_reals(&cache->scratch, n * 4 * width);
    real *mixed = arena_reals(&cache->scratch, n * width);
    real *out = arena_reals(&cache->scratch, n * width);
    const struct step_queries queries = {.layer = layer,
                                         .n = n,
                                         .piece = input->piece,
                                         .qkv = wide,
                                         .u = theta + b->u,
                                         .v_bias = theta + b->v_bias};
    for (size_t i = 0; i < n; i++)
        add_to(x + i * width, cache->shift + (layer * cache->n_pieces + input->piece[i]) * width,
               width);
    layer_norm_forward(norm, stat, x, theta + b->norm1_gain, theta + b->norm1_bias, n, width);
    rows_product(wide, norm, &matrix->qkv, n);
    step_attention_forward(&cache->attention, mixed, &queries);
    rows_product(out, mixed, &matrix->out, n);
    add_to(x, out, n * width);
    layer_norm_forward(norm, stat, x, theta + b->norm2_gain, theta + b->norm2_bias, n, width);
    rows_product(wide, norm, &matrix->up, n);
    gelu_forward(wide, wide, n * 4 * width);
    rows_product(out, wide, &matrix->down, n);
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
    for (size_t layer = 0; layer < decoder->shape.layers; layer++)
        layer_step(cache, layer, x, input);
    for (size_t i = 0; i < n; i++) cache->attention.count[input->piece[i]]++;
    layer_norm_forward(h, stat, x, cache->theta + decoder->norm_gain,
                       cache->theta + decoder->norm_bias, n, width);
    arena_reset(&cache->scratch, mark);
}
