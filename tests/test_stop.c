/* stop: durations, signals. */
#define _GNU_SOURCE
#include "runner.h"
#include "stop.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void reads_durations(void)
{
    static const struct {
        const char *text;
        double seconds;
    } CASES[] = {{"90", 90},         {"90s", 90},           {"1.5m", 90},
                 {"15m", 900},       {"2h", 7200},          {"1d", 86400},
                 {"00:01:30", 90},   {"12:00:00", 43200},   {"1-02:03:04", 93784},
                 {"0-00:00:10", 10}, {"100:00:00", 360000}, {"0.5", 0.5}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        double seconds = -1;
        CU_ASSERT_EQUAL(stop_parse_duration(&seconds, CASES[i].text), OK);
        CU_ASSERT(fabs(seconds - CASES[i].seconds) < 1e-9);
    }
}

static void refuses_what_is_no_duration(void)
{
    static const char *const CASES[] = {
        "",        " ",        "0",         "-5",     "5x",   "5 m",     "m",
        "nan",     "inf",      "1e999",     "1e308d", "1:30", "1:2:3:4", "00:00:00",
        "1:-5:00", "-1:00:00", "12:00:00x", "90ss",   "1-2",  "0x10",    "1-1:1:-1"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        double seconds = 0;
        CU_ASSERT_EQUAL(stop_parse_duration(&seconds, CASES[i]), USAGE);
        if (*CASES[i]) CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), CASES[i]));
    }
}

/* In a child: the first signal only sets the flag, the second ends the process. */
static int child(int number)
{
    int code;
    const pid_t pid = fork();
    if (pid == 0) {
        stop_catch_signals();
        if (stop_signalled()) _exit(1);
        raise(number);
        if (!stop_signalled()) _exit(2);
        raise(number);
        _exit(0);
    }
    if (waitpid(pid, &code, 0) != pid) return -1;
    return code;
}

static void a_second_signal_ends_the_process(void)
{
    static const int SIGNALS[] = {SIGUSR1, SIGTERM, SIGINT};
    for (size_t i = 0; i < 3; i++) {
        const int code = child(SIGNALS[i]);
        CU_ASSERT(WIFSIGNALED(code) && WTERMSIG(code) == SIGNALS[i]);
    }
}

/* In a child: nobody reads what it writes, and it goes on. */
static void a_closed_pipe_does_not_end_the_process(void)
{
    int ends[2], code = -1;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    close(ends[0]);
    const pid_t pid = fork();
    if (pid == 0) {
        stop_catch_signals();
        _exit(write(ends[1], "x", 1) == -1 && !stop_signalled() ? 5 : 6);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &code, 0), pid);
    CU_ASSERT(WIFEXITED(code) && WEXITSTATUS(code) == 5);
    close(ends[1]);
}

/* In a child: which signal it was. */
static void tells_terminations(void)
{
    static const int SIGNALS[] = {SIGTERM, SIGUSR1, SIGINT};
    for (size_t i = 0; i < 3; i++) {
        int code = -1;
        const pid_t pid = fork();
        if (pid == 0) {
            stop_catch_signals();
            if (stop_terminated()) _exit(2);
            raise(SIGNALS[i]);
            _exit(stop_terminated());
        }
        CU_ASSERT_EQUAL(waitpid(pid, &code, 0), pid);
        CU_ASSERT(WIFEXITED(code) && WEXITSTATUS(code) == (SIGNALS[i] == SIGTERM));
    }
}

/* In a child that sleeps 0.2 s: the begin is then as long ago, to a tick of the kernel's. */
static void knows_the_begin_of_the_process(void)
{
    int code = -1;
    const pid_t pid = fork();
    if (pid == 0) {
        usleep(200000);
        const double age = stop_clock() - stop_begun();
        _exit(age > 0.17 && age < 2 ? 0 : 1);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &code, 0), pid);
    CU_ASSERT(WIFEXITED(code) && WEXITSTATUS(code) == 0);
}

/* In a child that would sleep for ever: how it ends, and what it has said. */
static int ended_by_deadline(double seconds, const char *line, char *said, size_t size)
{
    int ends[2], code = -1;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        stop_deadline(3600, "too early");
        stop_deadline(seconds, line);
        if (seconds == 0) usleep(300000);
        if (seconds == 0) _exit(9);
        for (;;) pause();
    }
    close(ends[1]);
    const ssize_t n = read(ends[0], said, size - 1);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
    CU_ASSERT_EQUAL(waitpid(pid, &code, 0), pid);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void a_deadline_ends_the_process(void)
{
    char said[64];
    const double start = stop_clock();
    CU_ASSERT_EQUAL(ended_by_deadline(0.3, "too late\n", said, sizeof said), STOPPED);
    CU_ASSERT_STRING_EQUAL(said, "too late\n");
    CU_ASSERT(stop_clock() - start > 0.25);
    CU_ASSERT_EQUAL(ended_by_deadline(1e-9, NULL, said, sizeof said), STOPPED); /* over already */
    CU_ASSERT_STRING_EQUAL(said, "");
    CU_ASSERT_EQUAL(ended_by_deadline(0, NULL, said, sizeof said), 9);
}

static void the_clock_goes_forward(void)
{
    const double start = stop_clock();
    usleep(2000);
    CU_ASSERT(stop_clock() > start + 0.001);
    CU_ASSERT_FALSE(stop_signalled());
}

const char *const suite_name = "stop";
const struct suite_test suite_tests[] = {
    {"reads durations", reads_durations},
    {"refuses what is no duration", refuses_what_is_no_duration},
    {"a second signal ends the process", a_second_signal_ends_the_process},
    {"a closed pipe does not end the process", a_closed_pipe_does_not_end_the_process},
    {"tells terminations", tells_terminations},
    {"knows the begin of the process", knows_the_begin_of_the_process},
    {"a deadline ends the process", a_deadline_ends_the_process},
    {"the clock goes forward", the_clock_goes_forward},
    {NULL, NULL},
};
