/* Marks, sums and traces. */
#define _GNU_SOURCE
#include "timeline.h"

#include "replace.h"
#include "stop.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status timeline_init(struct timeline *timeline, bool trace)
{
    *timeline = (struct timeline){.on = true};
    if (!trace) return OK;
    timeline->events = status_fault() ? NULL : calloc(TIMELINE_EVENTS, sizeof *timeline->events);
    if (timeline->events) return OK;
    timeline->on = false;
    return status_fail(FAILED, "no memory for a trace of %d events", TIMELINE_EVENTS);
}

void timeline_fini(struct timeline *timeline)
{
    free(timeline->events);
    *timeline = (struct timeline){0};
}

static void add(struct timeline *timeline, enum phase phase, uint32_t process, double start,
                double end)
{
    timeline->seconds[phase] += end - start;
    if (!timeline->events) return;
    timeline->events[timeline->n_events++ % TIMELINE_EVENTS] =
        (struct timeline_event){start, end - start, timeline->step, phase, process};
}

void timeline_step(struct timeline *timeline, uint64_t step)
{
    timeline->step = step;
    if (!timeline->on) return;
    memset(timeline->seconds, 0, sizeof timeline->seconds);
    timeline->begun[PHASE_STEP] = stop_clock();
}

void timeline_begin(struct timeline *timeline, enum phase phase)
{
    watchdog_mark(timeline->watchdog, phase, timeline->step);
    if (timeline->on) timeline->begun[phase] = stop_clock();
}

void timeline_end(struct timeline *timeline, enum phase phase)
{
    if (timeline->on) add(timeline, phase, 0, timeline->begun[phase], stop_clock());
}

void timeline_buckets(struct timeline *timeline, const struct reduce *reduce)
{
    const struct reduce_span *spans;
    if (!timeline->on) return;
    const size_t n = reduce_spans(reduce, &spans);
    for (size_t i = 0; i < n; i++)
        add(timeline, PHASE_BUCKET, 1 + (uint32_t)(i % COURIER_WINDOW), spans[i].start,
            spans[i].end);
}

/* The events kept, oldest first. */
static size_t n_kept(const struct timeline *timeline)
{
    return timeline->n_events < TIMELINE_EVENTS ? (size_t)timeline->n_events : TIMELINE_EVENTS;
}

static const struct timeline_event *kept(const struct timeline *timeline, size_t i)
{
    const uint64_t oldest = timeline->n_events - n_kept(timeline);
    return &timeline->events[(oldest + i) % TIMELINE_EVENTS];
}

/* The first step to show: one that every rank holds whole. */
static uint64_t first_step(const struct timeline *timeline, struct group *group)
{
    double first = 0; /* steps are exact in it */
    if (timeline->step > TIMELINE_STEPS) first = (double)(timeline->step - TIMELINE_STEPS + 1);
    if (timeline->n_events > TIMELINE_EVENTS)
        first = fmax(first, (double)(kept(timeline, 0)->step + 1));
    group_max_doubles(group, &first, 1);
    return (uint64_t)first;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds by which this rank's clock is ahead of rank 0's: the median over some barriers.  What is
 * below a millisecond is not another clock but the barrier. */
static double clock_offset(struct group *group)
{
    enum { TRIES = 15 };
    double ahead[TRIES];
    for (int i = 0; i < TRIES; i++) {
        group_barrier(group);
        const double here = stop_clock();
        double there = here;
        group_broadcast(group, &there, sizeof there, 0);
        ahead[i] = here - there;
    }
    qsort(ahead, TRIES, sizeof *ahead, ascending);
    return fabs(ahead[TRIES / 2]) < 1e-3 ? 0 : ahead[TRIES / 2];
}

/* Copies what is shown, by rank 0's clock, and returns how many events that is. */
static size_t select_events(const struct timeline *timeline, struct timeline_event *events,
                            uint64_t first, double ahead)
{
    size_t n = 0;
    for (size_t i = 0; i < n_kept(timeline); i++) {
        events[n] = *kept(timeline, i);
        events[n].start -= ahead;
        n += events[n].step >= first;
    }
    return n;
}

/* Where rank 0 writes. */
struct trace {
    FILE *file;
    double origin; /* seconds */
    bool begun;
};

static void print_events(struct trace *trace, const struct timeline_event *events, size_t n,
                         int rank)
{
    for (size_t i = 0; i < n; i++) {
        const struct timeline_event *event = &events[i];
        fprintf(trace->file,
                "%s\n{\"name\":\"%s\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,\"pid\":%d,\"tid\":%d,"
                "\"args\":{\"step\":%llu}}",
                trace->begun ? "," : "[", phase_word((enum phase)event->phase),
                1e6 * (event->start - trace->origin), 1e6 * event->seconds, (int)event->process,
                rank, (unsigned long long)event->step);
        trace->begun = true;
    }
}

/* Every rank's events in turn: this rank's n at the start of `events`, others' after them. */
static void gather_events(struct group *group, struct trace *trace, struct timeline_event *events,
                          size_t n)
{
    for (int rank = 0; rank < group_size(group); rank++) {
        struct timeline_event *from = rank == group_rank(group) ? events : events + TIMELINE_EVENTS;
        size_t count = n;
        group_broadcast(group, &count, sizeof count, rank);
        group_broadcast(group, from, count * sizeof *from, rank);
        if (trace->file) print_events(trace, from, count, rank);
    }
}

static double earliest(const struct timeline_event *events, size_t n)
{
    double first = HUGE_VAL;
    for (size_t i = 0; i < n; i++) first = fmin(first, events[i].start);
    return first;
}

static enum status name_temporary(char temporary[PATH_MAX], const char *path)
{
    const int n = snprintf(temporary, PATH_MAX, "%s.tmp", path);
    if (n < 0 || n >= PATH_MAX) return status_fail(FAILED, "%.80s...: path too long", path);
    return OK;
}

enum status timeline_check(const char *path)
{
    enum status status = OK;
    char temporary[PATH_MAX];
    TRY(name_temporary(temporary, path));
    TRY(replace_begin(temporary, 0));
    unlink(temporary);
done:
    return status;
}

static enum status open_trace(struct trace *trace, char temporary[PATH_MAX], const char *path)
{
    enum status status = OK;
    TRY(name_temporary(temporary, path));
    TRY(replace_begin(temporary, 0));
    trace->file = fopen(temporary, "w");
    if (!trace->file) FAIL(FAILED, "%s: cannot open: %s", temporary, strerror(errno));
done:
    return status;
}

static enum status close_trace(struct trace *trace, const char *temporary, const char *path)
{
    enum status status = OK;
    fprintf(trace->file, "%s\n]\n", trace->begun ? "" : "[");
    const bool failed = ferror(trace->file) || status_fault();
    if (fclose(trace->file) != 0 || failed)
        status = status_fail(FAILED, "%s: cannot be written: %s", temporary, strerror(errno));
    if (status == OK) status = replace_finish(temporary, path);
    if (status != OK) unlink(temporary);
    trace->file = NULL;
    return status;
}

enum status timeline_write(const struct timeline *timeline, struct group *group, const char *path)
{
    enum status status = OK;
    const bool leads = group_rank(group) == 0;
    char temporary[PATH_MAX];
    struct trace trace = {.file = NULL};
    struct timeline_event *events =
        status_fault() ? NULL : calloc(2 * TIMELINE_EVENTS, sizeof *events);
    if (!events) status = status_fail(FAILED, "no memory to gather a trace");
    if (status == OK && leads) status = open_trace(&trace, temporary, path);
    TRY(group_agree(group, status));
    const double ahead = clock_offset(group);
    const uint64_t first = first_step(timeline, group);
    const size_t n = select_events(timeline, events, first, ahead);
    double later = -earliest(events, n);
    group_max_doubles(group, &later, 1);
    trace.origin = -later;
    gather_events(group, &trace, events, n);
    TRY(group_agree(group, leads ? close_trace(&trace, temporary, path) : OK));
done:
    if (trace.file) { /* another rank has failed */
        fclose(trace.file);
        unlink(temporary);
    }
    free(events);
    return status;
}
