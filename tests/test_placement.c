/* placement: what launchers say, mis-launches, and ranks with different kernels. */
#define _GNU_SOURCE
#include "placement.h"
#include "runner.h"

#include <stdlib.h>
#include <string.h>

/* As no launcher left it. */
static void clear(void)
{
    static const char *const names[] = {
        "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE",     "PMI_RANK",    "PMIX_RANK",
        "SLURM_STEP_NUM_TASKS", "SLURM_PROCID",         "SLURM_NTASKS", "SLURM_JOB_ID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
}

static struct placement read_with(const char *name, const char *value)
{
    setenv(name, value, 1);
    return placement_read();
}

static int refuses(const struct placement *placement, int size, const char *part)
{
    return placement_check(placement, size) == USAGE && strstr(status_message(), part);
}

static void needs_no_launcher(void)
{
    clear();
    struct placement placement = placement_read();
    CU_ASSERT_PTR_NULL(placement.variable);
    CU_ASSERT_EQUAL(placement_check(&placement, 1), OK);
    CU_ASSERT_EQUAL(placement_check(&placement, 4), OK);
    /* a batch script has these, whatever runs in it */
    placement = read_with("SLURM_NTASKS", "4");
    placement = read_with("SLURM_PROCID", "0");
    CU_ASSERT_EQUAL(placement_check(&placement, 1), OK);
}

static void reads_srun(void)
{
    clear();
    setenv("SLURM_PROCID", "3", 1);
    const struct placement placement = read_with("SLURM_STEP_NUM_TASKS", "4");
    CU_ASSERT_EQUAL(placement.ranks, 4);
    CU_ASSERT_EQUAL(placement.rank, 3);
    CU_ASSERT_EQUAL(placement_check(&placement, 4), OK);
    CU_ASSERT(refuses(&placement, 1, "SLURM_STEP_NUM_TASKS = 4, but MPI joins 1"));
    CU_ASSERT(refuses(&placement, 1, "srun --mpi=pmix"));
}

static void wants_pmix_of_srun(void)
{
    clear();
    struct placement placement = placement_read();
    CU_ASSERT_EQUAL(placement_check_wires(&placement), OK);
    placement = read_with("SLURM_STEP_NUM_TASKS", "1");
    CU_ASSERT_EQUAL(placement_check_wires(&placement), USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "no PMIx: launch with srun --mpi=pmix"));
    placement = read_with("PMIX_RANK", "0");
    CU_ASSERT_EQUAL(placement_check_wires(&placement), OK);
    clear();
    placement = read_with("OMPI_COMM_WORLD_SIZE", "2");
    CU_ASSERT_EQUAL(placement_check_wires(&placement), OK);
}

/* Its daemon on the second node is a step of one task, and rank 2 has the daemon's SLURM_PROCID. */
static void asks_mpirun_first(void)
{
    clear();
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    setenv("SLURM_PROCID", "0", 1);
    setenv("OMPI_COMM_WORLD_RANK", "2", 1);
    const struct placement placement = read_with("OMPI_COMM_WORLD_SIZE", "4");
    CU_ASSERT_EQUAL(placement.ranks, 4);
    CU_ASSERT_EQUAL(placement.rank, 2);
    CU_ASSERT_EQUAL(placement_check(&placement, 4), OK);
    CU_ASSERT(refuses(&placement, 1, "mpirun of the MPI that affekt --version names"));
}

static void sees_another_mpi(void)
{
    clear();
    const struct placement placement = read_with("PMI_SIZE", "2");
    CU_ASSERT(refuses(&placement, 1, "PMI_SIZE = 2"));
}

static void ignores_nonsense(void)
{
    static const char *const values[] = {"", "0", "-4", "4x", " 4", "0x4"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        clear();
        const struct placement placement = read_with("SLURM_STEP_NUM_TASKS", values[i]);
        CU_ASSERT_PTR_NULL(placement.variable);
    }
}

static void compares_kernels(void)
{
    struct group *group = NULL;
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    const int last = group_size(group) - 1;
    CU_ASSERT_NSTRING_EQUAL(placement_kernels("zen3"), "zen3, ", 6);
    CU_ASSERT_EQUAL(placement_agree(group, "skx, x86-64-v4"), OK);
    const char *mine = group_rank(group) == last ? "zen3, x86-64-v3" : "skx, x86-64-v4";
    const enum status status = placement_agree(group, mine);
    CU_ASSERT_EQUAL(status, last == 0 ? OK : FAILED);
    if (last > 0) {
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "zen3, x86-64-v3, rank 0 with those of"));
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "--constraint"));
    }
    group_world_destroy(group);
}

const char *const suite_name = "placement";
const struct suite_test suite_tests[] = {
    {"needs no launcher", needs_no_launcher},
    {"reads srun's environment", reads_srun},
    {"wants PMIx of srun", wants_pmix_of_srun},
    {"asks mpirun before Slurm", asks_mpirun_first},
    {"sees the launcher of another MPI", sees_another_mpi},
    {"ignores values that are no numbers", ignores_nonsense},
    {"compares the ranks' kernels", compares_kernels},
    {NULL, NULL},
};
