/* affekt bench reduce: the gradient's sum over ranks. */
#include "bench.h"
#include "peak.h"
#include "ping_pong.h"
#include "reduce.h"
#include "stop.h"

#include <stdio.h>

enum {
    DEFAULT_FLOATS = 2000000, /* of the preset `small` */
    BUCKET_FLOATS = 1 << 18,  /* as the trainer's */
    SLICES = 64,              /* announcements of a backward pass */
    SMALL_TRIPS = 200,
    LARGE_TRIPS = 8,
};
/* A backward pass is to take this many times the reduction, and at least so many seconds. */
static const double BACKWARD = 5, LEAST_SECONDS = 2e-3;
/* Bytes that deterministic mode moves for a float of a micro-batch: the float read and zeroed, its
 * part of a block of fixed-point numbers read and written. */
static const double BYTES_A_FLOAT = 4 + 4 + 8.5 + 8.5;

enum { LATENCY, TRANSFER, BLOCKING, ALONE, OVERLAPPED, DETERMINISTIC, ADDING, MEMORY, N_FIGURES };

struct reduce_bench {
    struct bench *bench;
    float *gradient; /* (floats) owned */
    float *message;  /* (BUCKET_FLOATS) owned */
    struct reduce *blocking, *overlapped, *fixed;
    struct bench_memory memory;
    size_t rounds_a_slice; /* of peak_multiply_add */
    double *seconds;       /* (N_FIGURES, rounds) owned */
};

static void fill(const struct reduce_bench *b)
{
    for (size_t i = 0; i < b->bench->floats; i++) b->gradient[i] = 1e-3f * (float)(i % 11);
}

/* The slowest rank's seconds since `start`. */
static double since(const struct reduce_bench *b, double start)
{
    double seconds = stop_clock() - start;
    group_max_doubles(b->bench->group, &seconds, 1);
    return seconds;
}

static double begin(const struct reduce_bench *b)
{
    group_barrier(b->bench->group);
    return stop_clock();
}

static double time_blocking(struct reduce_bench *b)
{
    fill(b);
    const double start = begin(b);
    reduce_begin(b->blocking);
    reduce_finish(b->blocking);
    return since(b, start);
}

/* A backward pass of pure arithmetic, that announces its gradient when `reduces`. */
static double time_backward(struct reduce_bench *b, bool reduces)
{
    const size_t floats = b->bench->floats;
    volatile float result;
    float sum = 0;
    fill(b);
    const double start = begin(b);
    if (reduces) reduce_begin(b->overlapped);
    for (size_t i = 0; i < SLICES; i++) {
        const size_t first = i * floats / SLICES, end = (i + 1) * floats / SLICES;
        peak_multiply_add(&sum, b->rounds_a_slice);
        if (reduces) reduce_ready(b->overlapped, first, end - first);
    }
    if (reduces) reduce_finish(b->overlapped);
    result = sum;
    (void)result;
    return since(b, start);
}

static void time_deterministic(struct reduce_bench *b, double *adding, double *summing)
{
    fill(b);
    double start = begin(b);
    reduce_begin(b->fixed);
    reduce_micro_batch(b->fixed);
    *adding = since(b, start);
    start = begin(b);
    reduce_finish(b->fixed);
    *summing = since(b, start);
}

/* How long the arithmetic of a slice must be; the same on every rank. */
static void plan_backward(struct reduce_bench *b)
{
    enum { TRIAL = 100000 };
    float sum;
    time_blocking(b);
    double wanted = BACKWARD * time_blocking(b);
    const double start = begin(b);
    peak_multiply_add(&sum, TRIAL);
    double trial = since(b, start);
    if (wanted < LEAST_SECONDS) wanted = LEAST_SECONDS;
    b->rounds_a_slice = 1 + (size_t)(wanted / SLICES / trial * TRIAL);
    group_broadcast(b->bench->group, &b->rounds_a_slice, sizeof b->rounds_a_slice, 0);
}

static void measure(struct reduce_bench *b)
{
    const size_t n = b->bench->rounds;
    const size_t bytes =
        sizeof(float) * (b->bench->floats < BUCKET_FLOATS ? b->bench->floats : BUCKET_FLOATS);
    plan_backward(b);
    for (size_t i = 0; i < n; i++) {
        double *at = b->seconds + i;
        at[LATENCY * n] = ping_pong(b->bench->group, b->message, 1, SMALL_TRIPS);
        at[TRANSFER * n] =
            ping_pong(b->bench->group, b->message, bytes, LARGE_TRIPS) / (double)bytes; /* a byte */
        at[BLOCKING * n] = time_blocking(b);
        at[ALONE * n] = time_backward(b, false);
        at[OVERLAPPED * n] = time_backward(b, true);
        time_deterministic(b, &at[ADDING * n], &at[DETERMINISTIC * n]);
        at[MEMORY * n] = bench_memory(&b->memory);
        group_max_doubles(b->bench->group, &at[MEMORY * n], 1);
    }
}

static void report(struct reduce_bench *b)
{
    struct bench *bench = b->bench;
    const double ranks = group_size(bench->group), floats = (double)bench->floats;
    double median[N_FIGURES];
    for (int i = 0; i < N_FIGURES; i++)
        median[i] = bench_median(b->seconds + (size_t)i * bench->rounds, bench->rounds);
    const double a_byte = 2 * (ranks - 1) / ranks * median[TRANSFER]; /* on the ring */
    bench_number(bench, "floats", floats);
    bench_number(bench, "memory_bytes_per_second", 1 / median[MEMORY]);
    if (ranks > 1) {
        const double ring = 4 * floats * a_byte;
        const double exposed = median[OVERLAPPED] - median[ALONE];
        bench_number(bench, "ping_pong_seconds", median[LATENCY]);
        bench_number(bench, "ping_pong_bytes_per_second", 1 / median[TRANSFER]);
        bench_number(bench, "exposed_seconds", exposed);
        bench_number(bench, "hidden_share", 1 - exposed / median[BLOCKING]);
        bench_cost(bench, "blocking", median[BLOCKING], "s", ring, "ring at ping-pong bandwidth");
        bench_cost(bench, "backward pass with the reduction in it", median[OVERLAPPED], "s",
                   median[ALONE], "the backward pass alone");
        bench_cost(bench, "deterministic", median[DETERMINISTIC], "s", 8.5 * floats * a_byte,
                   "ring at ping-pong bandwidth");
    }
    bench_cost(bench, "deterministic, adding a micro-batch", median[ADDING], "s",
               BYTES_A_FLOAT * floats * median[MEMORY], "moving as many bytes");
}

static enum status init(struct reduce_bench *b)
{
    enum status status = OK;
    const size_t floats = b->bench->floats;
    b->gradient = calloc(floats, sizeof *b->gradient);
    b->message = calloc(BUCKET_FLOATS, sizeof *b->message);
    b->seconds = calloc(N_FIGURES * b->bench->rounds, sizeof *b->seconds);
    if (!b->gradient || !b->message || !b->seconds)
        FAIL(FAILED, "no memory for a gradient of %zu floats", floats);
    TRY(bench_memory_init(&b->memory, (4 + 8.5) * (double)floats));
done:
    return status;
}

static enum status create(struct reduce_bench *b, struct reduce **reduce, bool deterministic,
                          enum reduce_overlap overlap)
{
    const struct reduce_settings settings = {
        .bucket_floats = BUCKET_FLOATS, .deterministic = deterministic, .overlap = overlap};
    return reduce_create_with(reduce, b->bench->group, b->gradient, b->bench->floats, &settings);
}

enum status bench_reduce(struct bench *bench)
{
    enum status status = OK;
    struct reduce_bench b = {.bench = bench};
    if (!bench->floats) bench->floats = DEFAULT_FLOATS;
    TRY(group_agree(bench->group, init(&b)));
    TRY(create(&b, &b.blocking, false, REDUCE_OVERLAP_OFF));
    TRY(create(&b, &b.overlapped, false, REDUCE_OVERLAP_ON));
    TRY(create(&b, &b.fixed, true, REDUCE_OVERLAP_OFF));
    if (group_size(bench->group) == 1)
        progress_note(&bench->progress, "one rank: nothing travels; mpirun -n 2 affekt bench "
                                        "reduce measures that");
    measure(&b);
    report(&b);
done:
    reduce_destroy(b.blocking);
    reduce_destroy(b.overlapped);
    reduce_destroy(b.fixed);
    bench_memory_fini(&b.memory);
    free(b.gradient);
    free(b.message);
    free(b.seconds);
    return status;
}
