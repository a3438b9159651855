/* reduce: buckets against plain sums, deterministic sums against one rank, on 1-4 ranks. */
#define _GNU_SOURCE
#include "reduce.h"
#include "runner.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { COUNT = 1003, BATCHES = 12, BLOCK = 16 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static struct group *world(void)
{
    struct group *group = NULL;
    CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    return group;
}

static struct reduce *reducer(struct group *group, float *gradient, size_t bucket, bool exact)
{
    struct reduce *reduce = NULL;
    CU_ASSERT_EQUAL(reduce_create(&reduce, group, gradient, COUNT, bucket, exact), OK);
    return reduce;
}

/* The share of a rank: small integers, so that float sums are exact and in any order the same. */
static float share(int step, int rank, size_t i)
{
    return (float)((int)(i * 7 % 1001) - 500 + 13 * rank + step);
}

static float share_sum(int step, int size, size_t i)
{
    float sum = 0;
    for (int rank = 0; rank < size; rank++) sum += share(step, rank, i);
    return sum;
}

/* Announces the gradient in odd pieces: nothing, one float, many, up to `until`. */
static void announce(struct reduce *reduce, size_t until)
{
    static const size_t pieces[] = {0, 1, 2, 97, 16, 0, 301};
    size_t ready = 0;
    for (size_t k = 0; ready < until; k++) {
        const size_t piece = pieces[k % 7], left = until - ready;
        reduce_ready(reduce, ready, piece < left ? piece : left);
        ready += piece < left ? piece : left;
    }
}

/* Two steps in a row with a bucket size; the second leaves the last third unannounced. */
static size_t float_steps(struct group *group, size_t bucket, enum reduce_overlap overlap)
{
    float gradient[COUNT + 1];
    size_t wrong = 0;
    const struct reduce_settings settings = {.bucket_floats = bucket, .overlap = overlap};
    struct reduce *reduce = NULL;
    CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &settings), OK);
    gradient[COUNT] = 77;
    for (int step = 0; step < 2; step++) {
        reduce_begin(reduce);
        for (size_t i = 0; i < COUNT; i++) gradient[i] = share(step, group_rank(group), i);
        reduce_micro_batch(reduce);
        announce(reduce, step == 0 ? COUNT : COUNT * 2 / 3);
        reduce_finish(reduce);
        for (size_t i = 0; i < COUNT; i++)
            wrong += gradient[i] != share_sum(step, group_size(group), i);
    }
    wrong += gradient[COUNT] != 77;
    reduce_destroy(reduce);
    return wrong;
}

static void buckets_equal_plain_sums(void)
{
    static const size_t buckets[] = {1, 7, 64, COUNT - 1, COUNT, COUNT + 1, SIZE_MAX};
    struct group *group = world();
    for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
        CU_ASSERT_EQUAL(float_steps(group, buckets[i], REDUCE_OVERLAP_AUTO), 0);
        CU_ASSERT_EQUAL(float_steps(group, buckets[i], REDUCE_OVERLAP_OFF), 0);
        CU_ASSERT_EQUAL(float_steps(group, buckets[i], REDUCE_OVERLAP_ON), 0);
    }
    group_world_destroy(group);
}

/* One step on the heels of the other: the thread has let go of the first when the next begins. */
static void steps_follow_at_once(void)
{
    struct group *group = world();
    static float gradient[COUNT];
    const struct reduce_settings on = {.bucket_floats = 100, .overlap = REDUCE_OVERLAP_ON};
    struct reduce *reduce = NULL;
    size_t wrong = 0;
    CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &on), OK);
    for (int step = 0; step < 300; step++) {
        reduce_begin(reduce);
        for (size_t i = 0; i < COUNT; i++) gradient[i] = share(step, group_rank(group), i);
        announce(reduce, COUNT);
        reduce_finish(reduce);
        for (size_t i = 0; i < COUNT; i++)
            wrong += gradient[i] != share_sum(step, group_size(group), i);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    reduce_destroy(reduce);
    group_world_destroy(group);
}

/* Overlap changes when buckets travel, not what comes of it. */
static void overlap_keeps_the_bits(void)
{
    struct group *group = world();
    static float one[COUNT], two[COUNT];
    const struct reduce_settings off = {.bucket_floats = 64, .overlap = REDUCE_OVERLAP_OFF};
    const struct reduce_settings on = {.bucket_floats = 64, .overlap = REDUCE_OVERLAP_ON};
    struct reduce *a = NULL, *b = NULL;
    CU_ASSERT_EQUAL(reduce_create_with(&a, group, one, COUNT, &off), OK);
    CU_ASSERT_EQUAL(reduce_create_with(&b, group, two, COUNT, &on), OK);
    for (size_t i = 0; i < COUNT; i++)
        one[i] = two[i] = 1 / (share(0, group_rank(group), i) + 0.5f);
    reduce_begin(a);
    reduce_finish(a);
    reduce_begin(b);
    announce(b, COUNT);
    reduce_finish(b);
    CU_ASSERT_EQUAL(memcmp(one, two, sizeof one), 0);
    reduce_destroy(a);
    reduce_destroy(b);
    group_world_destroy(group);
}

/* The bytes sent are the least there are, 2 (P-1)/P of the gradient, but for 16 floats a part. */
static void sends_no_more_than_it_must(void)
{
    struct group *group = world();
    float gradient[COUNT] = {0};
    const int size = group_size(group);
    struct reduce *reduce = reducer(group, gradient, 320, false);
    int64_t sent[2] = {0, COUNT / 320 + 1};
    for (int step = 0; step < 3; step++) {
        reduce_begin(reduce);
        announce(reduce, COUNT);
        reduce_finish(reduce);
    }
    sent[0] = (int64_t)reduce_sent(reduce);
    group_sum_int64(group, sent, 1);
    CU_ASSERT_EQUAL(sent[0], 3 * 2 * (size - 1) * COUNT * (int64_t)sizeof(float));
    CU_ASSERT((int64_t)reduce_sent(reduce) <= sent[0] / size + 3 * 2 * 16 * 4 * sent[1] * size);
    reduce_destroy(reduce);
    group_world_destroy(group);
}

/* Replicas drift apart unless every rank gets the same rounding. */
static void ranks_get_the_same_bits(void)
{
    struct group *group = world();
    float gradient[COUNT], first[COUNT];
    struct reduce *reduce = reducer(group, gradient, 300, false);
    reduce_begin(reduce);
    for (size_t i = 0; i < COUNT; i++) gradient[i] = 1 / (share(0, group_rank(group), i) + 0.5f);
    announce(reduce, COUNT);
    reduce_finish(reduce);
    memcpy(first, gradient, sizeof first);
    group_broadcast(group, first, sizeof first, 0);
    CU_ASSERT_EQUAL(memcmp(first, gradient, sizeof first), 0);
    reduce_destroy(reduce);
    group_world_destroy(group);
}

static void floats_pass_on_nan(void)
{
    struct group *group = world();
    float gradient[COUNT] = {0};
    struct reduce *reduce = reducer(group, gradient, 100, false);
    reduce_begin(reduce);
    if (group_rank(group) == 0) gradient[5] = NAN;
    if (group_rank(group) == group_size(group) - 1) gradient[700] = -INFINITY;
    announce(reduce, COUNT);
    reduce_finish(reduce);
    CU_ASSERT_TRUE(isnan(gradient[5]));
    CU_ASSERT_EQUAL(gradient[700], -INFINITY);
    CU_ASSERT_EQUAL(gradient[6], 0);
    reduce_destroy(reduce);
    group_world_destroy(group);
}

/* A step that is given up while buckets are under way. */
static void destroys_in_mid_step(void)
{
    struct group *group = world();
    float gradient[COUNT] = {0};
    for (enum reduce_overlap overlap = 0; overlap <= REDUCE_OVERLAP_OFF; overlap++) {
        const struct reduce_settings settings = {.bucket_floats = 10, .overlap = overlap};
        struct reduce *reduce = NULL;
        CU_ASSERT_EQUAL(reduce_create_with(&reduce, group, gradient, COUNT, &settings), OK);
        reduce_begin(reduce);
        announce(reduce, COUNT / 2);
        reduce_destroy(reduce);
    }
    reduce_destroy(NULL);
    group_world_destroy(group);
}

/* Micro-batch b at float i: huge and tiny mixed, with cancellations between batches. */
static float term(int step, int b, size_t i)
{
    const uint64_t hash =
        ((uint64_t)i * 64 + (uint64_t)(b / 2 + 7 * step) + 1) * 0x9e3779b97f4a7c15u;
    const float fraction = (float)((double)(hash >> 40) / 16777216.0 - 0.5);
    const float x = ldexpf(fraction, (int)(hash >> 8 & 63) - 44);
    return b % 2 && i % 3 == 0 ? -x * (1 + 1e-6f) : x;
}

/* The nearest float to a sum of fixed-point terms, by long double arithmetic on each term. */
static float serial_sum(int step, size_t i)
{
    int64_t units = 0;
    for (int b = 0; b < BATCHES; b++) units += llroundl(ldexpl(term(step, b, i), 40));
    return (float)ldexp((double)units, -40);
}

/* The rank that computes micro-batch b, in one of several ways of sharing. */
static int owner(int b, int way, int size)
{
    if (way == 0) return b % size;
    if (way == 1) return b * size / BATCHES;
    if (way == 2) return size - 1;
    return b < 2 ? 0 : size - 1;
}

/* One step of fixed micro-batches in the order b = start, start + 5, ... shared in `way`. */
static void exact_step(struct group *group, struct reduce *reduce, float *gradient, int step,
                       int way)
{
    reduce_begin(reduce);
    for (int k = 0; k < BATCHES; k++) {
        const int b = (way + 5 * k) % BATCHES;
        if (owner(b, way % 4, group_size(group)) != group_rank(group)) continue;
        for (size_t i = 0; i < COUNT; i++) gradient[i] += term(step, b, i);
        reduce_micro_batch(reduce);
    }
    reduce_ready(reduce, 0, COUNT);
    reduce_finish(reduce);
}

static void deterministic_sums(void)
{
    struct group *group = world();
    float gradient[COUNT + 1] = {0};
    gradient[COUNT] = 77;
    for (int way = 0; way < 8; way++) {
        struct reduce *reduce = reducer(group, gradient, way % 2 ? 100 : 5000, true);
        for (int step = 0; step < 2; step++) {
            size_t wrong = 0;
            memset(gradient, 0, COUNT * sizeof *gradient);
            exact_step(group, reduce, gradient, step, way);
            for (size_t i = 0; i < COUNT; i++) wrong += gradient[i] != serial_sum(step, i);
            CU_ASSERT_EQUAL(wrong, 0);
        }
        reduce_destroy(reduce);
    }
    CU_ASSERT_EQUAL(gradient[COUNT], 77);
    group_world_destroy(group);
}

/* Each bucket has a span of its own within the step, in both modes. */
static void spans_lie_within_the_step(void)
{
    struct group *group = world();
    float gradient[COUNT] = {0};
    for (int exact = 0; exact < 2; exact++) {
        const struct reduce_span *spans;
        struct reduce *reduce = reducer(group, gradient, 100, exact);
        reduce_begin(reduce);
        const double before = seconds();
        announce(reduce, COUNT / 2);
        reduce_finish(reduce);
        const size_t n = reduce_spans(reduce, &spans);
        CU_ASSERT_EQUAL(n, group_size(group) == 1 ? 0 : exact ? 9 : 11);
        for (size_t i = 0; i < n; i++) {
            CU_ASSERT(before <= spans[i].start && spans[i].start <= spans[i].end);
            CU_ASSERT(spans[i].end <= seconds());
            CU_ASSERT(i == 0 || spans[i - 1].start <= spans[i].start);
        }
        reduce_destroy(reduce);
    }
    group_world_destroy(group);
}

static void micro_batch_zeroes(void)
{
    struct group *group = world();
    float gradient[COUNT];
    size_t left = 0;
    struct reduce *reduce = reducer(group, gradient, 64, true);
    for (size_t i = 0; i < COUNT; i++) gradient[i] = 1;
    reduce_begin(reduce);
    reduce_micro_batch(reduce);
    for (size_t i = 0; i < COUNT; i++) left += gradient[i] != 0;
    CU_ASSERT_EQUAL(left, 0);
    reduce_destroy(reduce);
    group_world_destroy(group);
}

/* Adds x at `place` on the last rank, and y on rank 0; returns the result there, and checks that
 * other blocks stay as they were. */
static float sum_two(struct group *group, size_t place, float x, float y)
{
    float gradient[COUNT] = {0};
    struct reduce *reduce = reducer(group, gradient, 64, true);
    size_t wrong = 0;
    reduce_begin(reduce);
    gradient[place] = x;
    if (group_rank(group) == group_size(group) - 1) reduce_micro_batch(reduce);
    memset(gradient, 0, sizeof gradient);
    gradient[place] = y;
    if (group_rank(group) == 0) reduce_micro_batch(reduce);
    reduce_finish(reduce);
    for (size_t i = 0; i < COUNT; i++) wrong += i / BLOCK != place / BLOCK && gradient[i] != 0;
    CU_ASSERT_EQUAL(wrong, 0);
    reduce_destroy(reduce);
    return gradient[place];
}

static void out_of_range_is_nan(void)
{
    const float half = 2097152, limit = 4194304; /* 2^21, 2^22 */
    struct group *group = world();
    for (size_t place = 0; place < COUNT; place += 501) {
        CU_ASSERT_TRUE(isnan(sum_two(group, place, NAN, 1)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, 1, -NAN)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, INFINITY, -INFINITY)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, -INFINITY, NAN)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, limit, -limit)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, -3.4e38f, 1)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, half, half)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, half, -half)));
        CU_ASSERT_TRUE(isnan(sum_two(group, place, half - 0.25f, half - 0.25f)));
        CU_ASSERT_EQUAL(sum_two(group, place, half - 1, half - 2), 2 * half - 3);
        CU_ASSERT_EQUAL(sum_two(group, place, 1 - half, 2 - half), 3 - 2 * half);
        CU_ASSERT_EQUAL(sum_two(group, place, 1e6f, -1e6f), 0);
    }
    group_world_destroy(group);
}

/* Every micro-batch in range, all of them together far out of it. */
static void sums_never_wrap(void)
{
    struct group *group = world();
    float gradient[COUNT] = {0};
    struct reduce *reduce = reducer(group, gradient, 64, true);
    reduce_begin(reduce);
    for (int b = 0; b < 16; b++) {
        gradient[18] = 4194303;
        reduce_micro_batch(reduce);
    }
    reduce_finish(reduce);
    CU_ASSERT_TRUE(isnan(gradient[18]));
    CU_ASSERT_EQUAL(gradient[15], 0);
    CU_ASSERT_EQUAL(gradient[32], 0);
    reduce_destroy(reduce);
    group_world_destroy(group);
}

/* Rounding is to the nearest multiple of 2^-40, halves away from zero. */
static void resolution(void)
{
    const float unit = 0x1p-40f;
    struct group *group = world();
    CU_ASSERT_EQUAL(sum_two(group, 3, unit, 0), unit);
    CU_ASSERT_EQUAL(sum_two(group, 3, 1.4f * unit, -0.6f * unit), 0);
    CU_ASSERT_EQUAL(sum_two(group, 3, -1.5f * unit, 0.4f * unit), -2 * unit);
    CU_ASSERT_EQUAL(sum_two(group, 3, 1e-30f, 1e-44f), 0);
    group_world_destroy(group);
}

static void works_on_group_self(void)
{
    float gradient[COUNT];
    for (int exact = 0; exact < 2; exact++) {
        struct reduce *reduce = NULL;
        CU_ASSERT_EQUAL_FATAL(reduce_create(&reduce, group_self(), gradient, COUNT, 10, exact), OK);
        for (size_t i = 0; i < COUNT; i++) gradient[i] = share(0, 0, i);
        reduce_begin(reduce);
        reduce_micro_batch(reduce);
        announce(reduce, COUNT);
        reduce_finish(reduce);
        size_t wrong = 0;
        for (size_t i = 0; i < COUNT; i++) wrong += gradient[i] != share(0, 0, i);
        CU_ASSERT_EQUAL(wrong, 0);
        reduce_destroy(reduce);
    }
}

static void empty_gradient(void)
{
    struct group *group = world();
    float none;
    for (int exact = 0; exact < 2; exact++) {
        struct reduce *reduce = NULL;
        CU_ASSERT_EQUAL(reduce_create(&reduce, group, &none, 0, 10, exact), OK);
        reduce_begin(reduce);
        reduce_micro_batch(reduce);
        reduce_ready(reduce, 0, 0);
        reduce_finish(reduce);
        reduce_destroy(reduce);
    }
    group_world_destroy(group);
}

/* The k-th allocation of one rank fails: all ranks fail, until k is past the last. */
static void sweep(struct group *group, int failing, bool exact, int allocations)
{
    float gradient[COUNT] = {0};
    for (int k = 1; k <= allocations + 1; k++) {
        struct reduce *reduce = NULL;
        if (group_rank(group) == failing) status_fault_set(k);
        const enum status status = reduce_create(&reduce, group, gradient, COUNT, 64, exact);
        status_fault_set(0);
        CU_ASSERT_EQUAL(status, k <= allocations ? FAILED : OK);
        CU_ASSERT_EQUAL(reduce == NULL, status != OK);
        reduce_destroy(reduce);
    }
}

static void creation_fails_together(void)
{
    struct group *group = world();
    struct reduce *reduce = NULL;
    float none;
    const int several = group_size(group) > 1;
    for (int failing = 0; failing < group_size(group); failing++) {
        sweep(group, failing, true, 2 + several);
        sweep(group, failing, false, 1 + 10 * several);
    }
    CU_ASSERT_EQUAL(reduce_create(&reduce, group, &none, 1, 0, true), FAILED);
    CU_ASSERT_PTR_NULL(reduce);
    group_world_destroy(group);
}

const char *const suite_name = "reduce";
const struct suite_test suite_tests[] = {
    {"buckets equal plain sums", buckets_equal_plain_sums},
    {"steps follow at once", steps_follow_at_once},
    {"overlap keeps the bits", overlap_keeps_the_bits},
    {"sends no more than it must", sends_no_more_than_it_must},
    {"ranks get the same bits", ranks_get_the_same_bits},
    {"floats pass on NaN", floats_pass_on_nan},
    {"destroys in mid-step", destroys_in_mid_step},
    {"deterministic sums", deterministic_sums},
    {"spans lie within the step", spans_lie_within_the_step},
    {"micro-batch zeroes", micro_batch_zeroes},
    {"out of range is NaN", out_of_range_is_nan},
    {"sums never wrap", sums_never_wrap},
    {"resolution", resolution},
    {"works on group_self", works_on_group_self},
    {"empty gradient", empty_gradient},
    {"creation fails together", creation_fails_together},
    {NULL, NULL},
};
