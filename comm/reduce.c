/*
 * Float mode: one MPI_Iallreduce a bucket, in place, started in order.  Deterministic mode: blocks
 * of fixed-point integers, which one sum over ranks turns into the result and its validity at once.
 */
#define _GNU_SOURCE
#include "reduce.h"

#include <math.h>
#include <mpi.h>
#include <string.h>
#include <time.h>

enum {
    BLOCK_FLOATS = 16,
    BUCKET_LIMIT = 1 << 28, /* floats; MPI counts them by an int */
    BOUND_LIMIT = 1 << 22,  /* times 2^40 is 2^62: what is below it cannot wrap */
};
static const double UNITS = 1099511627776.0; /* 2^40, a unit of 1 in fixed point */

/* Sixteen neighbours.  |value| <= bound * UNITS while bound < BOUND_LIMIT; else the values mean
 * nothing (and may wrap inside MPI).  Only int64, so that blocks are summed as one array. */
struct block {
    int64_t bound;
    int64_t value[BLOCK_FLOATS];
};
enum { BLOCK_WORDS = 1 + BLOCK_FLOATS };
_Static_assert(sizeof(struct block) == BLOCK_WORDS * sizeof(int64_t), "blocks have no padding");

struct reduce {
    struct group *group;
    float *gradient; /* (count) not owned */
    size_t count;
    size_t bucket_floats;
    size_t n_buckets;          /* 0 in a group of one */
    size_t ready;              /* gradient[0, ready) is final here */
    size_t started;            /* buckets whose all-reduce has begun */
    size_t done;               /* buckets known to be reduced; in order, done <= started */
    MPI_Request *requests;     /* (n_buckets) owned; float mode on several ranks */
    struct reduce_span *spans; /* (n_buckets) owned */
    struct block *blocks;      /* (n_blocks) owned; deterministic mode */
    size_t n_blocks;
};

static size_t divide_up(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* `count` zeroed elements of `size` bytes each; a count of none is no failure. */
static enum status allocate(void **out, size_t count, size_t size)
{
    *out = status_fault() ? NULL : calloc(count + 1, size);
    if (*out) return OK;
    return status_fail(FAILED, "no memory to reduce gradients (%zu * %zu bytes)", count, size);
}

static enum status prepare(struct reduce *reduce, bool deterministic)
{
    void *memory = NULL;
    enum status status = OK;
    const bool several = group_size(reduce->group) > 1;
    if (reduce->bucket_floats == 0) FAIL(FAILED, "a reduction bucket of 0 floats (want 1 or more)");
    if (reduce->bucket_floats > BUCKET_LIMIT) reduce->bucket_floats = BUCKET_LIMIT;
    if (deterministic) { /* whole blocks a bucket */
        reduce->bucket_floats = divide_up(reduce->bucket_floats, BLOCK_FLOATS) * BLOCK_FLOATS;
        reduce->n_blocks = divide_up(reduce->count, BLOCK_FLOATS);
        TRY(allocate(&memory, reduce->n_blocks, sizeof *reduce->blocks));
        reduce->blocks = memory;
    }
    if (several) {
        reduce->n_buckets = divide_up(reduce->count, reduce->bucket_floats);
        TRY(allocate(&memory, reduce->n_buckets, sizeof *reduce->spans));
        reduce->spans = memory;
    }
    if (several && !deterministic) {
        TRY(allocate(&memory, reduce->n_buckets, sizeof(MPI_Request)));
        reduce->requests = memory;
    }
done:
    return status;
}

enum status reduce_create(struct reduce **reduce, struct group *group, float *gradient,
                          size_t count, size_t bucket_floats, bool deterministic)
{
    void *memory = NULL;
    enum status status = allocate(&memory, 1, sizeof **reduce);
    struct reduce *made = memory;
    if (status == OK) {
        made->group = group;
        made->gradient = gradient;
        made->count = count;
        made->bucket_floats = bucket_floats;
        status = prepare(made, deterministic);
    }
    status = group_agree(group, status);
    if (status != OK) {
        reduce_destroy(made);
        made = NULL;
    }
    *reduce = made;
    return status;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Waits for the buckets that have been started. */
static void wait_started(struct reduce *reduce)
{
    for (; reduce->done < reduce->started; reduce->done++) {
        MPI_Wait(&reduce->requests[reduce->done], MPI_STATUS_IGNORE);
        reduce->spans[reduce->done].end = seconds();
    }
}

void reduce_destroy(struct reduce *reduce)
{
    if (!reduce) return;
    wait_started(reduce);
    free(reduce->requests);
    free(reduce->spans);
    free(reduce->blocks);
    free(reduce);
}

void reduce_begin(struct reduce *reduce)
{
    ASSERT(reduce->done == reduce->started);
    reduce->ready = reduce->started = reduce->done = 0;
    if (reduce->blocks) memset(reduce->blocks, 0, reduce->n_blocks * sizeof *reduce->blocks);
}

/* Adds 16 floats.  The integers of |x|'s bits order like |x|, with infinities and NaN on top. */
static void add_block(struct block *block, const float *x)
{
    uint32_t bits[BLOCK_FLOATS], largest_bits = 0;
    memcpy(bits, x, sizeof bits);
    for (int i = 0; i < BLOCK_FLOATS; i++) {
        const uint32_t magnitude = bits[i] & 0x7fffffffu;
        largest_bits = magnitude > largest_bits ? magnitude : largest_bits;
    }
    float largest;
    memcpy(&largest, &largest_bits, sizeof largest);
    const bool small = largest < (float)BOUND_LIMIT;
    block->bound += small ? (int64_t)largest + 1 : BOUND_LIMIT;
    if (block->bound >= BOUND_LIMIT) return;
    for (int i = 0; i < BLOCK_FLOATS; i++) {
        const double scaled = (double)x[i] * UNITS;
        block->value[i] += (int64_t)(scaled + copysign(0.5, scaled));
    }
}

void reduce_micro_batch(struct reduce *reduce)
{
    if (!reduce->blocks) return;
    const size_t whole = reduce->count / BLOCK_FLOATS, rest = reduce->count % BLOCK_FLOATS;
    for (size_t i = 0; i < whole; i++)
        add_block(&reduce->blocks[i], reduce->gradient + i * BLOCK_FLOATS);
    if (rest > 0) {
        float last[BLOCK_FLOATS] = {0};
        memcpy(last, reduce->gradient + whole * BLOCK_FLOATS, rest * sizeof *last);
        add_block(&reduce->blocks[whole], last);
    }
    memset(reduce->gradient, 0, reduce->count * sizeof *reduce->gradient);
}

static size_t bucket_end(const struct reduce *reduce, size_t bucket)
{
    const size_t end = (bucket + 1) * reduce->bucket_floats;
    return end < reduce->count ? end : reduce->count;
}

static void start_ready_buckets(struct reduce *reduce)
{
    const MPI_Comm comm = *(MPI_Comm *)group_communicator(reduce->group);
    while (reduce->started < reduce->n_buckets &&
           bucket_end(reduce, reduce->started) <= reduce->ready) {
        const size_t first = reduce->started * reduce->bucket_floats;
        const size_t floats = bucket_end(reduce, reduce->started) - first;
        reduce->spans[reduce->started].start = seconds();
        MPI_Iallreduce(MPI_IN_PLACE, reduce->gradient + first, (int)floats, MPI_FLOAT, MPI_SUM,
                       comm, &reduce->requests[reduce->started]);
        reduce->started++;
    }
}

/* With nothing left to overlap with, blocking calls are the faster ones. */
static void reduce_the_rest(struct reduce *reduce)
{
    for (size_t bucket = reduce->started; bucket < reduce->n_buckets; bucket++) {
        const size_t first = bucket * reduce->bucket_floats;
        const size_t floats = bucket_end(reduce, bucket) - first;
        reduce->spans[bucket].start = seconds();
        MPI_Allreduce(MPI_IN_PLACE, reduce->gradient + first, (int)floats, MPI_FLOAT, MPI_SUM,
                      *(MPI_Comm *)group_communicator(reduce->group));
        reduce->spans[bucket].end = seconds();
    }
}

/* MPI may only progress inside a call of it. */
static void poke(struct reduce *reduce)
{
    int complete = 1;
    while (reduce->done < reduce->started) {
        MPI_Test(&reduce->requests[reduce->done], &complete, MPI_STATUS_IGNORE);
        if (!complete) return;
        reduce->spans[reduce->done].end = seconds();
        reduce->done++;
    }
}

void reduce_ready(void *context, size_t first, size_t count)
{
    struct reduce *const reduce = context;
    if (reduce->blocks) return;
    ASSERT(first == reduce->ready && count <= reduce->count - first);
    reduce->ready += count;
    if (reduce->n_buckets == 0) return;
    poke(reduce);
    start_ready_buckets(reduce);
}

/* A block's 16 sums, or NaN where they are out of range on some rank or in all. */
static void read_block(const struct block *block, float *x)
{
    const bool valid = block->bound < BOUND_LIMIT;
    for (int i = 0; i < BLOCK_FLOATS; i++)
        x[i] = valid ? (float)((double)block->value[i] / UNITS) : NAN;
}

static void read_blocks(const struct reduce *reduce, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const size_t place = i * BLOCK_FLOATS, left = reduce->count - place;
        float x[BLOCK_FLOATS];
        read_block(&reduce->blocks[i], x);
        memcpy(reduce->gradient + place, x,
               (left < BLOCK_FLOATS ? left : BLOCK_FLOATS) * sizeof *x);
    }
}

/* A bucket at a time, so that the sums are read while they are in cache. */
static void finish_blocks(struct reduce *reduce)
{
    const size_t each = divide_up(reduce->bucket_floats, BLOCK_FLOATS);
    for (size_t first = 0; first < reduce->n_blocks; first += each) {
        const size_t left = reduce->n_blocks - first, n = left < each ? left : each;
        struct reduce_span *span = reduce->n_buckets ? &reduce->spans[first / each] : NULL;
        if (span) span->start = seconds();
        group_sum_int64(reduce->group, (int64_t *)&reduce->blocks[first], n * BLOCK_WORDS);
        if (span) span->end = seconds();
        read_blocks(reduce, first, first + n);
    }
}

size_t reduce_spans(const struct reduce *reduce, const struct reduce_span **spans)
{
    *spans = reduce->spans;
    return reduce->n_buckets;
}

void reduce_finish(struct reduce *reduce)
{
    if (reduce->blocks) {
        finish_blocks(reduce);
        return;
    }
    wait_started(reduce);
    reduce_the_rest(reduce);
}
