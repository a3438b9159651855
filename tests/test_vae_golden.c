/* The whole objective and its gradient against tests/oracle/vae.py; test_vae_golden_float.c builds
 * the same suite in the program's precision. */
#include "numeric.h"
#include "oracle/vae_golden.h"
#include "vae_objective.h"

enum { N_BATCHES = 2, MAX_REALS = 512 };

#ifdef REAL_DOUBLE
static const double LIMIT = 1e-8;
#else
static const double LIMIT = 1e-4;
#endif

static struct batch batches[N_BATCHES];
static real batch_reals[N_BATCHES][4][MAX_REALS];

static const real *as_reals(real *to, const double *from, size_t n)
{
    CU_ASSERT_FATAL(n <= MAX_REALS);
    for (size_t i = 0; i < n; i++) to[i] = (real)from[i];
    return to;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define REALS(i, j, array) as_reals(batch_reals[i][j], array, COUNT(array))
/* The arrays batch<i>_... of the oracle as a batch. */
#define GOLDEN_BATCH(i)                                                                            \
    (struct batch)                                                                                 \
    {                                                                                              \
        .n_rows = COUNT(batch##i##_row_id), .n_segments = COUNT(batch##i##_tonic),                 \
        .n_events = COUNT(batch##i##_bar), .row_segment = batch##i##_row_segment,                  \
        .segment_event = batch##i##_segment_event, .row_id = batch##i##_row_id,                    \
        .symbol = {batch##i##_tempo, batch##i##_signature, batch##i##_position,                    \
                   batch##i##_pitch, batch##i##_duration,  batch##i##_velocity},                   \
        .tonal = batch##i##_tonal, .bar = batch##i##_bar, .tonic = batch##i##_tonic,               \
        .label = batch##i##_label, .onset = batch##i##_onset,                                      \
        .chroma = REALS(i, 0, batch##i##_chroma), .faders = REALS(i, 1, batch##i##_faders),        \
        .rhythm_attributes = REALS(i, 2, batch##i##_rhythm_attributes),                            \
        .tonal_attributes = REALS(i, 3, batch##i##_tonal_attributes)                               \
    }

/* What the oracle says of one case. */
struct golden {
    const struct golden_weights *weights;
    const struct golden_tensor *tensors;
    size_t n_tensors;
    const double *parts, *z[N_FACTORS], *q, *kl; /* q, kl: NULL for a normal prior */
    double objective;
};

static void check(const char *name, double got, double want, double size)
{
    const bool close = fabs(got - want) <= LIMIT * size;
    if (!close) fprintf(stderr, "%s: %.12g, want %.12g\n", name, got, want);
    CU_ASSERT(close);
}

static struct vae_shape golden_vae_shape(const struct golden_weights *weights)
{
    struct vae_shape shape = {.width = golden_shape[0],
                              .heads = golden_shape[1],
                              .encoder_layers = golden_shape[2],
                              .decoder_layers = golden_shape[3],
                              .latent_mixture = golden_shape[4],
                              .latent_residual = golden_shape[5],
                              .memory = weights->memory,
                              .per_emotion = weights->per_emotion,
                              .full_inputs = weights->full != 0};
    memcpy(shape.vocabulary.size, golden_vocabulary, sizeof shape.vocabulary.size);
    shape.vocabulary.n_tonal = golden_vocabulary[N_FIELDS];
    shape.vocabulary.bars = golden_vocabulary[N_FIELDS + 1];
    return shape;
}

static void fill_parameters(struct vae_bench *bench, const struct golden *golden)
{
    CU_ASSERT_EQUAL(bench->vae.parameters.n_tensors, golden->n_tensors);
    for (size_t i = 0; i < golden->n_tensors; i++) {
        const struct golden_tensor *want = &golden->tensors[i];
        const struct tensor *tensor = parameters_find(&bench->vae.parameters, want->name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(tensor);
        CU_ASSERT_FATAL(tensor->rows == want->rows && tensor->columns == want->columns);
        const size_t n = want->rows * want->columns;
        real *x = bench->theta + tensor->offset;
        numeric_wave(x, n, want->phase);
        for (size_t j = 0; j < n; j++) x[j] = (real)(want->centre + want->amplitude * (double)x[j]);
    }
}

static void bench_prepare(struct vae_bench *bench, const struct golden *golden)
{
    const struct golden_weights *w = golden->weights;
    const struct vae_shape shape = golden_vae_shape(w);
    vae_bench_init_shape(bench, &shape);
    bench->objective = (struct objective){.normal = w->normal != 0,
                                          .mixture = {.kl = w->kl,
                                                      .delta = w->delta,
                                                      .alpha = w->alpha,
                                                      .gamma = w->gamma,
                                                      .temperature = w->temperature},
                                          .residual = w->kl,
                                          .free_nats = w->free,
                                          .fader_weight = w->fader,
                                          .decorrelation = w->decorrelation,
                                          .fader_scale = w->scale};
    bench->noise =
        (struct vae_noise){.dropout = {.seed = golden_seed, .step = golden_step}, .sample = true};
    fill_parameters(bench, golden);
    batches[0] = GOLDEN_BATCH(0);
    batches[1] = GOLDEN_BATCH(1);
}

static void check_latents(struct vae_bench *bench, const struct golden *golden)
{
    const size_t latent = vae_latent(&bench->vae.shape);
    const size_t k = MIXTURE_EMOTIONS * bench->vae.shape.per_emotion;
    size_t first = 0;
    for (size_t i = 0; i < N_BATCHES; i++) {
        struct vae_tape tape;
        const size_t n = batches[i].n_segments;
        arena_reset(&bench->activations, 0);
        vae_encode(&bench->vae, bench->theta, &tape, &batches[i], &bench->noise,
                   golden->weights->temperature, &bench->activations, &bench->scratch);
        for (int g = 0; g < N_FACTORS; g++)
            numeric_check("z", tape.z[g], golden->z[g] + first * latent, n * latent, LIMIT);
        if (golden->q) {
            numeric_check("q", tape.q, golden->q + first * k, n * k, LIMIT);
            numeric_check("kl", tape.kl, golden->kl + first * k, n * k, LIMIT);
        }
        first += n;
    }
}

static void check_tensor(const struct vae_bench *bench, const struct golden_tensor *want)
{
    const struct tensor *tensor = parameters_find(&bench->vae.parameters, want->name);
    const real *gradient = bench->gradient + tensor->offset;
    const size_t n = want->rows * want->columns;
    const double size = want->norm + 1e-3; /* some norms are no more than rounding */
    real wave[1024];
    CU_ASSERT_FATAL(n <= 1024);
    numeric_wave(wave, n, want->phase);
    check(want->name, sqrt(numeric_dot(gradient, gradient, n)), want->norm, size);
    check(want->name, numeric_dot(gradient, wave, n), want->projection, size);
    for (size_t i = 0; i < 4; i++)
        check(want->name, (double)gradient[i * (n - 1) / 3], want->some[i], size);
}

static void check_case(const struct golden *golden)
{
    struct vae_bench bench;
    const struct batch *const all[N_BATCHES] = {&batches[0], &batches[1]};
    const struct golden_weights *weights = golden->weights;
    bench_prepare(&bench, golden);
    const struct mixture mixture = vae_mixture(&bench.vae, bench.theta);
    double least, j;
    check_latents(&bench, golden);
    j = vae_bench_objective(&bench, all, N_BATCHES, true);
    j += weights->separation * mixture_separation(bench.gradient + bench.vae.mixture_mean,
                                                  bench.gradient + bench.vae.mixture_log_variance,
                                                  &least, &mixture, weights->distance,
                                                  weights->separation);
    check("J", j, golden->objective, golden->objective);
    for (int i = 0; i < N_LOSS_PARTS; i++)
        check(loss_part_names[i], bench.loss[i], golden->parts[i], 1 + fabs(golden->parts[i]));
    for (size_t i = 0; i < golden->n_tensors; i++) check_tensor(&bench, &golden->tensors[i]);
    vae_bench_fini(&bench);
}

static void mixture_stage_matches(void)
{
    check_case(&(struct golden){.weights = &mixture_weights,
                                .tensors = mixture_tensors,
                                .n_tensors = COUNT(mixture_tensors),
                                .parts = mixture_parts,
                                .z = {mixture_z_rhythm, mixture_z_tonal},
                                .q = mixture_q,
                                .kl = mixture_kl,
                                .objective = mixture_objective});
}

static void normal_stage_matches(void)
{
    check_case(&(struct golden){.weights = &normal_weights,
                                .tensors = normal_tensors,
                                .n_tensors = COUNT(normal_tensors),
                                .parts = normal_parts,
                                .z = {normal_z_rhythm, normal_z_tonal},
                                .objective = normal_objective});
}

#ifdef REAL_DOUBLE
const char *const suite_name = "vae_golden";
#else
const char *const suite_name = "vae_golden_float";
#endif
const struct suite_test suite_tests[] = {
    {"mixture stage matches", mixture_stage_matches},
    {"normal stage matches", normal_stage_matches},
    {NULL, NULL},
};
