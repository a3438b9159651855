/* Attention over kept keys and values. */
#include "step_attention.h"

#include "rows.h"
#include "simd.h"

enum { PANEL = ROWS_PANEL };

size_t step_attention_capacity(size_t memory, size_t segment_steps)
{
    return rows_padded(PANEL - 1 + memory + segment_steps);
}

/* Reals of the steps of one panel, keys or values of all heads. */
static size_t panel_reals(const struct step_attention *a)
{
    return a->heads * a->depth * PANEL;
}

/* Where the panel begins that holds a step. */
static size_t place(const struct step_attention *a, size_t layer, size_t piece, size_t step)
{
    const size_t slot = step % a->capacity / PANEL;
    return ((slot * a->layers + layer) * a->n_pieces + piece) * panel_reals(a);
}

/* Reals of the distances of one head. */
static size_t run(const struct step_attention *a)
{
    return a->capacity * a->depth;
}

size_t step_attention_bytes(const struct step_attention *a)
{
    const size_t runs = a->layers * a->heads * (2 * a->n_pieces + 1);
    const size_t working =
        a->n_pieces * a->heads * (2 * a->depth + a->capacity) + a->heads * (a->capacity + 1);
    return (runs * run(a) + working) * sizeof(real) + 2 * a->n_pieces * sizeof(size_t) + 4096;
}

void step_attention_init(struct step_attention *a, struct arena *arena)
{
    const size_t heads = a->layers * a->heads, bytes = a->n_pieces * sizeof(size_t);
    a->keys = arena_reals(arena, heads * a->n_pieces * run(a));
    a->values = arena_reals(arena, heads * a->n_pieces * run(a));
    a->relative = arena_reals(arena, heads * run(a));
    a->first = memset(arena_take(arena, bytes), 0, bytes);
    a->count = memset(arena_take(arena, bytes), 0, bytes);
    a->scratch = arena;
}

/* Writes one vector as a column of panels. */
static void put_column(real *panels, size_t column, const real *x, size_t depth)
{
    real *to = panels + column / PANEL * PANEL * depth + column % PANEL;
    for (size_t j = 0; j < depth; j++) to[j * PANEL] = x[j];
}

void step_attention_relative(struct step_attention *a, size_t layer, const real *projected)
{
    for (size_t head = 0; head < a->heads; head++)
        for (size_t distance = 0; distance < a->capacity; distance++)
            put_column(a->relative + (layer * a->heads + head) * run(a), a->capacity - 1 - distance,
                       projected + (distance * a->heads + head) * a->depth, a->depth);
}

void step_attention_forget(struct step_attention *a)
{
    for (size_t piece = 0; piece < a->n_pieces; piece++) {
        if (a->count[piece] <= a->memory) continue;
        a->first[piece] = (a->first[piece] + a->count[piece] - a->memory) % a->capacity;
        a->count[piece] = a->memory;
    }
}

void step_attention_copy(struct step_attention *a, size_t to, size_t from)
{
    const size_t bytes = panel_reals(a) * sizeof(real), first = a->first[from] / PANEL * PANEL;
    for (size_t layer = 0; layer < a->layers; layer++)
        for (size_t step = first; step < a->first[from] + a->count[from]; step += PANEL) {
            const size_t into = place(a, layer, to, step), out = place(a, layer, from, step);
            memcpy(a->keys + into, a->keys + out, bytes);
            memcpy(a->values + into, a->values + out, bytes);
        }
    a->first[to] = a->first[from];
    a->count[to] = a->count[from];
}

/* Puts the new key and value of the i-th piece listed behind those held. */
static void remember(struct step_attention *a, const struct step_queries *queries, size_t i)
{
    const size_t depth = a->depth, width = a->heads * depth;
    const size_t piece = queries->piece[i], last = a->first[piece] + a->count[piece];
    const size_t base = place(a, queries->layer, piece, last), row = last % PANEL;
    const real *key = queries->qkv + i * 3 * width + width, *value = key + width;
    ASSERT(a->first[piece] % PANEL + a->count[piece] < a->capacity);
    for (size_t head = 0; head < a->heads; head++) {
        const size_t block = base + head * depth * PANEL;
        put_column(a->keys + block, row, key + head * depth, depth);
        memcpy(a->values + block + row * depth, value + head * depth, depth * sizeof(real));
    }
}

/* One layer's step of all pieces listed. */
struct attending {
    size_t reach;   /* columns of `position` */
    real *qu, *qv;  /* (heads, n, depth): (q + u) and (q + v), scaled */
    real *position; /* (heads, n, reach): qv r^T, the newest key last */
    real *score;    /* (heads, capacity) of one piece; the first panel in sight comes first */
    real *sum;      /* (heads) */
};

static void scale_queries(struct attending *attending, const struct step_attention *a,
                          const struct step_queries *queries)
{
    const size_t depth = a->depth, n = queries->n;
    const real scale = 1 / real_sqrt((real)depth);
    for (size_t row = 0; row < a->heads * n; row++) {
        const size_t column = row / n * depth;
        const real *q = queries->qkv + row % n * 3 * a->heads * depth + column;
        const real *u = queries->u + column, *v = queries->v_bias + column;
        for (size_t j = 0; j < depth; j++) {
            attending->qu[row * depth + j] = (q[j] + u[j]) * scale;
            attending->qv[row * depth + j] = (q[j] + v[j]) * scale;
        }
    }
}

/* What one piece sees of one layer. */
struct sight {
    const struct step_attention *a;
    size_t layer, piece;
    size_t first, n; /* steps held and the new one */
};

/* The panel of a step, for all heads; past the last step, `then`. */
static const real *panel_at(const struct sight *sight, const real *from, size_t step,
                            const real *then)
{
    const size_t end = sight->first + sight->n;
    return step < end ? from + place(sight->a, sight->layer, sight->piece, step) : then;
}

/* score (PANEL) = q (depth) . panel (depth, PANEL); has another block of this size fetched. */
SIMD_INLINE void score_block(real *score, const real *q, const real *panel, size_t depth,
                             const real *next)
{
    real sum[PANEL] = {0};
    for (size_t k = 0; k < depth; k++) {
        simd_fetch(next + k * PANEL);
        simd_fetch(next + k * PANEL + PANEL / 2);
#pragma omp simd
        for (size_t j = 0; j < PANEL; j++) sum[j] += q[k] * panel[k * PANEL + j];
    }
    memcpy(score, sum, sizeof sum);
}

/* Scores of one piece by the contents of its keys; qu of head h is at h * stride. */
SIMD_CLONES static void score_piece(real *score, const real *qu, size_t stride,
                                    const struct sight *sight)
{
    const struct step_attention *a = sight->a;
    const size_t begin = sight->first / PANEL * PANEL, end = sight->first + sight->n;
    const size_t depth = a->depth;
    const real *values = panel_at(sight, a->values, sight->first, NULL);
    const real *panel = panel_at(sight, a->keys, begin, NULL);
    for (size_t step = begin; step < end; step += PANEL) {
        const real *next = panel_at(sight, a->keys, step + PANEL, values);
        for (size_t head = 0; head < a->heads; head++)
            score_block(score + head * a->capacity + (step - begin), qu + head * stride,
                        panel + head * depth * PANEL, depth, next + head * depth * PANEL);
        panel = next;
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

/* y (heads, depth) = sums of values, weighted by `score`. */
static void mix_piece(real *y, const real *score, const struct sight *sight)
{
    const struct step_attention *a = sight->a;
    const size_t begin = sight->first / PANEL * PANEL, end = sight->first + sight->n;
    const size_t depth = a->depth;
    memset(y, 0, a->heads * depth * sizeof(real));
    for (size_t step = begin; step < end; step += PANEL) {
        const real *panel = a->values + place(a, sight->layer, sight->piece, step);
        const size_t from = step < sight->first ? sight->first - step : 0;
        const size_t to = end - step < PANEL ? end - step : PANEL;
        for (size_t head = 0; head < a->heads; head++) {
            const real *weight = score + head * a->capacity + (step - begin) + from;
            const real *rows = panel + head * depth * PANEL + from * depth;
            rows_mix(y + head * depth, weight, rows, to - from, depth);
        }
    }
}

static struct sight sight_of(const struct step_attention *a, const struct step_queries *queries,
                             size_t i)
{
    const size_t piece = queries->piece[i];
    return (struct sight){.a = a,
                          .layer = queries->layer,
                          .piece = piece,
                          .first = a->first[piece],
                          .n = a->count[piece] + 1};
}

/* y (width) of the i-th piece listed. */
static void attend_piece(real *y, const struct attending *attending, const struct step_attention *a,
                         const struct step_queries *queries, size_t i)
{
    const struct sight sight = sight_of(a, queries, i);
    const size_t depth = a->depth, n = queries->n, skipped = sight.first % PANEL;
    real *sum = attending->sum;
    score_piece(attending->score, attending->qu + i * depth, n * depth, &sight);
    for (size_t head = 0; head < a->heads; head++)
        sum[head] = exponentiate(
            attending->score + head * a->capacity + skipped,
            attending->position + (head * n + i + 1) * attending->reach - sight.n, sight.n);
    mix_piece(y, attending->score, &sight);
    for (size_t j = 0; j < a->heads * depth; j++) y[j] /= sum[j / depth];
}

/* The steps of the longest piece, whole panels. */
static size_t longest(const struct step_attention *a, const struct step_queries *queries)
{
    size_t most = 0;
    for (size_t i = 0; i < queries->n; i++)
        if (a->count[queries->piece[i]] > most) most = a->count[queries->piece[i]];
    return rows_padded(most + 1);
}

void step_attention_forward(struct step_attention *a, real *y, const struct step_queries *queries)
{
    const size_t mark = arena_mark(a->scratch), n = queries->n, depth = a->depth;
    struct attending attending = {.reach = longest(a, queries)};
    attending.qu = arena_reals(a->scratch, a->heads * n * depth);
    attending.qv = arena_reals(a->scratch, a->heads * n * depth);
    attending.position = arena_reals(a->scratch, a->heads * n * attending.reach);
    attending.score = arena_reals(a->scratch, a->heads * a->capacity);
    attending.sum = arena_reals(a->scratch, a->heads);
    scale_queries(&attending, a, queries);
    for (size_t head = 0; head < a->heads; head++) {
        const real *relative = a->relative + (queries->layer * a->heads + head) * run(a);
        const struct rows_matrix distances = {.panels = relative +
                                                        (a->capacity - attending.reach) * depth,
                                              .in = depth,
                                              .out = attending.reach};
        rows_product(attending.position + head * n * attending.reach,
                     attending.qv + head * n * depth, &distances, n);
    }
    for (size_t i = 0; i < n; i++) {
        remember(a, queries, i);
        attend_piece(y + i * a->heads * depth, &attending, a, queries, i);
    }
    arena_reset(a->scratch, mark);
}
