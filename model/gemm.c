/* Blocks and panels of a product, and the threads that share them. */
#include "gemm.h"

#include "gemm_blis.h"
#include "gemm_pack.h"

#include <omp.h>
#include <stdlib.h>

enum {
    THREADS_MAX = 1024,
    BLOCK_ROWS = 96, /* of C that a thread completes at a time, about */
    BLOCK_COLUMNS = 2048,
    ALIGNMENT = 64,
    /* Multiplications from which waking the threads pays. */
    THREADED_PRODUCT = 1 << 21,
};

/* The process's panels: B's block, shared, and a block of rows of A for each thread. */
static struct gemm_tile_shape tile_shape;
static size_t block_rows, block_columns;
static real *columns_panels, *rows_panels;
static int n_threads; /* 0 before gemm_init */

struct product {
    size_t m, n, k, ldc;
    real alpha, beta;
    struct gemm_lines a, b; /* lines: rows of op(A), columns of op(B) */
    real *c;
    struct gemm_then then;
    size_t rows; /* of a block */
};

/* A block of columns [column, column + columns) and of the terms [term, term + depth). */
struct part {
    size_t column, columns, term, depth;
    bool last; /* C is complete after it */
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Memory for the panels of `threads` threads in place of that of fewer. */
static enum status take_panels(int threads)
{
    const size_t depth = tile_shape.depth;
    const size_t rows = round_up(block_rows * depth * sizeof(real), ALIGNMENT) * (size_t)threads;
    real *made = status_fault() ? NULL : aligned_alloc(ALIGNMENT, rows);
    if (!columns_panels && made)
        columns_panels =
            aligned_alloc(ALIGNMENT, round_up(block_columns * depth * sizeof(real), ALIGNMENT));
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
        TRY(gemm_blis_init(&tile_shape));
        block_rows = round_up(BLOCK_ROWS, tile_shape.rows);
        block_columns = BLOCK_COLUMNS - BLOCK_COLUMNS % tile_shape.columns;
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
    const size_t rows = round_up(block_rows * tile_shape.depth * sizeof(real), ALIGNMENT);
    return rows * (size_t)n_threads +
           round_up(block_columns * tile_shape.depth * sizeof(real), ALIGNMENT);
}

const char *gemm_kernel(void)
{
    return gemm_blis_kernel();
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
    const size_t wide = tile_shape.columns, at = part->column + column;
    const struct gemm_lines lines = {place(&p->b, at, part->term), p->b.line_stride,
                                     p->b.term_stride};
    gemm_pack(columns_panels + column * part->depth, &lines, wide,
              least(wide, part->columns - column), part->depth,
              p->then.column_sums ? p->then.column_sums + at : NULL);
}

/* Rows [row, row + count) of C, in the part's columns, get the part's terms. */
static void multiply_rows(const struct product *p, const struct part *part, size_t row,
                          size_t count, real *panels)
{
    const size_t tall = tile_shape.rows, wide = tile_shape.columns, depth = part->depth;
    struct gemm_tile tile = {
        .depth = depth, .alpha = p->alpha, .beta = part->term == 0 ? p->beta : 1};
    for (size_t i = 0; i < count; i += tall) {
        const struct gemm_lines lines = {place(&p->a, row + i, part->term), p->a.line_stride,
                                         p->a.term_stride};
        gemm_pack(panels + i * depth, &lines, tall, least(tall, count - i), depth, NULL);
    }
    for (size_t j = 0; j < part->columns; j += wide)
        for (size_t i = 0; i < count; i += tall) {
            tile.rows = least(tall, count - i);
            tile.columns = least(wide, part->columns - j);
            gemm_blis_tile(&tile, panels + i * depth, columns_panels + j * depth,
                           p->c + (row + i) * p->ldc + part->column + j, p->ldc);
        }
    if (part->last && p->then.rows) p->then.rows(p->then.context, row, count);
}

/* All of C gets the part's terms: the panels of columns first, then block after block of rows. */
static void multiply_part(const struct product *p, const struct part *part, int threads)
{
    const size_t wide = tile_shape.columns;
    const size_t n_panels = (part->columns + wide - 1) / wide;
    const size_t n_blocks = (p->m + p->rows - 1) / p->rows;
    if (threads == 1) { /* waking a team of one would cost as much as a small product */
        for (size_t j = 0; j < n_panels; j++) pack_columns(p, part, j * wide);
        for (size_t i = 0; i < n_blocks; i++)
            multiply_rows(p, part, i * p->rows, least(p->rows, p->m - i * p->rows), rows_panels);
        return;
    }
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (size_t j = 0; j < n_panels; j++) pack_columns(p, part, j * wide);
#pragma omp for schedule(static)
        for (size_t i = 0; i < n_blocks; i++) {
            const size_t thread = (size_t)omp_get_thread_num();
            multiply_rows(p, part, i * p->rows, least(p->rows, p->m - i * p->rows),
                          rows_panels + thread * block_rows * tile_shape.depth);
        }
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

static void multiply(struct product *p)
{
    ASSERT(n_threads > 0);
    const bool large = (double)p->m * (double)p->n * (double)p->k >= (double)THREADED_PRODUCT;
    const int threads = large ? n_threads : 1;
    p->rows = least(block_rows,
                    round_up((p->m + (size_t)threads - 1) / (size_t)threads, tile_shape.rows));
    if (p->m == 0 || p->n == 0 || p->k == 0) {
        scale(p);
        return;
    }
    for (size_t column = 0; column < p->n; column += block_columns)
        for (size_t term = 0; term < p->k; term += tile_shape.depth) {
            const struct part part = {.column = column,
                                      .columns = least(block_columns, p->n - column),
                                      .term = term,
                                      .depth = least(tile_shape.depth, p->k - term),
                                      .last = column + block_columns >= p->n &&
                                              term + tile_shape.depth >= p->k};
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
