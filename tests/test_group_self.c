/* The group of one without MPI, and, in child processes, what begins and ends MPI. */
#define _GNU_SOURCE
#include "group.h"
#include "reduce.h"
#include "runner.h"
#include "sum.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool mpi_untouched(void)
{
    int initialized = 1;
    MPI_Initialized(&initialized);
    return !initialized;
}

static void works_without_mpi(void)
{
    struct group *self = group_self();
    CU_ASSERT_EQUAL(group_rank(self), 0);
    CU_ASSERT_EQUAL(group_size(self), 1);
    CU_ASSERT_PTR_NULL(group_communicator(self));
    double x[2] = {1.5, -2};
    int64_t n = 7;
    group_sum_doubles(self, x, 2);
    group_max_doubles(self, x, 2);
    group_sum_int64(self, &n, 1);
    group_broadcast(self, x, sizeof x, 0);
    group_barrier(self);
    CU_ASSERT_EQUAL(x[0], 1.5);
    CU_ASSERT_EQUAL(x[1], -2);
    CU_ASSERT_EQUAL(n, 7);
    size_t bytes = 0;
    group_gather_sizes(self, &bytes, 3);
    CU_ASSERT_EQUAL(bytes, 3);
    char all[4] = "???";
    group_gather_all(self, all, "abc", &bytes);
    CU_ASSERT_STRING_EQUAL(all, "abc");
    CU_ASSERT_TRUE(mpi_untouched());
}

static void sums_without_mpi(void)
{
    struct sum *sum = NULL;
    const double terms[3] = {1e300, 1, -1e300};
    double total = 0;
    CU_ASSERT_EQUAL_FATAL(sum_create(&sum, 1), OK);
    for (int i = 0; i < 3; i++) sum_add(sum, 0, terms + i, 1);
    sum_over_ranks(sum, group_self());
    sum_read(sum, &total);
    CU_ASSERT_EQUAL(total, 1);
    sum_destroy(sum);
    CU_ASSERT_TRUE(mpi_untouched());
}

static void reduces_without_mpi(void)
{
    for (int exact = 0; exact < 2; exact++) {
        float gradient[40] = {0};
        struct reduce *reduce = NULL;
        CU_ASSERT_EQUAL_FATAL(reduce_create(&reduce, group_self(), gradient, 40, 7, exact), OK);
        reduce_begin(reduce);
        for (int batch = 0; batch < 2; batch++) {
            gradient[0] += 0.5f;
            gradient[39] -= 3;
            reduce_micro_batch(reduce);
        }
        reduce_ready(reduce, 0, 40);
        reduce_finish(reduce);
        CU_ASSERT_EQUAL(gradient[0], 1);
        CU_ASSERT_EQUAL(gradient[1], 0);
        CU_ASSERT_EQUAL(gradient[39], -6);
        reduce_destroy(reduce);
    }
    CU_ASSERT_TRUE(mpi_untouched());
}

static void agrees_with_itself(void)
{
    CU_ASSERT_EQUAL(group_agree(group_self(), OK), OK);
    CU_ASSERT_EQUAL(group_agree(group_self(), status_fail(STOPPED, "time is up")), STOPPED);
    CU_ASSERT_STRING_EQUAL(status_message(), "time is up");
    CU_ASSERT_TRUE(mpi_untouched());
}

static void names_the_library(void)
{
    CU_ASSERT(strlen(group_library_version()) > 3);
    CU_ASSERT_PTR_NULL(strpbrk(group_library_version(), ",\n"));
    CU_ASSERT_TRUE(mpi_untouched());
}

static void abort_self(void)
{
    group_abort(group_self(), "the watchdog bit");
}

/* MPI without a launcher; exits 0 when all is as it should be. */
static void begin_and_end_mpi(void)
{
    struct group *world;
    int ended = 0;
    bool good = group_world_create(&world, NULL, NULL) == OK && group_size(world) == 1;
    if (!good) _Exit(10);
    group_barrier(world);
    good = group_agree(world, status_fail(USAGE, "a")) == USAGE && group_communicator(world);
    group_world_destroy(world);
    MPI_Finalized(&ended);
    good = good && ended && group_world_create(&world, NULL, NULL) == FAILED && !world;
    _Exit(good ? 0 : 11);
}

static void fail_to_create(void)
{
    struct group *world;
    int ended = 0;
    status_fault_set(1);
    const bool failed = group_world_create(&world, NULL, NULL) == FAILED;
    MPI_Finalized(&ended);
    _Exit(failed && ended ? 0 : 12);
}

static void abort_world(void)
{
    struct group *world;
    if (group_world_create(&world, NULL, NULL) != OK) _Exit(10);
    group_abort(world, "the watchdog bit");
}

/* A copy of the group's communicator inherits its error handler. */
static void misuse_mpi(void)
{
    struct group *world;
    int nothing = 0;
    MPI_Comm copy;
    if (group_world_create(&world, NULL, NULL) != OK) _Exit(10);
    MPI_Comm_dup(*(MPI_Comm *)group_communicator(world), &copy);
    MPI_Bcast(&nothing, 1, MPI_INT, 5, copy);
    _Exit(13);
}

/* Runs `child` in a process of its own; returns its exit code and the start of its stderr. */
static int run(void (*child)(void), char *text, size_t size)
{
    int ends[2], state = 0;
    if (pipe(ends) != 0) return -1;
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        child();
        _Exit(99);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    const size_t length = in ? fread(text, 1, size - 1, in) : 0;
    text[length] = 0;
    if (in) fclose(in);
    if (pid < 0 || waitpid(pid, &state, 0) != pid) return -1;
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void begins_and_ends_mpi(void)
{
    char text[4096];
    CU_ASSERT_EQUAL(run(begin_and_end_mpi, text, sizeof text), 0);
    CU_ASSERT_EQUAL(run(fail_to_create, text, sizeof text), 0);
    CU_ASSERT_TRUE(mpi_untouched());
}

static void aborts_with_one_line(void)
{
    char text[4096];
    CU_ASSERT_EQUAL(run(abort_self, text, sizeof text), FAILED);
    CU_ASSERT_STRING_EQUAL(text, "error: the watchdog bit\n");
    CU_ASSERT_EQUAL(run(abort_world, text, sizeof text), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "error: the watchdog bit\n"));
}

static void mpi_errors_end_the_program(void)
{
    char text[4096];
    CU_ASSERT_EQUAL(run(misuse_mpi, text, sizeof text), FAILED);
    CU_ASSERT_EQUAL(strncmp(text, "error: rank 0: MPI: MPI_ERR_ROOT", 32), 0);
}

const char *const suite_name = "group_self";
const struct suite_test suite_tests[] = {
    {"works without MPI", works_without_mpi},
    {"sums without MPI", sums_without_mpi},
    {"reduces without MPI", reduces_without_mpi},
    {"agrees with itself", agrees_with_itself},
    {"names the library", names_the_library},
    {"begins and ends MPI", begins_and_ends_mpi},
    {"aborts with one line", aborts_with_one_line},
    {"MPI errors end the program", mpi_errors_end_the_program},
    {NULL, NULL},
};
