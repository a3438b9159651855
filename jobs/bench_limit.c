/* What the machine can do at most, measured. */
#define _GNU_SOURCE
#include "bench.h"
#include "peak.h"
#include "stop.h"

#include <time.h>
#include <unistd.h>

enum { PEAK_ROUNDS = 500000 }; /* about 2 ms */

double bench_cpu_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_peak(const struct bench *bench)
{
    volatile float result;
    float sum;
    const double start = stop_clock();
    const double operations = peak_multiply_add(&sum, PEAK_ROUNDS);
    const double seconds = stop_clock() - start;
    result = sum;
    (void)result;
    return operations / seconds * bench->config.train.threads;
}

double bench_peak_all(const struct bench *bench)
{
    group_barrier(bench->group);
    double peak = bench_peak(bench);
    group_sum_doubles(bench->group, &peak, 1);
    return peak;
}

double bench_beyond_cache(const struct group *group)
{
    static const double LEAST = 96e6; /* where the system does not say */
    const double cache = (double)sysconf(_SC_LEVEL3_CACHE_SIZE);
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double bytes = 2 * cache > LEAST ? 2 * cache : LEAST;
    if (memory > 0 && bytes > memory / 8) bytes = memory / 8;
    return bytes / group_size(group);
}

enum status bench_memory_init(struct bench_memory *memory, double bytes)
{
    enum status status = OK;
    *memory = (struct bench_memory){.n = (size_t)(bytes / 3 / sizeof(float)) + 1};
    for (int i = 0; i < 3; i++) {
        memory->array[i] = calloc(memory->n, sizeof(float));
        if (!memory->array[i]) FAIL(FAILED, "no memory for an array of %zu floats", memory->n);
        for (size_t j = 0; j < memory->n; j++) memory->array[i][j] = (float)i;
    }
done:
    if (status != OK) bench_memory_fini(memory);
    return status;
}

void bench_memory_fini(struct bench_memory *memory)
{
    for (int i = 0; i < 3; i++) free(memory->array[i]);
    *memory = (struct bench_memory){.n = 0};
}

double bench_memory(struct bench_memory *memory)
{
    const double start = stop_clock();
    const double bytes =
        peak_triad(memory->array[0], memory->array[1], memory->array[2], 3, memory->n);
    return (stop_clock() - start) / bytes;
}

double bench_memory_read(const struct bench_memory *memory)
{
    enum { LEAST = 1 << 20 }; /* floats: small arrays are read again and again */
    volatile float result = 0;
    size_t read = 0;
    const double start = stop_clock();
    while (read < LEAST) {
        for (int i = 0; i < 3; i++) result += peak_read(memory->array[i], memory->n);
        read += 3 * memory->n;
    }
    (void)result;
    return (stop_clock() - start) / ((double)read * sizeof(float));
}
