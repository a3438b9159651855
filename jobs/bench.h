/**
 * What the kinds of `affekt bench` share: their options, the table of rows they fill, and limits
 * that they measure beside the thing itself.
 *
 * Machines are noisy: a kind measures thing and limit in turn, several rounds, and reports medians.
 */
#ifndef BENCH_H
#define BENCH_H

#include "command.h"
#include "config.h"

enum { BENCH_MAX_ROWS = 256, BENCH_MAX_SETS = 64, BENCH_NAME_SIZE = 80 };

/** A figure, the limit that the machine sets, and how much of the limit is reached. */
struct bench_row {
    char name[BENCH_NAME_SIZE];
    double value;
    const char *unit;
    double limit; /* in the same unit */
    const char *limit_name;
    double ratio; /* 1: at the limit */
};

struct bench {
    struct group *group;
    struct progress progress;
    /* what was asked for; NULL or 0: not said */
    const char *preset, *corpus, *out, *checkpoint;
    const char *sets[BENCH_MAX_SETS]; /* section.key=value */
    size_t n_sets;
    size_t events, floats, rounds;
    const char **inputs;
    size_t n_inputs;
    struct config config; /* resolved */
    /* results */
    json_t *facts; /* object: the frame of the figures, what is no row */
    struct bench_row rows[BENCH_MAX_ROWS];
    size_t n_rows;
};

/** The kinds.  Collective.  Each fills rows and facts. */
STATUS_CHECKED enum status bench_gemm(struct bench *bench);
STATUS_CHECKED enum status bench_step(struct bench *bench);
STATUS_CHECKED enum status bench_reduce(struct bench *bench);
STATUS_CHECKED enum status bench_io(struct bench *bench);
STATUS_CHECKED enum status bench_pack(struct bench *bench);
STATUS_CHECKED enum status bench_generate(struct bench *bench);

/** Adds a row whose value is better the larger it is: ratio = value / limit.  Local. */
void bench_rate(struct bench *bench, const char *name, double value, const char *unit, double limit,
                const char *limit_name);
/** Adds a row whose value is better the smaller it is: ratio = limit / value.  Local. */
void bench_cost(struct bench *bench, const char *name, double value, const char *unit, double limit,
                const char *limit_name);

/** Facts beside the rows.  Local. */
void bench_text(struct bench *bench, const char *name, const char *text);
void bench_number(struct bench *bench, const char *name, double number);

/** Prints everything on rank 0.  Local. */
STATUS_CHECKED enum status bench_print(struct bench *bench, bool json);

/** The median of x (n), n >= 1; sorts it.  Local. */
double bench_median(double *x, size_t n);

/** Processor seconds of this process, all threads.  Local. */
double bench_cpu_clock(void);

/** Operations a second of this rank's `train.threads` cores, from a few milliseconds of independent
 *  multiply-adds on one.  Local. */
double bench_peak(const struct bench *bench);

/** bench_peak summed over ranks that measure at the same time.  Collective. */
double bench_peak_all(const struct bench *bench);

/** Three arrays of floats to move. */
struct bench_memory {
    float *array[3]; /* (n) each, owned */
    size_t n;
};

/** Bytes a rank that are twice the machine's cache together, an eighth of its memory at most.
 *  Local. */
double bench_beyond_cache(const struct group *group);

/** Makes arrays of `bytes` together: what fits a cache is moved at that cache's speed.  Local.
 *  Fails for want of memory. */
STATUS_CHECKED enum status bench_memory_init(struct bench_memory *memory, double bytes);
void bench_memory_fini(struct bench_memory *memory);

/** Seconds a byte that this rank's core moves, by one pass of the triad.  Local. */
double bench_memory(struct bench_memory *memory);

/** The same by reading all three arrays.  Local. */
double bench_memory_read(const struct bench_memory *memory);

#endif
