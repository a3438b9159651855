/* Attention, backward: the probabilities of a tile are computed again from the kept log
 * denominators (as in Dao et al. 2022), so that no T x T matrix outlives its tile. */
#include "attention_tile.h"

#include "simd.h"

struct inputs {
    const real *dy, *y, *qkv, *r;
};

/* score becomes the probabilities. */
SIMD_CLONES static void probability_rows(const struct attention_tile *tile, const real *lse)
{
    for (size_t i = 0; i < tile->count; i++) {
        real *restrict score = tile->score + i * tile->n_keys;
        const real *restrict position = tile->position + i * tile->run + tile->shift + i;
        const size_t limit = attention_tile_limit(tile, i);
#pragma omp simd
        for (size_t j = 0; j < limit; j++) score[j] = simd_exp(score[j] + *(position - j) - lse[i]);
        memset(score + limit, 0, (tile->n_keys - limit) * sizeof(real));
    }
}

/* score becomes the gradient of the scores, position that of the relative term: the same numbers,
 * each at its distance.  dscore (count, n_keys): the gradient of the probabilities. */
SIMD_CLONES static void score_gradient_rows(const struct attention_tile *tile, const real *dscore,
                                            const real *dy, const real *y)
{
    for (size_t i = 0; i < tile->count; i++) {
        real *restrict score = tile->score + i * tile->n_keys;
        const real *restrict dprobability = dscore + i * tile->n_keys;
        real *row = tile->position + i * tile->run;
        real *restrict position = row + tile->shift + i;
        const size_t limit = attention_tile_limit(tile, i);
        const size_t place = (tile->query + i) * tile->width + tile->column;
        const real mean = simd_dot(dy + place, y + place, tile->depth);
        memset(row, 0, tile->run * sizeof(real));
#pragma omp simd
        for (size_t j = 0; j < limit; j++) {
            score[j] *= dprobability[j] - mean;
            *(position - j) = score[j];
        }
    }
}

/* Keys' or values' gradient += weight^T x: memory's part apart from the span's own. */
static void add_keys(const struct attention_gradient *g, const struct attention_tile *tile,
                     size_t part, const real *weight, struct gemm_operand x)
{
    const size_t width = tile->width, context = tile->context, column = part * width + tile->column;
    if (context > 0) {
        ASSERT(g->dmemory);
        gemm(context, tile->depth, tile->count, 1,
             (struct gemm_operand){weight, tile->n_keys, true}, x, 1,
             g->dmemory + tile->key * 2 * width + column, 2 * width);
    }
    gemm(tile->n_keys - context, tile->depth, tile->count, 1,
         (struct gemm_operand){weight + context, tile->n_keys, true}, x, 1,
         g->dqkv + (tile->key + context) * 3 * width + width + column, 3 * width);
}

/* The queries' gradient is set, the biases' added to. */
static void add_queries(const struct attention_gradient *g, const struct attention_tile *tile,
                        const real *dqu, const real *dqv)
{
    real *du = g->du + tile->column, *dv_bias = g->dv_bias + tile->column;
    for (size_t i = 0; i < tile->count; i++) {
        real *dq = g->dqkv + (tile->query + i) * 3 * tile->width + tile->column;
        for (size_t j = 0; j < tile->depth; j++) {
            const real content = dqu[i * tile->depth + j] * tile->scale;
            const real relative = dqv[i * tile->depth + j] * tile->scale;
            dq[j] = content + relative;
            du[j] += content;
            dv_bias[j] += relative;
        }
    }
}

static void backward_tile(const struct attention_gradient *g, const struct inputs *in,
                          const struct attention_tile *tile, struct arena *scratch)
{
    const size_t count = tile->count, depth = tile->depth, n_keys = tile->n_keys;
    const struct gemm_operand dy = attention_tile_part(tile, in->dy, tile->query, 0, 1);
    add_keys(g, tile, 1, tile->score, dy);

    real *dscore = arena_reals(scratch, count * n_keys);
    struct gemm_operand v = attention_tile_part(tile, in->qkv, tile->key, 2, 3);
    v.transposed = true;
    gemm(count, n_keys, depth, 1, dy, v, 0, dscore, n_keys);
    score_gradient_rows(tile, dscore, in->dy, in->y);

    real *dqu = arena_reals(scratch, count * depth), *dqv = arena_reals(scratch, count * depth);
    gemm(count, depth, n_keys, 1, (struct gemm_operand){tile->score, n_keys, false},
         attention_tile_part(tile, in->qkv, tile->key, 1, 3), 0, dqu, depth);
    gemm(count, depth, tile->run, 1, (struct gemm_operand){tile->position, tile->run, false},
         attention_tile_part(tile, in->r, tile->row, 0, 1), 0, dqv, depth);
    add_queries(g, tile, dqu, dqv);
    add_keys(g, tile, 0, tile->score, (struct gemm_operand){tile->qu, depth, false});
    gemm(tile->run, depth, count, 1, (struct gemm_operand){tile->position, tile->run, true},
         (struct gemm_operand){tile->qv, depth, false}, 1,
         g->dr + tile->row * tile->width + tile->column, tile->width);
}

void attention_backward(const struct attention_gradient *g, const real *dy, const real *y,
                        const real *lse, const real *qkv, const real *r, const real *u,
                        const real *v_bias, const struct attention *a, size_t n,
                        struct arena *scratch)
{
    const struct inputs in = {dy, y, qkv, r};
    const size_t mark = arena_mark(scratch);
    memset(g->dqkv, 0, n * 3 * a->width * sizeof(real));
    if (g->dmemory) memset(g->dmemory, 0, n * 2 * a->width * sizeof(real));
    for (size_t s = 0; s < a->n_spans; s++)
        for (size_t head = 0; head < a->heads; head++)
            for (size_t first = 0; first < a->spans[s].count; first += ATTENTION_TILE) {
                struct attention_tile tile = attention_tile_make(a, &a->spans[s], head, first);
                attention_tile_score(&tile, qkv, r, u, v_bias, scratch);
                probability_rows(&tile, lse + head * n + tile.query);
                backward_tile(g, &in, &tile, scratch);
                arena_reset(scratch, mark);
            }
}
