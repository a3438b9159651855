/* Attention over kept keys and values. */
#include "step_attention.h"

#include "rows.h"
#include "simd.h"

enum { PANEL = ROWS_PANEL };

size_t step_attention_capacity(size_t memory, size_t segment_steps)
{
    return rows_padded(PANEL - 1 + memory + segment_steps);
}

/* Reals of one head of one piece, keys or values. */
static size_t run(const struct step_attention *a)
{
    return a->capacity * a->depth;
}

static size_t place(const struct step_attention *a, size_t layer, size_t piece, size_t head)
{
    return ((layer * a->n_pieces + piece) * a->heads + head) * run(a);
}

size_t step_attention_bytes(const struct step_attention *a)
{
    const size_t runs = a->layers * a->heads * (2 * a->n_pieces + 1);
    const size_t working = a->n_pieces * (2 * a->depth + a->capacity) + a->capacity;
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

/* Moves a piece's steps `drop` places to the front, whole panels. */
static void move_to_front(struct step_attention *a, size_t piece, size_t drop)
{
    const size_t kept = rows_padded(a->first[piece] + a->count[piece] - drop) * a->depth;
    for (size_t layer = 0; layer < a->layers; layer++)
        for (size_t head = 0; head < a->heads; head++) {
            real *keys = a->keys + place(a, layer, piece, head);
            real *values = a->values + place(a, layer, piece, head);
            memmove(keys, keys + drop * a->depth, kept * sizeof(real));
            memmove(values, values + drop * a->depth, kept * sizeof(real));
        }
    a->first[piece] -= drop;
}

void step_attention_forget(struct step_attention *a)
{
    for (size_t piece = 0; piece < a->n_pieces; piece++) {
        if (a->count[piece] <= a->memory) continue;
        a->first[piece] += a->count[piece] - a->memory;
        a->count[piece] = a->memory;
        if (a->first[piece] >= PANEL) move_to_front(a, piece, a->first[piece] / PANEL * PANEL);
    }
}

static void remember(struct step_attention *a, const struct step_queries *queries)
{
    const size_t depth = a->depth, width = a->heads * depth;
    for (size_t i = 0; i < queries->n; i++) {
        const size_t piece = queries->piece[i], last = a->first[piece] + a->count[piece];
        const real *key = queries->qkv + i * 3 * width + width, *value = key + width;
        ASSERT(last < a->capacity);
        for (size_t head = 0; head < a->heads; head++) {
            const size_t base = place(a, queries->layer, piece, head);
            put_column(a->keys + base, last, key + head * depth, depth);
            memcpy(a->values + base + last * depth, value + head * depth, depth * sizeof(real));
        }
    }
}

/* One head of one layer. */
struct head {
    size_t index, reach; /* reach: columns of `position` */
    real *qu, *qv;       /* (n, depth): (q + u) and (q + v), scaled */
    real *position;      /* (n, reach): qv r^T, the newest key last */
    real *score;         /* (capacity) of one piece */
};

static void scale_queries(struct head *head, const struct step_attention *a,
                          const struct step_queries *queries)
{
    const size_t depth = a->depth, column = head->index * depth;
    const real *u = queries->u + column, *v = queries->v_bias + column;
    const real scale = 1 / real_sqrt((real)depth);
    for (size_t i = 0; i < queries->n; i++) {
        const real *q = queries->qkv + i * 3 * a->heads * depth + column;
        for (size_t j = 0; j < depth; j++) {
            head->qu[i * depth + j] = (q[j] + u[j]) * scale;
            head->qv[i * depth + j] = (q[j] + v[j]) * scale;
        }
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
static void attend_piece(real *y, const struct head *head, const struct step_attention *a,
                         const struct step_queries *queries, size_t i)
{
    const size_t piece = queries->piece[i], depth = a->depth;
    const size_t first = a->first[piece], n = a->count[piece] + 1;
    const size_t base = place(a, queries->layer, piece, head->index);
    const struct rows_matrix keys = {.panels = a->keys + base, .in = depth, .out = first + n};
    rows_product(head->score, head->qu + i * depth, &keys, 1);
    const real sum =
        exponentiate(head->score + first, head->position + (i + 1) * head->reach - n, n);
    rows_mix(y, head->score + first, a->values + base + first * depth, n, depth);
    for (size_t j = 0; j < depth; j++) y[j] /= sum;
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
    struct head head = {.reach = longest(a, queries)};
    head.qu = arena_reals(a->scratch, n * depth);
    head.qv = arena_reals(a->scratch, n * depth);
    head.position = arena_reals(a->scratch, n * head.reach);
    head.score = arena_reals(a->scratch, a->capacity);
    remember(a, queries);
    for (; head.index < a->heads; head.index++) {
        const real *relative = a->relative + (queries->layer * a->heads + head.index) * run(a);
        const struct rows_matrix distances = {.panels =
                                                  relative + (a->capacity - head.reach) * depth,
                                              .in = depth,
                                              .out = head.reach};
        scale_queries(&head, a, queries);
        rows_product(head.position, head.qv, &distances, n);
        for (size_t i = 0; i < n; i++) {
            attend_piece(y + (i * a->heads + head.index) * depth, &head, a, queries, i);
        }
    }
    arena_reset(a->scratch, mark);
}
