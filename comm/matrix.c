/* Block-cyclic storage: what lies where, and how rows get there. */
#include "matrix.h"

#include "scalapack.h"

#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <string.h>

/* How many of the indices below `limit` belong to place `at` of `of`: blocks go round. */
static size_t owned_below(size_t limit, size_t at, size_t of)
{
    const size_t block = limit / MATRIX_BLOCK, inside = limit % MATRIX_BLOCK;
    const size_t whole = (block + of - 1 - at) / of; /* whole blocks of `at` before this one */
    return whole * MATRIX_BLOCK + (block % of == at ? inside : 0);
}

static size_t owner_of(size_t index, size_t of)
{
    return index / MATRIX_BLOCK % of;
}

/* The indices [first, first + n) that belong to place `at`. */
static size_t owned_between(size_t first, size_t n, size_t at, size_t of)
{
    return owned_below(first + n, at, of) - owned_below(first, at, of);
}

static enum status allocate(struct matrix *matrix)
{
    const struct process_grid *grid = matrix->grid;
    int info = 0;
    if (!process_grid_inside(grid)) return OK;
    matrix->local_rows = owned_below(matrix->rows, (size_t)grid->row, (size_t)grid->rows);
    matrix->local_columns =
        owned_below(matrix->columns, (size_t)grid->column, (size_t)grid->columns);
    const int rows = (int)matrix->rows, columns = (int)matrix->columns, block = MATRIX_BLOCK,
              zero = 0, leading = matrix->local_rows > 1 ? (int)matrix->local_rows : 1;
    descinit_(matrix->descriptor, &rows, &columns, &block, &block, &zero, &zero, &grid->context,
              &leading, &info);
    ASSERT(info == 0);
    const size_t n = matrix->local_rows * matrix->local_columns;
    matrix->local = status_fault() ? NULL : calloc(n + 1, sizeof *matrix->local);
    if (!matrix->local)
        return status_fail(FAILED, "no memory for a matrix of %zu x %zu", matrix->rows,
                           matrix->columns);
    return OK;
}

enum status matrix_init(struct matrix *matrix, const struct process_grid *grid, size_t rows,
                        size_t columns)
{
    *matrix = (struct matrix){.grid = grid, .rows = rows, .columns = columns};
    enum status local = OK;
    if (rows > INT_MAX || columns > INT_MAX)
        local = status_fail(FAILED, "a matrix of %zu x %zu is too large", rows, columns);
    if (local == OK) local = allocate(matrix);
    const enum status status = group_agree(grid->group, local);
    if (status != OK) matrix_fini(matrix);
    return status;
}

void matrix_fini(struct matrix *matrix)
{
    free(matrix->local);
    *matrix = (struct matrix){0};
}

/* The exchange behind matrix_fill_rows: numbers to and from every rank. */
struct exchange {
    struct matrix *matrix;
    int *counts;             /* owned; (4, size): sent, their offsets, received, their offsets */
    size_t *n_rows;          /* owned; (size) rows of each rank */
    double *sent, *received; /* owned */
};

static enum status exchange_init(struct exchange *exchange, struct matrix *matrix, size_t n_mine)
{
    const size_t size = (size_t)group_size(matrix->grid->group);
    const size_t held = matrix->local_rows * matrix->local_columns;
    *exchange = (struct exchange){.matrix = matrix};
    if (held > INT_MAX || n_mine > INT_MAX / (matrix->columns + 1))
        return status_fail(FAILED, "%zu rows of %zu numbers on one rank (at most %d numbers)",
                           n_mine, matrix->columns, INT_MAX);
    exchange->counts = calloc(4 * size, sizeof *exchange->counts);
    exchange->n_rows = calloc(size, sizeof *exchange->n_rows);
    exchange->sent = malloc((n_mine * matrix->columns + 1) * sizeof(double));
    exchange->received = calloc(held + 1, sizeof(double));
    if (!exchange->counts || !exchange->n_rows || !exchange->sent || !exchange->received ||
        status_fault())
        return status_fail(FAILED, "no memory to spread %zu rows", n_mine);
    return OK;
}

static void exchange_fini(struct exchange *exchange)
{
    free(exchange->counts);
    free(exchange->n_rows);
    free(exchange->sent);
    free(exchange->received);
}

static enum status check_finite(const double *x, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows * columns; i++) {
        if (!isfinite(x[i]))
            return status_fail(FAILED, "row %zu, coordinate %zu is %g", i / columns, i % columns,
                               x[i]);
    }
    return OK;
}

/* Packs this rank's rows by the rank of the grid that gets them, row by row. */
static void pack(struct exchange *exchange, const double *mine, size_t first, size_t n_mine)
{
    const struct matrix *matrix = exchange->matrix;
    const struct process_grid *grid = matrix->grid;
    const size_t n = matrix->columns, across = (size_t)grid->columns, down = (size_t)grid->rows;
    size_t at = 0;
    for (size_t rank = 0; rank < down * across; rank++) {
        exchange->counts[(size_t)group_size(grid->group) + rank] = (int)at;
        for (size_t i = 0; i < n_mine; i++) {
            if (owner_of(first + i, down) != rank / across) continue;
            for (size_t j = 0; j < n; j++)
                if (owner_of(j, across) == rank % across) exchange->sent[at++] = mine[i * n + j];
        }
        exchange->counts[rank] = (int)at - exchange->counts[(size_t)group_size(grid->group) + rank];
    }
}

/* How much of each rank's rows comes here. */
static void count_received(struct exchange *exchange)
{
    const struct matrix *matrix = exchange->matrix;
    const struct process_grid *grid = matrix->grid;
    const size_t size = (size_t)group_size(grid->group);
    size_t first = 0, at = 0;
    if (!process_grid_inside(grid)) return;
    for (size_t rank = 0; rank < size; rank++) {
        const size_t n =
            owned_between(first, exchange->n_rows[rank], (size_t)grid->row, (size_t)grid->rows) *
            matrix->local_columns;
        exchange->counts[2 * size + rank] = (int)n;
        exchange->counts[3 * size + rank] = (int)at;
        first += exchange->n_rows[rank];
        at += n;
    }
}

/* The rows come in their order, since ranks hold them in order: from rows to columns. */
static void unpack(const struct exchange *exchange)
{
    struct matrix *matrix = exchange->matrix;
    for (size_t i = 0; i < matrix->local_rows; i++)
        for (size_t j = 0; j < matrix->local_columns; j++)
            matrix->local[j * matrix->local_rows + i] =
                exchange->received[i * matrix->local_columns + j];
}

enum status matrix_fill_rows(struct matrix *matrix, const double *mine, size_t n_mine)
{
    enum status status = OK;
    struct group *group = matrix->grid->group;
    const int size = group_size(group), rank = group_rank(group);
    struct exchange exchange;
    size_t first = 0, total = 0;
    enum status local = exchange_init(&exchange, matrix, n_mine);
    if (local == OK) local = check_finite(mine, n_mine, matrix->columns);
    TRY(group_agree(group, local));
    group_gather_sizes(group, exchange.n_rows, n_mine);
    for (int r = 0; r < size; r++) {
        if (r < rank) first += exchange.n_rows[r];
        total += exchange.n_rows[r];
    }
    ASSERT(total == matrix->rows);
    pack(&exchange, mine, first, n_mine);
    count_received(&exchange);
    if (size == 1)
        memcpy(exchange.received, exchange.sent, n_mine * matrix->columns * sizeof(double));
    else
        MPI_Alltoallv(exchange.sent, exchange.counts, exchange.counts + size, MPI_DOUBLE,
                      exchange.received, exchange.counts + 2 * size, exchange.counts + 3 * size,
                      MPI_DOUBLE, *(MPI_Comm *)group_communicator(group));
    unpack(&exchange);
done:
    exchange_fini(&exchange);
    return status;
}

/* The place in the whole of a local index. */
static size_t global_of(size_t local, int at, int of)
{
    return (local / MATRIX_BLOCK * (size_t)of + (size_t)at) * MATRIX_BLOCK + local % MATRIX_BLOCK;
}

void matrix_gather(const struct matrix *matrix, double *all)
{
    const struct process_grid *grid = matrix->grid;
    for (size_t i = 0; i < matrix->rows * matrix->columns; i++) all[i] = 0;
    for (size_t j = 0; j < matrix->local_columns; j++) {
        const size_t column = global_of(j, grid->column, grid->columns);
        for (size_t i = 0; i < matrix->local_rows; i++)
            all[global_of(i, grid->row, grid->rows) * matrix->columns + column] =
                matrix->local[j * matrix->local_rows + i];
    }
    /* each number has one contributor: the sum only brings them together */
    group_sum_doubles(grid->group, all, matrix->rows * matrix->columns);
}

/* This rank's element of the diagonal in its local column, NULL when it lies elsewhere. */
static double *diagonal(const struct matrix *matrix, size_t column)
{
    const struct process_grid *grid = matrix->grid;
    const size_t i = global_of(column, grid->column, grid->columns), of = (size_t)grid->rows;
    if (owner_of(i, of) != (size_t)grid->row) return NULL;
    return &matrix->local[column * matrix->local_rows + owned_below(i, (size_t)grid->row, of)];
}

double matrix_trace(const struct matrix *matrix)
{
    double trace = 0;
    for (size_t j = 0; j < matrix->local_columns; j++) {
        const double *element = diagonal(matrix, j);
        if (element) trace += *element;
    }
    group_sum_doubles(matrix->grid->group, &trace, 1);
    return trace;
}

void matrix_add_diagonal(struct matrix *matrix, double x)
{
    for (size_t j = 0; j < matrix->local_columns; j++) {
        double *element = diagonal(matrix, j);
        if (element) *element += x;
    }
}
