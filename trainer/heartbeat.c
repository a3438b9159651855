/* Lines of ranks, and what they tell. */
#define _GNU_SOURCE
#include "heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status heartbeat_open(struct heartbeat *heartbeat, const char *path, int rank)
{
    const int make = O_CREAT | (rank == 0 ? O_TRUNC : 0);
    heartbeat->descriptor = -1;
    const int n = snprintf(heartbeat->path, sizeof heartbeat->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof heartbeat->path)
        return status_fail(FAILED, "%.80s...: path too long", path);
    heartbeat->descriptor = open(path, O_WRONLY | O_CLOEXEC | make, 0666);
    if (heartbeat->descriptor >= 0) return OK;
    return status_fail(FAILED, "%s: cannot open: %s", path, strerror(errno));
}

void heartbeat_close(struct heartbeat *heartbeat)
{
    if (heartbeat->descriptor >= 0) close(heartbeat->descriptor);
    heartbeat->descriptor = -1;
}

void heartbeat_write(const struct heartbeat *heartbeat, const struct beat *beat)
{
    char line[HEARTBEAT_LINE + 1];
    if (heartbeat->descriptor < 0) return;
    memset(line, ' ', sizeof line);
    const int n = snprintf(line, sizeof line,
                           "rank %d step %llu phase %s beats %llu still %.1f pid %ld host %016llx "
                           "traced %d",
                           beat->rank, (unsigned long long)beat->step, phase_word(beat->phase),
                           (unsigned long long)beat->beats, beat->still, beat->pid,
                           (unsigned long long)beat->host, beat->traced);
    ASSERT(n > 0 && n < HEARTBEAT_LINE);
    line[n] = ' ';
    line[HEARTBEAT_LINE - 1] = '\n';
    /* nobody can be told of a failure here; the others see that the line has stopped */
    const ssize_t written =
        pwrite(heartbeat->descriptor, line, HEARTBEAT_LINE, (off_t)beat->rank * HEARTBEAT_LINE);
    (void)written;
}

void heartbeat_flush(const struct heartbeat *heartbeat)
{
    if (heartbeat->descriptor >= 0) (void)fdatasync(heartbeat->descriptor);
}

/* Whether a line is whole and of that rank. */
static bool parse(struct beat *beat, const char *line, int rank)
{
    unsigned long long step, beats, host;
    char word[16];
    int traced;
    const int n =
        sscanf(line,
               "rank %d step %llu phase %15s beats %llu still %lf pid %ld host %llx "
               "traced %d",
               &beat->rank, &step, word, &beats, &beat->still, &beat->pid, &host, &traced);
    if (n != 8 || beat->rank != rank) return false;
    beat->step = step;
    beat->beats = beats;
    beat->host = host;
    beat->traced = traced != 0;
    for (int i = 0; i < N_PHASES; i++) {
        beat->phase = (enum phase)i;
        if (strcmp(phase_word(beat->phase), word) == 0) return true;
    }
    return false;
}

void heartbeat_read(const char *path, struct beat *beats, int n)
{
    char line[HEARTBEAT_LINE + 1] = "";
    /* opened anew: a network file system looks for what others wrote when a file is opened */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < n; i++) {
        beats[i] = (struct beat){.rank = -1};
        if (descriptor < 0) continue;
        const off_t at = (off_t)i * HEARTBEAT_LINE;
        if (pread(descriptor, line, HEARTBEAT_LINE, at) != HEARTBEAT_LINE ||
            !parse(&beats[i], line, i))
            beats[i].rank = -1;
    }
    if (descriptor >= 0) close(descriptor);
}

int heartbeat_lost(const struct heartbeat_case *the)
{
    for (int i = 0; i < the->n; i++) {
        const struct beat *now = &the->now[i];
        if (i == the->self || now->rank < 0 || the->before[i].rank < 0) continue;
        if (now->traced || phase_kind(now->phase) == PHASE_OVER) continue;
        if (now->beats == the->before[i].beats) return i;
    }
    return -1;
}

static bool is_left(const struct heartbeat_case *the, int i)
{
    return i == the->self || (the->now[i].rank >= 0 && the->now[i].beats != the->before[i].beats);
}

bool heartbeat_speaks(const struct heartbeat_case *the, int lost)
{
    int first = the->n;
    for (int i = the->n - 1; i >= 0; i--) {
        if (!is_left(the, i)) continue;
        if (the->now[i].host == the->now[lost].host) return false;
        first = i;
    }
    return first == the->self;
}

/* The lowest rank that has computed for too long without getting on, or -1. */
static int endless(const struct heartbeat_case *the)
{
    for (int i = 0; i < the->n; i++) {
        const struct beat *now = &the->now[i];
        if (now->rank < 0 || now->traced || phase_kind(now->phase) != PHASE_WORKS) continue;
        if (now->still >= the->bound) return i;
    }
    return -1;
}

/* Whether some rank may take its time; or, with `unknown`, says nothing. */
static bool any(const struct heartbeat_case *the, bool unknown)
{
    for (int i = 0; i < the->n; i++) {
        const struct beat *now = &the->now[i];
        if (unknown ? now->rank < 0
                    : now->rank >= 0 && (now->traced || phase_kind(now->phase) != PHASE_WAITS))
            return true;
    }
    return false;
}

void heartbeat_report(char *message, const struct beat *now, int self, int lost, const char *fate)
{
    snprintf(message, STATUS_MESSAGE_SIZE,
             "rank %d %s, at step %llu: last seen in %s of step %llu; this rank is in %s", lost,
             fate, (unsigned long long)now[self].step, phase_name(now[lost].phase),
             (unsigned long long)now[lost].step, phase_name(now[self].phase));
}

bool heartbeat_judge(const struct heartbeat_case *the, char *message)
{
    const struct beat *self = &the->now[the->self];
    const int lost = heartbeat_lost(the), busy = endless(the);
    const unsigned long long step = (unsigned long long)self->step;
    if (lost >= 0) {
        char fate[64];
        snprintf(fate, sizeof fate, "has given no sign of life for %.0f s", self->still);
        heartbeat_report(message, the->now, the->self, lost, fate);
        return true;
    }
    if (busy >= 0) {
        const struct beat *last = &the->now[busy];
        char who[32] = "";
        if (busy != the->self) snprintf(who, sizeof who, "rank %d ", busy);
        snprintf(message, STATUS_MESSAGE_SIZE, "%sdoes not get on: for %.0f s at step %llu, in %s",
                 who, last->still, (unsigned long long)last->step, phase_name(last->phase));
        return true;
    }
    if (phase_kind(self->phase) != PHASE_WAITS || any(the, false)) return false;
    snprintf(message, STATUS_MESSAGE_SIZE, "waits for %.0f s at step %llu, in %s: %s", self->still,
             step, phase_name(self->phase),
             any(the, true) ? "which rank it waits for is not known, since the heartbeat file does "
                              "not tell of all"
                            : "so do all ranks, and MPI delivers nothing");
    return true;
}
