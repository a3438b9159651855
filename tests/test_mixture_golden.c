/* The mixture's losses and gradients against tests/oracle/mixture.py; test_mixture_float.c builds
 * the same suite in the program's precision. */
#include "mixture.h"
#include "oracle/mixture_golden.h"
#include "random.h"
#include "runner.h"

#include <stdio.h>
#include <time.h>

enum { N_GOLDEN = sizeof golden / sizeof *golden, ROOM = 128 };

#ifdef REAL_DOUBLE
static const double TOLERANCE = 1e-9;
#else
static const double TOLERANCE = 3e-6;
#endif

static void copy(real *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (real)from[i];
}

static void check(double got, double want)
{
    CU_ASSERT_DOUBLE_EQUAL(got, want, TOLERANCE * (1 + fabs(want)));
}

static void check_all(const real *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++) check((double)got[i], want[i]);
}

/* A golden case in the build's own number type. */
struct problem {
    struct mixture mixture;
    struct mixture_weights weights;
    real m[ROOM], s[ROOM], mean[ROOM], log_variance[ROOM], log_weight[MIXTURE_MAX_COMPONENTS];
};

static void problem_load(struct problem *p, const struct golden *g)
{
    const size_t n_components = 4 * g->per_emotion;
    CU_ASSERT_FATAL(g->n * g->dimensions <= ROOM && n_components * g->dimensions <= ROOM);
    copy(p->m, g->m, g->n * g->dimensions);
    copy(p->s, g->s, g->n * g->dimensions);
    copy(p->mean, g->mean, n_components * g->dimensions);
    copy(p->log_variance, g->log_variance, n_components * g->dimensions);
    copy(p->log_weight, g->log_weight, n_components);
    p->mixture = (struct mixture){
        {n_components, g->per_emotion, g->dimensions}, p->mean, p->log_variance, p->log_weight};
    p->weights = (struct mixture_weights){g->w, g->delta, g->alpha, g->gamma, g->temperature};
}

/* q and kl, and what the ranks would share. */
static void check_posterior(struct mixture_share *share, const struct problem *p,
                            const struct golden *g)
{
    const size_t n_components = p->mixture.shape.n_components;
    real q[ROOM], kl[ROOM];
    double sums[MIXTURE_MAX_COMPONENTS + 2] = {0};
    mixture_posterior(q, kl, &p->mixture, p->m, p->s, g->temperature, g->n);
    check_all(q, g->q, g->n * n_components);
    check_all(kl, g->kl, g->n * n_components);
    mixture_count(sums, &p->mixture.shape, q, g->label, g->n);
    *share = (struct mixture_share){.n_unlabelled = sums[n_components],
                                    .n_labelled = sums[n_components + 1]};
    for (size_t k = 0; k < n_components && share->n_unlabelled > 0; k++) {
        share->mean_posterior[k] = sums[k] / share->n_unlabelled;
        check(share->mean_posterior[k], g->mean_posterior[k]);
    }
}

static void check_loss(const struct mixture_loss *loss, const struct mixture_share *share,
                       const struct golden *g)
{
    const double parts[] = {loss->kl,      loss->category,      loss->dispersion, loss->label,
                            loss->entropy, loss->max_posterior, loss->correct};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) check(parts[i], g->parts[i]);
    const double information = mixture_information(share, 4 * g->per_emotion, loss->entropy);
    check(g->w * (loss->kl + loss->category - g->delta * loss->dispersion) -
              g->w * g->alpha * information + g->gamma * loss->label,
          g->objective);
}

static void losses_match(void)
{
    struct arena scratch;
    CU_ASSERT_FATAL(arena_init(&scratch, 1 << 20) == OK);
    for (size_t i = 0; i < N_GOLDEN; i++) {
        const struct golden *g = golden + i;
        struct problem p;
        struct mixture_share share;
        struct mixture_loss loss = {0};
        real dm[ROOM] = {0}, ds[ROOM] = {0}, dmean[ROOM] = {0}, dlog_variance[ROOM] = {0};
        const struct mixture_gradient gradient = {dm, ds, dmean, dlog_variance};
        problem_load(&p, g);
        check_posterior(&share, &p, g);
        mixture_backward(&gradient, &loss, &p.mixture, p.m, p.s, g->label, &share, &p.weights, g->n,
                         &scratch);
        check_loss(&loss, &share, g);
        check_all(dm, g->dm, g->n * g->dimensions);
        check_all(ds, g->ds, g->n * g->dimensions);
        check_all(dmean, g->dmean, 4 * g->per_emotion * g->dimensions);
        check_all(dlog_variance, g->dlog_variance, 4 * g->per_emotion * g->dimensions);
        CU_ASSERT_EQUAL(scratch.used, 0);
    }
    arena_fini(&scratch);
}

static void separation_matches(void)
{
    for (size_t i = 0; i < N_GOLDEN; i++) {
        const struct golden *g = golden + i;
        struct problem p;
        real dmean[ROOM] = {0}, dlog_variance[ROOM] = {0};
        double least;
        problem_load(&p, g);
        check(mixture_separation(dmean, dlog_variance, &least, &p.mixture, 3.0, 1.0),
              g->separation);
        check(least, g->least);
        check_all(dmean, g->push_mean, 4 * g->per_emotion * g->dimensions);
        check_all(dlog_variance, g->push_log_variance, 4 * g->per_emotion * g->dimensions);
    }
}

static void fader_matches(void)
{
    enum { N = sizeof fader_z / sizeof *fader_z };
    real z[N], a[N], dz[N] = {0};
    copy(z, fader_z, N);
    copy(a, fader_a, N);
    check(fader_loss(dz, z, a, N, 0, N, fader_s0, 1.0), fader_value);
    check_all(dz, fader_dz, N);
}

static void normal_matches(void)
{
    enum { COUNT = NORMAL_ROWS * NORMAL_DIMENSIONS };
    real m[COUNT], s[COUNT], dm[COUNT] = {0}, ds[COUNT] = {0};
    copy(m, normal_m, COUNT);
    copy(s, normal_s, COUNT);
    check(
        normal_divergence(dm, ds, m, s, normal_scale, normal_free, NORMAL_ROWS, NORMAL_DIMENSIONS),
        normal_value);
    check_all(dm, normal_dm, COUNT);
    check_all(ds, normal_ds, COUNT);
}

/* Processor milliseconds of a batch of 256 segments, 32 coordinates; the best of some runs. */
static double batch_milliseconds(size_t per_emotion, struct arena *scratch)
{
    enum { N = 256, D = 32, RUNS = 30 };
    static real block[2 * N * D + 2 * MIXTURE_MAX_COMPONENTS * D], mean[MIXTURE_MAX_COMPONENTS * D],
        log_variance[MIXTURE_MAX_COMPONENTS * D], m[N * D], s[N * D];
    static int8_t label[N];
    const struct mixture_shape shape = {4 * per_emotion, per_emotion, D};
    const struct mixture_weights weights = {1, 0.5, 1, 1, 4};
    real log_weight[MIXTURE_MAX_COMPONENTS];
    struct mixture_share share = {.n_unlabelled = 192, .n_labelled = 64};
    mixture_initialize(&shape, mean, log_variance, log_weight, 3.0, 1);
    random_normals(m, N * D, 1, RANDOM_TEST, 0, 0);
    random_normals(s, N * D, 1, RANDOM_TEST, 1, 0);
    for (size_t i = 0; i < N; i++) label[i] = i % 4 == 0 ? (int8_t)(i / 4 % 4) : -1;
    for (size_t k = 0; k < shape.n_components; k++)
        share.mean_posterior[k] = 1.0 / (double)shape.n_components;
    const struct mixture mixture = {shape, mean, log_variance, log_weight};
    const struct mixture_gradient gradient = {block, block + N * D, block + 2 * N * D,
                                              block + 2 * N * D + MIXTURE_MAX_COMPONENTS * D};
    double best = HUGE_VAL;
    for (int run = 0; run < RUNS; run++) {
        struct mixture_loss loss = {0};
        const clock_t start = clock();
        mixture_backward(&gradient, &loss, &mixture, m, s, label, &share, &weights, N, scratch);
        best = fmin(best, 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC);
    }
    return best;
}

/* Room for a machine under load, and for the sanitizers' checks. */
#ifdef __SANITIZE_ADDRESS__
static const double MOST_MILLISECONDS = 20;
#else
static const double MOST_MILLISECONDS = 2;
#endif

static void is_quick(void)
{
    struct arena scratch;
    CU_ASSERT_FATAL(arena_init(&scratch, 1 << 20) == OK);
    for (size_t per_emotion = 1; per_emotion <= 3; per_emotion++) {
        const double milliseconds = batch_milliseconds(per_emotion, &scratch);
        printf("(%zu components: %.3f ms) ", 4 * per_emotion, milliseconds);
        CU_ASSERT(milliseconds < MOST_MILLISECONDS);
    }
    arena_fini(&scratch);
}

#ifdef REAL_DOUBLE
const char *const suite_name = "mixture_golden";
#else
const char *const suite_name = "mixture_float";
#endif
const struct suite_test suite_tests[] = {
    {"losses match", losses_match},   {"separation matches", separation_matches},
    {"fader matches", fader_matches}, {"normal matches", normal_matches},
    {"is quick", is_quick},           {NULL, NULL},
};
