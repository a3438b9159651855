/* group: agreement, sums, broadcasts and gathers on 1-4 ranks, inside an MPI that is not ours. */
#include "group.h"
#include "runner.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>

static struct group *world(void)
{
    struct group *group = NULL;
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    return group;
}

/* Fails on the ranks in [first, last], each with a code and a message of its own. */
static enum status fail_between(const struct group *group, int first, int last, enum status code)
{
    const int rank = group_rank(group);
    (void)status_fail(FAILED, "stale");
    if (rank < first || rank > last) return OK;
    return status_fail(rank == first ? code : FAILED, "disk %d is full", rank);
}

static void expect_message(const struct group *group, int rank)
{
    char want[64];
    if (group_size(group) > 1)
        snprintf(want, sizeof want, "rank %d: disk %d is full", rank, rank);
    else
        snprintf(want, sizeof want, "disk %d is full", rank);
    CU_ASSERT_STRING_EQUAL(status_message(), want);
}

static void agrees_when_one_fails(void)
{
    struct group *group = world();
    for (int rank = 0; rank < group_size(group); rank++) {
        for (int code = FAILED; code <= STOPPED; code++) {
            const enum status local = fail_between(group, rank, rank, (enum status)code);
            CU_ASSERT_EQUAL(group_agree(group, local), code);
            expect_message(group, rank);
        }
    }
    group_world_destroy(group);
}

static void lowest_rank_wins(void)
{
    struct group *group = world();
    const int size = group_size(group);
    for (int first = 0; first < size; first++) {
        const enum status local = fail_between(group, first, size - 1, STOPPED);
        CU_ASSERT_EQUAL(group_agree(group, local), STOPPED);
        expect_message(group, first);
    }
    group_world_destroy(group);
}

static void agrees_when_none_fails(void)
{
    struct group *group = world();
    const enum status local = fail_between(group, 4, 4, FAILED);
    CU_ASSERT_EQUAL(group_agree(group, local), OK);
    CU_ASSERT_STRING_EQUAL(status_message(), "stale");
    group_world_destroy(group);
}

/* An agreed failure that goes through another agreement still names the rank where it began. */
static void names_the_rank_once(void)
{
    struct group *group = world();
    const int last = group_size(group) - 1;
    const enum status agreed = group_agree(group, fail_between(group, last, last, USAGE));
    CU_ASSERT_EQUAL(group_agree(group, agreed), USAGE);
    expect_message(group, last);
    group_world_destroy(group);
}

static void long_messages_are_cut(void)
{
    struct group *group = world();
    char text[2 * STATUS_MESSAGE_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CU_ASSERT_EQUAL(group_agree(group, status_fail(FAILED, "%s", text)), FAILED);
    CU_ASSERT_EQUAL(strlen(status_message()), STATUS_MESSAGE_SIZE - 1);
    group_world_destroy(group);
}

static void sums_and_maxima(void)
{
    struct group *group = world();
    const int rank = group_rank(group), size = group_size(group);
    double x[3] = {rank + 0.5, -rank, 1}, y[2] = {rank, -rank};
    int64_t n[2] = {rank, INT64_C(1) << 60};
    group_sum_doubles(group, x, 3);
    group_max_doubles(group, y, 2);
    group_sum_int64(group, n, 2);
    const int ranks = size * (size - 1) / 2;
    CU_ASSERT_EQUAL(x[0], ranks + 0.5 * size);
    CU_ASSERT_EQUAL(x[1], -ranks);
    CU_ASSERT_EQUAL(x[2], size);
    CU_ASSERT_EQUAL(y[0], size - 1);
    CU_ASSERT_EQUAL(y[1], 0);
    CU_ASSERT_EQUAL(n[0], ranks);
    CU_ASSERT_EQUAL(n[1], size * (INT64_C(1) << 60));
    group_sum_doubles(group, NULL, 0);
    group_barrier(group);
    group_world_destroy(group);
}

/* More elements than go into one MPI call. */
static void sums_in_pieces(void)
{
    struct group *group = world();
    const size_t count = ((size_t)1 << 20) + 5;
    int64_t *x = malloc(count * sizeof *x), wrong = 0;
    for (size_t i = 0; x && i < count; i++) x[i] = (int64_t)i + group_rank(group);
    CU_ASSERT_PTR_NOT_NULL(x);
    CU_ASSERT_EQUAL(group_agree(group, x ? OK : FAILED), OK);
    if (x) group_sum_int64(group, x, count);
    const int64_t size = group_size(group);
    for (size_t i = 0; x && i < count; i++)
        wrong += x[i] != size * (int64_t)i + size * (size - 1) / 2;
    CU_ASSERT_EQUAL(wrong, 0);
    free(x);
    group_world_destroy(group);
}

/* The byte at place i of rank r's block. */
static unsigned char byte_of(int rank, size_t i)
{
    return (unsigned char)((size_t)rank * 89 + i * 7 + (i >> 8));
}

static unsigned char *block_of(int rank, size_t bytes)
{
    unsigned char *block = malloc(bytes + 1);
    for (size_t i = 0; block && i < bytes; i++) block[i] = byte_of(rank, i);
    return block;
}

static size_t differences(const unsigned char *block, int rank, size_t bytes)
{
    size_t wrong = 0;
    for (size_t i = 0; i < bytes; i++) wrong += block[i] != byte_of(rank, i);
    return wrong;
}

static void broadcasts_from_each_rank(void)
{
    struct group *group = world();
    for (int root = 0; root < group_size(group); root++) {
        const size_t bytes = root == 0 ? ((size_t)1 << 24) + 3 : 5;
        unsigned char *block = block_of(group_rank(group), bytes);
        CU_ASSERT_PTR_NOT_NULL(block);
        CU_ASSERT_EQUAL(group_agree(group, block ? OK : FAILED), OK);
        group_broadcast(group, block, bytes, root);
        CU_ASSERT_EQUAL(differences(block, root, bytes), 0);
        free(block);
    }
    group_broadcast(group, NULL, 0, 0);
    group_world_destroy(group);
}

/* Gathers the blocks of `counts` bytes and returns the number of wrong bytes. */
static size_t gather(struct group *group, const size_t *counts)
{
    const int rank = group_rank(group), size = group_size(group);
    size_t total = 0, wrong = 0;
    for (int r = 0; r < size; r++) total += counts[r];
    unsigned char *mine = block_of(rank, counts[rank]), *all = malloc(total + 1);
    if (group_agree(group, mine && all ? OK : FAILED) == OK) {
        all[total] = 77;
        group_gather_all(group, all, counts[rank] ? mine : NULL, counts);
        wrong += all[total] != 77;
        const unsigned char *at = all;
        for (int r = 0; r < size; at += counts[r], r++) wrong += differences(at, r, counts[r]);
    } else {
        wrong = total;
    }
    free(mine);
    free(all);
    return wrong;
}

static void gathers_blocks(void)
{
    struct group *group = world();
    const size_t counts[][4] = {
        {3, 0, 500, 1},
        {0, 7, 0, 0},
        {0, 0, 0, 0},
        {((size_t)1 << 24) + 1, 0, 9, 1000},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        CU_ASSERT_EQUAL(gather(group, counts[i]), 0);
    group_world_destroy(group);
}

static void gathers_sizes(void)
{
    struct group *group = world();
    size_t all[4] = {0};
    group_gather_sizes(group, all, SIZE_MAX - (size_t)group_rank(group));
    for (int r = 0; r < group_size(group); r++) CU_ASSERT_EQUAL(all[r], SIZE_MAX - (size_t)r);
    group_world_destroy(group);
}

static void leaves_a_foreign_mpi_running(void)
{
    int finalized = 1, size = 0;
    struct group *group = world();
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    CU_ASSERT_EQUAL(group_size(group), size);
    CU_ASSERT_PTR_NOT_NULL(group_communicator(group));
    group_world_destroy(group);
    group_world_destroy(NULL);
    MPI_Finalized(&finalized);
    CU_ASSERT_FALSE(finalized);
}

/* Memory is short on one rank: every rank fails, and the next attempt works. */
static void creation_fails_together(void)
{
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int failing = 0; failing < size; failing++) {
        struct group *group = NULL;
        if (rank == failing) status_fault_set(1);
        CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), FAILED);
        status_fault_set(0);
        CU_ASSERT_PTR_NULL(group);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "no memory"));
    }
}

const char *const suite_name = "group";
const struct suite_test suite_tests[] = {
    {"agrees when one fails", agrees_when_one_fails},
    {"lowest rank wins", lowest_rank_wins},
    {"agrees when none fails", agrees_when_none_fails},
    {"names the rank once", names_the_rank_once},
    {"long messages are cut", long_messages_are_cut},
    {"sums and maxima", sums_and_maxima},
    {"sums in pieces", sums_in_pieces},
    {"broadcasts from each rank", broadcasts_from_each_rank},
    {"gathers blocks", gathers_blocks},
    {"gathers sizes", gathers_sizes},
    {"leaves a foreign MPI running", leaves_a_foreign_mpi_running},
    {"creation fails together", creation_fails_together},
    {NULL, NULL},
};
