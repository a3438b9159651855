/**
 * A group of ranks: its size, agreement on failure, global sums, gathers.
 *
 * Without MPI (a program that was never launched by, or never initialised, MPI) `group_self` is a
 * group of one on which every call works and nothing is communicated.
 *
 * No collective here returns an MPI error: the group's error handler prints one line,
 * `error: rank R: MPI: ...`, and ends all ranks.  Communicators made from the group's inherit it.
 * Arrays may be longer than an int counts; they travel in pieces.
 */
#ifndef GROUP_H
#define GROUP_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct group; /* opaque: holds the MPI communicator */

/**
 * Makes the world group; initialises MPI unless somebody has done so, who then also ends it: with
 * MPI_THREAD_SERIALIZED where it can be had, since a thread may take over the reduction
 * (courier.h).  Works without a launcher too, as a world of one.  Collective.
 *
 * @param[out] world  to be freed by group_world_destroy; NULL on failure, with MPI ended again
 * @param      argc   as of main, or NULL
 * @param      argv   as of main, or NULL
 *
 * Fails when memory is short, when MPI has been finalized, or offers less than FUNNELED.
 */
STATUS_CHECKED enum status group_world_create(struct group **world, int *argc, char ***argv);

/** Frees the world group and ends MPI if group_world_create began it; NULL is allowed.
 *  Collective. */
void group_world_destroy(struct group *world);

/** The group of one, without MPI; never freed.  Local. */
struct group *group_self(void);

/** This process's place in the group, from 0.  Local. */
int group_rank(const struct group *group);

/** Number of ranks.  Local. */
int group_size(const struct group *group);

/** Whether all ranks run on one node and share its memory.  Collective. */
bool group_shares_node(struct group *group);

/**
 * One status for all ranks: OK when every rank passes OK; else the code and message of the lowest
 * failing rank, prefixed `rank R: ` when the group has several ranks and the message names none
 * yet (it does when it comes from an earlier agreement).  Collective.
 */
STATUS_CHECKED enum status group_agree(struct group *group, enum status local);

/**
 * Element-wise sum over ranks, in place.  Collective.
 *
 * @param[in,out] x  (n) shares in, the sum out, on every rank
 *
 * The bits of a sum of doubles depend on the number of ranks; sum.h has sums whose bits do not.
 */
void group_sum_doubles(struct group *group, double *x, size_t n);

/** As group_sum_doubles; the caller keeps the sums in range.  Collective. */
void group_sum_int64(struct group *group, int64_t *x, size_t n);

/** Element-wise maximum over ranks, in place; no NaN allowed.  Collective. */
void group_max_doubles(struct group *group, double *x, size_t n);

/** Copies `bytes` bytes of rank `root` to all.  Collective. */
void group_broadcast(struct group *group, void *data, size_t bytes, int root);

/**
 * Concatenates the ranks' byte blocks in rank order.  Collective.
 *
 * @param[out] all      caller-owned, room for the sum of the ranks' sizes, may not alias mine
 * @param[in]  mine     (counts[rank]) bytes; NULL is allowed when there are none
 * @param[in]  counts   (size) bytes of each rank, the same on every rank
 */
void group_gather_all(struct group *group, void *all, const void *mine, const size_t *counts);

/** The value of every rank, in rank order, in `all` (size).  Collective. */
void group_gather_sizes(struct group *group, size_t *all, size_t mine);

/** Returns once every rank has called it.  Collective. */
void group_barrier(struct group *group);

enum { GROUP_ABORT_SECONDS = 3 }; /* that MPI has for it, before this rank just exits */

/** Ends every rank at once, exit code FAILED, with one line on stderr, `error: rank R: message`:
 *  through MPI, or, where MPI does not manage in time, by leaving the rest to the launcher.  Local,
 *  from any thread.  Does not return. */
_Noreturn void group_abort(struct group *group, const char *message);

/** "Open MPI v4.1.4" or the like: the library in use; works before MPI is initialised.  Valid
 *  until this thread's next call.  Local. */
const char *group_library_version(void);

/** The communicator as a pointer to MPI_Comm, for the files that link MPI (checkpoint); NULL for
 *  group_self.  Local. */
void *group_communicator(struct group *group);

#endif
