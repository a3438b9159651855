/* The mixture in double: J's gradient by central differences, shares of ranks, limits. */
#include "mixture.h"
#include "random.h"
#include "runner.h"

#include <stdbool.h>
#include <string.h>

enum { N = 13, MAX_D = 5, MAX_K = 12, ROW_ROOM = N * MAX_D, COMPONENT_ROOM = MAX_K * MAX_D };

/* A global batch and its parameters; x holds m, s (n, D), mu, lam (K, D) one after the other. */
struct problem {
    struct mixture_shape shape;
    struct mixture_weights weights;
    size_t n;
    int8_t label[N];
    real log_weight[MAX_K];
    real x[2 * (ROW_ROOM + COMPONENT_ROOM)];
};

static size_t row_count(const struct problem *p)
{
    return p->n * p->shape.dimensions;
}

static size_t component_count(const struct problem *p)
{
    return p->shape.n_components * p->shape.dimensions;
}

static size_t variable_count(const struct problem *p)
{
    return 2 * (row_count(p) + component_count(p));
}

static struct mixture problem_mixture(const struct problem *p)
{
    const real *mean = p->x + 2 * row_count(p);
    return (struct mixture){p->shape, mean, mean + component_count(p), p->log_weight};
}

/* `spread` scales the means; rows 5 to 9 are unlabelled, so that a rank may hold no label. */
static struct problem problem_make(size_t per_emotion, size_t dimensions, double spread,
                                   struct mixture_weights weights)
{
    static const int8_t label[N] = {2, -1, 0, -1, 1, -1, -1, -1, -1, -1, 3, 3, -1};
    struct problem p = {
        .shape = {4 * per_emotion, per_emotion, dimensions}, .weights = weights, .n = N};
    memcpy(p.label, label, sizeof label);
    double total = 0;
    for (size_t k = 0; k < p.shape.n_components; k++) {
        p.log_weight[k] = 0.5 + random_uniform(3, RANDOM_TEST, per_emotion, 0, (uint32_t)k);
        total += p.log_weight[k];
    }
    for (size_t k = 0; k < p.shape.n_components; k++)
        p.log_weight[k] = log(p.log_weight[k] / total);
    random_normals(p.x, variable_count(&p), 5, RANDOM_TEST, per_emotion, 1);
    for (size_t i = 0; i < variable_count(&p); i++) {
        const bool is_mean = i < row_count(&p) || (i >= 2 * row_count(&p) &&
                                                   i < 2 * row_count(&p) + component_count(&p));
        p.x[i] = is_mean ? spread * p.x[i] : 0.5 * p.x[i] - 0.5;
    }
    return p;
}

/* ---- J as model.md states it, from all rows, in the plainest way ---- */

static double plain_divergence(const struct problem *p, size_t row, size_t k)
{
    const struct mixture mixture = problem_mixture(p);
    double sum = 0;
    for (size_t d = 0; d < p->shape.dimensions; d++) {
        const double m = p->x[row * p->shape.dimensions + d];
        const double s = p->x[row_count(p) + row * p->shape.dimensions + d];
        const double mu = mixture.mean[k * p->shape.dimensions + d];
        const double lam = mixture.log_variance[k * p->shape.dimensions + d];
        sum += 0.5 * (lam - s + exp(-lam) * (exp(s) + (m - mu) * (m - mu)) - 1);
    }
    return sum;
}

static void plain_posterior(double *q, const struct problem *p, size_t row)
{
    double total = 0;
    for (size_t k = 0; k < p->shape.n_components; k++) {
        q[k] = exp(p->log_weight[k] - plain_divergence(p, row, k) / p->weights.temperature);
        total += q[k];
    }
    for (size_t k = 0; k < p->shape.n_components; k++) q[k] /= total;
}

static double plain_dispersion(const struct problem *p, const double *q)
{
    const struct mixture mixture = problem_mixture(p);
    double sum = 0;
    for (size_t d = 0; d < p->shape.dimensions; d++) {
        double tau_bar = 0, eta = 0;
        for (size_t k = 0; k < p->shape.n_components; k++) {
            const double tau = exp(-mixture.log_variance[k * p->shape.dimensions + d]);
            const double mu = mixture.mean[k * p->shape.dimensions + d];
            tau_bar += q[k] * tau;
            eta += q[k] * tau * mu;
            sum += q[k] * (mu * mu * tau / 2 - log(tau) / 2);
        }
        sum += -eta * eta / tau_bar / 2 + log(tau_bar) / 2;
    }
    return sum;
}

/* sum of q KL + q log(q / pi) over components [first, first + n), q and pi renormalised there. */
static double plain_bound(const struct problem *p, const double *q, size_t row, size_t first,
                          size_t n)
{
    double q_sum = 0, pi_sum = 0, sum = 0;
    for (size_t k = first; k < first + n; k++) {
        q_sum += q[k];
        pi_sum += exp(p->log_weight[k]);
    }
    for (size_t k = first; k < first + n; k++) {
        const double inside = q[k] / q_sum;
        sum +=
            inside * (plain_divergence(p, row, k) + log(inside / (exp(p->log_weight[k]) / pi_sum)));
    }
    return sum;
}

static double plain_entropy(const double *q, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum -= q[k] * log(q[k]);
    return sum;
}

static double plain_objective(const struct problem *p)
{
    const struct mixture_weights *w = &p->weights;
    const size_t n = p->shape.n_components, per_emotion = p->shape.per_emotion;
    double q[MAX_K], mean[MAX_K] = {0}, unlabelled = 0, labelled = 0, entropy = 0;
    double n_unlabelled = 0, n_labelled = 0;
    for (size_t row = 0; row < p->n; row++) {
        plain_posterior(q, p, row);
        if (p->label[row] < 0) {
            n_unlabelled += 1;
            for (size_t k = 0; k < n; k++) mean[k] += q[k];
            entropy += plain_entropy(q, n);
            unlabelled += plain_bound(p, q, row, 0, n) - w->delta * plain_dispersion(p, q);
            continue;
        }
        const size_t first = (size_t)p->label[row] * per_emotion;
        double inside = 0;
        for (size_t k = first; k < first + per_emotion; k++) inside += q[k];
        n_labelled += 1;
        labelled += w->kl * plain_bound(p, q, row, first, per_emotion) - w->gamma * log(inside);
    }
    double objective = n_labelled > 0 ? labelled / n_labelled : 0;
    if (n_unlabelled == 0) return objective;
    for (size_t k = 0; k < n; k++) mean[k] /= n_unlabelled;
    const double information = plain_entropy(mean, n) - entropy / n_unlabelled;
    return objective + w->kl * unlabelled / n_unlabelled - w->kl * w->alpha * information;
}

/* ---- the code under test ---- */

static void share_count(struct mixture_share *share, const struct problem *p)
{
    const struct mixture mixture = problem_mixture(p);
    const size_t n = p->shape.n_components;
    real q[N * MAX_K], kl[N * MAX_K];
    double sums[MAX_K + 2] = {0};
    mixture_posterior(q, kl, &mixture, p->x, p->x + row_count(p), p->weights.temperature, p->n);
    mixture_count(sums, &p->shape, q, p->label, p->n);
    *share = (struct mixture_share){.n_unlabelled = sums[n], .n_labelled = sums[n + 1]};
    for (size_t k = 0; k < n && sums[n] > 0; k++) share->mean_posterior[k] = sums[k] / sums[n];
}

/* gradient (like x) += that of rows [first, first + n), as one rank does it. */
static void add_rows(real *gradient, struct mixture_loss *loss, const struct problem *p,
                     const struct mixture_share *share, size_t first, size_t n)
{
    struct arena scratch;
    const struct mixture mixture = problem_mixture(p);
    const size_t at = first * p->shape.dimensions, rows = row_count(p);
    const struct mixture_gradient views = {gradient + at, gradient + rows + at, gradient + 2 * rows,
                                           gradient + 2 * rows + component_count(p)};
    CU_ASSERT_FATAL(arena_init(&scratch, 1 << 20) == OK);
    mixture_backward(&views, loss, &mixture, p->x + at, p->x + rows + at, p->label + first, share,
                     &p->weights, n, &scratch);
    arena_fini(&scratch);
}

static double loss_objective(const struct problem *p, const struct mixture_loss *loss,
                             const struct mixture_share *share)
{
    const struct mixture_weights *w = &p->weights;
    return w->kl * (loss->kl + loss->category - w->delta * loss->dispersion -
                    w->alpha * mixture_information(share, p->shape.n_components, loss->entropy)) +
           w->gamma * loss->label;
}

static void check_differences(struct problem *p)
{
    const double step = 1e-5;
    real gradient[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
    struct mixture_loss loss = {0};
    struct mixture_share share;
    share_count(&share, p);
    add_rows(gradient, &loss, p, &share, 0, p->n);
    CU_ASSERT_DOUBLE_EQUAL(loss_objective(p, &loss, &share), plain_objective(p), 1e-10);
    double worst = 0;
    for (size_t i = 0; i < variable_count(p); i++) {
        const double x = p->x[i];
        p->x[i] = x + step;
        const double above = plain_objective(p);
        p->x[i] = x - step;
        const double below = plain_objective(p);
        p->x[i] = x;
        const double want = (above - below) / (2 * step);
        worst = fmax(worst, fabs(gradient[i] - want) / (1 + fabs(want)));
    }
    CU_ASSERT_DOUBLE_EQUAL(worst, 0, 2e-8);
}

/* kl, delta, alpha, gamma, temperature */
static const struct mixture_weights WHOLE = {0.7, 0.6, 1.0, 3.0, 2.0};

static void whole_objective(void)
{
    for (size_t per_emotion = 1; per_emotion <= 3; per_emotion++) {
        struct problem p = problem_make(per_emotion, MAX_D, 0.6, WHOLE);
        check_differences(&p);
        p.weights.temperature = 1;
        check_differences(&p);
        p.weights.kl = 1e-3;
        check_differences(&p);
    }
}

static void each_term_alone(void)
{
    static const struct mixture_weights alone[] = {
        {1, 0, 0, 0, 1}, {1, 0, 0, 0, 3}, {1, 1, 0, 0, 1}, {1, 1, 0, 0, 3},
        {1, 0, 1, 0, 1}, {1, 0, 2, 0, 3}, {0, 0, 0, 1, 1}, {0, 0, 0, 5, 3},
    };
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        struct problem p = problem_make(1 + i % 3, 3, 0.7, alone[i]);
        check_differences(&p);
    }
}

static void one_kind_of_rows(void)
{
    for (size_t per_emotion = 1; per_emotion <= 3; per_emotion++) {
        struct problem p = problem_make(per_emotion, 4, 0.6, WHOLE);
        memset(p.label, MIXTURE_UNLABELLED, sizeof p.label);
        check_differences(&p);
        for (size_t row = 0; row < N; row++) p.label[row] = (int8_t)(row % 4);
        check_differences(&p);
    }
}

static void shares_add_up(void)
{
    static const size_t start[] = {0, 5, 5, 10, 11, N}; /* uneven, one empty, one without labels */
    for (size_t per_emotion = 1; per_emotion <= 3; per_emotion++) {
        struct problem p = problem_make(per_emotion, MAX_D, 0.6, WHOLE);
        real whole[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
        real shares[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
        struct mixture_loss whole_loss = {0}, loss = {0};
        struct mixture_share share;
        share_count(&share, &p);
        add_rows(whole, &whole_loss, &p, &share, 0, N);
        for (size_t rank = 0; rank + 1 < sizeof start / sizeof *start; rank++)
            add_rows(shares, &loss, &p, &share, start[rank], start[rank + 1] - start[rank]);
        for (size_t i = 0; i < variable_count(&p); i++)
            CU_ASSERT_DOUBLE_EQUAL(shares[i], whole[i], 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(loss_objective(&p, &loss, &share),
                               loss_objective(&p, &whole_loss, &share), 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(loss.max_posterior, whole_loss.max_posterior, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(loss.correct, whole_loss.correct, 1e-12);
    }
}

/* Without dispersion, information, labels and at Temp 1 the bound is stationary in q: the gradient
 * is the one at fixed q. */
static void plain_bound_is_stationary(void)
{
    struct problem p = problem_make(2, 4, 0.6, (struct mixture_weights){0.9, 0, 0, 0, 1});
    memset(p.label, MIXTURE_UNLABELLED, sizeof p.label);
    real gradient[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
    struct mixture_loss loss = {0};
    struct mixture_share share;
    share_count(&share, &p);
    add_rows(gradient, &loss, &p, &share, 0, N);
    const struct mixture mixture = problem_mixture(&p);
    for (size_t i = 0; i < row_count(&p); i++) {
        double q[MAX_K], dm = 0, ds = 0;
        plain_posterior(q, &p, i / 4);
        for (size_t k = 0; k < p.shape.n_components; k++) {
            const double tau = exp(-mixture.log_variance[k * 4 + i % 4]);
            dm += 0.9 / N * q[k] * tau * (p.x[i] - mixture.mean[k * 4 + i % 4]);
            ds += 0.9 / N * q[k] * 0.5 * (exp(p.x[row_count(&p) + i]) * tau - 1);
        }
        CU_ASSERT_DOUBLE_EQUAL(gradient[i], dm, 1e-14);
        CU_ASSERT_DOUBLE_EQUAL(gradient[row_count(&p) + i], ds, 1e-14);
    }
}

static void one_hot_has_no_dispersion(void)
{
    struct problem p = problem_make(1, 4, 0.1, WHOLE);
    struct mixture_loss loss = {0};
    real gradient[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
    struct mixture_share share;
    for (size_t k = 0; k < 4; k++) p.x[2 * row_count(&p) + k * 4 + k] += 100;
    for (size_t row = 0; row < N; row++) p.x[row * 4 + row % 4] += 100;
    share_count(&share, &p);
    add_rows(gradient, &loss, &p, &share, 0, N);
    CU_ASSERT_DOUBLE_EQUAL(loss.dispersion, 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(loss.entropy, 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(loss.max_posterior, 1, 1e-12);
    CU_ASSERT(loss.kl > 0 && loss.label > 100); /* rows 0, 4, 10 and 11 sit at other emotions */
}

/* Components that coincide: dispersion and information vanish, q is pi. */
static void equal_components_say_nothing(void)
{
    struct problem p = problem_make(1, 3, 0.5, WHOLE);
    struct mixture_loss loss = {0};
    real gradient[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
    struct mixture_share share;
    for (size_t i = 0; i < component_count(&p); i++) {
        real *mean = p.x + 2 * row_count(&p);
        mean[i] = mean[i % 3];
        mean[component_count(&p) + i] = mean[component_count(&p) + i % 3];
    }
    share_count(&share, &p);
    add_rows(gradient, &loss, &p, &share, 0, N);
    CU_ASSERT_DOUBLE_EQUAL(loss.dispersion, 0, 1e-13);
    CU_ASSERT_DOUBLE_EQUAL(mixture_information(&share, 4, loss.entropy), 0, 1e-13);
    for (size_t k = 0; k < 4; k++)
        CU_ASSERT_DOUBLE_EQUAL(log(share.mean_posterior[k]), p.log_weight[k], 1e-13);
}

static void all_finite(struct problem *p)
{
    struct mixture_loss loss = {0};
    real gradient[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
    struct mixture_share share;
    share_count(&share, p);
    add_rows(gradient, &loss, p, &share, 0, N);
    for (size_t i = 0; i < variable_count(p); i++) CU_ASSERT(isfinite(gradient[i]));
    CU_ASSERT(isfinite(loss_objective(p, &loss, &share)));
    CU_ASSERT(isfinite(loss.max_posterior) && loss.entropy >= 0);
}

static void extremes_stay_finite(void)
{
    struct problem p = problem_make(2, 4, 3000, WHOLE); /* responsibilities underflow */
    all_finite(&p);
    p = problem_make(2, 4, 0.5, WHOLE); /* a blended precision of nothing */
    real *log_variance = p.x + 2 * row_count(&p) + component_count(&p);
    for (size_t i = 0; i < component_count(&p); i++) log_variance[i] = 600;
    all_finite(&p);
    p = problem_make(2, 4, 0.5, WHOLE); /* a component without weight, labels elsewhere */
    p.log_weight[1] = -(real)INFINITY;
    all_finite(&p);
}

static void no_rows_do_nothing(void)
{
    struct problem p = problem_make(1, 3, 0.5, WHOLE);
    struct mixture_loss loss = {0};
    real gradient[2 * (ROW_ROOM + COMPONENT_ROOM)] = {0};
    struct mixture_share share = {0};
    add_rows(gradient, &loss, &p, &share, 0, 0);
    for (size_t i = 0; i < variable_count(&p); i++) CU_ASSERT_EQUAL(gradient[i], 0);
    CU_ASSERT_EQUAL(loss_objective(&p, &loss, &share), 0);
    p.n = 0;
    share_count(&share, &p);
    CU_ASSERT(share.n_unlabelled == 0 && share.n_labelled == 0);
}

static void start_is_a_simplex(void)
{
    enum { K = 12, D = 16 };
    const struct mixture_shape shape = {K, 3, D};
    real mean[K * D], other[K * D], log_variance[K * D], log_weight[K];
    mixture_initialize(&shape, mean, log_variance, log_weight, 3.5, 9);
    for (size_t k = 0; k < K; k++) {
        CU_ASSERT_DOUBLE_EQUAL(log_weight[k], -log(K), 1e-15);
        for (size_t l = 0; l < k; l++) {
            double square = 0;
            for (size_t d = 0; d < D; d++)
                square += (mean[k * D + d] - mean[l * D + d]) * (mean[k * D + d] - mean[l * D + d]);
            CU_ASSERT_DOUBLE_EQUAL(sqrt(square), 3.5, 1e-12);
        }
    }
    for (size_t i = 0; i < K * D; i++) CU_ASSERT_EQUAL(log_variance[i], 0);
    mixture_initialize(&shape, other, log_variance, log_weight, 3.5, 10);
    CU_ASSERT(memcmp(mean, other, sizeof mean) != 0);
    mixture_initialize(&shape, other, log_variance, log_weight, 3.5, 9);
    CU_ASSERT(memcmp(mean, other, sizeof mean) == 0);
}

static void start_with_few_dimensions(void)
{
    enum { K = 12, D = 5 };
    const struct mixture_shape shape = {K, 3, D};
    real mean[K * D], log_variance[K * D], log_weight[K];
    mixture_initialize(&shape, mean, log_variance, log_weight, 3.5, 9);
    for (size_t k = 0; k < K; k++) {
        for (size_t l = 0; l < k; l++) {
            double square = 0;
            for (size_t d = 0; d < D; d++)
                square += (mean[k * D + d] - mean[l * D + d]) * (mean[k * D + d] - mean[l * D + d]);
            CU_ASSERT(sqrt(square) > 0.5 && sqrt(square) < 7);
        }
    }
}

static void information_has_its_limits(void)
{
    struct mixture_share share = {.n_unlabelled = 8, .mean_posterior = {.25, .25, .25, .25}};
    CU_ASSERT_DOUBLE_EQUAL(mixture_information(&share, 4, 0), log(4), 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(mixture_information(&share, 4, log(4)), 0, 1e-15);
    share = (struct mixture_share){.mean_posterior = {0, 1, 0, 0}};
    CU_ASSERT_EQUAL(mixture_information(&share, 4, 0), 0);
}

static void variances_are_projected(void)
{
    real log_variance[] = {-9, -3, -2.5, 0, 1, 1.5, NAN};
    static const real want[] = {-3, -3, -2.5, 0, 1, 1};
    mixture_project(log_variance, 7);
    for (size_t i = 0; i < 6; i++) CU_ASSERT_EQUAL(log_variance[i], want[i]);
    CU_ASSERT(isnan(log_variance[6]));
}

static double separation(const struct problem *p, double distance, double *least)
{
    real dmean[COMPONENT_ROOM] = {0}, dlog_variance[COMPONENT_ROOM] = {0};
    const struct mixture mixture = problem_mixture(p);
    return mixture_separation(dmean, dlog_variance, least, &mixture, distance, 1);
}

static void separation_has_its_gradient(void)
{
    const double step = 1e-5, weight = 0.3, distance = 2.0;
    struct problem p = problem_make(2, 4, 0.8, WHOLE);
    real gradient[2 * COMPONENT_ROOM] = {0};
    double least;
    const struct mixture mixture = problem_mixture(&p);
    const size_t n = component_count(&p);
    mixture_separation(gradient, gradient + n, &least, &mixture, distance, weight);
    for (size_t i = 0; i < 2 * n; i++) {
        real *x = p.x + 2 * row_count(&p) + i;
        const double before = *x;
        *x = before + step;
        const double above = separation(&p, distance, &least);
        *x = before - step;
        const double below = separation(&p, distance, &least);
        *x = before;
        CU_ASSERT_DOUBLE_EQUAL(gradient[i], weight * (above - below) / (2 * step), 1e-7);
    }
}

static void separation_has_its_limits(void)
{
    double least;
    struct problem p = problem_make(2, 4, 0.8, WHOLE);
    CU_ASSERT(separation(&p, 2.0, &least) > 0);
    CU_ASSERT_EQUAL(separation(&p, least, &least), 0);
    for (size_t d = 0; d < 4; d++) /* components 0 and 1 share an emotion: they may coincide */
        p.x[2 * row_count(&p) + 4 + d] = p.x[2 * row_count(&p) + d];
    CU_ASSERT_EQUAL(separation(&p, 1e-9, &least), 0);
    CU_ASSERT(least > 1e-9);
    p.shape.n_components = 2;
    CU_ASSERT_EQUAL(separation(&p, 2.0, &least), 0);
    CU_ASSERT(isinf(least));
}

const char *const suite_name = "mixture";
const struct suite_test suite_tests[] = {
    {"whole objective", whole_objective},
    {"each term alone", each_term_alone},
    {"one kind of rows", one_kind_of_rows},
    {"shares add up", shares_add_up},
    {"plain bound is stationary", plain_bound_is_stationary},
    {"one-hot has no dispersion", one_hot_has_no_dispersion},
    {"equal components say nothing", equal_components_say_nothing},
    {"extremes stay finite", extremes_stay_finite},
    {"no rows do nothing", no_rows_do_nothing},
    {"start is a simplex", start_is_a_simplex},
    {"start with few dimensions", start_with_few_dimensions},
    {"information has its limits", information_has_its_limits},
    {"variances are projected", variances_are_projected},
    {"separation has its gradient", separation_has_its_gradient},
    {"separation has its limits", separation_has_its_limits},
    {NULL, NULL},
};
