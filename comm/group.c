/* The world group and the group of one.  A group of one rank never communicates. */
#define _GNU_SOURCE
#include "group.h"

#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "sizes travel as MPI_UINT64_T");

/* The most that goes into one MPI call: far below INT_MAX, far above where latency matters. */
enum { CHUNK_ELEMENTS = 1 << 20, CHUNK_BYTES = 1 << 24 };

struct group {
    MPI_Comm comm; /* owned; MPI_COMM_NULL in group_self */
    int rank;
    int size;
    bool finalize; /* this group began MPI and ends it */
    int layout[];  /* (2 * size) counts and offsets for group_gather_all; none in group_self */
};

static void *exit_later(void *unused)
{
    (void)unused;
    sleep(GROUP_ABORT_SECONDS);
    _Exit(FAILED);
}

/* MPI may be in a call of another thread meanwhile, and then promises nothing of MPI_Abort: it may
 * wait for that call.  So may stderr.  An exit without MPI_Finalize makes launchers end the rest.
 */
_Noreturn static void end_all(MPI_Comm comm, const char *text)
{
    pthread_t thread;
    const bool armed = pthread_create(&thread, NULL, exit_later, NULL) == 0;
    fprintf(stderr, "error: %s\n", text);
    if (armed) MPI_Abort(comm, FAILED);
    _Exit(FAILED);
}

/* Every MPI error of the group's communicators ends here. */
static void on_mpi_error(MPI_Comm *comm, int *code, ...)
{
    char reason[MPI_MAX_ERROR_STRING], text[MPI_MAX_ERROR_STRING + 32];
    int length, rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Error_string(*code, reason, &length);
    snprintf(text, sizeof text, "rank %d: MPI: %s", rank, reason);
    end_all(*comm, text);
}

/* Initialises MPI if nobody has; the same status on every rank. */
static enum status begin_mpi(bool *began, int *argc, char ***argv)
{
    int initialized, finalized, level = MPI_THREAD_FUNNELED;
    MPI_Finalized(&finalized);
    if (finalized) return status_fail(FAILED, "MPI was finalized and cannot begin again");
    MPI_Initialized(&initialized);
    *began = !initialized;
    if (!initialized) MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &level);
    if (level >= MPI_THREAD_FUNNELED) return OK;
    MPI_Finalize();
    return status_fail(FAILED, "MPI offers thread level %d (want MPI_THREAD_FUNNELED, %d)", level,
                       MPI_THREAD_FUNNELED);
}

/* A communicator of our own: nobody else's messages meet ours, and it has our error handler. */
static void open_world(struct group *group)
{
    MPI_Errhandler handler;
    MPI_Comm_create_errhandler(on_mpi_error, &handler);
    if (group->finalize) MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
    MPI_Comm_dup(MPI_COMM_WORLD, &group->comm);
    MPI_Comm_set_errhandler(group->comm, handler);
    MPI_Errhandler_free(&handler);
    MPI_Comm_rank(group->comm, &group->rank);
    MPI_Comm_size(group->comm, &group->size);
}

static void close_world(struct group *group)
{
    MPI_Comm_free(&group->comm);
    if (group->finalize) MPI_Finalize();
}

enum status group_world_create(struct group **world, int *argc, char ***argv)
{
    struct group opened = {.size = 0}; /* on the stack: ranks must agree even without memory */
    *world = NULL;
    enum status status = begin_mpi(&opened.finalize, argc, argv);
    if (status != OK) return status;
    open_world(&opened);
    const size_t bytes = sizeof opened + 2 * (size_t)opened.size * sizeof(int);
    struct group *group = status_fault() ? NULL : malloc(bytes);
    if (!group) status = status_fail(FAILED, "no memory for the group (%zu bytes)", bytes);
    status = group_agree(&opened, status);
    if (status == OK) {
        ASSERT(group); /* all ranks have memory, so this one has */
        *group = opened;
        *world = group;
    } else {
        free(group);
        close_world(&opened);
    }
    return status;
}

void group_world_destroy(struct group *world)
{
    if (!world) return;
    close_world(world);
    free(world);
}

struct group *group_self(void)
{
    static struct group self = {.comm = MPI_COMM_NULL, .rank = 0, .size = 1}; /* never changes */
    return &self;
}

int group_rank(const struct group *group)
{
    return group->rank;
}

int group_size(const struct group *group)
{
    return group->size;
}

bool group_shares_node(struct group *group)
{
    MPI_Comm node;
    int here = 1;
    if (group->size == 1) return true;
    MPI_Comm_split_type(group->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &here);
    MPI_Comm_free(&node);
    MPI_Allreduce(MPI_IN_PLACE, &here, 1, MPI_INT, MPI_MIN, group->comm);
    return here == group->size;
}

static bool names_rank(const char *message)
{
    int end = 0;
    (void)sscanf(message, "rank %*d: %n", &end);
    return end > 0;
}

enum status group_agree(struct group *group, enum status local)
{
    if (group->size == 1) return local;
    struct {
        int code;
        char message[STATUS_MESSAGE_SIZE];
    } failure = {.code = (int)local};
    int lowest = local == OK ? group->size : group->rank;
    MPI_Allreduce(MPI_IN_PLACE, &lowest, 1, MPI_INT, MPI_MIN, group->comm);
    if (lowest == group->size) return OK;
    if (lowest == group->rank)
        snprintf(failure.message, sizeof failure.message, "%s", status_message());
    MPI_Bcast(&failure, (int)sizeof failure, MPI_BYTE, lowest, group->comm);
    const enum status code = (enum status)failure.code;
    if (names_rank(failure.message)) return status_fail(code, "%s", failure.message);
    return status_fail(code, "rank %d: %s", lowest, failure.message);
}

static void all_reduce(struct group *group, void *x, size_t n, MPI_Datatype type, MPI_Op op)
{
    enum { WIDTH = 8 }; /* of every type that comes here */
    if (group->size == 1) return;
    for (unsigned char *at = x; n > 0;) {
        const size_t take = n < CHUNK_ELEMENTS ? n : CHUNK_ELEMENTS;
        MPI_Allreduce(MPI_IN_PLACE, at, (int)take, type, op, group->comm);
        at += take * WIDTH;
        n -= take;
    }
}

void group_sum_doubles(struct group *group, double *x, size_t n)
{
    all_reduce(group, x, n, MPI_DOUBLE, MPI_SUM);
}

void group_sum_int64(struct group *group, int64_t *x, size_t n)
{
    all_reduce(group, x, n, MPI_INT64_T, MPI_SUM);
}

void group_max_doubles(struct group *group, double *x, size_t n)
{
    all_reduce(group, x, n, MPI_DOUBLE, MPI_MAX);
}

void group_broadcast(struct group *group, void *data, size_t bytes, int root)
{
    if (group->size == 1) return;
    for (unsigned char *at = data; bytes > 0;) {
        const size_t take = bytes < CHUNK_BYTES ? bytes : CHUNK_BYTES;
        MPI_Bcast(at, (int)take, MPI_BYTE, root, group->comm);
        at += take;
        bytes -= take;
    }
}

/* Blocks too large for one call with int offsets: each rank sends its own in turn. */
static void gather_by_broadcasts(struct group *group, unsigned char *all, const size_t *counts)
{
    for (int rank = 0; rank < group->size; rank++) {
        group_broadcast(group, all, counts[rank], rank);
        all += counts[rank];
    }
}

static void gather_at_once(struct group *group, void *all, const void *mine, const size_t *counts)
{
    int *const lengths = group->layout, *const offsets = group->layout + group->size;
    int offset = 0;
    for (int rank = 0; rank < group->size; rank++) {
        lengths[rank] = (int)counts[rank];
        offsets[rank] = offset;
        offset += lengths[rank];
    }
    MPI_Allgatherv(mine, lengths[group->rank], MPI_BYTE, all, lengths, offsets, MPI_BYTE,
                   group->comm);
}

void group_gather_all(struct group *group, void *all, const void *mine, const size_t *counts)
{
    size_t before = 0, total = 0;
    for (int rank = 0; rank < group->size; rank++) {
        if (rank == group->rank) before = total;
        total += counts[rank];
    }
    if (total == 0) return;
    if (group->size > 1 && total <= CHUNK_BYTES) {
        gather_at_once(group, all, mine, counts);
        return;
    }
    unsigned char *const blocks = all;
    if (counts[group->rank] > 0) memcpy(blocks + before, mine, counts[group->rank]);
    gather_by_broadcasts(group, blocks, counts);
}

void group_gather_sizes(struct group *group, size_t *all, size_t mine)
{
    all[group->rank] = mine;
    if (group->size == 1) return;
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, 1, MPI_UINT64_T, group->comm);
}

void group_barrier(struct group *group)
{
    if (group->size > 1) MPI_Barrier(group->comm);
}

_Noreturn void group_abort(struct group *group, const char *message)
{
    char text[STATUS_MESSAGE_SIZE + 32];
    if (group->size > 1)
        snprintf(text, sizeof text, "rank %d: %s", group->rank, message);
    else
        snprintf(text, sizeof text, "%s", message);
    if (group->comm != MPI_COMM_NULL) end_all(group->comm, text);
    fprintf(stderr, "error: %s\n", text);
    _Exit(FAILED);
}

const char *group_library_version(void)
{
    static _Thread_local char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = 0;
    return version;
}

void *group_communicator(struct group *group)
{
    return group->comm == MPI_COMM_NULL ? NULL : &group->comm;
}
