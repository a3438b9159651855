/*
 * Buckets under way, and the thread that works on them.
 *
 * `ready` is written by the caller, everything else by whoever works: the thread while it runs,
 * else the caller.  `done` tells the caller how far the thread is.
 */
#define _GNU_SOURCE
#include "courier.h"

#include <mpi.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum {
    WINDOW = COURIER_WINDOW,
    TAGS = 1 << 15,
    NAP_NANOSECONDS = 100000, /* when nothing has arrived */
};

struct courier {
    size_t count, bucket_floats, n_buckets;
    struct bucket *bucket[WINDOW]; /* owned; bucket i is in slot i % WINDOW */
    struct reduce_span *spans;     /* (n_buckets) owned */
    float *residual;               /* (count) owned; NULL: not compressed */
    enum bucket_task task;
    float *data;
    atomic_size_t ready;
    size_t started;
    atomic_size_t done;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t mutex; /* of the conditions, `busy` and `quit` */
    pthread_cond_t more, finished;
    bool busy; /* the thread is at work, and nobody else may be */
    bool quit;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t bucket_end(const struct courier *courier, size_t i)
{
    const size_t end = (i + 1) * courier->bucket_floats;
    return end < courier->count ? end : courier->count;
}

static void start(struct courier *courier, size_t i)
{
    const size_t first = i * courier->bucket_floats;
    const bool compressed = courier->residual && courier->task & BUCKET_SCATTER;
    float *residual = compressed ? courier->residual + first : NULL;
    courier->spans[i].start = seconds();
    bucket_start(courier->bucket[i % WINDOW], courier->task, courier->data + first, residual,
                 bucket_end(courier, i) - first, (int)(i % TAGS));
}

/* Starts what is final, advances what is under way.  Returns whether a bucket began or ended. */
static bool work(struct courier *courier)
{
    const size_t before = courier->started + courier->done, ready = courier->ready;
    for (size_t i = courier->done; i < courier->started; i++) {
        if (!bucket_advance(courier->bucket[i % WINDOW]) || i != courier->done) continue;
        courier->spans[i].end = seconds();
        courier->done++;
    }
    while (courier->started < courier->n_buckets && courier->started < courier->done + WINDOW &&
           bucket_end(courier, courier->started) <= ready)
        start(courier, courier->started++);
    return courier->started + courier->done != before;
}

/* Whether there is anything to do for the thread. */
static bool has_work(const struct courier *courier)
{
    const size_t next = courier->done;
    return next < courier->n_buckets && bucket_end(courier, next) <= courier->ready;
}

static void nap(void)
{
    const struct timespec a_moment = {0, NAP_NANOSECONDS};
    nanosleep(&a_moment, NULL);
}

static void *run_thread(void *argument)
{
    struct courier *courier = argument;
    pthread_mutex_lock(&courier->mutex);
    while (true) {
        while (!has_work(courier) && !courier->quit)
            pthread_cond_wait(&courier->more, &courier->mutex);
        if (!has_work(courier)) break;
        courier->busy = true;
        pthread_mutex_unlock(&courier->mutex);
        while (has_work(courier))
            if (!work(courier)) nap();
        pthread_mutex_lock(&courier->mutex);
        courier->busy = false;
        pthread_cond_signal(&courier->finished);
    }
    pthread_mutex_unlock(&courier->mutex);
    return NULL;
}

/* Signals are for the main thread. */
static enum status start_thread(struct courier *courier)
{
    sigset_t all, before;
    int level, failed;
    MPI_Query_thread(&level);
    if (level < MPI_THREAD_SERIALIZED) return OK;
    pthread_mutex_init(&courier->mutex, NULL);
    pthread_cond_init(&courier->more, NULL);
    pthread_cond_init(&courier->finished, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&courier->thread, NULL, run_thread, courier);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    courier->threaded = !failed;
    return failed ? status_fail(FAILED, "no thread to reduce gradients: %s", strerror(failed)) : OK;
}

static enum status take(void **out, size_t count, size_t size)
{
    *out = status_fault() ? NULL : calloc(count + 1, size);
    if (*out) return OK;
    return status_fail(FAILED, "no memory to reduce gradients (%zu * %zu bytes)", count, size);
}

enum status courier_create(struct courier **courier, struct group *group, size_t count,
                           const struct courier_settings *settings)
{
    enum status status = OK;
    void *memory = NULL;
    struct courier *made = NULL;
    *courier = NULL;
    TRY(take(&memory, 1, sizeof *made));
    made = memory;
    made->count = count;
    made->bucket_floats = settings->bucket_floats < count + 1 ? settings->bucket_floats : count + 1;
    made->n_buckets = count / made->bucket_floats + (count % made->bucket_floats != 0);
    made->started = made->n_buckets; /* no task */
    made->done = made->n_buckets;
    TRY(take(&memory, made->n_buckets, sizeof *made->spans));
    made->spans = memory;
    for (int i = 0; i < WINDOW; i++)
        TRY(bucket_create(&made->bucket[i], group, made->bucket_floats, settings->compress));
    if (settings->compress) {
        TRY(take(&memory, count, sizeof *made->residual));
        made->residual = memory;
    }
    if (settings->thread) TRY(start_thread(made));
    *courier = made;
    made = NULL;
done:
    courier_destroy(made);
    return status;
}

static void end_thread(struct courier *courier)
{
    pthread_mutex_lock(&courier->mutex);
    courier->quit = true;
    pthread_cond_signal(&courier->more);
    pthread_mutex_unlock(&courier->mutex);
    pthread_join(courier->thread, NULL);
    pthread_cond_destroy(&courier->more);
    pthread_cond_destroy(&courier->finished);
    pthread_mutex_destroy(&courier->mutex);
}

void courier_destroy(struct courier *courier)
{
    if (!courier) return;
    if (courier->threaded) end_thread(courier); /* ends what is final first */
    while (courier->done < courier->started) work(courier);
    for (int i = 0; i < WINDOW; i++) bucket_destroy(courier->bucket[i]);
    free(courier->spans);
    free(courier->residual);
    free(courier);
}

void courier_begin(struct courier *courier, enum bucket_task task, float *data)
{
    ASSERT(courier->done == courier->started);
    courier->task = task;
    courier->data = data;
    courier->ready = 0;
    courier->started = 0;
    courier->done = 0;
}

void courier_ready(struct courier *courier, size_t ready)
{
    courier->ready = ready;
    if (!courier->threaded || !has_work(courier)) return;
    pthread_mutex_lock(&courier->mutex);
    pthread_cond_signal(&courier->more);
    pthread_mutex_unlock(&courier->mutex);
}

void courier_finish(struct courier *courier)
{
    courier_ready(courier, courier->count);
    if (!courier->threaded) {
        while (courier->done < courier->n_buckets) work(courier);
        return;
    }
    pthread_mutex_lock(&courier->mutex);
    while (courier->done < courier->n_buckets || courier->busy)
        pthread_cond_wait(&courier->finished, &courier->mutex);
    pthread_mutex_unlock(&courier->mutex);
}

size_t courier_spans(const struct courier *courier, const struct reduce_span **spans)
{
    *spans = courier->spans;
    return courier->n_buckets;
}

size_t courier_bytes(size_t count, const struct courier_settings *settings)
{
    const size_t bucket = settings->bucket_floats < count + 1 ? settings->bucket_floats : count + 1;
    const size_t shorts = settings->compress ? 2 * sizeof(uint16_t) : 0;
    return WINDOW * bucket * (sizeof(float) + shorts) +
           (settings->compress ? count * sizeof(float) : 0);
}

uint64_t courier_sent(const struct courier *courier)
{
    uint64_t sent = 0;
    for (int i = 0; i < WINDOW; i++) sent += bucket_sent(courier->bucket[i]);
    return sent;
}
