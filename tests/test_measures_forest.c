/* Forests: what a regression cannot tell, numbers that follow from the definition, and the judge's
 * choice between the two. */
#include "measures_forest.h"
#include "random.h"
#include "runner.h"

#include <math.h>
#include <string.h>

const char *const suite_name = "measures_forest";

enum { N = 240, SEED = 5 };

static double draw(uint64_t what, uint32_t i, uint32_t c)
{
    return random_uniform(1, RANDOM_TEST, what, i, c);
}

/* Two coordinates in the four quadrants of a plane, the emotion by whether their signs agree. */
static void fill_xor(double x[2 * N], int8_t label[N], uint64_t what)
{
    for (uint32_t i = 0; i < N; i++) {
        for (uint32_t f = 0; f < 2; f++) x[2 * i + f] = 2 * draw(what, i, f) - 1;
        label[i] = (x[2 * i] > 0) == (x[2 * i + 1] > 0) ? 3 : 1;
    }
}

static bool same_shares(const double p[N_EMOTIONS], const double q[N_EMOTIONS])
{
    for (int y = 0; y < N_EMOTIONS; y++)
        if (p[y] != q[y]) return false;
    return true;
}

static double share_right(const int8_t *told, const int8_t *label, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) right += told[i] == label[i];
    return (double)right / (double)n;
}

static void tells_what_a_regression_cannot(void)
{
    double x[2 * N], other[2 * N];
    int8_t label[N], truth[N], told[N];
    struct forest forest;
    struct logistic logistic;
    fill_xor(x, label, 0);
    fill_xor(other, truth, 1);
    const struct logistic_rows rows = {x, label, N, 2};
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    CU_ASSERT_EQUAL_FATAL(logistic_fit(&logistic, &rows), OK);
    forest_tell(&forest, other, N, told);
    CU_ASSERT(share_right(told, truth, N) > 0.9);
    CU_ASSERT_DOUBLE_EQUAL(forest.out_of_bag, share_right(told, truth, N), 0.08);
    logistic_tell(&logistic, other, N, told);
    CU_ASSERT(share_right(told, truth, N) < 0.65);
    forest_fini(&forest);
    logistic_fini(&logistic);
}

static void training_rows_are_remembered(void)
{
    double x[2 * N];
    int8_t label[N], told[N];
    struct forest forest;
    for (uint32_t i = 0; i < 2 * N; i++) x[i] = draw(2, i, 0);
    for (uint32_t i = 0; i < N; i++) label[i] = (int8_t)random_below(4, 1, RANDOM_TEST, 3, i, 0);
    const struct logistic_rows rows = {x, label, N, 2};
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    forest_tell(&forest, x, N, told);
    CU_ASSERT(share_right(told, label, N) > 0.99);
    /* labels at random: what is not remembered is a guess */
    CU_ASSERT(fabs(forest.out_of_bag - 0.25) < 0.12);
    forest_fini(&forest);
}

/* Shares sum to 1 and are those of leaves: with one row they are its label alone, with rows that
 * nothing tells apart those of the bootstraps, on average their own. */
static void shares_are_those_of_leaves(void)
{
    static const double same[40] = {0};
    static const int8_t label[40] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const struct logistic_rows one = {same, label + 39, 1, 1}, all = {same, label, 40, 1};
    struct forest forest;
    double p[N_EMOTIONS];
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &one, SEED), OK);
    forest_p(&forest, same, p);
    CU_ASSERT_DOUBLE_EQUAL(p[1], 1, 1e-9);
    CU_ASSERT(isnan(forest.out_of_bag));
    CU_ASSERT_EQUAL(forest.n_nodes, FOREST_TREES);
    forest_fini(&forest);
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &all, SEED), OK);
    forest_p(&forest, same, p);
    CU_ASSERT_DOUBLE_EQUAL(p[0] + p[1], 1, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(p[0], 0.25, 0.02); /* five deviations of the mean of 300 bootstraps */
    CU_ASSERT_EQUAL(p[2] + p[3], 0);
    CU_ASSERT_DOUBLE_EQUAL(forest.out_of_bag, 0.75, 1e-9);
    forest_fini(&forest);
}

/* Two rows: a tree either drew both, and splits half way, or one of them twice. */
static void thresholds_lie_half_way(void)
{
    static const double x[] = {1, 3};
    static const int8_t label[] = {2, 0};
    const struct logistic_rows rows = {x, label, 2, 1};
    struct forest forest;
    size_t split = 0;
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    for (size_t t = 0; t < FOREST_TREES; t++) {
        const struct forest_node *root = &forest.nodes[forest.root[t]];
        if (!root->child) continue;
        split++;
        CU_ASSERT_EQUAL(root->threshold, 2);
        CU_ASSERT_EQUAL(forest.nodes[root->child].share[2], 1);
        CU_ASSERT_EQUAL(forest.nodes[root->child + 1].share[0], 1);
    }
    CU_ASSERT(split > 120 && split < 180); /* half of them draw both */
    forest_fini(&forest);
}

/* Of several splits the purest: one at 2.5 leaves 1 of 6 rows astray, any other more. */
static void splits_are_the_purest(void)
{
    static const double x[] = {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
    static const int8_t label[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const struct logistic_rows rows = {x, label, 16, 1};
    struct forest forest;
    size_t at_2 = 0;
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    for (size_t t = 0; t < FOREST_TREES; t++)
        at_2 += fabs(forest.nodes[forest.root[t]].threshold - 2.5) < 1e-12;
    CU_ASSERT(at_2 > FOREST_TREES * 3 / 4);
    forest_fini(&forest);
}

static void seeds_decide(void)
{
    double x[2 * N], p[N_EMOTIONS], again[N_EMOTIONS], other[N_EMOTIONS];
    int8_t label[N];
    struct forest forest;
    fill_xor(x, label, 0);
    const double at[2] = {0.05, -0.02};
    const struct logistic_rows rows = {x, label, N, 2};
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    forest_p(&forest, at, p);
    forest_fini(&forest);
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    forest_p(&forest, at, again);
    forest_fini(&forest);
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED + 1), OK);
    forest_p(&forest, at, other);
    forest_fini(&forest);
    CU_ASSERT(same_shares(p, again));
    CU_ASSERT_FALSE(same_shares(p, other));
}

/* A forest cares for order alone: scaling a feature changes nothing that it tells. */
static void scales_do_not_matter(void)
{
    double x[2 * N], wide[2 * N];
    int8_t label[N], told[N], again[N];
    struct forest forest;
    fill_xor(x, label, 0);
    for (size_t i = 0; i < 2 * N; i++) wide[i] = i % 2 ? 1024 * x[i] : x[i] / 64;
    const struct logistic_rows rows = {x, label, N, 2}, wider = {wide, label, N, 2};
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    forest_tell(&forest, x, N, told);
    forest_fini(&forest);
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &wider, SEED), OK);
    forest_tell(&forest, wide, N, again);
    CU_ASSERT_EQUAL(memcmp(told, again, sizeof told), 0);
    forest_fini(&forest);
}

static void unknown_features_are_the_mean(void)
{
    static const double x[] = {0, NAN, 1, NAN, NAN, NAN, 5, NAN, 6, NAN};
    static const int8_t label[] = {0, 0, 0, 3, 3};
    static const double asked[] = {NAN, NAN}, mean[] = {3, 0};
    const struct logistic_rows rows = {x, label, 5, 2}, none = {x, label, 0, 2};
    struct forest forest;
    double p[N_EMOTIONS], q[N_EMOTIONS];
    CU_ASSERT_EQUAL_FATAL(forest_fit(&forest, &rows, SEED), OK);
    forest_p(&forest, asked, p);
    forest_p(&forest, mean, q);
    CU_ASSERT(same_shares(p, q));
    CU_ASSERT(p[0] > 0.5);
    forest_fini(&forest);
    CU_ASSERT_EQUAL(forest_fit(&forest, &none, SEED), FAILED);
    CU_ASSERT_PTR_NULL(forest.nodes);
}

const struct suite_test suite_tests[] = {
    {"tells what a regression cannot", tells_what_a_regression_cannot},
    {"training rows are remembered", training_rows_are_remembered},
    {"shares are those of leaves", shares_are_those_of_leaves},
    {"thresholds lie half way", thresholds_lie_half_way},
    {"splits are the purest", splits_are_the_purest},
    {"seeds decide", seeds_decide},
    {"scales do not matter", scales_do_not_matter},
    {"unknown features are the mean", unknown_features_are_the_mean},
    {NULL, NULL},
};
