/* Placement. */
#define _GNU_SOURCE
#include "placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNELS_BYTES = 64 };

/* The launchers that tell the number of ranks.  An inner launcher comes before the one that started
 * it: mpirun starts its daemons with srun. */
static const struct launcher {
    const char *ranks, *rank;
    const char *wire; /* set when ranks can meet */
    const char *advice;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "use the mpirun of the MPI that affekt --version names"},
    {"PMI_SIZE", "PMI_RANK", "PMI_RANK",
     "launch with srun --mpi=pmix or with the mpirun of the MPI that affekt --version names"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "PMIX_RANK",
     "launch with srun --mpi=pmix (srun --mpi=list must name it), or else with mpirun"},
};
enum { N_LAUNCHERS = sizeof launchers / sizeof *launchers };

/* A whole number from the environment; -1 for none. */
static long read_number(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    if (!text || !*text || strspn(text, "0123456789") != strlen(text)) return -1;
    const long number = strtol(text, &end, 10);
    return *end ? -1 : number;
}

struct placement placement_read(void)
{
    for (size_t i = 0; i < N_LAUNCHERS; i++) {
        const long ranks = read_number(launchers[i].ranks), rank = read_number(launchers[i].rank);
        if (ranks > 0)
            return (struct placement){.variable = launchers[i].ranks,
                                      .ranks = ranks,
                                      .rank = rank > 0 ? rank : 0,
                                      .wired = getenv(launchers[i].wire) != NULL};
    }
    return (struct placement){0};
}

static const char *advice(const struct placement *placement)
{
    const struct launcher *launcher = launchers;
    while (strcmp(launcher->ranks, placement->variable) != 0) launcher++;
    return launcher->advice;
}

enum status placement_check_wires(const struct placement *placement)
{
    if (!placement->variable || placement->wired) return OK;
    if (strncmp(group_library_version(), "Open MPI", strlen("Open MPI")) != 0) return OK;
    return status_fail(USAGE, "%s = %ld, but the launcher offers MPI no PMIx: %s",
                       placement->variable, placement->ranks, advice(placement));
}

enum status placement_check(const struct placement *placement, int size)
{
    if (!placement->variable || placement->ranks == size) return OK;
    return status_fail(USAGE, "%s = %ld, but MPI joins %d of the ranks: %s", placement->variable,
                       placement->ranks, size, advice(placement));
}

/* The level that the clones of model/simd.h are chosen by. */
static const char *cpu_level(void)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
    if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
#endif
    return "baseline";
}

const char *placement_kernels(const char *blis_kernel)
{
    static _Thread_local char text[KERNELS_BYTES];
    snprintf(text, sizeof text, "%.32s, %s", blis_kernel, cpu_level());
    return text;
}

enum status placement_agree(struct group *group, const char *kernels)
{
    char mine[KERNELS_BYTES] = "", first[KERNELS_BYTES];
    snprintf(mine, sizeof mine, "%s", kernels);
    memcpy(first, mine, sizeof first);
    group_broadcast(group, first, sizeof first, 0);
    enum status local = OK;
    if (strcmp(first, mine) != 0)
        local = status_fail(FAILED,
                            "computes with the kernels of %s, rank 0 with those of %s: ask Slurm "
                            "for one kind of CPU (sbatch --constraint)",
                            mine, first);
    return group_agree(group, local);
}
