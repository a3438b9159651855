/* Scatter, whitening and the generalised symmetric eigenproblem. */
#include "discriminant.h"

#include "matrix.h"
#include "sum.h"

#include <math.h>
#include <string.h>

static const double SHRINKAGE = 1e-3; /* of the mean variance within classes */

/* What the work is done on. */
struct work {
    struct discriminant *result;
    struct group *group;
    const struct discriminant_rows *rows;
    bool exact;
    double *classes;   /* owned; (n_classes, 1 + D) count and mean of each */
    double *centred;   /* owned; (n_labelled, D) this rank's rows about their mean */
    size_t n_labelled; /* of this rank */
    double *square;    /* owned; (D, D) */
    struct process_grid grid;
    struct matrix within, between, vector;
};

static enum status check_rows(struct work *work)
{
    const struct discriminant_rows *rows = work->rows;
    const size_t d = rows->dimensions;
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->label[i] < 0) continue;
        ASSERT((size_t)rows->label[i] < rows->n_classes);
        work->n_labelled++;
        for (size_t j = 0; j < d; j++)
            if (!isfinite(rows->x[i * d + j]))
                return status_fail(FAILED, "discriminant: row %zu, coordinate %zu is %g", i, j,
                                   rows->x[i * d + j]);
    }
    return OK;
}

static enum status work_init(struct work *work)
{
    struct discriminant *result = work->result;
    const size_t d = work->rows->dimensions, classes = work->rows->n_classes;
    ASSERT(d > 0 && classes <= DISCRIMINANT_MAX_CLASSES);
    const enum status status = check_rows(work);
    if (status != OK) return status;
    result->dimensions = d;
    result->mean = calloc(d * (d + 2), sizeof *result->mean);
    work->classes = calloc(classes * (1 + d), sizeof *work->classes);
    work->centred = malloc((work->n_labelled * d + 1) * sizeof *work->centred);
    work->square = calloc(d * d, sizeof *work->square);
    if (!result->mean || !work->classes || !work->centred || !work->square || status_fault())
        return status_fail(FAILED, "no memory for a discriminant of %zu rows", work->rows->n);
    result->value = result->mean + d;
    result->axis = result->value + d;
    return OK;
}

static void work_fini(struct work *work)
{
    matrix_fini(&work->within);
    matrix_fini(&work->between);
    matrix_fini(&work->vector);
    process_grid_fini(&work->grid);
    free(work->classes);
    free(work->centred);
    free(work->square);
}

/* Sums of rows by class, over all ranks: exactly, or as they come. */
static enum status sum_classes(struct work *work)
{
    enum status status = OK;
    const struct discriminant_rows *rows = work->rows;
    const size_t d = rows->dimensions, size = 1 + d;
    struct sum *sum = NULL;
    const double one = 1;
    if (work->exact) TRY(group_agree(work->group, sum_create(&sum, rows->n_classes * size)));
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->label[i] < 0) continue;
        const size_t at = (size_t)rows->label[i] * size;
        const double *x = rows->x + i * d;
        if (sum) {
            sum_add(sum, at, &one, 1);
            sum_add(sum, at + 1, x, d);
            continue;
        }
        work->classes[at] += 1;
        for (size_t j = 0; j < d; j++) work->classes[at + 1 + j] += x[j];
    }
    if (sum) {
        sum_over_ranks(sum, work->group);
        sum_read(sum, work->classes);
    } else {
        group_sum_doubles(work->group, work->classes, rows->n_classes * size);
    }
done:
    sum_destroy(sum);
    return status;
}

/* From sums to means: of all labelled rows and of each class.  Returns how many classes have
 * rows. */
static size_t average(struct work *work)
{
    struct discriminant *result = work->result;
    const size_t d = result->dimensions, size = 1 + d;
    double total = 0;
    size_t present = 0;
    for (size_t c = 0; c < work->rows->n_classes; c++) {
        double *class = work->classes + c * size;
        total += class[0];
        present += class[0] > 0;
        for (size_t j = 1; j<size &&class[0]> 0; j++) {
            result->mean[j - 1] += class[j];
            class[j] /= class[0];
        }
    }
    for (size_t j = 0; j < d && total > 0; j++) result->mean[j] /= total;
    result->n_rows = (size_t)total;
    return present;
}

static void centre(struct work *work)
{
    const struct discriminant_rows *rows = work->rows;
    const size_t d = rows->dimensions;
    double *to = work->centred;
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->label[i] < 0) continue;
        const double *mean = work->classes + (size_t)rows->label[i] * (1 + d) + 1;
        for (size_t j = 0; j < d; j++) *to++ = rows->x[i * d + j] - mean[j];
    }
}

/* The scatter within classes summed exactly, the lower triangle of (D, D) on every rank: row by
 * row, since an exact sum is large. */
static enum status sum_scatter(struct work *work)
{
    enum status status = OK;
    const size_t d = work->result->dimensions;
    struct sum *sum = NULL;
    TRY(group_agree(work->group, sum_create(&sum, d)));
    for (size_t j = 0; j < d; j++) {
        double *row = work->square + j * d;
        sum_clear(sum);
        for (size_t i = 0; i < work->n_labelled; i++) {
            const double *x = work->centred + i * d;
            for (size_t k = 0; k <= j; k++) row[k] = x[j] * x[k];
            sum_add(sum, 0, row, j + 1);
        }
        sum_over_ranks(sum, work->group);
        sum_read(sum, row);
        for (size_t k = 0; k <= j; k++) row[k] /= (double)work->result->n_rows;
    }
done:
    sum_destroy(sum);
    return status;
}

static enum status make_within(struct work *work)
{
    enum status status = OK;
    struct matrix x = {0};
    const size_t d = work->result->dimensions, n = work->result->n_rows;
    if (work->exact) {
        TRY(sum_scatter(work));
        TRY(matrix_fill_rows(&work->within, work->square, group_rank(work->group) == 0 ? d : 0));
    } else {
        TRY(matrix_init(&x, &work->grid, n, d));
        TRY(matrix_fill_rows(&x, work->centred, work->n_labelled));
        matrix_scatter(&work->within, &x, 1 / (double)n);
    }
done:
    matrix_fini(&x);
    return status;
}

/* Rows sqrt(share of the class) (its mean - the mean), from rank 0. */
static enum status make_between(struct work *work)
{
    enum status status = OK;
    struct matrix x = {0};
    const size_t d = work->result->dimensions, n = work->rows->n_classes;
    for (size_t c = 0; c < n; c++) {
        double *class = work->classes + c * (1 + d);
        const double root = sqrt(class[0] / (double)work->result->n_rows);
        for (size_t j = 0; j < d; j++) /* the means move up: their counts are used up */
            work->classes[c * d + j] = root * (class[1 + j] - work->result->mean[j]);
    }
    TRY(matrix_init(&x, &work->grid, n, d));
    TRY(matrix_fill_rows(&x, work->classes, group_rank(work->group) == 0 ? n : 0));
    matrix_scatter(&work->between, &x, 1);
done:
    matrix_fini(&x);
    return status;
}

static enum status make_matrices(struct work *work)
{
    enum status status = OK;
    const size_t d = work->result->dimensions;
    int rows = 1, columns = 1;
    if (!work->exact) process_grid_shape(&rows, &columns, group_size(work->group));
    TRY(process_grid_init(&work->grid, work->group, rows, columns));
    TRY(matrix_init(&work->within, &work->grid, d, d));
    TRY(matrix_init(&work->between, &work->grid, d, d));
    TRY(matrix_init(&work->vector, &work->grid, d, d));
    TRY(make_within(work));
    TRY(make_between(work));
done:
    return status;
}

static enum status solve(struct work *work)
{
    enum status status = OK;
    struct discriminant *result = work->result;
    const size_t d = result->dimensions;
    const double trace = matrix_trace(&work->within);
    if (!(trace > 0)) return OK; /* no axes */
    matrix_add_diagonal(&work->within, SHRINKAGE * trace / (double)d);
    TRY(matrix_cholesky(&work->within));
    TRY(matrix_whiten(&work->between, &work->within));
    TRY(matrix_eigen(result->value, &work->vector, &work->between));
    matrix_unwhiten(&work->vector, &work->within);
    matrix_gather(&work->vector, work->square);
    result->n_axes = d;
done:
    return status;
}

/* 1 or -1: what makes the first of the axis's largest elements positive; those that rounding alone
 * tells apart count as equal, lest the sign depend on the grid. */
static double sign_of(const double *axis, size_t d)
{
    static const double EQUAL = 1 - 1e-6;
    double largest = 0;
    size_t first = 0;
    for (size_t j = 0; j < d; j++) largest = fmax(largest, fabs(axis[j * d]));
    while (fabs(axis[first * d]) < EQUAL * largest) first++;
    return axis[first * d] < 0 ? -1 : 1;
}

/* Descending values, and axes with their sign. */
static void arrange(struct work *work)
{
    struct discriminant *result = work->result;
    const size_t d = result->dimensions;
    for (size_t i = 0; i < result->n_axes; i++) {
        const double *from = work->square + d - 1 - i;
        const double sign = sign_of(from, d);
        for (size_t j = 0; j < d; j++) result->axis[j * d + i] = sign * from[j * d];
    }
    for (size_t i = 0; i < result->n_axes / 2; i++) {
        const double value = result->value[i];
        result->value[i] = result->value[d - 1 - i];
        result->value[d - 1 - i] = value;
    }
}

enum status discriminant_create(struct discriminant *discriminant, struct group *group,
                                const struct discriminant_rows *rows, bool exact)
{
    enum status status = OK;
    struct work work = {.result = discriminant, .group = group, .rows = rows, .exact = exact};
    *discriminant = (struct discriminant){0};
    TRY(group_agree(group, work_init(&work)));
    TRY(sum_classes(&work));
    if (average(&work) < 2) goto done; /* no axes */
    centre(&work);
    TRY(make_matrices(&work));
    TRY(solve(&work));
    arrange(&work);
done:
    if (status != OK) discriminant_fini(discriminant);
    work_fini(&work);
    return status;
}

void discriminant_fini(struct discriminant *discriminant)
{
    free(discriminant->mean);
    *discriminant = (struct discriminant){0};
}

void discriminant_place(double *y, const struct discriminant *discriminant, const double *x)
{
    const size_t n = discriminant->n_axes;
    memset(y, 0, n * sizeof *y);
    for (size_t d = 0; d < discriminant->dimensions; d++)
        for (size_t i = 0; i < n; i++)
            y[i] += (x[d] - discriminant->mean[d]) * discriminant->axis[d * n + i];
}

void discriminant_spread(double *y, const struct discriminant *discriminant, const double *v)
{
    const size_t n = discriminant->n_axes;
    memset(y, 0, n * sizeof *y);
    for (size_t d = 0; d < discriminant->dimensions; d++)
        for (size_t i = 0; i < n; i++) {
            const double a = discriminant->axis[d * n + i];
            y[i] += a * a * v[d];
        }
}
