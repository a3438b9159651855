/* Attention, backward: the probabilities of some queries are computed again from the kept log
 * denominators (Dao et al. 2022, section 3.1), so that no T x T matrix is ever in memory. */
#include "attention_head.h"

#include "simd.h"

struct backward {
    const struct attention *a;
    struct attention_inputs in;
    const struct attention_gradient *g;
    const real *dy, *y, *lse;
    size_t n;
};

/* One span of one head: operands by column, and the sums over all its queries. */
struct state {
    struct attention_head h;
    const real *keys, *places;       /* (panels of depth, keys or places, 32) */
    const real *values;              /* V^T in panels of keys */
    real *dy;                        /* (queries, padded) */
    real *dprobability;              /* (queries, stride) */
    real *dcontent, *dposition;      /* (queries, padded) */
    real *dkeys, *dvalues, *dplaces; /* (keys or places, padded) */
};

/* score becomes the probabilities, zero wherever a product may read beyond a row's keys. */
SIMD_CLONES static void probability_rows(const struct attention_head *h,
                                         const struct attention_rows *rows, const real *lse)
{
    for (size_t i = 0; i < rows->count; i++) {
        real *row = h->score + i * h->stride, *restrict score = row + ATTENTION_MARGIN;
        const size_t limit = attention_head_limit(h, rows->first + i);
        const size_t sight = attention_head_limit(h, rows->first + rows->count - 1);
#pragma omp simd
        for (size_t j = 0; j < limit; j++) score[j] = simd_exp(score[j] - lse[i]);
        memset(row, 0, ATTENTION_MARGIN * sizeof(real));
        memset(score + limit, 0, (sight - limit + ATTENTION_MARGIN) * sizeof(real));
    }
}

/* score becomes the gradient of the scores. */
SIMD_CLONES static void score_gradient_rows(const struct state *s,
                                            const struct attention_rows *rows, const real *y,
                                            size_t width)
{
    const struct attention_head *h = &s->h;
    for (size_t i = 0; i < rows->count; i++) {
        real *restrict score = h->score + i * h->stride + ATTENTION_MARGIN;
        const real *restrict dprobability = s->dprobability + i * h->stride + ATTENTION_MARGIN;
        const size_t limit = attention_head_limit(h, rows->first + i);
        const real mean = simd_dot(s->dy + i * h->padded, y + i * width, h->depth);
#pragma omp simd
        for (size_t j = 0; j < limit; j++) score[j] *= dprobability[j] - mean;
    }
}

static void fill_dy(const struct backward *b, struct state *s, const struct attention_rows *rows)
{
    const struct attention_head *h = &s->h;
    memset(s->dy, 0, panel_round(rows->count, PANEL_ROWS) * h->padded * sizeof(real));
    for (size_t i = 0; i < rows->count; i++)
        memcpy(s->dy + i * h->padded,
               attention_head_part(h, b->dy, h->span->first + rows->first + i, 0, 1),
               h->depth * sizeof(real));
}

/* sums (lines, padded) += weights^T x, x (queries, padded): a line for each number along a row of
 * weights. */
static void add_lines(const struct attention_head *h, real *sums, const real *weights,
                      size_t row_stride, size_t lines, const real *x, size_t queries)
{
    const struct panel_left left = {weights, 1, row_stride};
    const struct panel_right right = {x, PANEL_COLUMNS, h->padded};
    panel_product(sums, h->padded, &left, &right, (struct panel_size){lines, h->depth, queries},
                  true);
}

/* The gradient of the probabilities, a tile of queries at a time. */
static void weigh_values(const struct state *s, const struct attention_rows *rows)
{
    const struct attention_head *h = &s->h;
    const struct panel_right values = {s->values, h->depth * PANEL_COLUMNS, PANEL_COLUMNS};
    for (size_t row = 0; row < rows->count; row += PANEL_ROWS) {
        const struct panel_left dy = {s->dy + row * h->padded, h->padded, 1};
        const size_t sight = attention_head_limit(h, rows->first + row + PANEL_ROWS - 1);
        panel_product(s->dprobability + row * h->stride + ATTENTION_MARGIN, h->stride, &dy, &values,
                      (struct panel_size){PANEL_ROWS, sight, h->depth}, false);
    }
}

/* The gradients of content and position, a tile of queries at a time. */
static void gather_queries(const struct state *s, const struct attention_rows *rows)
{
    const struct attention_head *h = &s->h;
    for (size_t row = 0; row < rows->count; row += PANEL_ROWS) {
        const size_t i = rows->first + row, sight = attention_head_limit(h, i + PANEL_ROWS - 1);
        const struct attention_run run = attention_head_run(h, i, PANEL_ROWS);
        const struct panel_left by_key = {h->score + row * h->stride + ATTENTION_MARGIN, h->stride,
                                          1};
        const struct panel_left by_place = {attention_head_at_place(h, h->score, row, i, run.first),
                                            h->stride + 1, 1};
        const struct panel_right keys = {s->keys, h->n_keys * PANEL_COLUMNS, PANEL_COLUMNS};
        const struct panel_right places = {s->places + run.first * PANEL_COLUMNS,
                                           h->n_places * PANEL_COLUMNS, PANEL_COLUMNS};
        panel_product(s->dcontent + row * h->padded, h->padded, &by_key, &keys,
                      (struct panel_size){PANEL_ROWS, h->depth, sight}, false);
        panel_product(s->dposition + row * h->padded, h->padded, &by_place, &places,
                      (struct panel_size){PANEL_ROWS, h->depth, run.end - run.first}, false);
    }
}

/* The queries' gradient is set, the biases' added to. */
SIMD_CLONES static void add_queries(const struct backward *b, const struct state *s,
                                    const struct attention_rows *rows)
{
    const struct attention_head *h = &s->h;
    const size_t width = h->a->width;
    real *du = b->g->du + h->column, *dv_bias = b->g->dv_bias + h->column;
    for (size_t i = 0; i < rows->count; i++) {
        const real *dcontent = s->dcontent + i * h->padded;
        const real *dposition = s->dposition + i * h->padded;
        real *dq = b->g->dqkv + (h->span->first + rows->first + i) * 3 * width + h->column;
        for (size_t j = 0; j < h->depth; j++) {
            const real content = dcontent[j] * h->scale, relative = dposition[j] * h->scale;
            dq[j] = content + relative;
            du[j] += content;
            dv_bias[j] += relative;
        }
    }
}

static void backward_rows(const struct backward *b, struct state *s,
                          const struct attention_rows *rows)
{
    struct attention_head *h = &s->h;
    const size_t i = rows->first, n = rows->count;
    const size_t step = h->span->first + i, sight = attention_head_limit(h, i + n - 1);
    const struct attention_run run = attention_head_run(h, i, n);
    real *score = h->score + ATTENTION_MARGIN;
    attention_head_score(h, rows, &b->in);
    probability_rows(h, rows, b->lse + h->head * b->n + step);
    fill_dy(b, s, rows);
    add_lines(h, s->dvalues, score, h->stride, sight, s->dy, n);
    weigh_values(s, rows);
    score_gradient_rows(s, rows, attention_head_part(h, b->y, step, 0, 1), h->a->width);
    gather_queries(s, rows);
    add_queries(b, s, rows);
    add_lines(h, s->dkeys, score, h->stride, sight, h->content, n);
    add_lines(h, s->dplaces + run.first * h->padded,
              attention_head_at_place(h, h->score, 0, i, run.first), h->stride + 1,
              run.end - run.first, h->position, n);
}

/* y += x, both rows of `n` numbers. */
SIMD_INLINE void add_row(real *restrict y, const real *restrict x, size_t n)
{
    for (size_t j = 0; j < n; j++) y[j] += x[j];
}

/* The sums over the span go where they belong: memory's part apart from the span's own. */
SIMD_CLONES static void add_sums(const struct backward *b, const struct state *s)
{
    const struct attention_head *h = &s->h;
    const size_t width = h->a->width, context = h->span->context, column = h->column;
    ASSERT(context == 0 || b->g->dmemory);
    for (size_t j = 0; j < h->n_keys; j++) {
        real *own = j < context ? b->g->dmemory + (h->key + j) * 2 * width
                                : b->g->dqkv + (h->key + j) * 3 * width + width;
        add_row(own + column, s->dkeys + j * h->padded, h->depth);
        add_row(own + width + column, s->dvalues + j * h->padded, h->depth);
    }
    for (size_t p = 0; p < h->n_places; p++)
        add_row(b->g->dr + (attention_head_relative_row(h) - p) * width + column,
                s->dplaces + p * h->padded, h->depth);
}

static void backward_span(const struct backward *b, const struct span *span, size_t head,
                          struct arena *scratch)
{
    struct state s;
    struct attention_head *h = &s.h;
    const ptrdiff_t width = (ptrdiff_t)b->a->width;
    attention_head_make(h, b->a, span, head, &b->in, scratch);
    s.keys = attention_head_columns(h, attention_head_part(h, b->in.qkv, h->key, 1, 3), 3 * width,
                                    h->n_keys, scratch);
    s.places = attention_head_columns(
        h, attention_head_part(h, b->in.r, attention_head_relative_row(h), 0, 1), -width,
        h->n_places, scratch);
    s.values = attention_head_steps(h, attention_head_part(h, b->in.qkv, h->key, 2, 3), 3 * width,
                                    h->n_keys, scratch);
    s.dy = arena_reals(scratch, ATTENTION_QUERIES * h->padded);
    s.dcontent = arena_reals(scratch, ATTENTION_QUERIES * h->padded);
    s.dposition = arena_reals(scratch, ATTENTION_QUERIES * h->padded);
    s.dprobability = arena_reals(scratch, ATTENTION_QUERIES * h->stride);
    s.dkeys = arena_zeros(scratch, (h->n_keys + PANEL_ROWS) * h->padded);
    s.dvalues = arena_zeros(scratch, (h->n_keys + PANEL_ROWS) * h->padded);
    s.dplaces = arena_zeros(scratch, (h->n_places + PANEL_ROWS) * h->padded);
    for (size_t first = 0; first < span->count; first += ATTENTION_QUERIES) {
        const size_t left = span->count - first;
        const struct attention_rows rows = {first,
                                            left < ATTENTION_QUERIES ? left : ATTENTION_QUERIES};
        backward_rows(b, &s, &rows);
    }
    add_sums(b, &s);
}

static void backward_head(const void *context, size_t head, struct arena *scratch)
{
    const struct backward *b = context;
    for (size_t s = 0; s < b->a->n_spans; s++) {
        const size_t mark = arena_mark(scratch);
        if (b->a->spans[s].count > 0) backward_span(b, &b->a->spans[s], head, scratch);
        arena_reset(scratch, mark);
    }
}

void attention_backward(const struct attention_gradient *g, const real *dy, const real *y,
                        const real *lse, const real *qkv, const real *r, const real *u,
                        const real *v_bias, const struct attention *a, size_t n,
                        struct arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    const struct backward backward = {a, {qkv, r, u, v_bias}, g, dy, y, lse, n};
    const struct attention_work work = {backward_head, &backward, attention_head_bytes(a)};
    memset(g->dqkv, 0, n * 3 * a->width * sizeof(real));
    if (g->dmemory) memset(g->dmemory, 0, n * 2 * a->width * sizeof(real));
    attention_for_heads(&work, a->heads, scratch);
    arena_reset(scratch, mark);
}
