/* Signals and time. */
#define _GNU_SOURCE
#include "stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t signalled;

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
