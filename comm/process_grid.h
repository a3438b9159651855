/**
 * A grid of ranks for ScaLAPACK: the first rows x columns ranks of a group, row by row.
 *
 * The ranks beyond the grid hold nothing of its matrices and take part in every collective call all
 * the same (matrix.h).  ScaLAPACK needs MPI: a group of one works once MPI has begun, as in every
 * program that made the world group.
 */
#ifndef PROCESS_GRID_H
#define PROCESS_GRID_H

#include "group.h"

struct process_grid {
    struct group *group; /* borrowed */
    int rows, columns;
    int row, column; /* this rank's place; -1 outside the grid */
    int context;     /* BLACS's, -1 outside the grid */
    int handle;      /* BLACS's name of the communicator */
};

/** Whether the group can have a grid: MPI has begun and not ended.  Local. */
bool process_grid_possible(struct group *group);

/** The largest nearly square grid of at most `n_ranks` ranks: rows is the root of n_ranks, columns
 *  what fits.  Local.  Cannot fail. */
void process_grid_shape(int *rows, int *columns, int n_ranks);

/**
 * Makes the grid.  Collective.
 *
 * @param[out] grid  to be freed by process_grid_fini; zeroed on failure
 * @param rows, columns  the same on every rank, both at least 1
 *
 * Fails without MPI and when the group has fewer ranks.
 */
STATUS_CHECKED enum status process_grid_init(struct process_grid *grid, struct group *group,
                                             int rows, int columns);

/** Frees what process_grid_init made; a zeroed grid is allowed.  Collective. */
void process_grid_fini(struct process_grid *grid);

/** Whether this rank holds a part of the grid's matrices.  Local. */
bool process_grid_inside(const struct process_grid *grid);

/** "libscalapack-openmpi.so.2.2.1, BLAS of libblis.so.4.0.0": the files that ScaLAPACK and its
 *  matrix products come from, as the dynamic linker resolved them; neither tells its version.
 *  Valid until this thread's next call.  Local. */
const char *process_grid_library(void);

#endif
