/* Processors, as the kernel describes them below /sys. */
#define _GNU_SOURCE
#include "topology.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_BYTES = 8192, MAX_NUMA = 1024, IDLE_CORES = 4 };

static bool has(const uint64_t *bits, int i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static void set(uint64_t *bits, int i)
{
    bits[i / 64] |= (uint64_t)1 << (i % 64);
}

static int count(const uint64_t *bits)
{
    int n = 0;
    for (int i = 0; i < TOPOLOGY_WORDS; i++) n += __builtin_popcountll(bits[i]);
    return n;
}

static bool within(const uint64_t *part, const uint64_t *whole)
{
    for (int i = 0; i < TOPOLOGY_WORDS; i++)
        if (part[i] & ~whole[i]) return false;
    return true;
}

/* Reads "0-3,8" from a file; false when it is not there. */
static bool read_list(uint64_t bits[TOPOLOGY_WORDS], const char *path)
{
    char text[LIST_BYTES];
    memset(bits, 0, TOPOLOGY_WORDS * sizeof *bits);
    FILE *file = fopen(path, "re");
    const bool read = file && fgets(text, sizeof text, file);
    if (file) fclose(file);
    for (char *at = text; read && *at >= '0' && *at <= '9';) {
        const long first = strtol(at, &at, 10);
        const long last = *at == '-' ? strtol(at + 1, &at, 10) : first;
        for (long i = first; i <= last && i < TOPOLOGY_MAX_CPUS; i++) set(bits, (int)i);
        if (*at == ',') at++;
    }
    return read;
}

static int lowest(const uint64_t *bits)
{
    for (int i = 0; i < TOPOLOGY_MAX_CPUS; i++)
        if (has(bits, i)) return i;
    return 0;
}

void topology_self(struct topology *topology)
{
    *topology = (struct topology){.node = ""};
    (void)gethostname(topology->node, sizeof topology->node - 1);
    if (sched_getaffinity(0, sizeof topology->cpus, (cpu_set_t *)(void *)topology->cpus) != 0)
        set(topology->cpus, 0);
}

/* NUMA nodes with a CPU that the rank may use. */
static int count_numa(const struct topology *topology, const char *sys)
{
    char path[512];
    uint64_t nodes[TOPOLOGY_WORDS], members[TOPOLOGY_WORDS];
    int n = 0;
    snprintf(path, sizeof path, "%s/devices/system/node/online", sys);
    if (!read_list(nodes, path)) return 0;
    for (int node = 0; node < MAX_NUMA; node++) {
        if (!has(nodes, node)) continue;
        snprintf(path, sizeof path, "%s/devices/system/node/node%d/cpulist", sys, node);
        if (!read_list(members, path)) continue;
        for (int i = 0; i < TOPOLOGY_WORDS; i++)
            if (members[i] & topology->cpus[i]) {
                n++;
                break;
            }
    }
    return n;
}

void topology_read(struct topology *topology, const char *sys)
{
    char path[512];
    uint64_t members[TOPOLOGY_WORDS], caches[TOPOLOGY_WORDS] = {0};
    for (int cpu = 0; cpu < TOPOLOGY_MAX_CPUS; cpu++) {
        if (!has(topology->cpus, cpu)) continue;
        snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%d/topology/thread_siblings_list",
                 sys, cpu);
        set(topology->cores, read_list(members, path) ? lowest(members) : cpu);
        snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%d/cache/index3/shared_cpu_list", sys,
                 cpu);
        if (read_list(members, path)) set(caches, lowest(members));
    }
    topology->n_caches = count(caches);
    topology->n_numa = count_numa(topology, sys);
    snprintf(path, sizeof path, "%s/devices/system/cpu/online", sys);
    topology->n_online = read_list(members, path) ? count(members) : count(topology->cpus);
}

void topology_gather(struct group *group, struct topology *all, const struct topology *mine)
{
    for (int rank = 0; rank < group_size(group); rank++) {
        all[rank] = *mine;
        group_broadcast(group, &all[rank], sizeof *all, rank);
    }
}

/* The ranks of one node together. */
struct node {
    const char *name;
    uint64_t cpus[TOPOLOGY_WORDS], cores[TOPOLOGY_WORDS];
    int n_ranks, n_online;
};

static bool shares_node(const struct topology *a, const struct topology *b)
{
    return strcmp(a->node, b->node) == 0;
}

/* Whether a rank is the first of its node. */
static bool leads_node(const struct topology *all, int rank)
{
    for (int i = 0; i < rank; i++)
        if (shares_node(&all[i], &all[rank])) return false;
    return true;
}

static struct node node_of(const struct topology *all, int n, int rank)
{
    struct node node = {.name = all[rank].node, .n_online = all[rank].n_online};
    for (int i = 0; i < n; i++) {
        if (!shares_node(&all[i], &all[rank])) continue;
        node.n_ranks++;
        for (int word = 0; word < TOPOLOGY_WORDS; word++) {
            node.cpus[word] |= all[i].cpus[word];
            node.cores[word] |= all[i].cores[word];
        }
    }
    return node;
}

static const char *plural(int n)
{
    return n == 1 ? "" : "s";
}

/* "4", or "2 to 4". */
static const char *range(char text[32], int low, int high)
{
    snprintf(text, 32, low == high ? "%d" : "%d to %d", low, high);
    return text;
}

struct span {
    int low, high;
};

static struct span widen(struct span span, int value)
{
    if (span.low < 0 || value < span.low) span.low = value;
    if (value > span.high) span.high = value;
    return span;
}

static void describe(const struct topology *all, int n, int threads, char *report)
{
    struct span ranks = {-1, -1}, cpus = {-1, -1}, numa = {-1, -1}, caches = {-1, -1};
    char a[32], b[32], c[32], d[32];
    int n_nodes = 0;
    for (int i = 0; i < n; i++) {
        if (leads_node(all, i)) ranks = widen(ranks, node_of(all, n, i).n_ranks);
        n_nodes += leads_node(all, i);
        cpus = widen(cpus, count(all[i].cpus));
        numa = widen(numa, all[i].n_numa);
        caches = widen(caches, all[i].n_caches);
    }
    snprintf(report, TOPOLOGY_TEXT,
             "placement: %d node%s, %s rank%s a node, %d thread%s a rank; a rank may use %s CPU%s, "
             "in %s NUMA node%s and %s L3 cache%s",
             n_nodes, plural(n_nodes), range(a, ranks.low, ranks.high), plural(ranks.high), threads,
             plural(threads), range(b, cpus.low, cpus.high), plural(cpus.high),
             range(c, numa.low, numa.high), plural(numa.high), range(d, caches.low, caches.high),
             plural(caches.high));
}

/* Ranks of a node, of as many threads, that have a core for each of them; and how to start them. */
static void fitting(const struct node *node, int threads, char *text)
{
    const int cores = count(node->cores);
    const int each = threads < cores ? threads : cores;
    snprintf(text, TOPOLOGY_TEXT / 2,
             "%d rank%s x %d thread%s would fit: srun --ntasks-per-node=%d --cpus-per-task=%d, or "
             "mpirun --map-by ppr:%d:node:pe=%d",
             cores / each, plural(cores / each), each, plural(each), cores / each, each,
             cores / each, each);
}

/* The most threads that must share the CPUs of one of the node's ranks; `*cpus` of those. */
static int crowd(const struct topology *all, int n, int rank, int threads, int *cpus)
{
    int worst = 0;
    *cpus = 1;
    for (int i = rank; i < n; i++) {
        int users = 0;
        if (!shares_node(&all[i], &all[rank])) continue;
        for (int j = 0; j < n; j++)
            users += shares_node(&all[j], &all[rank]) && within(all[j].cpus, all[i].cpus);
        const int here = count(all[i].cpus);
        if (users * threads * *cpus <= worst * here) continue;
        worst = users * threads;
        *cpus = here;
    }
    return worst;
}

/* Advice on one node, whose first rank is `rank`; "" for none. */
static void advise(const struct topology *all, int n, int rank, int threads, char *advice)
{
    char fit[TOPOLOGY_TEXT / 2];
    const struct node node = node_of(all, n, rank);
    const int n_cpus = count(node.cpus), used = node.n_ranks * threads;
    int cpus;
    const int users = crowd(all, n, rank, threads, &cpus);
    fitting(&node, threads, fit);
    advice[0] = 0;
    if (users > cpus && node.n_ranks == 1)
        snprintf(advice, TOPOLOGY_TEXT,
                 "%.64s: %d threads a rank, but rank %d may use %d CPU%s: give srun "
                 "--cpus-per-task=%d, or mpirun --bind-to none",
                 node.name, threads, rank, cpus, plural(cpus), threads);
    else if (users > cpus && used <= n_cpus)
        snprintf(advice, TOPOLOGY_TEXT,
                 "%.64s: %d threads share %d CPU%s, while others are idle: give srun "
                 "--cpus-per-task=%d --cpu-bind=cores, or mpirun --map-by ppr:%d:node:pe=%d",
                 node.name, users, cpus, plural(cpus), threads, node.n_ranks, threads);
    else if (users > cpus && used <= node.n_online)
        snprintf(
            advice, TOPOLOGY_TEXT,
            "%.64s: %d threads share %d of the %d CPUs: give srun --cpus-per-task=%d, or mpirun "
            "--bind-to none; on these CPUs %s",
            node.name, users, cpus, node.n_online, threads, fit);
    else if (users > cpus)
        snprintf(advice, TOPOLOGY_TEXT, "%.64s: %d threads share %d CPU%s: %s", node.name, users,
                 cpus, plural(cpus), fit);
    else if (2 * used <= count(node.cores) && count(node.cores) >= IDLE_CORES)
        snprintf(advice, TOPOLOGY_TEXT, "%.64s: %d thread%s on %d cores: %s", node.name, used,
                 plural(used), count(node.cores), fit);
    else if (threads > 1 && all[rank].n_numa > 1)
        snprintf(advice, TOPOLOGY_TEXT,
                 "%.64s: a rank's threads may lie in %d NUMA nodes: give srun --cpu-bind=cores, or "
                 "mpirun --map-by ppr:%d:node:pe=%d",
                 node.name, all[rank].n_numa, node.n_ranks, threads);
}

void topology_describe(const struct topology *all, int n, int threads, char *report, char *advice)
{
    describe(all, n, threads, report);
    advice[0] = 0;
    for (int i = 0; i < n && !advice[0]; i++)
        if (leads_node(all, i)) advise(all, n, i, threads, advice);
}
