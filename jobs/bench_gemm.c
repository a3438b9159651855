/* affekt bench gemm: every shape of product that a training step asks for. */
#include "bench.h"
#include "gemm.h"
#include "operations.h"
#include "peak.h"
#include "stop.h"
#include "synthetic.h"
#include "trainer.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_EVENTS = 192 };
enum { FORWARD, INPUT, WEIGHT, N_PASSES };
static const double BURST = 2e-3; /* seconds between two readings of the clock */
static const char *const PASS_NAMES[N_PASSES] = {"forward", "input gradient", "weight gradient"};

/* Operands large enough for every layer. */
struct operands {
    real *x, *w, *y;
};

/* The product of one pass of a linear layer, as layers.c asks for it. */
static void multiply(const struct operands *o, const struct operations_layer *layer, int pass)
{
    const size_t n = layer->n, in = layer->in, out = layer->out;
    const struct gemm_operand x = {o->x, in, false}, w = {o->w, out, false}, y = {o->y, out, false};
    const struct gemm_operand x_transposed = {o->x, in, true}, w_transposed = {o->w, out, true};
    if (pass == FORWARD) gemm(n, out, in, 1, x, w, 0, o->y, out);
    if (pass == INPUT) gemm(n, in, out, 1, y, w_transposed, 0, o->x, in);
    if (pass == WEIGHT) gemm(in, out, n, 1, x_transposed, y, 1, o->w, out);
}

/* "decoder/attention/qkv forward 1930x384x128": m, n and k of the product. */
static void name_product(char name[BENCH_NAME_SIZE], const struct operations_layer *layer, int pass)
{
    const size_t n = layer->n, in = layer->in, out = layer->out;
    snprintf(name, BENCH_NAME_SIZE, "%.36s %s %zux%zux%zu", layer->name, PASS_NAMES[pass],
             pass == WEIGHT ? in : n, pass == INPUT ? in : out,
             pass == FORWARD ? in
             : pass == INPUT ? out
                             : n);
}

/* Numbers near 1e-3 that no round of products drives to infinity or to denormals. */
static void fill(const struct operands *o, size_t n_x, size_t n_w, size_t n_y)
{
    for (size_t i = 0; i < n_x; i++) o->x[i] = (real)(1e-3 * (double)(i % 7));
    for (size_t i = 0; i < n_w; i++) o->w[i] = (real)(1e-3 * (double)(i % 5));
    for (size_t i = 0; i < n_y; i++) o->y[i] = (real)(1e-3 * (double)(i % 3));
}

/* How many products a burst takes: the second of two, the first being slow. */
static size_t count_calls(const struct operands *o, const struct operations_layer *layer, int pass)
{
    double start = 0;
    for (int i = 0; i < 2; i++) {
        start = stop_clock();
        multiply(o, layer, pass);
    }
    return 1 + (size_t)(BURST / (stop_clock() - start + 1e-7));
}

/* What all layers together come to. */
struct total {
    double operations, seconds; /* of one training pass over the micro-batch */
    double *peaks;              /* (room) of every round */
    size_t n_peaks;
};

static void measure(struct bench *bench, const struct operands *o,
                    const struct operations_layer *layer, int pass, struct total *total,
                    double *seconds)
{
    char name[BENCH_NAME_SIZE];
    const double operations = 2.0 * (double)layer->n * (double)layer->in * (double)layer->out;
    double *peaks = total->peaks + total->n_peaks;
    fill(o, layer->n * layer->in, layer->in * layer->out, layer->n * layer->out);
    const size_t calls = count_calls(o, layer, pass);
    for (size_t round = 0; round < bench->rounds; round++) {
        peaks[round] = bench_peak(bench);
        const double start = stop_clock();
        for (size_t i = 0; i < calls; i++) multiply(o, layer, pass);
        seconds[round] = (stop_clock() - start) / (double)calls;
    }
    const double median = bench_median(seconds, bench->rounds);
    total->operations += operations * (double)layer->repeats;
    total->seconds += median * (double)layer->repeats;
    total->n_peaks += bench->rounds;
    name_product(name, layer, pass);
    bench_rate(bench, name, 1e-9 * operations / median, "GFLOP/s",
               1e-9 * bench_median(peaks, bench->rounds), "FMA peak");
}

static enum status measure_all(struct bench *bench, const struct operations_layer *layers,
                               size_t n_layers)
{
    enum status status = OK;
    struct arena arena = {0};
    size_t n_x = 0, n_w = 0, n_y = 0;
    for (size_t i = 0; i < n_layers; i++) {
        const struct operations_layer *l = &layers[i];
        if (l->n * l->in > n_x) n_x = l->n * l->in;
        if (l->in * l->out > n_w) n_w = l->in * l->out;
        if (l->n * l->out > n_y) n_y = l->n * l->out;
    }
    double *samples = calloc(bench->rounds * (N_PASSES * n_layers + 1), sizeof *samples);
    struct total total = {0};
    if (!samples) FAIL(FAILED, "no memory for %zu rounds", bench->rounds);
    total.peaks = samples + bench->rounds;
    TRY(arena_init(&arena, (n_x + n_w + n_y) * sizeof(real) + 4096));
    const struct operands operands = {arena_reals(&arena, n_x), arena_reals(&arena, n_w),
                                      arena_reals(&arena, n_y)};
    for (size_t i = 0; i < n_layers; i++)
        for (int pass = 0; pass < N_PASSES; pass++) {
            if (layers[i].n == 0 || (pass == INPUT && !layers[i].input_gradient)) continue;
            progress_update(&bench->progress, "%s", layers[i].name);
            measure(bench, &operands, &layers[i], pass, &total, samples);
        }
    bench_rate(bench, "all, weighted by operations", 1e-9 * total.operations / total.seconds,
               "GFLOP/s", 1e-9 * bench_median(total.peaks, total.n_peaks), "FMA peak");
    bench_number(bench, "operations", total.operations);
done:
    free(samples);
    arena_fini(&arena);
    return status;
}

/* The sizes of a micro-batch of full rows, as the collator packs it. */
static enum status full_batch(struct operations_sizes *sizes, const struct vae *vae,
                              const struct synthetic *made, size_t rows, size_t events)
{
    enum status status = OK;
    const struct corpus *corpus = &made->corpus;
    const struct source source = {corpus->events, corpus->segments};
    const struct collate collate = {.vocabulary = &corpus->vocabulary};
    struct arena arena = {0};
    struct row *list = calloc(rows, sizeof *list);
    if (!list) FAIL(FAILED, "no memory for %zu rows", rows);
    TRY(arena_init(&arena, collate_bytes(&corpus->vocabulary, rows * events, rows, rows)));
    for (size_t i = 0; i < rows; i++)
        list[i] = (struct row){.first_segment = (uint32_t)i, .n_segments = 1, .label = -1};
    const struct batch batch = collate_rows(&collate, &source, list, rows, 0, &arena);
    *sizes = operations_sizes(&batch, &vae->shape);
done:
    free(list);
    arena_fini(&arena);
    return status;
}

static enum status run(struct bench *bench)
{
    enum status status = OK;
    struct synthetic made = {.events = NULL};
    struct vae vae = {.parameters = {.tensors = NULL}};
    struct operations_layer layers[OPERATIONS_MAX_LAYERS];
    struct operations_sizes sizes;
    const size_t events = bench->events ? bench->events : DEFAULT_EVENTS;
    const size_t fit = bench->config.train.micro_events / events, rows = fit ? fit : 1;
    TRY(synthetic_init(&made, rows, events));
    const struct vae_shape shape = trainer_shape(&bench->config, &made.corpus.vocabulary);
    TRY(vae_init(&vae, &shape));
    TRY(full_batch(&sizes, &vae, &made, rows, events));
    bench_number(bench, "batch_rows", (double)rows);
    bench_number(bench, "batch_events", (double)sizes.events);
    gemm_set_precision(bench->config.train.precision);
    TRY(measure_all(bench, layers, operations_layers(layers, &vae, &sizes)));
done:
    gemm_set_precision(GEMM_FLOAT);
    vae_fini(&vae);
    synthetic_fini(&made);
    return status;
}

enum status bench_gemm(struct bench *bench)
{
    bench_text(bench, "preset", bench->preset ? bench->preset : "small");
    return group_agree(bench->group, run(bench));
}
