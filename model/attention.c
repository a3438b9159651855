/* Attention, forward: tiles of queries, softmax with its log denominator kept. */
#include "attention_tile.h"

#include "simd.h"

size_t attention_relative_rows(bool causal, size_t reach)
{
    return causal ? reach + 1 : 2 * reach + 1;
}

void attention_sinusoids(real *s, bool causal, size_t reach, size_t width)
{
    const size_t rows = attention_relative_rows(causal, reach), half = width / 2;
    for (size_t i = 0; i < rows; i++) {
        const double distance = (double)i - (causal ? 0 : (double)reach);
        for (size_t j = 0; j < width; j++) {
            const size_t pair = j < half ? j : j - half;
            const double angle = distance * pow(10000, -2 * (double)pair / (double)width);
            s[i * width + j] = (real)(j < half ? sin(angle) : cos(angle));
        }
    }
}

size_t attention_reach(const struct span *spans, size_t n_spans)
{
    size_t reach = 0;
    for (size_t i = 0; i < n_spans; i++) {
        if (spans[i].count == 0) continue;
        const size_t distance = spans[i].context + spans[i].count - 1;
        reach = distance > reach ? distance : reach;
    }
    return reach;
}

struct attention_tile attention_tile_make(const struct attention *a, const struct span *span,
                                          size_t head, size_t first)
{
    ASSERT(span->context <= span->first && span->context + span->count <= a->reach + 1);
    const size_t left = span->count - first, depth = a->width / a->heads;
    struct attention_tile tile = {.width = a->width,
                                  .depth = depth,
                                  .column = head * depth,
                                  .query = span->first + first,
                                  .key = span->first - span->context,
                                  .count = left < ATTENTION_TILE ? left : ATTENTION_TILE,
                                  .context = span->context,
                                  .scale = 1 / real_sqrt((real)depth)};
    const size_t before = span->context + first; /* keys before the first query */
    if (a->causal) { /* distances 0 to that of the last query from key 0 */
        tile.n_keys = before + tile.count;
        tile.limit = before + 1;
        tile.limit_step = 1;
        tile.run = tile.n_keys;
        tile.shift = before;
    } else { /* from that of the first query to the last key, which is negative */
        tile.n_keys = tile.limit = span->context + span->count;
        tile.run = tile.n_keys + tile.count - 1;
        tile.row = a->reach + first + 1 - span->count;
        tile.shift = span->context + span->count - 1;
    }
    return tile;
}

void attention_tile_score(struct attention_tile *tile, const real *qkv, const real *r,
                          const real *u, const real *v_bias, struct arena *scratch)
{
    const size_t count = tile->count, depth = tile->depth;
    tile->qu = arena_reals(scratch, count * depth);
    tile->qv = arena_reals(scratch, count * depth);
    tile->score = arena_reals(scratch, count * tile->n_keys);
    tile->position = arena_reals(scratch, count * tile->run);
    const struct gemm_operand q = attention_tile_part(tile, qkv, tile->query, 0, 3);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < depth; j++) {
            const real x = q.data[i * q.stride + j];
            tile->qu[i * depth + j] = (x + u[tile->column + j]) * tile->scale;
            tile->qv[i * depth + j] = (x + v_bias[tile->column + j]) * tile->scale;
        }
    struct gemm_operand k = attention_tile_part(tile, qkv, tile->key, 1, 3);
    struct gemm_operand row = attention_tile_part(tile, r, tile->row, 0, 1);
    k.transposed = row.transposed = true;
    gemm(count, tile->n_keys, depth, 1, (struct gemm_operand){tile->qu, depth, false}, k, 0,
         tile->score, tile->n_keys);
    gemm(count, tile->run, depth, 1, (struct gemm_operand){tile->qv, depth, false}, row, 0,
         tile->position, tile->run);
}

/* score becomes exp(score + position - max), 0 for keys out of sight; sum (count): of each row. */
SIMD_CLONES static void softmax_rows(const struct attention_tile *tile, real *sum, real *lse)
{
    for (size_t i = 0; i < tile->count; i++) {
        real *restrict score = tile->score + i * tile->n_keys;
        const real *restrict position = tile->position + i * tile->run + tile->shift + i;
        const size_t limit = attention_tile_limit(tile, i);
#pragma omp simd
        for (size_t j = 0; j < limit; j++) score[j] += *(position - j);
        const real max = simd_max(score, limit);
        simd_exp_row(score, score, max, limit);
        memset(score + limit, 0, (tile->n_keys - limit) * sizeof(real));
        sum[i] = simd_sum(score, limit);
        lse[i] = max + real_log(sum[i]);
    }
}

static void forward_tile(real *y, real *lse, struct attention_tile *tile, const real *qkv,
                         struct arena *scratch)
{
    real *sum = arena_reals(scratch, tile->count);
    softmax_rows(tile, sum, lse);
    const size_t stride = tile->width;
    real *out = y + tile->query * stride + tile->column;
    gemm(tile->count, tile->depth, tile->n_keys, 1,
         (struct gemm_operand){tile->score, tile->n_keys, false},
         attention_tile_part(tile, qkv, tile->key, 2, 3), 0, out, stride);
    for (size_t i = 0; i < tile->count; i++)
        for (size_t j = 0; j < tile->depth; j++) out[i * stride + j] /= sum[i];
}

void attention_forward(real *y, real *lse, const real *qkv, const real *r, const real *u,
                       const real *v_bias, const struct attention *a, size_t n,
                       struct arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    memset(y, 0, n * a->width * sizeof(real));
    for (size_t s = 0; s < a->n_spans; s++)
        for (size_t head = 0; head < a->heads; head++)
            for (size_t first = 0; first < a->spans[s].count; first += ATTENTION_TILE) {
                struct attention_tile tile = attention_tile_make(a, &a->spans[s], head, first);
                attention_tile_score(&tile, qkv, r, u, v_bias, scratch);
                forward_tile(y, lse + head * n + tile.query, &tile, qkv, scratch);
                arena_reset(scratch, mark);
            }
}

size_t attention_scratch_bytes(size_t width, size_t heads, size_t count, size_t context)
{
    const size_t queries = count < ATTENTION_TILE ? count : ATTENTION_TILE;
    const size_t depth = width / heads, keys = context + count;
    /* qu, qv and their gradients; score and its gradient; position; the softmax's sums. */
    const size_t reals = queries * (4 * depth + 3 * keys + queries + 1);
    return reals * sizeof(real) + 8 * (size_t)64; /* each piece is rounded up to 64 bytes */
}
