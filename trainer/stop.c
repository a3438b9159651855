/* Signals and time. */
#define _GNU_SOURCE
#include "stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t signalled;
static const char *volatile last_words; /* at the deadline */

static void on_signal(int number)
{
    signalled = number;
}

void stop_catch_signals(void)
{
    static const int NUMBERS[] = {SIGUSR1, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    action.sa_flags |= (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        sigaction(NUMBERS[i], &action, NULL);
    /* MPI writes to the socket of a rank that died, and this one shall live to tell */
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
}

static void on_deadline(int number)
{
    const char *line = last_words;
    (void)number;
    if (line && write(STDERR_FILENO, line, strlen(line)) < 0) _exit(STOPPED);
    _exit(STOPPED);
}

void stop_deadline(double seconds, const char *line)
{
    static const double LEAST = 1e-3; /* zero would switch the timer off */
    const double rest = fmax(seconds - (stop_clock() - stop_begun()), LEAST);
    struct itimerval timer = {{0}, {0}};
    last_words = line;
    if (seconds > 0) {
        struct sigaction action = {.sa_handler = on_deadline};
        sigemptyset(&action.sa_mask);
        sigaction(SIGALRM, &action, NULL);
        timer.it_value.tv_sec = (time_t)rest;
        timer.it_value.tv_usec = (suseconds_t)(1e6 * (rest - floor(rest)));
    }
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool stop_signalled(void)
{
    return signalled != 0;
}

bool stop_terminated(void)
{
    return signalled == SIGTERM;
}

double stop_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds since this process began, as the kernel knows; 0 where it does not tell. */
static double age(void)
{
    char text[1024] = "";
    struct timespec now;
    unsigned long long ticks = 0; /* since the machine's start, the 22nd field */
    FILE *file = fopen("/proc/self/stat", "r");
    if (file) (void)fgets(text, sizeof text, file);
    if (file) fclose(file);
    const char *after = strrchr(text, ')'); /* a program's name may hold anything */
    if (!after ||
        sscanf(after,
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
               "%*d %llu",
               &ticks) != 1 ||
        ticks == 0)
        return 0;
    clock_gettime(CLOCK_BOOTTIME, &now);
    const double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9 -
                           (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return seconds > 0 ? seconds : 0;
}

double stop_begun(void)
{
    return stop_clock() - age();
}

/* `[D-]HH:MM:SS`; 0 for any other text. */
static double parse_clock(const char *text)
{
    double days = 0, hours = 0, minutes = 0, rest = 0;
    int used = 0;
    if (sscanf(text, "%lf-%lf:%lf:%lf%n", &days, &hours, &minutes, &rest, &used) != 4) {
        days = 0;
        if (sscanf(text, "%lf:%lf:%lf%n", &hours, &minutes, &rest, &used) != 3) return 0;
    }
    if (text[used] || days < 0 || hours < 0 || minutes < 0 || rest < 0) return 0;
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest;
}

/* A number and its unit, seconds without one; 0 for any other text. */
static double parse_number(const char *text)
{
    static const struct {
        char unit;
        double seconds;
    } UNITS[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    double number = 0;
    char unit = 's', extra;
    const int n = sscanf(text, "%lf%c%c", &number, &unit, &extra);
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++)
        if ((n == 1 || n == 2) && unit == UNITS[i].unit) return number * UNITS[i].seconds;
    return 0;
}

enum status stop_parse_duration(double *seconds, const char *text)
{
    /* sscanf alone would take nan, inf, hexadecimal and blanks */
    const bool plain = strspn(text, "0123456789.:-smhd") == strlen(text);
    const double number = plain ? parse_number(text) : 0;
    *seconds = number > 0 ? number : plain ? parse_clock(text) : 0;
    if (*seconds > 0 && isfinite(*seconds)) return OK;
    return status_fail(USAGE, "'%.60s' is no duration (90s, 15m, 2h, 1d or HH:MM:SS)", text);
}
