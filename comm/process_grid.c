/* BLACS grids on a group's communicator. */
#define _GNU_SOURCE /* dladdr */
#include "process_grid.h"

#include "scalapack.h"

#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

/* Takes a communicator, so it is not in scalapack.h. */
int Csys2blacs_handle(MPI_Comm comm);

bool process_grid_possible(struct group *group)
{
    int begun = 0, ended = 0;
    if (group_communicator(group)) return true;
    MPI_Initialized(&begun);
    MPI_Finalized(&ended);
    return begun && !ended;
}

void process_grid_shape(int *rows, int *columns, int n_ranks)
{
    *rows = 1;
    while ((*rows + 1) * (*rows + 1) <= n_ranks) ++*rows;
    *columns = n_ranks / *rows;
}

enum status process_grid_init(struct process_grid *grid, struct group *group, int rows, int columns)
{
    *grid = (struct process_grid){0};
    ASSERT(rows > 0 && columns > 0);
    if (!process_grid_possible(group))
        return status_fail(FAILED, "ScaLAPACK needs MPI, which has not begun");
    if (rows > group_size(group) / columns)
        return status_fail(FAILED, "a grid of %d x %d ranks on %d", rows, columns,
                           group_size(group));
    const MPI_Comm *comm = group_communicator(group);
    const int handle = Csys2blacs_handle(comm ? *comm : MPI_COMM_SELF);
    *grid = (struct process_grid){.group = group,
                                  .rows = rows,
                                  .columns = columns,
                                  .row = -1,
                                  .column = -1,
                                  .context = handle,
                                  .handle = handle};
    Cblacs_gridinit(&grid->context, "Row", rows, columns);
    if (group_rank(group) >= rows * columns) {
        grid->context = -1;
        return OK;
    }
    grid->row = group_rank(group) / columns;
    grid->column = group_rank(group) % columns;
    return OK;
}

void process_grid_fini(struct process_grid *grid)
{
    if (!grid->group) return;
    if (process_grid_inside(grid)) Cblacs_gridexit(grid->context);
    Cfree_blacs_system_handle(grid->handle);
    *grid = (struct process_grid){0};
}

bool process_grid_inside(const struct process_grid *grid)
{
    return grid->context >= 0;
}

/* The name, links resolved, of the file that a function comes from. */
static void file_of(char *name, size_t size, const char *function)
{
    Dl_info info;
    const void *address = dlsym(RTLD_DEFAULT, function);
    const bool found = address && dladdr(address, &info) != 0 && info.dli_fname;
    char *path = found ? realpath(info.dli_fname, NULL) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    snprintf(name, size, "%s", slash ? slash + 1 : "an unknown library");
    free(path);
}

const char *process_grid_library(void)
{
    static _Thread_local char text[160];
    char own[64], blas[64];
    file_of(own, sizeof own, "pdpotrf_");
    file_of(blas, sizeof blas, "dgemm_");
    snprintf(text, sizeof text, "%s, BLAS of %s", own, blas);
    return text;
}
