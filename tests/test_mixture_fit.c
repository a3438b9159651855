/* Semi-supervised EM: known clusters, names kept, likelihood, limits of the parameters. */
#include "mixture.h"
#include "random.h"
#include "runner.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_N = 1200, MAX_D = 6, MAX_K = 12, SUMS = MAX_K * (1 + 2 * MAX_D) };

/* Rows drawn from known components, and the fit. */
struct problem {
    struct mixture_shape shape;
    size_t n;
    real m[MAX_N * MAX_D], s[MAX_N * MAX_D];
    int8_t label[MAX_N];
    size_t component[MAX_N]; /* the truth */
    real true_mean[MAX_K * MAX_D];
    real mean[MAX_K * MAX_D], log_variance[MAX_K * MAX_D], log_weight[MAX_K];
};

static struct problem problem; /* too large for the stack */

/* Components at random places `spread` apart or so, deviations 0.5, rows round-robin, every
 * `every`-th round labelled (none when 0). */
static void problem_make(size_t per_emotion, size_t n, double spread, size_t every, uint64_t seed)
{
    struct problem *p = &problem;
    *p = (struct problem){.shape = {4 * per_emotion, per_emotion, MAX_D}, .n = n};
    random_normals(p->true_mean, p->shape.n_components * MAX_D, seed, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < p->shape.n_components * MAX_D; i++) p->true_mean[i] *= spread;
    random_normals(p->m, n * MAX_D, seed, RANDOM_TEST, 1, 0);
    for (size_t row = 0; row < n; row++) {
        const size_t k = row % p->shape.n_components, round = row / p->shape.n_components;
        const bool labelled = every > 0 && round % every == 0;
        p->component[row] = k;
        p->label[row] = MIXTURE_UNLABELLED;
        if (labelled) p->label[row] = (int8_t)(k / per_emotion);
        for (size_t d = 0; d < MAX_D; d++) {
            real *x = p->m + row * MAX_D + d;
            *x = p->true_mean[k * MAX_D + d] + 0.4 * *x;
            p->s[row * MAX_D + d] = log(0.09); /* 0.16 + 0.09 = 0.25 */
        }
    }
}

static struct mixture fitted(void)
{
    return (struct mixture){problem.shape, problem.mean, problem.log_variance, problem.log_weight};
}

static void seed_fit(uint64_t seed)
{
    struct problem *p = &problem;
    struct arena scratch;
    const struct mixture_rows rows = {p->m, p->s, p->label, p->n};
    CU_ASSERT_FATAL(arena_init(&scratch, 1 << 20) == OK);
    mixture_fit_seed(&p->shape, p->mean, p->log_variance, p->log_weight, &rows, seed, &scratch);
    CU_ASSERT_EQUAL(scratch.used, 0);
    arena_fini(&scratch);
}

/* One pass over rows [first, first + n). */
static double accumulate(double *sums, size_t first, size_t n)
{
    const struct mixture mixture = fitted();
    return mixture_fit_accumulate(sums, &mixture, problem.m + first * MAX_D,
                                  problem.s + first * MAX_D, problem.label + first, n);
}

static void update(const double *sums)
{
    mixture_fit_update(&problem.shape, problem.mean, problem.log_variance, problem.log_weight,
                       sums);
}

/* Likelihood after `passes`; checks that it never falls. */
static double fit(int passes)
{
    double before = -HUGE_VAL;
    for (int pass = 0; pass < passes; pass++) {
        double sums[SUMS] = {0};
        const double now = accumulate(sums, 0, problem.n);
        CU_ASSERT(now >= before - 1e-9 * fabs(before));
        before = now;
        update(sums);
    }
    return before;
}

static double distance(const real *a, const real *b)
{
    double sum = 0;
    for (size_t d = 0; d < MAX_D; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sqrt(sum);
}

/* Share of rows whose most likely component belongs to the true emotion. */
static double accuracy(void)
{
    static real q[MAX_N * MAX_K], kl[MAX_N * MAX_K];
    const struct mixture mixture = fitted();
    const size_t n = problem.shape.n_components;
    size_t right = 0;
    mixture_posterior(q, kl, &mixture, problem.m, problem.s, 1, problem.n);
    for (size_t row = 0; row < problem.n; row++) {
        size_t best = 0;
        for (size_t k = 1; k < n; k++) best = q[row * n + k] > q[row * n + best] ? k : best;
        right +=
            best / problem.shape.per_emotion == problem.component[row] / problem.shape.per_emotion;
    }
    return (double)right / (double)problem.n;
}

/* Every true component has a fitted one of its own emotion nearby. */
static void check_found(double within)
{
    const size_t per_emotion = problem.shape.per_emotion;
    for (size_t k = 0; k < problem.shape.n_components; k++) {
        const size_t first = k / per_emotion * per_emotion;
        double least = HUGE_VAL;
        for (size_t l = first; l < first + per_emotion; l++)
            least = fmin(least, distance(problem.true_mean + k * MAX_D, problem.mean + l * MAX_D));
        CU_ASSERT(least < within);
    }
}

static void finds_known_clusters(void)
{
    for (size_t per_emotion = 1; per_emotion <= 3; per_emotion++) {
        problem_make(per_emotion, MAX_N, 2.0, 5, 10 + per_emotion);
        seed_fit(3);
        fit(40);
        check_found(0.25);
        CU_ASSERT(accuracy() > 0.97);
        for (size_t i = 0; i < problem.shape.n_components * MAX_D; i++)
            CU_ASSERT_DOUBLE_EQUAL(problem.log_variance[i], log(0.25), 0.5);
        for (size_t k = 0; k < problem.shape.n_components; k++)
            CU_ASSERT_DOUBLE_EQUAL(exp(problem.log_weight[k]),
                                   1 / (double)problem.shape.n_components, 0.03);
    }
}

/* A start with the emotions' means interchanged: only the clamped labels can put it right. */
static void labels_keep_their_names(void)
{
    problem_make(1, 800, 1.5, 4, 21);
    for (size_t k = 0; k < 4; k++) {
        problem.log_weight[k] = -log(4);
        for (size_t d = 0; d < MAX_D; d++)
            problem.mean[k * MAX_D + d] = problem.true_mean[(k + 1) % 4 * MAX_D + d];
    }
    fit(60);
    check_found(0.2);
    CU_ASSERT(accuracy() > 0.97);
}

static void overlapping_clusters_climb(void)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        problem_make(1 + seed % 3, 300, 0.3, seed % 4, 30 + seed);
        seed_fit(seed);
        fit(40);
    }
}

/* The likelihood term and the sums of a row, by hand. */
static void accumulates_by_the_formula(void)
{
    problem_make(2, 2, 1.0, 0, 5);
    problem.label[1] = 2;
    for (size_t k = 0; k < 8; k++) problem.log_weight[k] = log((double)(k + 1) / 36);
    memcpy(problem.mean, problem.true_mean, sizeof problem.mean);
    double sums[SUMS] = {0}, want[SUMS] = {0}, likelihood = 0;
    for (size_t row = 0; row < 2; row++) {
        double weight[8] = {0}, total = 0;
        for (size_t k = row ? 4 : 0; k < (row ? 6 : 8); k++) {
            const double gap = distance(problem.m + row * MAX_D, problem.mean + k * MAX_D);
            const double kl = 0.5 * (MAX_D * (0.09 - log(0.09) - 1) + gap * gap);
            weight[k] = (double)(k + 1) / 36 * exp(-kl);
            total += weight[k];
        }
        likelihood += log(total);
        for (size_t i = 0; i < 8 * (1 + 2 * MAX_D); i++) {
            const size_t k = i / (1 + 2 * MAX_D), at = i % (1 + 2 * MAX_D);
            const double x = at ? problem.m[row * MAX_D + (at - 1) % MAX_D] : 0;
            want[i] += weight[k] / total * (at == 0 ? 1 : at <= MAX_D ? x : x * x + 0.09);
        }
    }
    CU_ASSERT_DOUBLE_EQUAL(accumulate(sums, 0, 2), likelihood, 1e-12);
    for (size_t i = 0; i < SUMS; i++) CU_ASSERT_DOUBLE_EQUAL(sums[i], want[i], 1e-12);
}

static void shares_add_up(void)
{
    static const size_t start[] = {0, 7, 7, 150, 301};
    problem_make(3, 301, 0.7, 3, 50);
    seed_fit(1);
    double whole[SUMS] = {0}, shares[SUMS] = {0}, likelihood = 0;
    const double whole_likelihood = accumulate(whole, 0, 301);
    for (size_t rank = 0; rank + 1 < sizeof start / sizeof *start; rank++)
        likelihood += accumulate(shares, start[rank], start[rank + 1] - start[rank]);
    CU_ASSERT_DOUBLE_EQUAL(likelihood, whole_likelihood, 1e-10);
    for (size_t i = 0; i < SUMS; i++) CU_ASSERT_DOUBLE_EQUAL(shares[i], whole[i], 1e-10);
}

static void empty_components_stay(void)
{
    problem_make(1, 400, 1.0, 0, 60);
    seed_fit(1);
    real before[2 * MAX_D];
    for (size_t d = 0; d < MAX_D; d++) problem.mean[2 * MAX_D + d] = 1e4;
    memcpy(before, problem.mean + 2 * MAX_D, MAX_D * sizeof(real));
    memcpy(before + MAX_D, problem.log_variance + 2 * MAX_D, MAX_D * sizeof(real));
    fit(5);
    CU_ASSERT(memcmp(before, problem.mean + 2 * MAX_D, MAX_D * sizeof(real)) == 0);
    CU_ASSERT(memcmp(before + MAX_D, problem.log_variance + 2 * MAX_D, MAX_D * sizeof(real)) == 0);
    CU_ASSERT_DOUBLE_EQUAL(exp(problem.log_weight[2]), 0.01, 1e-12);
}

static void no_rows_change_nothing(void)
{
    problem_make(1, 40, 1.0, 2, 61);
    seed_fit(1);
    static struct problem before;
    before = problem;
    const double sums[SUMS] = {0};
    update(sums);
    problem.n = 0;
    seed_fit(1);
    problem.n = before.n;
    CU_ASSERT(memcmp(before.mean, problem.mean, sizeof before.mean) == 0);
    CU_ASSERT(memcmp(before.log_variance, problem.log_variance, sizeof before.log_variance) == 0);
    CU_ASSERT(memcmp(before.log_weight, problem.log_weight, sizeof before.log_weight) == 0);
}

static void weights_and_variances_are_bounded(void)
{
    static const double count[] = {1000, 30, 1, 0.5, 0, 9, 200, 4};
    double sums[SUMS] = {0}, total = 0;
    problem_make(2, 8, 1.0, 0, 62);
    for (size_t k = 0; k < 8; k++) {
        double *component = sums + k * (1 + 2 * MAX_D);
        component[0] = count[k];
        for (size_t d = 0; d < MAX_D; d++) {
            component[1 + d] = 2 * count[k];
            component[1 + MAX_D + d] = (4 + (k == 0 ? 0 : 100)) * count[k];
        }
    }
    update(sums);
    for (size_t k = 0; k < 8; k++) {
        total += exp(problem.log_weight[k]);
        CU_ASSERT(exp(problem.log_weight[k]) > 0.01 - 1e-12);
    }
    CU_ASSERT_DOUBLE_EQUAL(total, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(exp(problem.log_weight[0] - problem.log_weight[6]), 5, 1e-9);
    CU_ASSERT_EQUAL(problem.mean[0], 2);
    CU_ASSERT_EQUAL(problem.log_variance[0], -3); /* none at all */
    CU_ASSERT_EQUAL(problem.log_variance[MAX_D], 1);
}

static void starts_are_distinct(void)
{
    problem_make(3, 400, 1.0, 4, 70);
    seed_fit(1);
    for (size_t k = 0; k < 12; k++) {
        for (size_t l = 0; l < k; l++)
            CU_ASSERT(distance(problem.mean + k * MAX_D, problem.mean + l * MAX_D) > 0.2);
    }
    real first[MAX_K * MAX_D];
    memcpy(first, problem.mean, sizeof first);
    memset(problem.mean, 0, sizeof problem.mean);
    seed_fit(1);
    CU_ASSERT(memcmp(first, problem.mean, sizeof first) == 0);
}

/* One component an emotion starts at its class mean. */
static void starts_at_class_means(void)
{
    problem_make(1, 200, 1.0, 2, 71);
    seed_fit(4);
    for (size_t k = 0; k < 4; k++) {
        double mean = 0, count = 0;
        for (size_t row = 0; row < problem.n; row++) {
            if (problem.label[row] != (int8_t)k) continue;
            mean += problem.m[row * MAX_D];
            count += 1;
        }
        CU_ASSERT_DOUBLE_EQUAL(problem.mean[k * MAX_D], mean / count, 1e-12);
        CU_ASSERT_EQUAL(problem.log_weight[k], -log(4));
    }
}

/* Emotion 3 has one labelled row, emotion 2 none: unlabelled rows fill in; and rows that are all
 * the same leave the other means where they were. */
static void starts_with_few_labels(void)
{
    problem_make(2, 100, 1.5, 0, 72);
    problem.label[6] = 3;
    problem.label[0] = problem.label[1] = 0;
    problem.label[2] = problem.label[3] = 1;
    seed_fit(5);
    for (size_t k = 0; k < 8; k++) {
        for (size_t l = 0; l < k; l++)
            CU_ASSERT(distance(problem.mean + k * MAX_D, problem.mean + l * MAX_D) > 0.2);
    }
    fit(20);

    problem_make(1, 5, 0.0, 0, 73);
    memset(problem.m, 0, sizeof problem.m);
    problem.m[0] = problem.m[MAX_D] = problem.m[2 * MAX_D] = 0;
    for (size_t i = 0; i < 4 * MAX_D; i++) problem.mean[i] = 7;
    seed_fit(6);
    CU_ASSERT_EQUAL(problem.mean[0], 0);
    for (size_t i = MAX_D; i < 4 * MAX_D; i++) CU_ASSERT_EQUAL(problem.mean[i], 7);
    for (size_t i = 0; i < 4 * MAX_D; i++)
        CU_ASSERT_DOUBLE_EQUAL(problem.log_variance[i], log(0.09), 1e-12);
}

static void seeds_from_bad_rows(void)
{
    problem_make(2, 40, 1.0, 2, 74);
    problem.m[3] = (real)INFINITY;
    problem.m[MAX_D * 9] = NAN;
    problem.m[MAX_D * 39] = -(real)INFINITY;
    seed_fit(1); /* the numbers mean nothing; it ends without touching other memory */
    CU_ASSERT_EQUAL(problem.log_weight[0], -log(8));
}

const char *const suite_name = "mixture_fit";
const struct suite_test suite_tests[] = {
    {"finds known clusters", finds_known_clusters},
    {"labels keep their names", labels_keep_their_names},
    {"overlapping clusters climb", overlapping_clusters_climb},
    {"accumulates by the formula", accumulates_by_the_formula},
    {"shares add up", shares_add_up},
    {"empty components stay", empty_components_stay},
    {"no rows change nothing", no_rows_change_nothing},
    {"weights and variances are bounded", weights_and_variances_are_bounded},
    {"starts are distinct", starts_are_distinct},
    {"starts at class means", starts_at_class_means},
    {"starts with few labels", starts_with_few_labels},
    {"seeds from bad rows", seeds_from_bad_rows},
    {NULL, NULL},
};
