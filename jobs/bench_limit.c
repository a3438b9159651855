/* What the machine can do at most, measured. */
#define _GNU_SOURCE
#include "bench.h"
#include "peak.h"
#include "stop.h"

#include <time.h>

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
