/* matrix, process_grid: rows to blocks and back, the algebra by its residuals, failures on every
 * rank; on grids of all shapes that fit into 1-4 ranks, smaller ones too. */
#include "matrix.h"
#include "runner.h"

#include <math.h>
#include <string.h>

enum { MAX_N = 40 };

static struct group *world(void)
{
    static struct group *group;
    if (!group) CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    return group;
}

/* Numbers that look random, the same on every rank. */
static double noise(size_t i, size_t j)
{
    const double x = sin((double)(i * 127 + j * 311 + 1)) * 43758.5453;
    return x - floor(x) - 0.5;
}

/* The rows [first, first + n) of a matrix of noise that this rank passes: shares grow with the
 * rank; with `lonely` the last rank has all. */
static size_t share(size_t *first, size_t n_rows, bool lonely)
{
    const size_t size = (size_t)group_size(world()), rank = (size_t)group_rank(world());
    const size_t whole = size * (size - 1) / 2; /* shares 0, 1, 2 ... of these */
    *first = 0;
    if (size == 1) return n_rows;
    if (lonely) return rank == size - 1 ? n_rows : 0;
    *first = n_rows * (rank * (rank - (rank > 0)) / 2) / whole;
    return n_rows * (rank * (rank + 1) / 2) / whole - *first;
}

static enum status fill(struct matrix *matrix, bool lonely)
{
    static double mine[MAX_N * MAX_N];
    size_t first;
    const size_t n = share(&first, matrix->rows, lonely);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < matrix->columns; j++)
            mine[i * matrix->columns + j] = noise(first + i, j);
    return matrix_fill_rows(matrix, mine, n);
}

static void for_each_grid(void (*visit)(const struct process_grid *grid))
{
    const int size = group_size(world());
    struct process_grid grid;
    for (int rows = 1; rows <= size; rows++)
        for (int columns = 1; rows * columns <= size; columns++) {
            CU_ASSERT_EQUAL(process_grid_init(&grid, world(), rows, columns), OK);
            CU_ASSERT_EQUAL(process_grid_inside(&grid), group_rank(world()) < rows * columns);
            visit(&grid);
            process_grid_fini(&grid);
            CU_ASSERT_PTR_NULL(grid.group);
        }
}

static void there_and_back(const struct process_grid *grid)
{
    static const size_t rows[] = {0, 1, 3, 16, 23, 40}, columns[] = {1, 9, 20};
    static double all[MAX_N * MAX_N];
    struct matrix matrix;
    size_t wrong = 0;
    for (size_t k = 0; k < 36; k++) {
        CU_ASSERT_EQUAL(matrix_init(&matrix, grid, rows[k % 6], columns[k / 6 % 3]), OK);
        CU_ASSERT_EQUAL(fill(&matrix, k >= 18), OK);
        memset(all, 7, sizeof all);
        matrix_gather(&matrix, all);
        for (size_t i = 0; i < matrix.rows; i++)
            for (size_t j = 0; j < matrix.columns; j++)
                wrong += all[i * matrix.columns + j] != noise(i, j);
        matrix_fini(&matrix);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void rows_reach_their_blocks(void)
{
    for_each_grid(there_and_back);
}

/* The lower triangle of X^T X / n by plain loops, whole. */
static void plain_scatter(double *s, size_t n_rows, size_t d)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            s[i * d + j] = 0;
            for (size_t n = 0; n < n_rows; n++)
                s[i * d + j] += noise(n, i) * noise(n, j) / (double)n_rows;
        }
}

static void one_scatter(const struct process_grid *grid, size_t n_rows, size_t d)
{
    static double all[MAX_N * MAX_N], want[MAX_N * MAX_N];
    struct matrix x, s;
    double trace = 0, worst = 0;
    CU_ASSERT_EQUAL(matrix_init(&x, grid, n_rows, d), OK);
    CU_ASSERT_EQUAL(matrix_init(&s, grid, d, d), OK);
    CU_ASSERT_EQUAL(fill(&x, false), OK);
    CU_ASSERT_EQUAL(fill(&s, true), OK); /* what was there goes */
    matrix_scatter(&s, &x, n_rows ? 1 / (double)n_rows : 1);
    matrix_gather(&s, all);
    plain_scatter(want, n_rows, d);
    for (size_t i = 0; i < d; i++) {
        trace += want[i * d + i];
        for (size_t j = 0; j <= i; j++) worst = fmax(worst, fabs(all[i * d + j] - want[i * d + j]));
    }
    CU_ASSERT(worst < 1e-14);
    CU_ASSERT_DOUBLE_EQUAL(matrix_trace(&s), trace, 1e-13);
    matrix_add_diagonal(&s, 0.25);
    CU_ASSERT_DOUBLE_EQUAL(matrix_trace(&s), trace + 0.25 * (double)d, 1e-12);
    matrix_fini(&x);
    matrix_fini(&s);
}

static void some_scatters(const struct process_grid *grid)
{
    one_scatter(grid, 40, 17);
    one_scatter(grid, 3, 9);
    one_scatter(grid, 0, 5);
    one_scatter(grid, 1, 1);
}

static void scatters_are_sums(void)
{
    for_each_grid(some_scatters);
}

/* |B a - value S a| and a^T S a = I, over all axes. */
static void check_axes(const double *s, const double *b, const double *value, const double *a,
                       size_t d)
{
    double residual = 0, gram = 0;
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < d; l++) {
            double product = 0;
            for (size_t i = 0; i < d; i++)
                for (size_t j = 0; j < d; j++)
                    product += a[i * d + k] * s[i * d + j] * a[j * d + l];
            gram = fmax(gram, fabs(product - (k == l)));
        }
        for (size_t i = 0; i < d; i++) {
            double gap = 0;
            for (size_t j = 0; j < d; j++)
                gap += (b[i * d + j] - value[k] * s[i * d + j]) * a[j * d + k];
            residual = fmax(residual, fabs(gap));
        }
        if (k > 0) CU_ASSERT(value[k] >= value[k - 1]);
    }
    CU_ASSERT(residual < 1e-12);
    CU_ASSERT(gram < 1e-12);
}

static void one_eigenproblem(const struct process_grid *grid, size_t d)
{
    static double s_all[MAX_N * MAX_N], b_all[MAX_N * MAX_N], all[MAX_N * MAX_N], value[MAX_N];
    struct matrix x, s, b, vector;
    CU_ASSERT_EQUAL(matrix_init(&x, grid, 40, d), OK);
    CU_ASSERT_EQUAL(matrix_init(&s, grid, d, d), OK);
    CU_ASSERT_EQUAL(matrix_init(&b, grid, d, d), OK);
    CU_ASSERT_EQUAL(matrix_init(&vector, grid, d, d), OK);
    CU_ASSERT_EQUAL(fill(&x, false), OK);
    matrix_scatter(&s, &x, 1.0 / 40);
    matrix_add_diagonal(&s, 1);
    matrix_scatter(&b, &x, 3.0 / 40);
    CU_ASSERT_EQUAL(matrix_cholesky(&s), OK);
    CU_ASSERT_EQUAL(matrix_whiten(&b, &s), OK);
    CU_ASSERT_EQUAL(matrix_eigen(value, &vector, &b), OK);
    matrix_unwhiten(&vector, &s);
    matrix_gather(&vector, all);
    plain_scatter(s_all, 40, d);
    for (size_t i = 0; i < d * d; i++) {
        b_all[i] = 3 * s_all[i];
        s_all[i] += i % (d + 1) == 0;
    }
    check_axes(s_all, b_all, value, all, d);
    matrix_fini(&x);
    matrix_fini(&s);
    matrix_fini(&b);
    matrix_fini(&vector);
}

static void some_eigenproblems(const struct process_grid *grid)
{
    static const size_t sizes[] = {1, 2, 7, 8, 9, 16, 17, 33, 40};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) one_eigenproblem(grid, sizes[i]);
}

static void eigenproblems_are_solved(void)
{
    for_each_grid(some_eigenproblems);
}

/* -1 in the middle of the diagonal: the failure names where. */
static void not_definite(const struct process_grid *grid)
{
    static double rows[20 * 20];
    struct matrix s;
    for (size_t i = 0; i < 20; i++) rows[i * 20 + i] = i == 12 ? -1 : 1;
    CU_ASSERT_EQUAL(matrix_init(&s, grid, 20, 20), OK);
    CU_ASSERT_EQUAL(matrix_fill_rows(&s, rows, group_rank(world()) == 0 ? 20 : 0), OK);
    CU_ASSERT_EQUAL(matrix_cholesky(&s), FAILED);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(status_message(), "20 x 20 is not positive definite (PDPOTRF: 13)"));
    matrix_fini(&s);
}

static void refuses_indefinite_matrices(void)
{
    for_each_grid(not_definite);
}

static void refuses_bad_numbers(void)
{
    const int size = group_size(world()), rank = group_rank(world());
    struct process_grid grid;
    struct matrix matrix;
    double mine[6] = {0, 1, 2, 3, 4, rank == size - 1 ? (double)NAN : 5};
    int rows, columns;
    process_grid_shape(&rows, &columns, size);
    CU_ASSERT_EQUAL(process_grid_init(&grid, world(), rows, columns), OK);
    CU_ASSERT_EQUAL(matrix_init(&matrix, &grid, 2 * (size_t)size, 3), OK);
    CU_ASSERT_EQUAL(matrix_fill_rows(&matrix, mine, 2), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "row 1, coordinate 2 is "));
    matrix_fini(&matrix);
    CU_ASSERT_EQUAL(matrix_init(&matrix, &grid, (size_t)1 << 31, 1), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "is too large"));
    process_grid_fini(&grid);
    CU_ASSERT_EQUAL(process_grid_init(&grid, world(), 1, size + 1), FAILED);
    process_grid_fini(&grid);
}

static enum status whole_path(const struct process_grid *grid)
{
    enum status status = OK;
    double value[MAX_N];
    struct matrix x = {0}, s = {0}, b = {0}, vector = {0};
    TRY(matrix_init(&x, grid, 40, 9));
    TRY(matrix_init(&s, grid, 9, 9));
    TRY(matrix_init(&b, grid, 9, 9));
    TRY(matrix_init(&vector, grid, 9, 9));
    TRY(fill(&x, false));
    matrix_scatter(&s, &x, 1);
    matrix_scatter(&b, &x, 1);
    TRY(matrix_cholesky(&s));
    TRY(matrix_whiten(&b, &s));
    TRY(matrix_eigen(value, &vector, &b));
done:
    matrix_fini(&x);
    matrix_fini(&s);
    matrix_fini(&b);
    matrix_fini(&vector);
    return status;
}

/* The k-th allocation of one rank fails: every rank says so. */
static void all_ranks_hear_of_want(void)
{
    struct process_grid grid;
    int rows, columns;
    process_grid_shape(&rows, &columns, group_size(world()));
    CU_ASSERT_EQUAL(process_grid_init(&grid, world(), rows, columns), OK);
    for (int victim = 0; victim < rows * columns; victim++) {
        for (long k = 1; k <= 6; k++) {
            status_fault_set(group_rank(world()) == victim ? k : 0);
            CU_ASSERT_EQUAL(whole_path(&grid), FAILED);
            CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "no memory"));
        }
        status_fault_set(0);
    }
    CU_ASSERT_EQUAL(whole_path(&grid), OK);
    process_grid_fini(&grid);
}

static void grids_are_nearly_square(void)
{
    static const int want[][3] = {{1, 1, 1}, {2, 1, 2}, {3, 1, 3},  {4, 2, 2},  {5, 2, 2},
                                  {6, 2, 3}, {8, 2, 4}, {11, 3, 3}, {64, 8, 8}, {1000, 31, 32}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        int rows, columns;
        process_grid_shape(&rows, &columns, want[i][0]);
        CU_ASSERT_EQUAL(rows, want[i][1]);
        CU_ASSERT_EQUAL(columns, want[i][2]);
    }
}

static void products_are_blis(void)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(process_grid_library(), "libscalapack"));
    CU_ASSERT_PTR_NOT_NULL(strstr(process_grid_library(), "BLAS of libblis.so"));
}

/* The group of one has grids of its own, on every rank by itself. */
static void works_alone(void)
{
    struct process_grid grid;
    CU_ASSERT(process_grid_possible(group_self()));
    CU_ASSERT_EQUAL(process_grid_init(&grid, group_self(), 1, 1), OK);
    CU_ASSERT(process_grid_inside(&grid));
    struct matrix matrix;
    double mine[] = {1, 2, 3, 4, 5, 6}, all[6];
    CU_ASSERT_EQUAL(matrix_init(&matrix, &grid, 3, 2), OK);
    CU_ASSERT_EQUAL(matrix_fill_rows(&matrix, mine, 3), OK);
    matrix_gather(&matrix, all);
    CU_ASSERT_EQUAL(memcmp(all, mine, sizeof all), 0);
    matrix_fini(&matrix);
    process_grid_fini(&grid);
}

const char *const suite_name = "matrix";
const struct suite_test suite_tests[] = {
    {"rows reach their blocks", rows_reach_their_blocks},
    {"scatters are sums", scatters_are_sums},
    {"eigenproblems are solved", eigenproblems_are_solved},
    {"refuses indefinite matrices", refuses_indefinite_matrices},
    {"refuses bad numbers", refuses_bad_numbers},
    {"all ranks hear of want", all_ranks_hear_of_want},
    {"grids are nearly square", grids_are_nearly_square},
    {"products are BLIS's", products_are_blis},
    {"works alone", works_alone},
    {NULL, NULL},
};
