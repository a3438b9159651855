/*
 * Float mode: a courier takes the buckets.  Deterministic mode: blocks of fixed-point integers,
 * which one sum over ranks turns into the result and its validity at once.
 */
#define _GNU_SOURCE
#include "reduce.h"

#include <math.h>
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
    struct reduce_settings settings;
    size_t ready;              /* gradient[0, ready) is final here */
    struct courier *courier;   /* owned; float mode on several ranks */
    struct block *blocks;      /* (n_blocks) owned; deterministic mode */
    size_t n_blocks, n_spans;  /* spans of buckets: deterministic mode on several ranks */
    struct reduce_span *spans; /* (n_spans) owned */
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

/* Whole blocks a bucket. */
static enum status prepare_blocks(struct reduce *reduce)
{
    void *memory = NULL;
    enum status status = OK;
    const size_t bucket = divide_up(reduce->settings.bucket_floats, BLOCK_FLOATS) * BLOCK_FLOATS;
    reduce->settings.bucket_floats = bucket;
    reduce->n_blocks = divide_up(reduce->count, BLOCK_FLOATS);
    TRY(allocate(&memory, reduce->n_blocks, sizeof *reduce->blocks));
    reduce->blocks = memory;
    if (group_size(reduce->group) == 1) goto done;
    TRY(allocate(&memory, divide_up(reduce->count, bucket), sizeof *reduce->spans));
    reduce->n_spans = divide_up(reduce->count, bucket);
    reduce->spans = memory;
done:
    return status;
}

static struct courier_settings courier_of(const struct reduce_settings *settings, bool one_node)
{
    const bool overlap = settings->overlap == REDUCE_OVERLAP_ON ||
                         (settings->overlap == REDUCE_OVERLAP_AUTO && !one_node);
    return (struct courier_settings){.bucket_floats = settings->bucket_floats,
                                     .thread = overlap && !settings->deterministic,
                                     .compress = settings->compress && !settings->deterministic};
}

static enum status prepare(struct reduce *reduce, bool one_node)
{
    enum status status = OK;
    struct reduce_settings *settings = &reduce->settings;
    if (settings->bucket_floats == 0)
        FAIL(FAILED, "a reduction bucket of 0 floats (want 1 or more)");
    if (settings->bucket_floats > BUCKET_LIMIT) settings->bucket_floats = BUCKET_LIMIT;
    if (settings->deterministic) TRY(prepare_blocks(reduce));
    if (group_size(reduce->group) == 1 || (settings->deterministic && !settings->sharded))
        goto done;
    const struct courier_settings courier = courier_of(settings, one_node);
    TRY(courier_create(&reduce->courier, reduce->group, reduce->count, &courier));
done:
    return status;
}

enum status reduce_create_with(struct reduce **reduce, struct group *group, float *gradient,
                               size_t count, const struct reduce_settings *settings)
{
    void *memory = NULL;
    const bool one_node = group_shares_node(group);
    enum status status = allocate(&memory, 1, sizeof **reduce);
    struct reduce *made = memory;
    if (status == OK) {
        *made = (struct reduce){
            .group = group, .gradient = gradient, .count = count, .settings = *settings};
        status = prepare(made, one_node);
    }
    status = group_agree(group, status);
    if (status != OK) {
        reduce_destroy(made);
        made = NULL;
    }
    *reduce = made;
    return status;
}

enum status reduce_create(struct reduce **reduce, struct group *group, float *gradient,
                          size_t count, size_t bucket_floats, bool deterministic)
{
    const struct reduce_settings settings = {.bucket_floats = bucket_floats,
                                             .deterministic = deterministic};
    return reduce_create_with(reduce, group, gradient, count, &settings);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void reduce_destroy(struct reduce *reduce)
{
    if (!reduce) return;
    courier_destroy(reduce->courier);
    free(reduce->spans);
    free(reduce->blocks);
    free(reduce);
}

void reduce_begin(struct reduce *reduce)
{
    reduce->ready = 0;
    if (reduce->blocks) memset(reduce->blocks, 0, reduce->n_blocks * sizeof *reduce->blocks);
    if (!reduce->courier || reduce->blocks) return;
    courier_begin(reduce->courier, reduce->settings.sharded ? BUCKET_SCATTER : BUCKET_SUM,
                  reduce->gradient);
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

void reduce_ready(void *context, size_t first, size_t count)
{
    struct reduce *const reduce = context;
    if (reduce->blocks) return;
    ASSERT(first == reduce->ready && count <= reduce->count - first);
    reduce->ready += count;
    if (reduce->courier) courier_ready(reduce->courier, reduce->ready);
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
    const size_t each = reduce->settings.bucket_floats / BLOCK_FLOATS;
    for (size_t first = 0; first < reduce->n_blocks; first += each) {
        const size_t left = reduce->n_blocks - first, n = left < each ? left : each;
        struct reduce_span *span = reduce->spans ? &reduce->spans[first / each] : NULL;
        if (span) span->start = seconds();
        group_sum_int64(reduce->group, (int64_t *)&reduce->blocks[first], n * BLOCK_WORDS);
        if (span) span->end = seconds();
        read_blocks(reduce, first, first + n);
    }
}

void reduce_finish(struct reduce *reduce)
{
    if (reduce->blocks)
        finish_blocks(reduce);
    else if (reduce->courier)
        courier_finish(reduce->courier);
}

void reduce_gather(struct reduce *reduce, float *array)
{
    if (group_size(reduce->group) == 1) return;
    ASSERT(reduce->courier);
    courier_begin(reduce->courier, BUCKET_GATHER, array);
    courier_finish(reduce->courier);
}

size_t reduce_n_parts(const struct reduce *reduce)
{
    return divide_up(reduce->count, reduce->settings.bucket_floats);
}

static struct reduce_part part_of(size_t count, size_t bucket_floats, size_t i, int size, int rank)
{
    struct reduce_part part;
    const size_t first = i * bucket_floats, left = count - first;
    bucket_part(left < bucket_floats ? left : bucket_floats, size, rank, &part.first, &part.end);
    part.first += first;
    part.end += first;
    return part;
}

struct reduce_part reduce_part_of(const struct reduce *reduce, size_t i, int rank)
{
    return part_of(reduce->count, reduce->settings.bucket_floats, i, group_size(reduce->group),
                   rank);
}

size_t reduce_shard(size_t count, size_t bucket_floats, int size)
{
    size_t floats = 0;
    for (size_t i = 0; i < divide_up(count, bucket_floats); i++) {
        const struct reduce_part part = part_of(count, bucket_floats, i, size, 0);
        floats += part.end - part.first;
    }
    return floats;
}

size_t reduce_bytes(size_t count, const struct reduce_settings *settings, int size)
{
    const struct courier_settings courier = courier_of(settings, true);
    const bool carries = size > 1 && (!settings->deterministic || settings->sharded);
    return (settings->deterministic ? divide_up(count, BLOCK_FLOATS) * sizeof(struct block) : 0) +
           (carries ? courier_bytes(count, &courier) : 0);
}

size_t reduce_spans(const struct reduce *reduce, const struct reduce_span **spans)
{
    if (reduce->courier && !reduce->blocks) return courier_spans(reduce->courier, spans);
    *spans = reduce->spans;
    return reduce->n_spans;
}

uint64_t reduce_sent(const struct reduce *reduce)
{
    return reduce->courier ? courier_sent(reduce->courier) : 0;
}
