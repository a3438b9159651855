/* ScaLAPACK's routines by what they do here. */
#include "matrix.h"
#include "scalapack.h"

#include <math.h>

static const int FIRST = 1; /* row and column of a whole matrix */

static int order_of(const struct matrix *matrix)
{
    return (int)matrix->columns;
}

static bool inside(const struct matrix *matrix)
{
    return process_grid_inside(matrix->grid);
}

void matrix_scatter(struct matrix *scatter, const struct matrix *x, double scale)
{
    const int n = order_of(scatter), n_rows = (int)x->rows;
    const double none = 0;
    ASSERT(scatter->rows == x->columns && scatter->columns == x->columns);
    for (size_t i = 0; i < scatter->local_rows * scatter->local_columns; i++) scatter->local[i] = 0;
    if (n_rows > 0 && inside(x))
        pdsyrk_("L", "T", &n, &n_rows, &scale, x->local, &FIRST, &FIRST, x->descriptor, &none,
                scatter->local, &FIRST, &FIRST, scatter->descriptor);
}

enum status matrix_cholesky(struct matrix *s)
{
    const int n = order_of(s);
    int info = 0;
    if (inside(s)) pdpotrf_("L", &n, s->local, &FIRST, &FIRST, s->descriptor, &info, 1);
    enum status local = OK;
    if (info != 0)
        local = status_fail(FAILED, "a matrix of %d x %d is not positive definite (PDPOTRF: %d)", n,
                            n, info);
    return group_agree(s->grid->group, local);
}

enum status matrix_whiten(struct matrix *b, const struct matrix *factor)
{
    const int n = order_of(b), type = 1;
    double scale = 1;
    int info = 0;
    if (inside(b))
        pdsygst_(&type, "L", &n, b->local, &FIRST, &FIRST, b->descriptor, factor->local, &FIRST,
                 &FIRST, factor->descriptor, &scale, &info, 1);
    ASSERT(scale == 1); /* ScaLAPACK keeps it for later use */
    enum status local = OK;
    if (info != 0) local = status_fail(FAILED, "whitening failed (PDSYGST: %d)", info);
    return group_agree(b->grid->group, local);
}

/* Room that PDSYEVD asks for, and at least what its manual says. */
struct workspace {
    double *work;
    int *integers, n_work, n_integers;
};

static int call_eigen(double *value, struct matrix *vector, struct matrix *a,
                      struct workspace *room)
{
    const int n = order_of(a);
    int info = 0;
    pdsyevd_("V", "L", &n, a->local, &FIRST, &FIRST, a->descriptor, value, vector->local, &FIRST,
             &FIRST, vector->descriptor, room->work, &room->n_work, room->integers,
             &room->n_integers, &info, 1, 1);
    return info;
}

static enum status make_workspace(struct workspace *room, double *value, struct matrix *vector,
                                  struct matrix *a)
{
    const struct process_grid *grid = a->grid;
    const size_t n = a->columns,
                 held = (a->local_rows + MATRIX_BLOCK) * (a->local_columns + MATRIX_BLOCK);
    double asked = 0;
    int asked_integers = 0;
    if (!inside(a)) return OK;
    *room = (struct workspace){&asked, &asked_integers, -1, -1};
    const int info = call_eigen(value, vector, a, room);
    *room = (struct workspace){0};
    if (info != 0) return status_fail(FAILED, "PDSYEVD asks for no workspace (%d)", info);
    const double least = (double)(12 * n + 4 * held + MATRIX_BLOCK * MATRIX_BLOCK);
    const int least_integers = (int)(7 * n) + 8 * grid->columns + 2;
    room->n_work = (int)fmax(asked, least) + 1;
    room->n_integers = asked_integers > least_integers ? asked_integers : least_integers;
    room->work = malloc((size_t)room->n_work * sizeof *room->work);
    room->integers = malloc((size_t)room->n_integers * sizeof *room->integers);
    if (!room->work || !room->integers || status_fault())
        return status_fail(FAILED, "no memory for %d eigenvalues", order_of(a));
    return OK;
}

/* After a failure that nobody reports, values are as large as 1e30 or no numbers. */
static enum status check_values(int info, const double *value, size_t n)
{
    if (info != 0) return status_fail(FAILED, "eigenvalues not found (PDSYEVD: %d)", info);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(value[i])) return status_fail(FAILED, "eigenvalue %zu is %g", i, value[i]);
    return OK;
}

enum status matrix_eigen(double *value, struct matrix *vector, struct matrix *a)
{
    enum status status = OK;
    struct group *group = a->grid->group;
    struct workspace room = {0};
    int info = 0;
    TRY(group_agree(group, make_workspace(&room, value, vector, a)));
    if (inside(a)) info = call_eigen(value, vector, a, &room);
    TRY(group_agree(group, inside(a) ? check_values(info, value, a->columns) : OK));
    group_broadcast(group, value, a->columns * sizeof *value, 0);
done:
    free(room.work);
    free(room.integers);
    return status;
}

void matrix_unwhiten(struct matrix *vector, const struct matrix *factor)
{
    const int n = order_of(factor), columns = order_of(vector);
    const double one = 1;
    if (inside(vector))
        pdtrsm_("L", "L", "T", "N", &n, &columns, &one, factor->local, &FIRST, &FIRST,
                factor->descriptor, vector->local, &FIRST, &FIRST, vector->descriptor);
}
