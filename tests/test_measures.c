/* Measures against scikit-learn, and intervals by bootstrap. */
#include "measures.h"
#include "measures_cluster.h"
#include "measures_logistic.h"
#include "measures_ridge.h"
#include "measures_solve.h"
#include "oracle/measures_golden.h"
#include "runner.h"

#include <math.h>
#include <string.h>

const char *const suite_name = "measures";

enum { N = 40, WIDTH = 3, N_ASKED = 12 };

static const struct points points = {golden_x, golden_label, N, WIDTH};
static const struct predictions predictions = {golden_label, golden_told};
static const double EXACT = 1e-9;

static const uint32_t *everything(void)
{
    static uint32_t index[N];
    for (uint32_t i = 0; i < N; i++) index[i] = i;
    return index;
}

static void scores_are_those_of_scikit_learn(void)
{
    const uint32_t *all = everything();
    CU_ASSERT_DOUBLE_EQUAL(measures_quadrant(&predictions, all, N), golden_accuracy, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(measures_arousal(&predictions, all, N), golden_arousal, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(measures_valence(&predictions, all, N), golden_valence, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(measures_macro_f1(&predictions, all, N), golden_macro_f1, EXACT);
}

static void clusters_are_those_of_scikit_learn(void)
{
    const uint32_t *all = everything();
    double silhouette[N];
    int8_t told[N_ASKED];
    CU_ASSERT_DOUBLE_EQUAL(cluster_fisher(&points, all, N), golden_fisher, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(cluster_davies_bouldin(&points, all, N), golden_davies_bouldin, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(cluster_nmi(&predictions, all, N), golden_nmi, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(cluster_ari(&predictions, all, N), golden_ari, EXACT);
    cluster_silhouettes(silhouette, &points);
    for (size_t i = 0; i < N; i++)
        CU_ASSERT_DOUBLE_EQUAL(silhouette[i], golden_silhouettes[i], EXACT);
    cluster_neighbours(told, &points, golden_asked, N_ASKED);
    CU_ASSERT_EQUAL(memcmp(told, golden_neighbours, sizeof told), 0);
}

static void one_class_has_no_clusters(void)
{
    static const int8_t same[N] = {0};
    const struct points alone = {golden_x, same, N, WIDTH};
    double silhouette[N];
    cluster_silhouettes(silhouette, &alone);
    CU_ASSERT(isnan(silhouette[0]));
    CU_ASSERT(isnan(cluster_fisher(&alone, everything(), N)));
    CU_ASSERT(isnan(cluster_davies_bouldin(&alone, everything(), N)));
}

static void check_log_p(const struct logistic *logistic, const double *golden, size_t n_classes)
{
    for (size_t i = 0; i < N_ASKED; i++) {
        double log_p[N_EMOTIONS];
        size_t c = 0;
        logistic_log_p(logistic, golden_asked + i * WIDTH, log_p);
        for (int y = 0; y < N_EMOTIONS; y++) {
            if (!logistic->present[y]) continue;
            CU_ASSERT_DOUBLE_EQUAL(log_p[y], golden[i * n_classes + c], 1e-6);
            c++;
        }
        CU_ASSERT_EQUAL(c, n_classes);
    }
}

static void logistic_is_that_of_scikit_learn(void)
{
    const struct logistic_rows rows = {golden_x, golden_label, N, WIDTH};
    struct logistic logistic;
    CU_ASSERT_EQUAL_FATAL(logistic_fit(&logistic, &rows), OK);
    check_log_p(&logistic, golden_log_p, 4);
    logistic_fini(&logistic);
}

static void an_absent_emotion_is_never_told(void)
{
    double x[N * WIDTH];
    int8_t label[N], told[N_ASKED];
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        if (golden_label[i] == 2) continue;
        memcpy(x + n * WIDTH, golden_x + i * WIDTH, WIDTH * sizeof *x);
        label[n++] = golden_label[i];
    }
    const struct logistic_rows rows = {x, label, n, WIDTH};
    struct logistic logistic;
    CU_ASSERT_EQUAL_FATAL(logistic_fit(&logistic, &rows), OK);
    check_log_p(&logistic, golden_log_p_of_three, 3);
    logistic_tell(&logistic, golden_asked, N_ASKED, told);
    for (size_t i = 0; i < N_ASKED; i++) CU_ASSERT_NOT_EQUAL(told[i], 2);
    logistic_fini(&logistic);
}

/* A feature that is unknown everywhere changes nothing; separable rows do not diverge. */
static void logistic_bears_poor_rows(void)
{
    static const double x[] = {-1, NAN, -2, NAN, 1, NAN, 2, NAN};
    static const int8_t label[] = {0, 0, 3, 3};
    const struct logistic_rows rows = {x, label, 4, 2}, none = {x, label, 0, 2};
    struct logistic logistic;
    int8_t told[4];
    CU_ASSERT_EQUAL_FATAL(logistic_fit(&logistic, &rows), OK);
    logistic_tell(&logistic, x, 4, told);
    CU_ASSERT_EQUAL(memcmp(told, label, 4), 0);
    logistic_fini(&logistic);
    CU_ASSERT_EQUAL(logistic_fit(&logistic, &none), FAILED);
    CU_ASSERT_PTR_NULL(logistic.weight);
}

static void ridge_is_that_of_scikit_learn(void)
{
    double x[(N + 1) * WIDTH] = {0}, y[N + 1];
    struct ridge ridge;
    memcpy(x + WIDTH, golden_x, sizeof golden_x);
    memcpy(y + 1, golden_y, sizeof golden_y);
    y[0] = NAN; /* left out */
    CU_ASSERT_EQUAL_FATAL(ridge_fit(&ridge, x, y, N + 1, WIDTH), OK);
    for (size_t i = 0; i < N_ASKED; i++)
        CU_ASSERT_DOUBLE_EQUAL(ridge_predict(&ridge, golden_asked + i * WIDTH), golden_ridge[i],
                               EXACT);
    ridge_fini(&ridge);
}

static void solve_refuses_what_is_not_positive(void)
{
    double a[] = {1, 2, 2, 1}, b[] = {1, 1};
    CU_ASSERT_FALSE(measures_solve(a, b, 2, 1));
    CU_ASSERT_EQUAL(b[0], 1);
}

/* The mean of 0/1 numbers: the interval is about that of the binomial, and a function of the seed.
 */
static void intervals_are_those_of_the_mean(void)
{
    enum { MANY = 400 };
    double x[MANY];
    struct interval interval, again, other;
    const struct ratio ratio = {x, NULL};
    for (int i = 0; i < MANY; i++) x[i] = i % 4 == 0;
    CU_ASSERT_EQUAL(measures_bootstrap(&interval, measures_ratio, &ratio, MANY, 1), OK);
    CU_ASSERT_EQUAL(measures_bootstrap(&again, measures_ratio, &ratio, MANY, 1), OK);
    CU_ASSERT_EQUAL(measures_bootstrap(&other, measures_ratio, &ratio, MANY, 2), OK);
    const double half = 1.96 * sqrt(0.25 * 0.75 / MANY);
    CU_ASSERT_DOUBLE_EQUAL(interval.value, 0.25, EXACT);
    CU_ASSERT_DOUBLE_EQUAL(interval.low, 0.25 - half, 0.006);
    CU_ASSERT_DOUBLE_EQUAL(interval.high, 0.25 + half, 0.006);
    CU_ASSERT_EQUAL(memcmp(&interval, &again, sizeof interval), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(&interval, &other, sizeof interval), 0);
}

/* Two tellers that err on the same pieces differ by nothing, for sure. */
static void differences_are_paired(void)
{
    struct comparison comparison = {predictions, predictions, SCORE_QUADRANT};
    struct interval interval;
    CU_ASSERT_EQUAL(measures_bootstrap(&interval, measures_difference, &comparison, N, 1), OK);
    CU_ASSERT(interval.value == 0 && interval.low == 0 && interval.high == 0);
    comparison.a.told = golden_label;
    CU_ASSERT_EQUAL(measures_bootstrap(&interval, measures_difference, &comparison, N, 1), OK);
    CU_ASSERT_DOUBLE_EQUAL(interval.value, 1 - golden_accuracy, EXACT);
    CU_ASSERT(interval.low > 0 && interval.low < interval.value);
}

static void correlation_is_that_of_numpy(void)
{
    static const double same[N] = {0};
    const struct correlated pair = {golden_x_0, golden_y}, flat = {golden_x_0, same};
    CU_ASSERT_DOUBLE_EQUAL(measures_correlation(&pair, everything(), N), golden_correlation, EXACT);
    CU_ASSERT(isnan(measures_correlation(&flat, everything(), N)));
}

static void nothing_is_undefined(void)
{
    struct interval interval;
    const struct ratio ratio = {NULL, NULL};
    CU_ASSERT_EQUAL(measures_bootstrap(&interval, measures_ratio, &ratio, 0, 1), OK);
    CU_ASSERT(isnan(interval.value) && isnan(interval.low) && isnan(interval.high));
}

static void memory_failures_are_clean(void)
{
    const struct logistic_rows rows = {golden_x, golden_label, N, WIDTH};
    struct logistic logistic = {0};
    struct ridge ridge = {0};
    struct interval interval;
    enum status status = FAILED;
    long k = 1;
    for (; k < 20 && status != OK; k++) {
        status_fault_set(k);
        status = logistic_fit(&logistic, &rows);
        if (status == OK) status = ridge_fit(&ridge, golden_x, golden_y, N, WIDTH);
        if (status == OK)
            status = measures_bootstrap(&interval, measures_quadrant, &predictions, N, 1);
        status_fault_set(0);
        logistic_fini(&logistic);
        ridge_fini(&ridge);
    }
    CU_ASSERT_EQUAL(status, OK);
    CU_ASSERT(k > 4);
}

const struct suite_test suite_tests[] = {
    {"scores are those of scikit-learn", scores_are_those_of_scikit_learn},
    {"clusters are those of scikit-learn", clusters_are_those_of_scikit_learn},
    {"one class has no clusters", one_class_has_no_clusters},
    {"logistic is that of scikit-learn", logistic_is_that_of_scikit_learn},
    {"an absent emotion is never told", an_absent_emotion_is_never_told},
    {"logistic bears poor rows", logistic_bears_poor_rows},
    {"ridge is that of scikit-learn", ridge_is_that_of_scikit_learn},
    {"solve refuses what is not positive", solve_refuses_what_is_not_positive},
    {"intervals are those of the mean", intervals_are_those_of_the_mean},
    {"differences are paired", differences_are_paired},
    {"correlation is that of NumPy", correlation_is_that_of_numpy},
    {"nothing is undefined", nothing_is_undefined},
    {"memory failures are clean", memory_failures_are_clean},
    {NULL, NULL},
};
