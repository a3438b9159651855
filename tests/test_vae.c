/* vae: gradients of the assembled objective, micro-batches, factored inputs, announcements. */
#include "random.h"
#include "runner.h"
#include "vae_objective.h"

#include <stdio.h>
#include <string.h>

static struct made_batch unlabelled, unlabelled2, labelled;

static void make_batches(void)
{
    static const size_t rows[3] = {2, 1, 3}, more[2] = {1, 2}, one[2] = {1, 2};
    make_batch(&unlabelled, rows, 3, 0, MIXTURE_UNLABELLED);
    make_batch(&unlabelled2, more, 2, 3, MIXTURE_UNLABELLED);
    make_batch(&labelled, one, 2, 5, 2);
}

/* Central differences at a few places of every tensor. */
static void check_gradient(struct vae_bench *bench, const struct batch *const *batches, size_t n)
{
    static const double H = 1e-5;
    const struct parameters *parameters = &bench->vae.parameters;
    real *gradient = calloc(parameters->count, sizeof *gradient);
    (void)vae_bench_objective(bench, batches, n, true);
    memcpy(gradient, bench->gradient, parameters->count * sizeof *gradient);
    for (size_t t = 0; t < parameters->n_tensors; t++) {
        const struct tensor *tensor = &parameters->tensors[t];
        if (!strcmp(tensor->name, "mixture/log_weight")) continue; /* set by the fit, not trained */
        for (uint32_t probe = 0; probe < 4; probe++) {
            const size_t i =
                tensor->offset + random_below((uint32_t)(tensor->rows * tensor->columns), 1,
                                              RANDOM_TEST, t, probe, 0);
            const real old = bench->theta[i];
            bench->theta[i] = old + H;
            const double up = vae_bench_objective(bench, batches, n, false);
            bench->theta[i] = old - H;
            const double down = vae_bench_objective(bench, batches, n, false);
            bench->theta[i] = old;
            const double want = (up - down) / (2 * H), got = gradient[i];
            if (fabs(want - got) > 2e-6 * (1 + fabs(want)))
                fprintf(stderr, "%s[%zu]: %.9g, differences give %.9g\n", tensor->name,
                        i - tensor->offset, got, want);
            CU_ASSERT(fabs(want - got) <= 2e-6 * (1 + fabs(want)));
        }
    }
    free(gradient);
}

static void gradient_of_mixture_stage(void)
{
    struct vae_bench bench;
    const struct batch *const batches[] = {&unlabelled.batch, &unlabelled2.batch, &labelled.batch};
    vae_bench_init(&bench, 0, 2); /* without memory: its gradient is stopped on purpose */
    check_gradient(&bench, batches, 3);
    vae_bench_fini(&bench);
}

static void gradient_of_normal_stage(void)
{
    struct vae_bench bench;
    const struct batch *const batches[] = {&unlabelled.batch, &labelled.batch};
    vae_bench_init(&bench, 0, 1);
    bench.objective.normal = true;
    check_gradient(&bench, batches, 2);
    vae_bench_fini(&bench);
}

/* The rows of two micro-batches in one give the same loss and gradient, but for correlations, which
 * are those within a micro-batch. */
static void micro_batches_add_up(void)
{
    static const size_t rows[5] = {2, 1, 3, 1, 2};
    static struct made_batch whole;
    struct vae_bench bench;
    const struct batch *const two[] = {&unlabelled.batch, &unlabelled2.batch, &labelled.batch};
    const struct batch *const one[] = {&whole.batch, &labelled.batch};
    make_batch(&whole, rows, 5, 0, MIXTURE_UNLABELLED);
    vae_bench_init(&bench, 40, 1);
    bench.objective.decorrelation = 0;
    const size_t count = bench.vae.parameters.count;
    real *gradient = calloc(count, sizeof *gradient);
    const double a = vae_bench_objective(&bench, two, 3, true);
    memcpy(gradient, bench.gradient, count * sizeof *gradient);
    const double b = vae_bench_objective(&bench, one, 2, true);
    double most = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)gradient[i] - (double)bench.gradient[i]));
        size = fmax(size, fabs((double)gradient[i]));
    }
    CU_ASSERT_DOUBLE_EQUAL(a, b, 1e-10 * fabs(a));
    CU_ASSERT(most < 1e-11 * size);
    free(gradient);
    vae_bench_fini(&bench);
}

/* Moments of one factor's encoder on a batch, without dropout. */
static void moments(struct vae_bench *bench, enum factor factor, const struct batch *batch,
                    real *out)
{
    struct vae_tape tape;
    const struct vae_noise quiet = {.sample = false};
    arena_reset(&bench->activations, 0);
    vae_encode(&bench->vae, bench->theta, &tape, batch, &quiet, 1, &bench->activations,
               &bench->scratch);
    memcpy(out, tape.encoder[factor].moments,
           batch->n_segments * 2 * vae_latent(&bench->vae.shape) * sizeof *out);
}

static void inputs_are_factored(void)
{
    static struct made_batch changed;
    struct vae_bench bench;
    real before[MAKE_MAX_SEGMENTS * 10], after[MAKE_MAX_SEGMENTS * 10];
    vae_bench_init(&bench, 0, 1);
    const size_t bytes = unlabelled.batch.n_segments * 10 * sizeof *before;
    static const size_t rows[3] = {2, 1, 3};

    make_batch(&changed, rows, 3, 0, MIXTURE_UNLABELLED);
    moments(&bench, FACTOR_RHYTHM, &changed.batch, before);
    for (size_t i = 0; i < changed.batch.n_events; i++)
        if (changed.tonal[i] != SYMBOL_NONE) {
            changed.symbol[FIELD_PITCH][i] = (uint8_t)(i % 7);
            changed.tonal[i] = (uint8_t)(i % 9);
        }
    moments(&bench, FACTOR_RHYTHM, &changed.batch, after);
    CU_ASSERT(!memcmp(before, after, bytes));

    moments(&bench, FACTOR_TONAL, &changed.batch, before);
    for (size_t i = 0; i < changed.batch.n_events; i++) {
        const bool bar = changed.tonal[i] == SYMBOL_NONE;
        changed.symbol[bar ? FIELD_TEMPO : FIELD_DURATION][i] = (uint8_t)(i % 3);
        if (!bar) changed.symbol[FIELD_POSITION][i] = (uint8_t)(i % 5);
        if (!bar) changed.symbol[FIELD_VELOCITY][i] = (uint8_t)(i % 3);
    }
    moments(&bench, FACTOR_TONAL, &changed.batch, after);
    CU_ASSERT(!memcmp(before, after, bytes));
    moments(&bench, FACTOR_RHYTHM, &changed.batch, after);
    CU_ASSERT(memcmp(before, after, bytes));
    vae_bench_fini(&bench);
}

/* What was announced, as it was then. */
struct announced {
    const real *gradient;
    real *then;
    size_t n;
};

static void listen(void *context, size_t first, size_t count)
{
    struct announced *announced = context;
    CU_ASSERT_EQUAL(first, announced->n);
    memcpy(announced->then + first, announced->gradient + first, count * sizeof(real));
    announced->n = first + count;
}

static void announces_every_gradient_once_it_is_final(void)
{
    struct vae_bench bench;
    struct vae_tape tape;
    struct announced announced = {0};
    const struct ready ready = {listen, &announced};
    vae_bench_init(&bench, 8, 1);
    announced.gradient = bench.gradient;
    announced.then = calloc(bench.vae.parameters.count, sizeof(real));
    if (!announced.then) abort();
    const struct vae_decode_call call = {&bench.noise, 1, ready};
    vae_encode(&bench.vae, bench.theta, &tape, &unlabelled.batch, &bench.noise, 1,
               &bench.activations, &bench.scratch);
    vae_decode(&bench.vae, bench.theta, bench.gradient, &tape, &call, bench.loss,
               &bench.activations, &bench.scratch);
    for (size_t i = 0; i < 10 * unlabelled.batch.n_segments; i++)
        tape.dmoments[0][i] = tape.dmoments[1][i] = (real)0.1;
    vae_encode_backward(&bench.vae, bench.theta, bench.gradient, &tape, &ready, &bench.scratch);
    CU_ASSERT_EQUAL(announced.n, bench.vae.parameters.count);
    CU_ASSERT_EQUAL(memcmp(announced.then, bench.gradient, announced.n * sizeof(real)), 0);
    free(announced.then);
    vae_bench_fini(&bench);
}

static void all(void (*test)(void))
{
    make_batches();
    test();
}

#define TEST(name)                                                                                 \
    static void run_##name(void)                                                                   \
    {                                                                                              \
        all(name);                                                                                 \
    }
TEST(gradient_of_mixture_stage)
TEST(gradient_of_normal_stage)
TEST(micro_batches_add_up)
TEST(inputs_are_factored)
TEST(announces_every_gradient_once_it_is_final)

const char *const suite_name = "vae";
const struct suite_test suite_tests[] = {
    {"gradient of the mixture stage", run_gradient_of_mixture_stage},
    {"gradient of the normal stage", run_gradient_of_normal_stage},
    {"micro-batches add up", run_micro_batches_add_up},
    {"inputs are factored", run_inputs_are_factored},
    {"announces every gradient once it is final", run_announces_every_gradient_once_it_is_final},
    {NULL, NULL},
};
