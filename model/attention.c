/* Attention, forward: softmax over a few queries' scores, its log denominator kept. */
#include "attention_head.h"

#include "gemm.h"
#include "simd.h"

size_t attention_relative_rows(bool causal, size_t reach)
{
    return causal ? reach + 1 : 2 * reach + 1;
}

/* A pair of columns is a point that turns by the same angle from distance to distance, starting at
 * distance 0, so that its bits do not depend on the reach. */
void attention_sinusoids(real *s, bool causal, size_t reach, size_t width)
{
    const size_t half = width / 2;
    real *const zero = s + (causal ? 0 : reach * width);
    for (size_t pair = 0; pair < width - half; pair++) {
        const double angle = pow(10000, -2 * (double)pair / (double)width);
        const double turn_x = cos(angle), turn_y = sin(angle);
        double x = 1, y = 0;
        for (size_t distance = 0; distance <= reach; distance++) {
            real *const ahead = zero + distance * width, *const behind = zero - distance * width;
            if (!causal) behind[half + pair] = (real)x;
            if (!causal && pair < half) behind[pair] = (real)-y;
            ahead[half + pair] = (real)x;
            if (pair < half) ahead[pair] = (real)y;
            const double next = x * turn_x - y * turn_y;
            y = y * turn_x + x * turn_y;
            x = next;
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

/* x becomes exp(x - max); returns the sum. */
SIMD_INLINE real exp_sum(real *x, real max, size_t n)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        x[j] = simd_exp(x[j] - max);
        sum += x[j];
    }
    return sum;
}

/* Scores become exp(score - max), 0 for keys out of the row's sight but in its tile's; sum (count):
 * of each row. */
SIMD_CLONES static void softmax_rows(const struct attention_head *h,
                                     const struct attention_rows *rows, real *sum, real *lse)
{
    const size_t sight = attention_head_limit(h, rows->first + PANEL_ROWS - 1);
    for (size_t i = 0; i < rows->count; i++) {
        real *score = h->score + i * h->stride + ATTENTION_MARGIN;
        const size_t limit = attention_head_limit(h, rows->first + i);
        const real max = simd_max(score, limit);
        sum[i] = exp_sum(score, max, limit);
        memset(score + limit, 0, (sight - limit) * sizeof(real));
        lse[i] = max + real_log(sum[i]);
    }
}

struct forward {
    const struct attention *a;
    struct attention_inputs in;
    real *y, *lse;
    size_t n;
};

/* The outputs of one tile of queries. */
static void mix_values(const struct forward *f, const struct attention_head *h,
                       const struct attention_rows *rows, const real *values, const real *sum,
                       real *out)
{
    const struct panel_left weights = {h->score + ATTENTION_MARGIN, h->stride, 1};
    const struct panel_right right = {values, h->n_keys * PANEL_COLUMNS, PANEL_COLUMNS};
    const size_t sight = attention_head_limit(h, rows->first + PANEL_ROWS - 1);
    panel_product(out, h->padded, &weights, &right,
                  (struct panel_size){PANEL_ROWS, h->depth, sight}, false);
    for (size_t i = 0; i < rows->count; i++) {
        real *y = f->y + (h->span->first + rows->first + i) * f->a->width + h->column;
        const real scale = 1 / sum[i];
        for (size_t j = 0; j < h->depth; j++) y[j] = out[i * h->padded + j] * scale;
    }
}

/* A tile of queries at a time: its scores stay in the nearest cache. */
static void forward_span(const struct forward *f, const struct span *span, size_t head,
                         struct arena *scratch)
{
    struct attention_head h;
    real sum[PANEL_ROWS];
    attention_head_make(&h, f->a, span, head, &f->in, scratch);
    const real *values = attention_head_columns(&h, attention_head_part(&h, f->in.qkv, h.key, 2, 3),
                                                3 * (ptrdiff_t)f->a->width, h.n_keys, scratch);
    real *out = arena_reals(scratch, PANEL_ROWS * h.padded);
    for (size_t first = 0; first < span->count; first += PANEL_ROWS) {
        const size_t left = span->count - first;
        const struct attention_rows rows = {first, left < PANEL_ROWS ? left : PANEL_ROWS};
        attention_head_score(&h, &rows, &f->in);
        softmax_rows(&h, &rows, sum, f->lse + head * f->n + span->first + first);
        mix_values(f, &h, &rows, values, sum, out);
    }
}

static void forward_head(const void *context, size_t head, struct arena *scratch)
{
    const struct forward *f = context;
    for (size_t s = 0; s < f->a->n_spans; s++) {
        const size_t mark = arena_mark(scratch);
        if (f->a->spans[s].count > 0) forward_span(f, &f->a->spans[s], head, scratch);
        arena_reset(scratch, mark);
    }
}

/* Bytes that one head needs at most, backward. */
static size_t head_bytes(size_t width, size_t heads, size_t count, size_t context)
{
    const size_t depth = width / heads, padded = panel_round(depth, PANEL_COLUMNS);
    const size_t keys = panel_round(context + count, PANEL_COLUMNS) + PANEL_ROWS;
    const size_t places = panel_round(context + 2 * count, PANEL_COLUMNS) + PANEL_ROWS;
    const size_t stride = keys + 2 * (size_t)ATTENTION_MARGIN;
    /* K, V and places in panels both ways, and the gradients of all three; the queries' arrays;
     * scores and their gradient. */
    const size_t reals = (4 + 2) * keys * padded + (2 + 1) * places * padded +
                         ATTENTION_QUERIES * (5 * padded + 2 * stride);
    return reals * sizeof(real) + 16 * (size_t)64; /* each piece is rounded up to 64 bytes */
}

size_t attention_scratch_bytes(size_t width, size_t heads, size_t count, size_t context)
{
    const size_t threads = gemm_threads() > 1 ? (size_t)gemm_threads() : 1;
    return panel_round(head_bytes(width, heads, count, context), 64) * threads;
}

/* The largest spans of this call. */
size_t attention_head_bytes(const struct attention *a)
{
    size_t count = 0, context = 0;
    for (size_t i = 0; i < a->n_spans; i++) {
        if (a->spans[i].count > count) count = a->spans[i].count;
        if (a->spans[i].context > context) context = a->spans[i].context;
    }
    return panel_round(head_bytes(a->width, a->heads, count, context), 64);
}

void attention_forward(real *y, real *lse, const real *qkv, const real *r, const real *u,
                       const real *v_bias, const struct attention *a, size_t n,
                       struct arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    const struct forward forward = {a, {qkv, r, u, v_bias}, y, lse, n};
    const struct attention_work work = {forward_head, &forward, attention_head_bytes(a)};
    memset(y, 0, n * a->width * sizeof(real));
    attention_for_heads(&work, a->heads, scratch);
    arena_reset(scratch, mark);
}
