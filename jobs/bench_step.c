/* affekt bench step: the trainer's own steps. */
#define _GNU_SOURCE
#include "bench.h"
#include "bench_copies.h"
#include "expect.h"
#include "operations.h"
#include "stop.h"
#include "synthetic.h"
#include "trainer.h"

#include <string.h>
#include <sys/resource.h>

enum { DEFAULT_EVENTS = 192, WARM_UP = 2 };

/* One step's figures, of all ranks together. */
struct sample {
    double seconds, cpu_seconds, events, peak;
    double a_byte; /* seconds to move one, of the slowest rank */
    double operations, encode, decode, encode_backward; /* in all and by pass */
    double phase[N_PHASES];                             /* seconds of the slowest rank */
};

struct step_bench {
    struct bench *bench;
    struct synthetic made;
    struct corpus opened;
    struct corpus *corpus; /* the one in use */
    struct trainer trainer;
    struct bench_memory memory;
    size_t program;         /* bytes resident before the trainer was made */
    struct sample *samples; /* (rounds) owned */
    double *column;         /* (rounds) owned; for medians */
};

static enum status open_corpus(struct step_bench *b)
{
    const struct bench *bench = b->bench;
    b->corpus = bench->corpus ? &b->opened : &b->made.corpus;
    if (bench->corpus) return corpus_open(&b->opened, bench->corpus);
    return synthetic_init(&b->made, bench->config.train.batch,
                          bench->events ? bench->events : DEFAULT_EVENTS);
}

/* Operations of this rank's micro-batches, which live until the next step. */
static struct operations step_operations(const struct trainer *trainer)
{
    struct operations sum = {0};
    for (size_t i = 0; i < trainer->plan.n_micros; i++) {
        const struct micro *micro = &trainer->plan.micros[i];
        if (micro->rank != group_rank(trainer->group)) continue;
        const struct operations_sizes sizes = operations_sizes(&micro->batch, &trainer->vae.shape);
        const struct operations one = operations_count(&trainer->vae, &sizes);
        sum.encode += one.encode;
        sum.decode += one.decode;
        sum.encode_backward += one.encode_backward;
    }
    return sum;
}

/* The longest and the sums over ranks. */
static void share(struct group *group, struct sample *sample, const struct operations *operations)
{
    double sums[] = {sample->cpu_seconds, operations->encode, operations->decode,
                     operations->encode_backward};
    group_sum_doubles(group, sums, sizeof sums / sizeof *sums);
    group_max_doubles(group, &sample->seconds, 1);
    group_max_doubles(group, &sample->a_byte, 1);
    group_max_doubles(group, sample->phase, N_PHASES);
    sample->cpu_seconds = sums[0];
    sample->encode = sums[1];
    sample->decode = sums[2];
    sample->encode_backward = sums[3];
    sample->operations = sums[1] + sums[2] + sums[3];
}

static enum status measure(struct step_bench *b, struct sample *sample)
{
    enum status status = OK;
    struct group *group = b->bench->group;
    struct step_report report;
    sample->peak = bench_peak_all(b->bench);
    sample->a_byte = bench_memory(&b->memory);
    group_barrier(group);
    const double start = stop_clock(), cpu = bench_cpu_clock();
    TRY(trainer_step(&b->trainer, false, &report));
    sample->seconds = stop_clock() - start;
    sample->cpu_seconds = bench_cpu_clock() - cpu;
    sample->events = (double)report.n_events;
    memcpy(sample->phase, b->trainer.timeline.seconds, sizeof sample->phase);
    const struct operations operations = step_operations(&b->trainer);
    share(group, sample, &operations);
    if (!report.finite) FAIL(FAILED, "step %zu: gradient not finite", (size_t)report.step);
done:
    return status;
}

/* The median over samples of numerator / denominator, fields of struct sample by offset. */
static double median_ratio(const struct step_bench *b, size_t numerator, size_t denominator)
{
    const size_t n = b->bench->rounds;
    for (size_t i = 0; i < n; i++) {
        const char *sample = (const char *)&b->samples[i];
        double above, below;
        memcpy(&above, sample + numerator, sizeof above);
        memcpy(&below, sample + denominator, sizeof below);
        b->column[i] = above / below;
    }
    return bench_median(b->column, n);
}
#define MEDIAN(b, above, below)                                                                    \
    median_ratio(b, offsetof(struct sample, above), offsetof(struct sample, below))

static double median_of(const struct step_bench *b, size_t field)
{
    for (size_t i = 0; i < b->bench->rounds; i++)
        memcpy(&b->column[i], (const char *)&b->samples[i] + field, sizeof *b->column);
    return bench_median(b->column, b->bench->rounds);
}

/* The largest rank's memory, without the arrays of the limit, and what --dry-run expects. */
static enum status report_memory(struct step_bench *b)
{
    static const double MIB = 1024 * 1024, KIB = 1024;
    enum status status = OK;
    struct rusage usage;
    struct expected expected;
    getrusage(RUSAGE_SELF, &usage);
    double peak = (double)usage.ru_maxrss * KIB - (double)(3 * b->memory.n * sizeof(float));
    double program = (double)b->program;
    group_max_doubles(b->bench->group, &peak, 1);
    group_max_doubles(b->bench->group, &program, 1);
    TRY(group_agree(b->bench->group, expect_memory(&expected, &b->trainer,
                                                   WARM_UP + b->bench->rounds, (size_t)program)));
    bench_cost(b->bench, "memory a rank", peak / MIB, "MiB", (double)expected.total / MIB,
               "what --dry-run expects");
done:
    return status;
}

static double median_phase(const struct step_bench *b, enum phase phase)
{
    return median_of(b, offsetof(struct sample, phase) + phase * sizeof(double));
}

/* Seconds of every phase, and those of arithmetic beside the peak. */
static void report_phases(struct step_bench *b, double peak)
{
    static const struct {
        enum phase phase;
        size_t operations;
        const char *name;
    } PASSES[] = {
        {PHASE_ENCODE, offsetof(struct sample, encode), "phase encode"},
        {PHASE_DECODE, offsetof(struct sample, decode), "phase decode, both ways"},
        {PHASE_ENCODE_BACKWARD, offsetof(struct sample, encode_backward), "phase encode backward"},
    };
    json_t *phases = json_object();
    for (enum phase phase = PHASE_FIT; phase < PHASE_VALIDATE; phase++)
        json_object_set_new(phases, phase_word(phase), json_real(median_phase(b, phase)));
    json_object_set_new(b->bench->facts, "phase_seconds", phases);
    for (size_t i = 0; i < sizeof PASSES / sizeof *PASSES; i++)
        bench_cost(b->bench, PASSES[i].name, median_phase(b, PASSES[i].phase), "s",
                   median_of(b, PASSES[i].operations) / peak, "FMA peak");
}

/* The update moves parameters, moments and gradient once: 28 bytes a parameter, and 4 before that
 * for the gradient's norm. */
static void report_update(struct step_bench *b)
{
    static const double BYTES = 28 + 4;
    const double bytes = BYTES * (double)b->trainer.vae.parameters.count;
    bench_cost(b->bench, "phase update", median_phase(b, PHASE_UPDATE), "s",
               bytes * median_of(b, offsetof(struct sample, a_byte)), "moving as many bytes");
}

static enum status report(struct step_bench *b)
{
    struct bench *bench = b->bench;
    const double peak = median_of(b, offsetof(struct sample, peak));
    const double seconds = median_of(b, offsetof(struct sample, seconds));
    const double an_event = MEDIAN(b, operations, events), rate = MEDIAN(b, events, seconds);
    bench_number(bench, "events_per_second", rate);
    bench_number(bench, "step_seconds", seconds);
    bench_number(bench, "events_a_step", median_of(b, offsetof(struct sample, events)));
    bench_number(bench, "operations_an_event", an_event);
    bench_number(bench, "parameters", (double)parameters_trained(&b->trainer.vae.parameters));
    bench_rate(bench, "events", rate, "events/s", peak / an_event, "FMA peak");
    bench_rate(bench, "events, by processor time",
               MEDIAN(b, events, cpu_seconds) * group_size(bench->group) *
                   bench->config.train.threads,
               "events/s", peak / an_event, "FMA peak");
    bench_cost(bench, "step", seconds, "s",
               median_of(b, offsetof(struct sample, operations)) / peak, "FMA peak");
    bench_rate(bench, "arithmetic", 1e-9 * MEDIAN(b, operations, seconds), "GFLOP/s", 1e-9 * peak,
               "FMA peak");
    report_phases(b, peak);
    report_update(b);
    return report_memory(b);
}

/* Parameters, gradient and moments. */
static double state_bytes(const struct step_bench *b)
{
    return 4 * sizeof(real) * (double)b->trainer.vae.parameters.count;
}

static enum status run(struct step_bench *b)
{
    enum status status = OK;
    struct bench *bench = b->bench;
    struct sample unused;
    b->program = expect_resident();
    b->samples = calloc(bench->rounds, sizeof *b->samples);
    b->column = calloc(bench->rounds, sizeof *b->column);
    const bool room = b->samples && b->column;
    TRY(group_agree(bench->group, room ? open_corpus(b) : status_fail(FAILED, "no memory")));
    TRY(trainer_init(&b->trainer, bench->group, b->corpus, &bench->config));
    TRY(group_agree(bench->group, timeline_init(&b->trainer.timeline, false)));
    TRY(group_agree(bench->group, bench_memory_init(&b->memory, state_bytes(b))));
    for (int i = 0; i < WARM_UP; i++) TRY(measure(b, &unused));
    for (size_t i = 0; i < bench->rounds; i++) {
        TRY(measure(b, &b->samples[i]));
        progress_update(&bench->progress, "step %zu of %zu", i + 1, bench->rounds);
    }
    TRY(report(b));
    /* last, since the copies double the memory that the report measures */
    if (group_size(bench->group) > 1) TRY(bench_copies(bench, &b->trainer));
done:
    return status;
}

enum status bench_step(struct bench *bench)
{
    struct step_bench b = {.bench = bench, .opened = {.descriptor = -1}};
    bench_text(bench, "preset", bench->preset ? bench->preset : "small");
    bench_text(bench, "corpus", bench->corpus ? bench->corpus : "full rows");
    const enum status status = run(&b);
    bench_memory_fini(&b.memory);
    trainer_fini(&b.trainer);
    corpus_close(&b.opened);
    synthetic_fini(&b.made);
    free(b.samples);
    free(b.column);
    return status;
}
