/**
 * The processors of the ranks' nodes: which of them each rank may use, in how many cores, NUMA
 * nodes and L3 caches they lie, and what to launch with where ranks and threads do not fit them.
 */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include "group.h"

enum { TOPOLOGY_MAX_CPUS = 4096, TOPOLOGY_WORDS = TOPOLOGY_MAX_CPUS / 64, TOPOLOGY_TEXT = 400 };

/** What one rank sees; plain bytes, so that ranks can send it. */
struct topology {
    char node[64]; /* host name */
    uint64_t
        cpus[TOPOLOGY_WORDS]; /* bits of the CPUs that the rank may use; the kernel's numbers */
    uint64_t cores[TOPOLOGY_WORDS]; /* the lowest CPU of each core among them */
    int32_t n_online;               /* CPUs of the node */
    int32_t n_numa, n_caches;       /* NUMA nodes and L3 caches that the CPUs lie in; 0: not told */
};

/** The host's name and the CPUs that this process may use; the rest is zero.  Local. */
void topology_self(struct topology *topology);

/** Fills in the rest from the kernel's description; what it does not say counts as one core a CPU.
 *  Local.
 *
 * @param sys  "/sys", or a tree like it
 */
void topology_read(struct topology *topology, const char *sys);

/** The topology of every rank in `all` (size).  Collective. */
void topology_gather(struct group *group, struct topology *all, const struct topology *mine);

/**
 * One line about the ranks' placement, and one of advice when something is off: more threads than
 * CPUs, ranks that share a CPU, most cores idle, threads of a rank in several NUMA nodes.  Local.
 *
 * @param[in]  all      (n) of all ranks
 * @param      threads  of each rank
 * @param[out] report   (TOPOLOGY_TEXT)
 * @param[out] advice   (TOPOLOGY_TEXT) "" when all is well
 */
void topology_describe(const struct topology *all, int n, int threads, char *report, char *advice);

#endif
