/* topology: the kernel's description of a made-up machine, this one, and the advice on placements.
 */
#define _GNU_SOURCE
#include "runner.h"
#include "topology.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_RANKS = 16 };

static struct topology all[MAX_RANKS];
static char report[TOPOLOGY_TEXT], advice[TOPOLOGY_TEXT];

static void write_file(const char *root, const char *name, const char *text)
{
    char path[512], command[600];
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(command, sizeof command, "mkdir -p $(dirname %s)", path);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "%s\n", text);
    fclose(file);
}

/* Two sockets of four cores, each core of two threads that are numbered eight apart. */
static void make_machine(const char *root)
{
    char name[128], text[32];
    write_file(root, "devices/system/cpu/online", "0-15");
    write_file(root, "devices/system/node/online", "0-1");
    write_file(root, "devices/system/node/node0/cpulist", "0-3,8-11");
    write_file(root, "devices/system/node/node1/cpulist", "4-7,12-15");
    for (int cpu = 0; cpu < 16; cpu++) {
        snprintf(name, sizeof name, "devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        snprintf(text, sizeof text, "%d,%d", cpu % 8, cpu % 8 + 8);
        write_file(root, name, text);
        snprintf(name, sizeof name, "devices/system/cpu/cpu%d/cache/index3/shared_cpu_list", cpu);
        write_file(root, name, cpu % 8 < 4 ? "0-3,8-11" : "4-7,12-15");
    }
}

static void allow(struct topology *topology, int first, int last)
{
    for (int i = first; i <= last; i++) topology->cpus[i / 64] |= (uint64_t)1 << (i % 64);
}

static int bits(const uint64_t *words)
{
    int n = 0;
    for (int i = 0; i < TOPOLOGY_WORDS; i++) n += __builtin_popcountll(words[i]);
    return n;
}

static void reads_the_kernels_description(void)
{
    char root[] = "/tmp/affekt-sys-XXXXXX", command[64];
    struct topology topology = {.node = "n"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
    make_machine(root);
    allow(&topology, 0, 15);
    topology_read(&topology, root);
    CU_ASSERT_EQUAL(bits(topology.cores), 8);
    CU_ASSERT_EQUAL(topology.n_online, 16);
    CU_ASSERT_EQUAL(topology.n_numa, 2);
    CU_ASSERT_EQUAL(topology.n_caches, 2);
    topology = (struct topology){.node = "n"};
    allow(&topology, 2, 3);
    allow(&topology, 10, 11);
    topology_read(&topology, root);
    CU_ASSERT_EQUAL(bits(topology.cores), 2);
    CU_ASSERT_EQUAL(topology.n_numa, 1);
    CU_ASSERT_EQUAL(topology.n_caches, 1);
    snprintf(command, sizeof command, "rm -rf %s", root);
    CU_ASSERT_EQUAL(system(command), 0);
    /* a kernel that says nothing: a core a CPU */
    topology_read(&topology, root);
    CU_ASSERT_EQUAL(bits(topology.cores), 4);
    CU_ASSERT_EQUAL(topology.n_numa, 0);
    CU_ASSERT_EQUAL(topology.n_caches, 0);
    CU_ASSERT_EQUAL(topology.n_online, 4);
}

static void sees_this_process(void)
{
    cpu_set_t before;
    struct topology mine, gathered[4];
    struct group *group = NULL;
    CU_ASSERT_EQUAL(sched_getaffinity(0, sizeof before, &before), 0);
    topology_self(&mine);
    topology_read(&mine, "/sys");
    CU_ASSERT_EQUAL(bits(mine.cpus), CPU_COUNT(&before));
    CU_ASSERT(bits(mine.cores) >= 1 && bits(mine.cores) <= bits(mine.cpus));
    CU_ASSERT(mine.n_online >= bits(mine.cpus));
    CU_ASSERT_NOT_EQUAL(mine.node[0], 0);
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    mine.n_caches = 100 + group_rank(group);
    topology_gather(group, gathered, &mine);
    for (int i = 0; i < group_size(group); i++) CU_ASSERT_EQUAL(gathered[i].n_caches, 100 + i);
    group_world_destroy(group);
}

/* `n` ranks of a node of `online` CPUs, the first of them the rank `from`; each may use the CPUs
 * first + i * step to first + i * step + width - 1. */
static void place(int from, int n, int online, int first, int step, int width)
{
    for (int i = 0; i < n; i++) {
        struct topology *t = &all[from + i];
        *t = (struct topology){.n_online = online, .n_numa = 1, .n_caches = 1};
        snprintf(t->node, sizeof t->node, "n%d", from);
        allow(t, first + i * step, first + i * step + width - 1);
        memcpy(t->cores, t->cpus, sizeof t->cores);
    }
}

static int advises(int n, int threads, const char *want)
{
    topology_describe(all, n, threads, report, advice);
    if (strcmp(advice, want) == 0) return 1;
    printf("  said: %s\n", advice);
    return 0;
}

static void is_silent_where_all_is_well(void)
{
    place(0, 4, 4, 0, 1, 1);
    CU_ASSERT(advises(4, 1, ""));
    CU_ASSERT_STRING_EQUAL(report, "placement: 1 node, 4 ranks a node, 1 thread a rank; a rank may "
                                   "use 1 CPU, in 1 NUMA node and 1 L3 cache");
    place(0, 4, 4, 0, 0, 4); /* none is bound */
    CU_ASSERT(advises(4, 1, ""));
    place(0, 2, 8, 0, 4, 4);
    CU_ASSERT(advises(2, 4, ""));
    place(0, 1, 2, 0, 0, 2); /* a laptop */
    CU_ASSERT(advises(1, 1, ""));
    place(0, 2, 4, 0, 2, 2);
    place(2, 3, 9, 0, 3, 3);
    CU_ASSERT(advises(5, 2, ""));
    CU_ASSERT_STRING_EQUAL(report,
                           "placement: 2 nodes, 2 to 3 ranks a node, 2 threads a rank; a rank "
                           "may use 2 to 3 CPUs, in 1 NUMA node and 1 L3 cache");
}

static void names_crowded_cpus(void)
{
    place(0, 1, 8, 3, 0, 1);
    CU_ASSERT(advises(1, 4,
                      "n0: 4 threads a rank, but rank 0 may use 1 CPU: give srun "
                      "--cpus-per-task=4, or mpirun --bind-to none"));
    place(0, 3, 2, 0, 0, 2);
    CU_ASSERT(advises(3, 1,
                      "n0: 3 threads share 2 CPUs: 2 ranks x 1 thread would fit: srun "
                      "--ntasks-per-node=2 --cpus-per-task=1, or mpirun --map-by "
                      "ppr:2:node:pe=1"));
    place(0, 2, 8, 0, 0, 1); /* two ranks bound to one CPU */
    CU_ASSERT(advises(2, 1,
                      "n0: 2 threads share 1 of the 8 CPUs: give srun --cpus-per-task=1, or "
                      "mpirun --bind-to none; on these CPUs 1 rank x 1 thread would fit: srun "
                      "--ntasks-per-node=1 --cpus-per-task=1, or mpirun --map-by "
                      "ppr:1:node:pe=1"));
    place(0, 2, 8, 0, 0, 2); /* two on two CPUs, two more on one of them, six idle */
    place(2, 2, 8, 1, 0, 1);
    for (int i = 2; i < 4; i++) strcpy(all[i].node, "n0");
    all[0].cpus[0] |= 0xf0;
    CU_ASSERT(advises(4, 1,
                      "n0: 2 threads share 1 CPU, while others are idle: give srun "
                      "--cpus-per-task=1 --cpu-bind=cores, or mpirun --map-by "
                      "ppr:4:node:pe=1"));
    /* the second node of two */
    place(0, 4, 4, 0, 1, 1);
    place(4, 4, 4, 0, 0, 2);
    CU_ASSERT(advises(8, 1,
                      "n4: 4 threads share 2 of the 4 CPUs: give srun --cpus-per-task=1, or "
                      "mpirun --bind-to none; on these CPUs 2 ranks x 1 thread would fit: srun "
                      "--ntasks-per-node=2 --cpus-per-task=1, or mpirun --map-by "
                      "ppr:2:node:pe=1"));
}

static void names_idle_cores(void)
{
    place(0, 1, 64, 0, 0, 64);
    CU_ASSERT(advises(1, 1,
                      "n0: 1 thread on 64 cores: 64 ranks x 1 thread would fit: srun "
                      "--ntasks-per-node=64 --cpus-per-task=1, or mpirun --map-by "
                      "ppr:64:node:pe=1"));
    CU_ASSERT(advises(1, 4,
                      "n0: 4 threads on 64 cores: 16 ranks x 4 threads would fit: srun "
                      "--ntasks-per-node=16 --cpus-per-task=4, or mpirun --map-by "
                      "ppr:16:node:pe=4"));
    for (int i = 0; i < TOPOLOGY_WORDS; i++) all[0].cores[i] &= 0x00000000ffffffff;
    CU_ASSERT(advises(1, 32, "")); /* two hardware threads a core */
}

static void names_threads_far_apart(void)
{
    place(0, 2, 16, 0, 0, 16);
    all[0].n_numa = all[1].n_numa = 2;
    CU_ASSERT(advises(2, 8,
                      "n0: a rank's threads may lie in 2 NUMA nodes: give srun "
                      "--cpu-bind=cores, or mpirun --map-by ppr:2:node:pe=8"));
    place(0, 16, 16, 0, 0, 16);
    for (int i = 0; i < 16; i++) all[i].n_numa = 2;
    CU_ASSERT(advises(16, 1, ""));
}

const char *const suite_name = "topology";
const struct suite_test suite_tests[] = {
    {"reads the kernel's description", reads_the_kernels_description},
    {"sees this process", sees_this_process},
    {"is silent where all is well", is_silent_where_all_is_well},
    {"names crowded CPUs", names_crowded_cpus},
    {"names idle cores", names_idle_cores},
    {"names threads far apart", names_threads_far_apart},
    {NULL, NULL},
};
