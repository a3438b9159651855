/**
 * A group of ranks: its size, agreement on failure, global sums, gathers.
 *
 * Without MPI (a program that was never launched by, or never initialised, MPI) `group_self` is a
 * group of one on which every call works and nothing is communicated.
 */
#ifndef GROUP_H
#define GROUP_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct group; /* opaque: holds the MPI communicator */

/** Initialises MPI (MPI_THREAD_FUNNELED) and makes the world group.  Collective. */
STATUS_CHECKED enum status group_world_create(struct group **world, int *argc, char ***argv);

/** Ends MPI and frees the world group.  Collective. */
void group_world_destroy(struct group *world);

/** The group of one, without MPI; never freed.  Local. */
struct group *group_self(void);

int group_rank(const struct group *group);
int group_size(const struct group *group);

/**
 * One status for all ranks: OK when every rank passes OK; else the code and message of the lowest
 * failing rank, prefixed `rank R: ` when the group has several ranks.  Collective.
 */
STATUS_CHECKED enum status group_agree(struct group *group, enum status local);

/** Element-wise sum over ranks, in place.  Collective.  `exact` sums are the same bits on any
 *  number of ranks as long as the ranks' shares add the same terms: see sum.h for how. */
void group_sum_doubles(struct group *group, double *x, size_t n);
void group_sum_int64(struct group *group, int64_t *x, size_t n);
void group_max_doubles(struct group *group, double *x, size_t n);

/** Copies `bytes` bytes of rank `root` to all.  Collective. */
void group_broadcast(struct group *group, void *data, size_t bytes, int root);

/**
 * Concatenates the ranks' byte blocks in rank order.  Collective.
 *
 * @param[out] all      caller-owned, room for the sum of the ranks' sizes
 * @param[in]  counts   (size) bytes of each rank, the same on every rank
 */
void group_gather_all(struct group *group, void *all, const void *mine, const size_t *counts);

/** The value of every rank, in rank order.  Collective. */
void group_gather_sizes(struct group *group, size_t *all, size_t mine);

void group_barrier(struct group *group);

/** Ends every rank at once with one line on stderr.  Local.  Does not return. */
_Noreturn void group_abort(struct group *group, const char *message);

/** "Open MPI 4.1.4" or the like.  Local. */
const char *group_library_version(void);

/** The communicator as a pointer to MPI_Comm, for the files that link MPI (checkpoint); NULL for
 *  group_self.  Local. */
void *group_communicator(struct group *group);

#endif
