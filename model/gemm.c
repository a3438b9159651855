/* Blocks and panels of a product, and the threads that share them. */
#include "gemm.h"

#include "gemm_bf16.h"
#include "gemm_blis.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    THREADS_MAX = 1024,
    BLOCK_ROWS = 192, /* of C at a time, at most */
    ROWS_PANELS =
        192 << 10,    /* numbers of op(A) that a thread packs at once: its cache holds them */
    PANELS = 1 << 20, /* numbers of op(B) that are packed at once */
    MOST_COLUMNS = 4096,
    ALIGNMENT = 64,
    /* Multiplications from which waking the threads pays. */
    THREADED_PRODUCT = 1 << 21,
};

/* The process's panels: B's block, shared, and a block of rows of A for each thread. */
static real *columns_panels, *rows_panels;
static int n_threads; /* 0 before gemm_init */

/* The kernels by precision, the one in use, and what was readied last. */
static struct gemm_micro micros[GEMM_BF16 + 1];
static const struct gemm_micro *micro = micros;
static enum gemm_precision readied;

struct product {
    size_t m, n, k, ldc;
    real alpha, beta;
    struct gemm_lines a, b; /* lines: rows of op(A), columns of op(B) */
    real *c;
    struct gemm_then then;
};

/* Columns [column, column + columns) and terms [term, term + terms), packed by so many terms at a
 * time as a tile sums up: those from term + t on start at panel_reals(t) * padded. */
struct part {
    size_t column, columns, padded, term, terms;
    size_t rows; /* of C at a time */
    bool last;   /* C is complete after it */
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Reals of a panel for each of its lines. */
static size_t panel_reals(size_t depth)
{
    return round_up(depth, micro->shape.grain) / micro->shape.terms_a_real;
}

/* Memory for the panels of `threads` threads in place of that of fewer. */
static enum status take_panels(int threads)
{
    const size_t bytes = ROWS_PANELS * sizeof(real) * (size_t)threads;
    real *made = status_fault() ? NULL : aligned_alloc(ALIGNMENT, bytes);
    if (!columns_panels && made) columns_panels = aligned_alloc(ALIGNMENT, PANELS * sizeof(real));
    if (!made || !columns_panels) {
        free(made);
        return status_fail(FAILED, "no memory for the panels of %d threads", threads);
    }
    free(rows_panels);
    rows_panels = made;
    return OK;
}

enum status gemm_init(int threads)
{
    enum status status = OK;
    if (threads < 1 || threads > THREADS_MAX)
        FAIL(USAGE, "%d threads a rank: want 1 to %d", threads, THREADS_MAX);
    if (n_threads == 0) {
        micros[GEMM_FLOAT] = (struct gemm_micro){
            .pack_rows = gemm_pack, .pack_columns = gemm_pack, .tile = gemm_blis_tile};
        TRY(gemm_blis_init(&micros[GEMM_FLOAT].shape));
    }
    if (threads > n_threads) TRY(take_panels(threads));
    n_threads = threads;
done:
    return status;
}

int gemm_threads(void)
{
    return n_threads;
}

size_t gemm_panel_bytes(void)
{
    return (PANELS + (size_t)ROWS_PANELS * (size_t)n_threads) * sizeof(real);
}

enum status gemm_ready(enum gemm_precision precision)
{
    ASSERT(n_threads > 0);
    struct gemm_micro *const wanted = &micros[precision];
    gemm_set_precision(GEMM_FLOAT);
    if (!wanted->tile) {
        const enum status status = gemm_bf16_init(wanted);
        if (status != OK) return status;
    }
    readied = precision;
    return OK;
}

void gemm_set_precision(enum gemm_precision precision)
{
    ASSERT(precision == GEMM_FLOAT || micros[precision].tile);
    micro = &micros[precision];
}

const char *gemm_kernel(void)
{
    static _Thread_local char name[64];
    if (readied == GEMM_FLOAT) return gemm_blis_kernel();
    snprintf(name, sizeof name, "%s, %s", gemm_blis_kernel(), gemm_bf16_kernel());
    return name;
}

const char *gemm_version(void)
{
    return gemm_blis_version();
}

static const real *place(const struct gemm_lines *lines, size_t line, size_t term)
{
    return lines->data + (ptrdiff_t)line * lines->line_stride +
           (ptrdiff_t)term * lines->term_stride;
}

/* Packs the panel of columns that starts at `column` of the part. */
static void pack_columns(const struct product *p, const struct part *part, size_t column)
{
    const size_t wide = micro->shape.columns, at = part->column + column;
    for (size_t t = 0; t < part->terms; t += micro->shape.depth) {
        const size_t depth = least(micro->shape.depth, part->terms - t);
        const struct gemm_lines lines = {place(&p->b, at, part->term + t), p->b.line_stride,
                                         p->b.term_stride};
        micro->pack_columns(columns_panels + panel_reals(t) * part->padded +
                                column * panel_reals(depth),
                            &lines, wide, least(wide, part->columns - column), depth,
                            p->then.column_sums ? p->then.column_sums + at : NULL);
    }
}

/* Packs the part's terms of `count` rows from `row` on. */
static void pack_rows(const struct product *p, const struct part *part, size_t row, size_t count,
                      real *panels)
{
    const size_t tall = micro->shape.rows, padded = round_up(count, tall);
    for (size_t t = 0; t < part->terms; t += micro->shape.depth) {
        const size_t depth = least(micro->shape.depth, part->terms - t);
        for (size_t i = 0; i < count; i += tall) {
            const struct gemm_lines lines = {place(&p->a, row + i, part->term + t),
                                             p->a.line_stride, p->a.term_stride};
            micro->pack_rows(panels + panel_reals(t) * padded + i * panel_reals(depth), &lines,
                             tall, least(tall, count - i), depth, NULL);
        }
    }
}

/* `count` rows of C from `row` on get the part's terms, a strip of columns at a time: the strip
 * stays in the nearest caches until its sums are complete. */
static void multiply_strips(const struct product *p, const struct part *part, size_t row,
                            size_t count, const real *panels)
{
    const size_t tall = micro->shape.rows, padded = round_up(count, tall);
    struct gemm_tile tile = {.alpha = p->alpha};
    for (size_t j = 0; j < part->columns; j += micro->shape.columns) {
        tile.columns = least(micro->shape.columns, part->columns - j);
        for (size_t t = 0; t < part->terms; t += micro->shape.depth) {
            tile.depth = least(micro->shape.depth, part->terms - t);
            tile.beta = part->term + t == 0 ? p->beta : 1;
            const size_t reals = panel_reals(tile.depth), before = panel_reals(t);
            for (size_t i = 0; i < count; i += tall) {
                tile.rows = least(tall, count - i);
                micro->tile(&tile, panels + before * padded + i * reals,
                            columns_panels + before * part->padded + j * reals,
                            p->c + (row + i) * p->ldc + part->column + j, p->ldc);
            }
        }
    }
}

static void multiply_rows(const struct product *p, const struct part *part, size_t row,
                          real *panels)
{
    const size_t count = least(part->rows, p->m - row);
    pack_rows(p, part, row, count, panels);
    if (micro->begin) micro->begin();
    multiply_strips(p, part, row, count, panels);
    if (micro->end) micro->end();
    if (part->last && p->then.rows) p->then.rows(p->then.context, row, count);
}

/* All of C gets the part's terms: the panels of columns first, then block after block of rows. */
static void multiply_part(const struct product *p, const struct part *part, int threads)
{
    if (threads == 1) { /* waking a team of one would cost as much as a small product */
        for (size_t j = 0; j < part->columns; j += micro->shape.columns) pack_columns(p, part, j);
        for (size_t i = 0; i < p->m; i += part->rows) multiply_rows(p, part, i, rows_panels);
        return;
    }
#pragma omp parallel num_threads(threads)
    {
        real *const panels = rows_panels + (size_t)omp_get_thread_num() * ROWS_PANELS;
#pragma omp for schedule(static)
        for (size_t j = 0; j < part->columns; j += micro->shape.columns) pack_columns(p, part, j);
#pragma omp for schedule(static)
        for (size_t i = 0; i < p->m; i += part->rows) multiply_rows(p, part, i, panels);
    }
}

/* C *= beta where there is nothing to sum up. */
static void scale(const struct product *p)
{
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            real *x = p->c + i * p->ldc + j;
            *x = p->beta == 0 ? 0 : p->beta * *x; /* what beta = 0 does not read may be NaN */
        }
    if (p->then.rows && p->m > 0) p->then.rows(p->then.context, 0, p->m);
}

/* The next part of a product, from a column and a term on, for that many threads. */
static struct part part_from(const struct product *p, size_t column, size_t term, int threads)
{
    const size_t tall = micro->shape.rows, wide = micro->shape.columns;
    const size_t depth = micro->shape.depth, reals = panel_reals(depth);
    struct part part = {.column = column, .term = term};
    part.columns = least(MOST_COLUMNS / wide * wide, p->n - column);
    part.padded = round_up(part.columns, wide);
    part.terms = least(PANELS / part.padded, ROWS_PANELS / (4 * tall)) / reals * depth;
    part.terms = least(part.terms, p->k - term);
    part.last = column + part.columns == p->n && term + part.terms == p->k;
    const size_t share = (p->m + (size_t)threads - 1) / (size_t)threads;
    part.rows =
        least(least(BLOCK_ROWS, ROWS_PANELS / part.terms) / tall * tall, round_up(share, tall));
    return part;
}

static void multiply(struct product *p)
{
    ASSERT(n_threads > 0);
    const bool large = (double)p->m * (double)p->n * (double)p->k >= (double)THREADED_PRODUCT;
    const int threads = large ? n_threads : 1;
    struct part part;
    if (p->m == 0 || p->n == 0 || p->k == 0) {
        scale(p);
        return;
    }
    for (size_t column = 0; column < p->n; column += part.columns)
        for (size_t term = 0; term < p->k; term += part.terms) {
            part = part_from(p, column, term, threads);
            multiply_part(p, &part, threads);
        }
}

static struct product product_of(size_t m, size_t n, size_t k, struct gemm_operand a,
                                 struct gemm_operand b)
{
    return (struct product){
        .m = m,
        .n = n,
        .k = k,
        .alpha = 1,
        .a = {a.data, a.transposed ? 1 : (ptrdiff_t)a.stride,
              a.transposed ? (ptrdiff_t)a.stride : 1},
        .b = {b.data, b.transposed ? (ptrdiff_t)b.stride : 1,
              b.transposed ? 1 : (ptrdiff_t)b.stride},
    };
}

void gemm(size_t m, size_t n, size_t k, real alpha, struct gemm_operand a, struct gemm_operand b,
          real beta, real *c, size_t ldc)
{
    struct product product = product_of(m, n, k, a, b);
    product.alpha = alpha;
    product.beta = beta;
    product.c = c;
    product.ldc = ldc;
    multiply(&product);
}

void gemm_and(size_t m, size_t n, size_t k, struct gemm_operand a, struct gemm_operand b, real beta,
              real *c, size_t ldc, const struct gemm_then *then)
{
    struct product product = product_of(m, n, k, a, b);
    product.beta = beta;
    product.c = c;
    product.ldc = ldc;
    product.then = *then;
    multiply(&product);
}
