/* Incremental decoding. */
#include "step.h"

#include "rows.h"
#include "simd.h"

static size_t layer_reals(const struct step_cache *cache)
{
    return cache->n_pieces * cache->capacity * cache->decoder->shape.width;
}

/* y (n, out) = x (n, in) W (in, out) + b */
static void linear(real *y, const real *x, const real *w, const real *b, size_t n, size_t in,
                   size_t out)
{
    const struct rows_matrix matrix = {.data = w, .bias = b, .in = in, .out = out, .stride = out};
    rows_product(y, x, &matrix, n);
}

static void project_relative(struct step_cache *cache)
{
    const struct decoder *decoder = cache->decoder;
    const size_t width = decoder->shape.width, mark = arena_mark(&cache->scratch);
    const size_t capacity = cache->capacity;
    real *sinusoids = arena_reals(&cache->scratch, capacity * width);
    real *projected = arena_reals(&cache->scratch, capacity * width);
    attention_sinusoids(sinusoids, true, capacity - 1, width);
    for (size_t layer = 0; layer < decoder->shape.layers; layer++) {
        real *relative = cache->relative + layer * capacity * width;
        linear(projected, sinusoids, cache->theta + decoder->block[layer].relative, NULL, capacity,
               width, width);
        for (size_t distance = 0; distance < capacity; distance++)
            for (size_t j = 0; j < width; j++)
                relative[j * capacity + capacity - 1 - distance] = projected[distance * width + j];
    }
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
    const size_t working = 2 * cache->capacity * width + n_pieces * (16 * width + 64) +
                           (n_pieces + 1) * cache->capacity + 4096;
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

/* Moves the last `memory` steps of one layer of a piece to the front. */
static void forget(struct step_cache *cache, size_t layer, size_t piece)
{
    const size_t memory = cache->decoder->shape.memory, width = cache->decoder->shape.width;
    const size_t base = layer * layer_reals(cache) + piece * cache->capacity * width;
    if (cache->count[piece] <= memory) return;
    const size_t from = cache->count[piece] - memory;
    real *keys = cache->keys + base, *values = cache->values + base;
    for (size_t j = 0; j < width; j++)
        memmove(keys + j * cache->capacity, keys + j * cache->capacity + from,
                memory * sizeof(real));
    memmove(values, values + from * width, memory * width * sizeof(real));
}

void step_begin_segment(struct step_cache *cache, const real *condition)
{
    const struct decoder *decoder = cache->decoder;
    const size_t width = decoder->shape.width, memory = decoder->shape.memory;
    for (size_t layer = 0; layer < decoder->shape.layers; layer++) {
        linear(cache->shift + layer * cache->n_pieces * width, condition,
               cache->theta + decoder->condition[layer], NULL, cache->n_pieces,
               decoder->shape.condition, width);
        for (size_t piece = 0; piece < cache->n_pieces; piece++) forget(cache, layer, piece);
    }
    for (size_t piece = 0; piece < cache->n_pieces; piece++)
        if (cache->count[piece] > memory) cache->count[piece] = memory;
}

void step_pop(struct step_cache *cache, size_t piece)
{
    ASSERT(cache->count[piece] > 0);
    cache->count[piece]--;
}

/* The newest step's keys and values of one layer. */
static void remember(struct step_cache *cache, size_t layer, const real *qkv,
                     const struct step_input *input)
{
    const size_t width = cache->decoder->shape.width, capacity = cache->capacity;
    for (size_t i = 0; i < input->n; i++) {
        const size_t piece = input->piece[i], last = cache->count[piece];
        const size_t base = layer * layer_reals(cache) + piece * capacity * width;
        const real *key = qkv + i * 3 * width + width, *value = key + width;
        for (size_t j = 0; j < width; j++) cache->keys[base + j * capacity + last] = key[j];
        memcpy(cache->values + base + last * width, value, width * sizeof(real));
    }
}

/* One head of one layer. */
struct head {
    size_t layer, column, depth; /* column: the head's first */
    size_t reach;                /* keys of the longest piece */
    real *qu, *qv;               /* (n, depth): (q + u) and (q + v), scaled */
    real *position;              /* (n, reach): qv r^T, the newest key last */
    real *score;                 /* (reach) of one piece */
};

static void scale_queries(struct head *head, const struct step_cache *cache, const real *qkv,
                          size_t n)
{
    const struct block *block = &cache->decoder->block[head->layer];
    const real *u = cache->theta + block->u + head->column;
    const real *v = cache->theta + block->v_bias + head->column;
    const real scale = 1 / real_sqrt((real)head->depth);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < head->depth; j++) {
            const real q = qkv[i * 3 * block->width + head->column + j];
            head->qu[i * head->depth + j] = (q + u[j]) * scale;
            head->qv[i * head->depth + j] = (q + v[j]) * scale;
        }
}

/* score = exp(score + position - max); returns its sum. */
SIMD_CLONES static real exponentiate(real *restrict score, const real *restrict position, size_t n)
{
#pragma omp simd
    for (size_t j = 0; j < n; j++) score[j] += position[j];
    simd_exp_row(score, score, simd_max(score, n), n);
    return simd_sum(score, n);
}

/* y (depth) of the i-th piece listed. */
static void attend_piece(real *y, const struct head *head, const struct step_cache *cache,
                         const struct step_input *input, size_t i)
{
    const size_t width = cache->decoder->shape.width, capacity = cache->capacity;
    const size_t piece = input->piece[i], n = cache->count[piece] + 1;
    const size_t base = head->layer * layer_reals(cache) + piece * capacity * width;
    const struct rows_matrix keys = {.data = cache->keys + base + head->column * capacity,
                                     .in = head->depth,
                                     .out = n,
                                     .stride = capacity};
    const struct rows_matrix values = {
        .data = cache->values + base + head->column, .in = n, .out = head->depth, .stride = width};
    rows_product(head->score, head->qu + i * head->depth, &keys, 1);
    const real sum = exponentiate(head->score, head->position + (i + 1) * head->reach - n, n);
    rows_product(y, head->score, &values, 1);
    for (size_t j = 0; j < head->depth; j++) y[j] /= sum;
}

static void attend(struct step_cache *cache, size_t layer, real *y, const real *qkv,
                   const struct step_input *input)
{
    const struct decoder_shape *shape = &cache->decoder->shape;
    const size_t width = shape->width, capacity = cache->capacity;
    const size_t mark = arena_mark(&cache->scratch);
    struct head head = {.layer = layer, .depth = width / shape->heads};
    for (size_t i = 0; i < input->n; i++)
        if (cache->count[input->piece[i]] >= head.reach)
            head.reach = cache->count[input->piece[i]] + 1;
    head.qu = arena_reals(&cache->scratch, input->n * head.depth);
    head.qv = arena_reals(&cache->scratch, input->n * head.depth);
    head.position = arena_reals(&cache->scratch, input->n * head.reach);
    head.score = arena_reals(&cache->scratch, head.reach);
    for (; head.column < width; head.column += head.depth) {
        const real *relative = cache->relative + (layer * width + head.column) * capacity;
        const struct rows_matrix matrix = {.data = relative + capacity - head.reach,
                                           .in = head.depth,
                                           .out = head.reach,
                                           .stride = capacity};
        scale_queries(&head, cache, qkv, input->n);
        rows_product(head.position, head.qv, &matrix, input->n);
        for (size_t i = 0; i < input->n; i++)
            attend_piece(y + i * width + head.column, &head, cache, input, i);
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
    linear(wide, norm, theta + b->qkv, NULL, n, width, 3 * width);
    remember(cache, layer, wide, input);
    attend(cache, layer, mixed, wide, input);
    linear(out, mixed, theta + b->out, theta + b->out_bias, n, width, width);
    add_to(x, out, n * width);
    layer_norm_forward(norm, stat, x, theta + b->norm2_gain, theta + b->norm2_bias, n, width);
    linear(wide, norm, theta + b->up, theta + b->up_bias, n, width, 4 * width);
    gelu_forward(wide, wide, n * 4 * width);
    linear(out, wide, theta + b->down, theta + b->down_bias, n, 4 * width, width);
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
