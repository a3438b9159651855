/* watchdog, on 1 to 4 ranks: quiet while ranks get on or are slow with reason; a rank without end
 * is named by the others. */
#define _GNU_SOURCE
#include "runner.h"
#include "stop.h"
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOUND 1.0 /* seconds */

static char path[64];
static _Atomic int verdicts;
static char verdict[STATUS_MESSAGE_SIZE];

static struct group *world(void)
{
    static struct group *group;
    if (!group && group_world_create(&group, NULL, NULL) != OK) abort();
    return group;
}

static void keep(void *context, const char *message)
{
    snprintf(context, STATUS_MESSAGE_SIZE, "%s", message);
    verdicts++;
}

static struct watchdog *begin(void)
{
    struct watchdog *watchdog = NULL;
    const struct watchdog_settings settings = {
        .path = path, .bound = BOUND, .give_up = keep, .context = verdict};
    snprintf(path, sizeof path, "/tmp/affekt-watchdog-%ld", (long)getpid());
    group_broadcast(world(), path, sizeof path, 0);
    verdicts = 0;
    CU_ASSERT_EQUAL(watchdog_start(&watchdog, world(), &settings), OK);
    return watchdog;
}

static void end(struct watchdog *watchdog)
{
    group_barrier(world());
    watchdog_stop(watchdog);
    group_barrier(world());
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    group_barrier(world()); /* before it is made anew */
}

static int is_last(void)
{
    return group_rank(world()) == group_size(world()) - 1;
}

static void wait_for(double seconds)
{
    const double start = stop_clock();
    while (stop_clock() - start < seconds) usleep(20000);
}

/* Steps of which the last rank takes 10 ms for its own part. */
static void steps(struct watchdog *watchdog, uint64_t n)
{
    for (uint64_t step = 1; step <= n; step++) {
        watchdog_mark(watchdog, PHASE_ENCODE, step);
        if (is_last()) usleep(10000);
        watchdog_mark(watchdog, PHASE_SHARE, step);
        group_barrier(world());
    }
}

static void is_quiet_while_ranks_get_on(void)
{
    struct watchdog *watchdog = begin();
    steps(watchdog, 150);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    end(watchdog);
    CU_ASSERT_EQUAL(verdicts, 0);
}

static void is_quiet_about_slow_phases(void)
{
    static const enum phase SLOW[] = {PHASE_FIT, PHASE_VALIDATE, PHASE_SAVE};
    struct watchdog *watchdog = begin();
    steps(watchdog, 3);
    for (size_t i = 0; i < 3; i++) {
        watchdog_mark(watchdog, SLOW[i], 3);
        if (is_last()) wait_for(1.7 * BOUND);
        group_barrier(world());
    }
    end(watchdog);
    CU_ASSERT_EQUAL(verdicts, 0);
}

/* A phase of many parts may be longer than the bound. */
static void is_quiet_while_parts_get_done(void)
{
    struct watchdog *watchdog = begin();
    steps(watchdog, 3);
    watchdog_mark(watchdog, PHASE_DECODE, 4);
    for (int i = 0; i < 4; i++) {
        wait_for(0.45 * BOUND);
        watchdog_on(watchdog);
    }
    end(watchdog);
    CU_ASSERT_EQUAL(verdicts, 0);
}

/* The bound follows the longest step. */
static void is_patient_with_long_steps(void)
{
    struct watchdog *watchdog = begin();
    watchdog_mark(watchdog, PHASE_DECODE, 1);
    wait_for(0.4 * BOUND);
    watchdog_mark(watchdog, PHASE_DECODE, 2);
    wait_for(2 * BOUND);
    end(watchdog);
    CU_ASSERT_EQUAL(verdicts, 0);
}

static void names_the_rank_without_end(void)
{
    char want[128];
    int64_t heard;
    struct watchdog *watchdog = begin();
    steps(watchdog, 3);
    watchdog_mark(watchdog, PHASE_DECODE, 4);
    const double start = stop_clock();
    if (is_last())
        while (verdicts == 0 && stop_clock() - start < 20 * BOUND) usleep(10000);
    else
        watchdog_mark(watchdog, PHASE_REDUCE_WAIT, 4);
    group_barrier(world());
    heard = verdicts;
    if (verdicts > 0 && !is_last()) {
        snprintf(want, sizeof want, "rank %d does not get on: for ", group_size(world()) - 1);
        CU_ASSERT_EQUAL(strncmp(verdict, want, strlen(want)), 0);
    }
    if (verdicts > 0 && is_last())
        CU_ASSERT_EQUAL(strncmp(verdict, "does not get on: for ", 21), 0);
    if (verdicts > 0)
        CU_ASSERT_PTR_NOT_NULL(strstr(verdict, "at step 4, in the decoding of its batch"));
    group_sum_int64(world(), &heard, 1);
    CU_ASSERT(heard >= 1);
    end(watchdog);
}

static void needs_a_file(void)
{
    struct watchdog *watchdog = NULL;
    const struct watchdog_settings settings = {.path = "/nowhere/heartbeat", .bound = BOUND};
    CU_ASSERT_EQUAL(watchdog_start(&watchdog, world(), &settings), FAILED);
    CU_ASSERT_PTR_NULL(watchdog);
    watchdog_mark(watchdog, PHASE_UPDATE, 1); /* nobody watches: no harm */
    watchdog_on(watchdog);
    watchdog_stop(watchdog);
}

static void survives_faults(void)
{
    const struct watchdog_settings settings = {.path = path, .bound = BOUND};
    for (int rank = 0; rank < group_size(world()); rank++) {
        struct watchdog *watchdog = NULL;
        status_fault_set(group_rank(world()) == rank ? 1 : 0);
        CU_ASSERT_EQUAL(watchdog_start(&watchdog, world(), &settings), FAILED);
        status_fault_set(0);
        CU_ASSERT_PTR_NULL(watchdog);
    }
}

const char *const suite_name = "watchdog";
const struct suite_test suite_tests[] = {
    {"is quiet while ranks get on", is_quiet_while_ranks_get_on},
    {"is quiet about slow phases", is_quiet_about_slow_phases},
    {"is quiet while parts get done", is_quiet_while_parts_get_done},
    {"is patient with long steps", is_patient_with_long_steps},
    {"names the rank without end", names_the_rank_without_end},
    {"needs a file", needs_a_file},
    {"survives faults", survives_faults},
    {NULL, NULL},
};
