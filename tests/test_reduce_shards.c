/* reduce: sums in shards, gathered afterwards, and gradients that travel as bfloat16. */
#include "reduce.h"
#include "runner.h"

#include <math.h>
#include <string.h>

enum { COUNT = 1003 };

static struct group *world(void)
{
    struct group *group = NULL;
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    return group;
}

/* The share of a rank: small integers, so that float sums are exact and in any order the same. */
static float share(int rank, size_t i)
{
    return (float)((int)(i * 7 % 1001) - 500 + 13 * rank);
}

static float share_sum(int size, size_t i)
{
    float sum = 0;
    for (int rank = 0; rank < size; rank++) sum += share(rank, i);
    return sum;
}

/* Each rank's parts hold the sums; gathered, they are everybody's.  The parts make up the whole. */
static void shards_hold_the_sums(void)
{
    static const size_t buckets[] = {16, 50, 300, COUNT + 5};
    struct group *group = world();
    for (size_t k = 0; k < 8; k++) {
        float gradient[COUNT];
        const struct reduce_settings settings = {
            .bucket_floats = buckets[k / 2], .sharded = true, .overlap = 1 + k % 2};
        struct reduce *reduce = NULL;
        size_t wrong = 0, next = 0, mine = 0;
        CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &settings), OK);
        for (size_t i = 0; i < COUNT; i++) gradient[i] = share(group_rank(group), i);
        reduce_begin(reduce);
        reduce_ready(reduce, 0, COUNT / 2);
        reduce_finish(reduce);
        for (size_t i = 0; i < reduce_n_parts(reduce); i++)
            for (int rank = 0; rank < group_size(group); rank++) {
                const struct reduce_part part = reduce_part_of(reduce, i, rank);
                wrong += part.first != next || part.end < part.first;
                next = part.end;
                if (rank == 0) mine += part.end - part.first;
                if (rank != group_rank(group)) continue;
                for (size_t j = part.first; j < part.end; j++)
                    wrong += gradient[j] != share_sum(group_size(group), j);
            }
        CU_ASSERT(wrong == 0 && next == COUNT);
        CU_ASSERT_EQUAL(mine, reduce_shard(COUNT, settings.bucket_floats, group_size(group)));
        reduce_gather(reduce, gradient);
        for (size_t i = 0; i < COUNT; i++) wrong += gradient[i] != share_sum(group_size(group), i);
        CU_ASSERT_EQUAL(wrong, 0);
        reduce_destroy(reduce);
    }
    group_world_destroy(group);
}

/* What rounding takes from one step comes in the next ones: the sum over steps stays within one
 * rounding of the true one, while the sum of rounded gradients drifts. */
static void compression_loses_nothing_over_steps(void)
{
    enum { STEPS = 64 };
    struct group *group = world();
    static float gradient[COUNT];
    static double sum[COUNT], truth[COUNT];
    const int size = group_size(group);
    for (int sharded = 0; sharded < 2; sharded++) {
        const struct reduce_settings settings = {
            .bucket_floats = 200, .compress = true, .sharded = sharded, .overlap = 1 + sharded};
        struct reduce *reduce = NULL;
        size_t wrong = 0;
        double largest = 0;
        memset(sum, 0, sizeof sum);
        memset(truth, 0, sizeof truth);
        CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &settings), OK);
        for (int step = 0; step < STEPS; step++) {
            for (size_t i = 0; i < COUNT; i++)
                gradient[i] =
                    1 + 1.0f / (1 + (float)((i * 31 + (size_t)group_rank(group) * 7) % 97));
            for (int rank = 0; rank < size; rank++)
                for (size_t i = 0; i < COUNT; i++)
                    truth[i] += 1 + 1.0 / (double)(1 + (i * 31 + (size_t)rank * 7) % 97);
            reduce_begin(reduce);
            reduce_ready(reduce, 0, COUNT);
            reduce_finish(reduce);
            if (sharded) reduce_gather(reduce, gradient);
            for (size_t i = 0; i < COUNT; i++) sum[i] += (double)gradient[i];
        }
        for (size_t i = 0; i < COUNT; i++) largest = fmax(largest, fabs(sum[i] - truth[i]));
        /* a rank keeps back half a unit of 2^-8 of at most 2 * size, and rounds once a hop */
        CU_ASSERT(largest <= 2.0 * size * size / 256 + 1e-3);
        CU_ASSERT(size == 1 || largest > 0);
        wrong = reduce_sent(reduce) > (uint64_t)STEPS * 2 * COUNT * (sharded ? 6 : 4);
        CU_ASSERT_EQUAL(wrong, 0);
        reduce_destroy(reduce);
    }
    group_world_destroy(group);
}

/* Every rank has the rounded sums, in halved messages. */
static void compression_halves_the_bytes(void)
{
    struct group *group = world();
    float gradient[COUNT], first[COUNT];
    int64_t sent[2];
    for (int compress = 0; compress < 2; compress++) {
        const struct reduce_settings settings = {.bucket_floats = 300, .compress = compress};
        struct reduce *reduce = NULL;
        CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &settings), OK);
        for (size_t i = 0; i < COUNT; i++) gradient[i] = 1 / (share(group_rank(group), i) + 0.5f);
        reduce_begin(reduce);
        reduce_finish(reduce);
        memcpy(first, gradient, sizeof first);
        group_broadcast(group, first, sizeof first, 0);
        CU_ASSERT_EQUAL(memcmp(first, gradient, sizeof first), 0);
        sent[compress] = (int64_t)reduce_sent(reduce);
        reduce_destroy(reduce);
    }
    CU_ASSERT_EQUAL(sent[0], 2 * sent[1]);
    group_world_destroy(group);
}

static void compression_passes_on_nan(void)
{
    struct group *group = world();
    float gradient[COUNT];
    const struct reduce_settings settings = {.bucket_floats = 300, .compress = true};
    struct reduce *reduce = NULL;
    CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &settings), OK);
    for (int step = 0; step < 2; step++) {
        for (size_t i = 0; i < COUNT; i++) gradient[i] = 1;
        if (step == 0 && group_rank(group) == 0) gradient[5] = NAN, gradient[6] = INFINITY;
        reduce_begin(reduce);
        reduce_finish(reduce);
        CU_ASSERT_EQUAL(isnan(gradient[5]) != 0, step == 0);
        CU_ASSERT_EQUAL(isinf(gradient[6]) != 0, step == 0);
        CU_ASSERT_EQUAL(gradient[7], (float)group_size(group));
    }
    reduce_destroy(reduce);
    group_world_destroy(group);
}

/* The k-th allocation of one rank fails: all ranks fail, until k is past the last. */
static void creation_fails_together(void)
{
    enum { ALLOCATIONS = 20 }; /* in a group of several ranks */
    struct group *group = world();
    const int last = group_size(group) - 1;
    float gradient[COUNT] = {0};
    const struct reduce_settings settings = {
        .bucket_floats = 64, .compress = true, .overlap = REDUCE_OVERLAP_ON};
    for (int k = 1; k <= ALLOCATIONS + 1; k++) {
        const int fails = last == 0 ? k == 1 : k <= ALLOCATIONS;
        struct reduce *reduce = NULL;
        if (group_rank(group) == last) status_fault_set(k);
        const enum status status = reduce_create_with(&reduce, group, gradient, COUNT, &settings);
        status_fault_set(0);
        CU_ASSERT_EQUAL(status, fails ? FAILED : OK);
        reduce_destroy(reduce);
    }
    group_world_destroy(group);
}

const char *const suite_name = "reduce_shards";
const struct suite_test suite_tests[] = {
    {"shards hold the sums", shards_hold_the_sums},
    {"compression loses nothing over steps", compression_loses_nothing_over_steps},
    {"compression halves the bytes", compression_halves_the_bytes},
    {"compression passes on NaN", compression_passes_on_nan},
    {"creation fails together", creation_fails_together},
    {NULL, NULL},
};
