/* affekt bench step on several ranks: steps that share beside steps that share nothing. */
#include "bench_copies.h"
#include "stop.h"

#include <stdlib.h>

enum { WARM_UP = 2 };
enum { TOGETHER, ALONE, N_KINDS };

struct copies {
    struct bench *bench;
    struct trainer *shared;
    struct trainer alone;
    /* (N_KINDS, rounds) owned; events a second of all ranks: the sum of their speeds, and all
     * events by the time of the slowest */
    double *sum, *slowest;
    double *ratio; /* (rounds) owned; for medians */
};

/* A rank's share of the rows, by itself; other rows than its neighbours'. */
static struct config share_of_work(const struct bench *bench)
{
    struct config config = bench->config;
    config.train.batch /= (size_t)group_size(bench->group);
    if (config.train.batch == 0) config.train.batch = 1;
    config.train.seed += (size_t)group_rank(bench->group);
    return config;
}

static enum status make_alone(struct copies *c, const struct corpus *corpus)
{
    enum status status = OK;
    const struct config config = share_of_work(c->bench);
    TRY(trainer_init(&c->alone, group_self(), corpus, &config));
    TRY(timeline_init(&c->alone.timeline, false));
    c->alone.step = c->shared->step; /* in the same stage of the schedule */
    c->sum = calloc(N_KINDS * c->bench->rounds, sizeof *c->sum);
    c->slowest = calloc(N_KINDS * c->bench->rounds, sizeof *c->slowest);
    c->ratio = calloc(c->bench->rounds, sizeof *c->ratio);
    if (!c->sum || !c->slowest || !c->ratio)
        FAIL(FAILED, "no memory for %zu rounds", c->bench->rounds);
done:
    return status;
}

/* One step of every rank, begun at the same time.  What is shared is done when the slowest rank has
 * it; copies that know nothing of each other add up their own speeds.  Where other programs and
 * machines slow now one core, now another, that alone sets them apart: beside the slowest copy is
 * what sharing costs by itself. */
static enum status measure(struct copies *c, int kind, double *sum, double *slowest)
{
    enum status status = OK;
    struct group *group = c->bench->group;
    struct step_report report = {0};
    group_barrier(group);
    const double start = stop_clock();
    const enum status local =
        trainer_step(kind == TOGETHER ? c->shared : &c->alone, false, &report);
    const double seconds = stop_clock() - start;
    TRY(group_agree(group, local));
    /* a shared step reports the events of all ranks on each of them */
    const double n = kind == TOGETHER ? group_size(group) : 1;
    const double events = (double)report.n_events / n;
    double most = seconds, sums[] = {events / seconds, events};
    group_max_doubles(group, &most, 1);
    group_sum_doubles(group, sums, sizeof sums / sizeof *sums);
    *slowest = sums[1] / most;
    *sum = kind == TOGETHER ? *slowest : sums[0];
done:
    return status;
}

/* Adds a row whose ratio is the median over rounds: neighbours in time saw the same machine.
 * Reorders `rates` (N_KINDS, rounds). */
static void report(const struct copies *c, const char *name, double *rates, const char *limit)
{
    const size_t n = c->bench->rounds;
    for (size_t i = 0; i < n; i++) c->ratio[i] = rates[TOGETHER * n + i] / rates[ALONE * n + i];
    const double ratio = bench_median(c->ratio, n);
    const double value = bench_median(rates + TOGETHER * n, n);
    bench_rate(c->bench, name, value, "events/s", value / ratio, limit);
}

static enum status run(struct copies *c, const struct corpus *corpus)
{
    enum status status = OK;
    struct bench *bench = c->bench;
    double unused[2];
    TRY(group_agree(bench->group, make_alone(c, corpus)));
    for (int i = 0; i < WARM_UP; i++) TRY(measure(c, ALONE, &unused[0], &unused[1]));
    for (size_t i = 0; i < bench->rounds; i++) {
        const int first = i % 2 == 0 ? TOGETHER : ALONE; /* A B B A A B ... */
        for (int k = 0; k < N_KINDS; k++) {
            const int kind = k == 0 ? first : TOGETHER + ALONE - first;
            const size_t at = (size_t)kind * bench->rounds + i;
            TRY(measure(c, kind, &c->sum[at], &c->slowest[at]));
        }
        progress_update(&bench->progress, "pair %zu of %zu", i + 1, bench->rounds);
    }
    report(c, "events beside copies", c->sum, "as many ranks that share nothing");
    report(c, "events beside the slowest copy", c->slowest, "as many, each step by the slowest");
done:
    return status;
}

enum status bench_copies(struct bench *bench, struct trainer *shared)
{
    struct copies c = {.bench = bench, .shared = shared};
    const enum status status = run(&c, shared->corpus);
    trainer_fini(&c.alone);
    free(c.sum);
    free(c.slowest);
    free(c.ratio);
    return status;
}
