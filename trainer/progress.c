/* Live or rationed progress lines. */
#define _GNU_SOURCE
#include "progress.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_SIZE = 512, USUAL_COLUMNS = 80 };

#define LIVE_INTERVAL 0.1 /* seconds between changes of the live line */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_init(struct progress *p, FILE *stream, double interval)
{
    memset(p, 0, sizeof *p);
    p->stream = stream;
    p->terminal = stream && isatty(fileno(stream));
    p->interval = p->terminal ? LIVE_INTERVAL : interval;
    p->last = -1e9;
}

/* A longer live line would wrap, and could not be replaced. */
static int columns(const struct progress *p)
{
    struct winsize size;
    if (ioctl(fileno(p->stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col - 1;
    return USUAL_COLUMNS - 1;
}

void progress_update(struct progress *p, const char *format, ...)
{
    char text[TEXT_SIZE];
    const double at = now();
    if (!p->stream || at - p->last < p->interval) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    p->last = at;
    if (p->terminal)
        fprintf(p->stream, "\r\033[K%.*s", columns(p), text);
    else
        fprintf(p->stream, "%s\n", text);
    p->live = p->terminal;
    fflush(p->stream);
}

static void keep_note(FILE *log, const char *text)
{
    char when[32] = "";
    const time_t seconds = time(NULL);
    struct tm utc;
    if (gmtime_r(&seconds, &utc)) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(log, "%s %s\n", when, text);
    fflush(log);
}

void progress_note(struct progress *p, const char *format, ...)
{
    char text[2 * TEXT_SIZE];
    if (!p->stream) return;
    if (p->live) fputs("\r\033[K", p->stream);
    p->live = false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(p->stream, "%s\n", text);
    fflush(p->stream);
    if (p->log) keep_note(p->log, text);
}

void progress_fini(struct progress *p)
{
    if (p->live) fputc('\n', p->stream);
    if (p->live) fflush(p->stream);
    p->live = false;
}
