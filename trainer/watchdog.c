/* The thread of each rank that watches. */
#define _GNU_SOURCE
#include "watchdog.h"

#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 10.0 /* longest steps */
#define TICK_MOST 0.5 /* seconds */
#define TICK_LEAST 0.05
enum {
    CHECKS = 8,      /* ticks, or flushes, that a bound has at least */
    TURN_TICKS = 10, /* that a rank leaves to the one before it to speak */
    MOST_TURNS = 8,
    LOST_TICKS = 4 /* without a line of a rank, when the launcher ends the run */
};

struct watchdog {
    struct group *group; /* borrowed; only its rank, size and abort are used */
    struct watchdog_settings settings;
    struct heartbeat heartbeat;
    struct beat mine;          /* of the thread */
    struct beat *before, *now; /* (size) owned; of the thread */
    double tick, since_flush;  /* seconds */
    int overdue, ending;       /* ticks since the bound passed; since the launcher ends the run */
    double looked;             /* seconds of standing still when `before` was read; 0: it is old */
    bool told;                 /* of a lost rank, while the launcher ends the run */
    long neighbour;            /* pid of the next rank on this node, 0: none */
    int neighbour_rank;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stopping;
    enum phase phase;
    uint64_t step, marks;
    double marked, spent, longest; /* clock of the latest mark; seconds of this step and of any */
};

void watchdog_mark(struct watchdog *watchdog, enum phase phase, uint64_t step)
{
    if (!watchdog) return;
    const double now = stop_clock();
    pthread_mutex_lock(&watchdog->lock);
    if (phase_kind(watchdog->phase) != PHASE_SLOW) watchdog->spent += now - watchdog->marked;
    if (watchdog->spent > watchdog->longest) watchdog->longest = watchdog->spent;
    if (step != watchdog->step) watchdog->spent = 0;
    watchdog->marked = now;
    watchdog->phase = phase;
    watchdog->step = step;
    watchdog->marks++;
    pthread_mutex_unlock(&watchdog->lock);
}

void watchdog_on(struct watchdog *watchdog)
{
    if (watchdog) watchdog_mark(watchdog, watchdog->phase, watchdog->step);
}

/* Whether a process is held by a debugger. */
static bool is_traced(const char *process)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%s/status", process);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const ssize_t n = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    text[n > 0 ? n : 0] = 0;
    const char *tracer = strstr(text, "\nTracerPid:");
    return tracer && strtol(tracer + strlen("\nTracerPid:"), NULL, 10) != 0;
}

/* Processes with equal numbers here can tell whether the other lives by its pid. */
static uint64_t this_host(void)
{
    char name[256] = "";
    struct stat space = {0};
    uint64_t hash = 1469598103934665603U; /* FNV-1a */
    (void)gethostname(name, sizeof name - 1);
    (void)stat("/proc/self/ns/pid", &space);
    for (const char *at = name; *at; at++) hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    return (hash ^ (uint64_t)space.st_ino) * 1099511628211U;
}

static bool is_dead(long pid)
{
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void read_others(struct watchdog *watchdog, struct beat *beats)
{
    char process[32];
    heartbeat_read(watchdog->heartbeat.path, beats, group_size(watchdog->group));
    beats[group_rank(watchdog->group)] = watchdog->mine;
    for (int i = 0; i < group_size(watchdog->group); i++) {
        if (beats[i].rank < 0 || beats[i].host != watchdog->mine.host) continue;
        snprintf(process, sizeof process, "%ld", beats[i].pid);
        beats[i].traced = beats[i].traced || is_traced(process);
    }
}

static void give_up(struct watchdog *watchdog, const char *message)
{
    watchdog->mine.phase = PHASE_END; /* nobody shall report this rank, too */
    heartbeat_write(&watchdog->heartbeat, &watchdog->mine);
    if (watchdog->settings.give_up)
        watchdog->settings.give_up(watchdog->settings.context, message);
    else
        group_abort(watchdog->group, message);
}

/* The next rank on this node, in a circle, as soon as it has written a line. */
static void find_neighbour(struct watchdog *watchdog)
{
    const int n = group_size(watchdog->group), self = group_rank(watchdog->group);
    heartbeat_read(watchdog->heartbeat.path, watchdog->now, n);
    for (int i = 1; i < n && watchdog->neighbour == 0; i++) {
        const struct beat *beat = &watchdog->now[(self + i) % n];
        if (beat->rank < 0) return; /* not all are there yet */
        if (beat->host != watchdog->mine.host) continue;
        watchdog->neighbour = beat->pid;
        watchdog->neighbour_rank = beat->rank;
    }
    if (watchdog->neighbour == 0) watchdog->neighbour = -1; /* alone here */
}

/* A neighbour that is gone, but not because the whole run is ending. */
static bool neighbour_died(struct watchdog *watchdog)
{
    static const struct timespec MOMENT = {.tv_nsec = 50000000};
    char message[STATUS_MESSAGE_SIZE];
    if (!is_dead(watchdog->neighbour)) return false;
    nanosleep(&MOMENT,
              NULL); /* a launcher that kills all ranks has killed this one, too, by then */
    read_others(watchdog, watchdog->now);
    const struct beat *last = &watchdog->now[watchdog->neighbour_rank];
    watchdog->neighbour = -1;
    if (last->rank < 0 || phase_kind(last->phase) == PHASE_OVER) return false;
    heartbeat_report(message, watchdog->now, group_rank(watchdog->group), last->rank, "died");
    give_up(watchdog, message);
    return true;
}

/* The launcher has asked this rank to end, and it still waits: for a rank that is gone? */
static bool ends_for_lost(struct watchdog *watchdog)
{
    char message[STATUS_MESSAGE_SIZE];
    const struct heartbeat_case the = {watchdog->before, watchdog->now, group_size(watchdog->group),
                                       group_rank(watchdog->group), 0};
    if (!watchdog->settings.ending || !watchdog->settings.ending()) return false;
    heartbeat_flush(&watchdog->heartbeat);
    if (watchdog->ending++ == 0) read_others(watchdog, watchdog->before);
    if (watchdog->told || watchdog->ending <= LOST_TICKS ||
        watchdog->mine.still < LOST_TICKS * watchdog->tick)
        return false;
    watchdog->ending = 0;
    read_others(watchdog, watchdog->now);
    const int lost = heartbeat_lost(&the);
    if (lost < 0 || !heartbeat_speaks(&the, lost)) return false;
    heartbeat_report(message, watchdog->now, group_rank(watchdog->group), lost, "is gone");
    watchdog->told = true;
    /* a save that is only slow may still succeed before the launcher's patience ends */
    const bool waits = phase_kind(watchdog->mine.phase) == PHASE_WAITS;
    if (waits) give_up(watchdog, message);
    if (!waits) fprintf(stderr, "error: rank %d: %s\n", group_rank(watchdog->group), message);
    return waits;
}

static bool is_overdue(struct watchdog *watchdog, double bound)
{
    char message[STATUS_MESSAGE_SIZE];
    const int rank = group_rank(watchdog->group);
    if (watchdog->mine.still < bound / 2) watchdog->looked = 0;
    if (watchdog->mine.still < bound / 2) return false;
    if (watchdog->looked == 0) {
        read_others(watchdog, watchdog->before);
        watchdog->looked = watchdog->mine.still;
        watchdog->overdue = 0;
    }
    if (watchdog->mine.still - watchdog->looked < bound / 2) return false;
    /* one rank speaks; the next only where it does not */
    if (watchdog->overdue++ < TURN_TICKS * (rank < MOST_TURNS ? rank : MOST_TURNS)) return false;
    watchdog->looked = 0;
    read_others(watchdog, watchdog->now);
    const struct heartbeat_case the = {watchdog->before, watchdog->now, group_size(watchdog->group),
                                       group_rank(watchdog->group), bound};
    if (!heartbeat_judge(&the, message)) return false;
    give_up(watchdog, message);
    return true;
}

/* Brings this rank's line up to date; the bound as it is now. */
static double beat(struct watchdog *watchdog, uint64_t *marks, double elapsed)
{
    const double counts = elapsed < 2 * watchdog->tick ? elapsed : 2 * watchdog->tick;
    struct beat *mine = &watchdog->mine;
    pthread_mutex_lock(&watchdog->lock);
    mine->still = watchdog->marks == *marks ? mine->still + counts : 0;
    mine->phase = watchdog->phase;
    mine->step = watchdog->step;
    *marks = watchdog->marks;
    const double patience = PATIENCE * watchdog->longest, bound = watchdog->settings.bound;
    pthread_mutex_unlock(&watchdog->lock);
    mine->traced = is_traced("self");
    mine->beats++;
    heartbeat_write(&watchdog->heartbeat, mine);
    watchdog->since_flush += elapsed;
    if (watchdog->since_flush >= bound / CHECKS) {
        heartbeat_flush(&watchdog->heartbeat);
        watchdog->since_flush = 0;
    }
    return patience > bound ? patience : bound;
}

/* Sleeps for a tick; false when it is time to end. */
static bool sleep_tick(struct watchdog *watchdog)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const long nanoseconds = until.tv_nsec + (long)(watchdog->tick * 1e9);
    until.tv_sec += nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stopping &&
           pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &until) != ETIMEDOUT)
        continue;
    const bool stopping = watchdog->stopping;
    pthread_mutex_unlock(&watchdog->lock);
    return !stopping;
}

static void *watch(void *context)
{
    struct watchdog *watchdog = context;
    uint64_t marks = 0;
    double before = stop_clock();
    while (sleep_tick(watchdog)) {
        const double now = stop_clock();
        const double bound = beat(watchdog, &marks, now - before);
        before = now;
        if (watchdog->neighbour == 0) find_neighbour(watchdog);
        if (neighbour_died(watchdog) || ends_for_lost(watchdog) || is_overdue(watchdog, bound))
            break;
    }
    return NULL;
}

/* The thread takes no signals: they are the trainer's. */
static int begin_thread(struct watchdog *watchdog)
{
    pthread_condattr_t monotonic;
    sigset_t all, before;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_cond_init(&watchdog->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void destroy(struct watchdog *watchdog)
{
    if (!watchdog) return;
    heartbeat_close(&watchdog->heartbeat);
    free(watchdog->before);
    free(watchdog->now);
    free(watchdog);
}

/* All but the thread. */
static enum status create(struct watchdog **watchdog, struct group *group,
                          const struct watchdog_settings *settings)
{
    const size_t n = (size_t)group_size(group);
    struct watchdog *made = *watchdog = calloc(1, sizeof *made);
    if (!made || status_fault()) return status_fail(FAILED, "no memory for the watchdog");
    made->group = group;
    made->settings = *settings;
    made->heartbeat.descriptor = -1;
    made->tick = settings->bound / CHECKS;
    if (made->tick > TICK_MOST) made->tick = TICK_MOST;
    if (made->tick < TICK_LEAST) made->tick = TICK_LEAST;
    made->marked = stop_clock();
    made->before = calloc(n, sizeof *made->before);
    made->now = calloc(n, sizeof *made->now);
    if (!made->before || !made->now)
        return status_fail(FAILED, "no memory for the watchdog of %zu ranks", n);
    made->mine =
        (struct beat){.rank = group_rank(group), .pid = (long)getpid(), .host = this_host()};
    return OK;
}

enum status watchdog_start(struct watchdog **watchdog, struct group *group,
                           const struct watchdog_settings *settings)
{
    enum status status = OK;
    const int rank = group_rank(group);
    struct watchdog *made = NULL;
    *watchdog = NULL;
    enum status local = create(&made, group, settings);
    if (local == OK && rank == 0) local = heartbeat_open(&made->heartbeat, settings->path, rank);
    TRY(group_agree(group, local));
    if (rank != 0) local = heartbeat_open(&made->heartbeat, settings->path, rank);
    TRY(group_agree(group, local));
    heartbeat_write(&made->heartbeat, &made->mine);
    const int error = begin_thread(made);
    if (error != 0) local = status_fail(FAILED, "no thread for the watchdog: %s", strerror(error));
    *watchdog = error == 0 ? made : NULL;
    if (error != 0) destroy(made);
    made = NULL;
    TRY(group_agree(group, local));
done:
    destroy(made);
    if (status != OK) {
        watchdog_stop(*watchdog);
        *watchdog = NULL;
    }
    return status;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (!watchdog) return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->stopping = true;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    watchdog->mine.phase = PHASE_END;
    heartbeat_write(&watchdog->heartbeat, &watchdog->mine);
    if (group_rank(watchdog->group) == 0) (void)unlink(watchdog->heartbeat.path);
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
    destroy(watchdog);
}
