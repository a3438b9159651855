/**
 * Where this process runs: what its launcher said of it, and whether the ranks compute alike.
 *
 * The one file that reads the launcher's environment.  SLURM_NTASKS and SLURM_PROCID are not asked
 * for the number of ranks: below mpirun they describe its daemons, and a batch script has them too.
 */
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include "group.h"

#include <stdbool.h>

/** What the launcher said of this process. */
struct placement {
    const char *variable; /* that told the number of ranks; NULL: no launcher, or a silent one */
    long ranks;           /* 0 when untold */
    long rank;            /* 0 when untold */
    bool wired;           /* the launcher offers a way for its ranks to meet */
};

/** Reads the launcher's variables; to be called before MPI begins, which sets some itself.
 *  Local. */
struct placement placement_read(void);

/**
 * Refuses tasks of srun without PMIx, which Open MPI would end in MPI_Init with a page of text.
 * Local; needs no MPI.
 */
STATUS_CHECKED enum status placement_check_wires(const struct placement *placement);

/**
 * Refuses ranks that MPI does not join: N programs that would each do the whole work.  Local; the
 * same on every rank.
 *
 * @param size  ranks that MPI sees
 * @return USAGE with the number the launcher started and what to launch with instead
 */
STATUS_CHECKED enum status placement_check(const struct placement *placement, int size);

/** "skx, x86-64-v4": the kernels that this process computes with, given BLIS's.  Valid until this
 *  thread's next call.  Local. */
const char *placement_kernels(const char *blis_kernel);

/**
 * Whether all ranks compute with rank 0's kernels, without which their bits differ.  Collective.
 *
 * @return FAILED with the lowest rank that does not
 */
STATUS_CHECKED enum status placement_agree(struct group *group, const char *kernels);

#endif
