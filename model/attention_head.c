/* One head of one span: packing and scores. */
#include "attention_head.h"

#include "gemm.h"
#include "gemm_pack.h"
#include "simd.h"

#include <omp.h>

/* Lines in panels of PANEL_COLUMNS over `depth` terms. */
static real *pack_lines(const struct gemm_lines *lines, size_t n, size_t depth,
                        struct arena *scratch)
{
    real *panels = arena_reals(scratch, panel_round(n, PANEL_COLUMNS) * depth);
    for (size_t i = 0; i < n; i += PANEL_COLUMNS) {
        const struct gemm_lines some = {lines->data + (ptrdiff_t)i * lines->line_stride,
                                        lines->line_stride, lines->term_stride};
        gemm_pack(panels + i * depth, &some, PANEL_COLUMNS,
                  n - i < PANEL_COLUMNS ? n - i : PANEL_COLUMNS, depth, NULL);
    }
    return panels;
}

real *attention_head_columns(const struct attention_head *h, const real *x, ptrdiff_t step_stride,
                             size_t n, struct arena *scratch)
{
    const struct gemm_lines columns = {x, 1, step_stride};
    return pack_lines(&columns, h->depth, n, scratch);
}

real *attention_head_steps(const struct attention_head *h, const real *x, ptrdiff_t step_stride,
                           size_t n, struct arena *scratch)
{
    const struct gemm_lines steps = {x, step_stride, 1};
    return pack_lines(&steps, n, h->depth, scratch);
}

void attention_head_make(struct attention_head *h, const struct attention *a,
                         const struct span *span, size_t head, const struct attention_inputs *in,
                         struct arena *scratch)
{
    ASSERT(span->context <= span->first && span->context + span->count <= a->reach + 1);
    const size_t depth = a->width / a->heads, n_keys = span->context + span->count;
    const ptrdiff_t width = (ptrdiff_t)a->width;
    *h = (struct attention_head){.a = a,
                                 .span = span,
                                 .head = head,
                                 .depth = depth,
                                 .padded = panel_round(depth, PANEL_COLUMNS),
                                 .column = head * depth,
                                 .key = span->first - span->context,
                                 .n_keys = n_keys,
                                 .n_places = a->causal ? n_keys : n_keys + span->count - 1,
                                 .stride = panel_round(n_keys, PANEL_COLUMNS) +
                                           2 * (size_t)ATTENTION_MARGIN,
                                 .scale = 1 / real_sqrt((real)depth)};
    h->keys = attention_head_steps(h, attention_head_part(h, in->qkv, h->key, 1, 3), 3 * width,
                                   n_keys, scratch);
    h->places =
        attention_head_steps(h, attention_head_part(h, in->r, attention_head_relative_row(h), 0, 1),
                             -width, h->n_places, scratch);
    h->content = arena_reals(scratch, ATTENTION_QUERIES * h->padded);
    h->position = arena_reals(scratch, ATTENTION_QUERIES * h->padded);
    h->score = arena_reals(scratch, ATTENTION_QUERIES * h->stride);
}

struct attention_run attention_head_run(const struct attention_head *h, size_t i, size_t n)
{
    const size_t last = h->span->count - 1;
    const size_t first = i + n > last ? 0 : last - (i + n - 1);
    const size_t end = last - i + attention_head_limit(h, i + n - 1);
    return (struct attention_run){first, end < h->n_places ? end : h->n_places};
}

/* content and position of the rows; zero after the last, up to whole tiles. */
SIMD_CLONES static void fill_queries(struct attention_head *h, const struct attention_rows *rows,
                                     const struct attention_inputs *in)
{
    const size_t room = panel_round(rows->count, PANEL_ROWS) * h->padded;
    memset(h->content, 0, room * sizeof(real));
    memset(h->position, 0, room * sizeof(real));
    for (size_t i = 0; i < rows->count; i++) {
        const real *q = attention_head_part(h, in->qkv, h->span->first + rows->first + i, 0, 3);
        real *content = h->content + i * h->padded, *position = h->position + i * h->padded;
        for (size_t j = 0; j < h->depth; j++) {
            content[j] = (q[j] + in->u[h->column + j]) * h->scale;
            position[j] = (q[j] + in->v_bias[h->column + j]) * h->scale;
        }
    }
}

void attention_head_score(struct attention_head *h, const struct attention_rows *rows,
                          const struct attention_inputs *in)
{
    fill_queries(h, rows, in);
    const size_t panel = h->depth * PANEL_COLUMNS;
    for (size_t row = 0; row < rows->count; row += PANEL_ROWS) {
        const size_t i = rows->first + row;
        const struct attention_run run = attention_head_run(h, i, PANEL_ROWS);
        const size_t first = run.first - run.first % PANEL_COLUMNS;
        const struct panel_left position = {h->position + row * h->padded, h->padded, 1};
        const struct panel_left content = {h->content + row * h->padded, h->padded, 1};
        const struct panel_right places = {h->places + first * h->depth, panel, PANEL_COLUMNS};
        const struct panel_right keys = {h->keys, panel, PANEL_COLUMNS};
        panel_product(attention_head_at_place(h, h->score, row, i, first), h->stride + 1, &position,
                      &places, (struct panel_size){PANEL_ROWS, run.end - first, h->depth}, false);
        panel_product(
            h->score + row * h->stride + ATTENTION_MARGIN, h->stride, &content, &keys,
            (struct panel_size){PANEL_ROWS, attention_head_limit(h, i + PANEL_ROWS - 1), h->depth},
            true);
    }
}

void attention_for_heads(const struct attention_work *work, size_t heads, struct arena *scratch)
{
    const int threads = gemm_threads() < (int)heads ? gemm_threads() : (int)heads;
    unsigned char *base = arena_take(scratch, work->bytes * (size_t)threads);
    if (threads <= 1) {
        struct arena own = {.base = base, .size = work->bytes};
        for (size_t head = 0; head < heads; head++, own.used = 0)
            work->run(work->context, head, &own);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t head = 0; head < heads; head++) {
        struct arena own = {.base = base + work->bytes * (size_t)omp_get_thread_num(),
                            .size = work->bytes};
        work->run(work->context, head, &own);
    }
}
