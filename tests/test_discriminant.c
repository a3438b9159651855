/* discriminant: NumPy's numbers however the rows lie on 1-4 ranks, the same bits when exact, and
 * what cannot be separated. */
#include "discriminant.h"
#include "oracle/discriminant_golden.h"
#include "runner.h"

#include <math.h>
#include <string.h>

enum { MAX_ROWS = 100, MAX_D = 20, N_WAYS = 4 };

struct golden {
    size_t n, d, classes;
    const double *x, *mean, *value, *axis, *within;
    const int8_t *label;
};

#define GOLDEN(name, d, classes)                                                                   \
    {                                                                                              \
        sizeof golden_##name##_label, d, classes, golden_##name##_x, golden_##name##_mean,         \
            golden_##name##_value, golden_##name##_axis, golden_##name##_within,                   \
            golden_##name##_label                                                                  \
    }

static const struct golden goldens[] = {GOLDEN(wide, 19, 24), GOLDEN(four, 5, 4),
                                        GOLDEN(few, 11, 4), GOLDEN(twice, 6, 7),
                                        GOLDEN(line, 1, 3)};
enum { N_GOLDENS = sizeof goldens / sizeof *goldens };

static struct group *world(void)
{
    static struct group *group;
    if (!group) CU_ASSERT_EQUAL(group_world_create(&group, NULL, NULL), OK);
    return group;
}

static bool same_everywhere(const void *bytes, size_t n)
{
    static unsigned char first[sizeof(double) * MAX_D * MAX_D];
    int64_t differ = 0;
    memcpy(first, bytes, n);
    group_broadcast(world(), first, n, 0);
    differ = memcmp(first, bytes, n) != 0;
    group_sum_int64(world(), &differ, 1);
    return differ == 0;
}

/* The rank that has row i: in turn; all on the last; all but the first; a few on rank 0. */
static int holder(size_t i, int way)
{
    const int size = group_size(world());
    switch (way) {
    case 0: return (int)(i % (size_t)size);
    case 1: return size - 1;
    case 2: return size > 1 ? 1 + (int)(i % (size_t)(size - 1)) : 0;
    default: return i < 3 ? 0 : size - 1 - (int)(i % 2) * (size > 2);
    }
}

/* This rank's rows of a case, with an unlabelled one that means nothing before each. */
static struct discriminant_rows deal(const struct golden *golden, int way, bool all)
{
    static double x[2 * MAX_ROWS * MAX_D];
    static int8_t label[2 * MAX_ROWS];
    const size_t d = golden->d;
    size_t n = 0;
    for (size_t i = 0; i < golden->n; i++) {
        if (!all && holder(i, way) != group_rank(world())) continue;
        for (size_t j = 0; j < d; j++) x[n * d + j] = (double)INFINITY;
        label[n++] = -1;
        memcpy(x + n * d, golden->x + i * d, d * sizeof *x);
        label[n++] = golden->label[i];
    }
    return (struct discriminant_rows){x, label, n, d, golden->classes};
}

static void check_identity(const struct discriminant *found, const double *within)
{
    const size_t d = found->dimensions;
    double worst = 0;
    for (size_t k = 0; k < d; k++)
        for (size_t l = 0; l < d; l++) {
            double product = 0;
            for (size_t i = 0; i < d; i++)
                for (size_t j = 0; j < d; j++)
                    product += found->axis[i * d + k] * within[i * d + j] * found->axis[j * d + l];
            worst = fmax(worst, fabs(product - (k == l)));
        }
    CU_ASSERT(worst < 1e-9);
}

static void check_golden(const struct discriminant *found, const struct golden *golden)
{
    const size_t d = golden->d, known = d < golden->classes - 1 ? d : golden->classes - 1;
    CU_ASSERT_EQUAL_FATAL(found->n_axes, d);
    CU_ASSERT_EQUAL(found->n_rows, golden->n);
    for (size_t i = 0; i < d; i++) {
        CU_ASSERT_DOUBLE_EQUAL(found->mean[i], golden->mean[i], 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(found->value[i], golden->value[i],
                               1e-10 * fmax(1, golden->value[0]));
        for (size_t k = 0; k < known; k++)
            CU_ASSERT_DOUBLE_EQUAL(found->axis[i * d + k], golden->axis[i * known + k], 1e-8);
    }
    check_identity(found, golden->within);
}

static void agrees_with_the_oracle(void)
{
    for (int k = 0; k < N_GOLDENS * N_WAYS * 2; k++) {
        const struct golden *golden = &goldens[k / (N_WAYS * 2)];
        const struct discriminant_rows rows = deal(golden, k / 2 % N_WAYS, false);
        struct discriminant found;
        CU_ASSERT_EQUAL(discriminant_create(&found, world(), &rows, k % 2 == 1), OK);
        if (!found.axis) continue;
        check_golden(&found, golden);
        CU_ASSERT(same_everywhere(found.value, golden->d * sizeof(double)));
        CU_ASSERT(same_everywhere(found.axis, golden->d * golden->d * sizeof(double)));
        discriminant_fini(&found);
    }
}

/* Exact: the bits of one rank that has all rows, whoever holds them. */
static void exact_bits_follow_no_rank(void)
{
    for (int k = 0; k < N_GOLDENS * N_WAYS; k++) {
        const struct golden *golden = &goldens[k / N_WAYS];
        const size_t d = golden->d, bytes = d * (d + 2) * sizeof(double);
        struct discriminant one, found;
        struct discriminant_rows rows = deal(golden, 0, true);
        CU_ASSERT_EQUAL(discriminant_create(&one, group_self(), &rows, true), OK);
        rows = deal(golden, k % N_WAYS, false);
        CU_ASSERT_EQUAL(discriminant_create(&found, world(), &rows, true), OK);
        if (one.mean && found.mean) CU_ASSERT_EQUAL(memcmp(one.mean, found.mean, bytes), 0);
        discriminant_fini(&one);
        discriminant_fini(&found);
    }
}

/* The first rank's rows of a case that is easily written down. */
static struct discriminant find_small(const int8_t *label, size_t n, enum status want)
{
    static const double x[] = {0, 0, 1, 0, 0, 4, 1, 5, 7, 1, 8, 2};
    const struct discriminant_rows rows = {x, label, group_rank(world()) == 0 ? n : 0, 2, 4};
    struct discriminant found;
    CU_ASSERT_EQUAL(discriminant_create(&found, world(), &rows, n % 2), want);
    return found;
}

static void nothing_to_separate(void)
{
    static const int8_t none[] = {-1, -1, -1, -1}, one[] = {2, 2, -1, 2, 2},
                        lonely[] = {0, 1, 2, -1};
    const struct {
        const int8_t *label;
        size_t n, rows;
    } cases[] = {{none, 0, 0}, {none, 4, 0},   {one, 5, 4},
                 {one, 2, 2},  {lonely, 4, 3}, {lonely, 3, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct discriminant found = find_small(cases[i].label, cases[i].n, OK);
        CU_ASSERT_EQUAL(found.n_axes, 0);
        CU_ASSERT_EQUAL(found.n_rows, cases[i].rows);
        discriminant_fini(&found);
    }
}

/* Three rows, on up to four ranks: two of a class, one of another. */
static void fewer_rows_than_ranks(void)
{
    static const int8_t label[] = {3, 3, 1};
    struct discriminant found = find_small(label, 3, OK);
    CU_ASSERT_EQUAL(found.n_axes, 2);
    double low[2], high[2];
    discriminant_place(low, &found, (const double[]){0.5, 0});
    discriminant_place(high, &found, (const double[]){0, 4});
    CU_ASSERT(found.value[0] > 100 && fabs(found.value[1]) < 1e-8 * found.value[0]);
    CU_ASSERT_DOUBLE_EQUAL(2 * low[0], -high[0], 1e-9 * fabs(high[0]));
    CU_ASSERT_DOUBLE_EQUAL(low[1], 0, 1e-6);
    discriminant_fini(&found);
}

/* The bad number is on the last rank; every rank refuses. */
static void refuses_bad_numbers(void)
{
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int k = 0; k < 6; k++) {
        double x[] = {1, 2, 3, 4, 5, 6.5};
        const int8_t label[] = {0, 1, 0};
        const struct discriminant_rows rows = {x, label, 3, 2, 2};
        struct discriminant found;
        if (group_rank(world()) == group_size(world()) - 1) x[3] = bad[k / 2];
        CU_ASSERT_EQUAL(discriminant_create(&found, world(), &rows, k % 2), FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "row 1, coordinate 1 is "));
        CU_ASSERT_PTR_NULL(found.mean);
    }
}

static void all_ranks_hear_of_want(void)
{
    const struct discriminant_rows rows = deal(&goldens[1], 0, false);
    struct discriminant found;
    for (int victim = 0; victim < group_size(world()); victim++)
        for (int exact = 0; exact < 2; exact++)
            for (long k = 1; k <= 7; k++) {
                const bool beyond = victim >= 1 && exact && k > 5; /* holds no part of a matrix */
                status_fault_set(group_rank(world()) == victim ? k : 0);
                const enum status status = discriminant_create(&found, world(), &rows, exact);
                status_fault_set(0);
                if (!beyond) CU_ASSERT_EQUAL(status, FAILED);
                if (status == FAILED) CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "no memory"));
                discriminant_fini(&found);
            }
}

/* Places and spreads of a discriminant written down by hand. */
static void places_by_the_formula(void)
{
    double mean[] = {1, 2}, value[] = {3, 1}, axis[] = {2, 0.5, -1, 3}, y[2];
    const struct discriminant by_hand = {2, 2, 9, mean, value, axis};
    discriminant_place(y, &by_hand, (const double[]){2, 5});
    CU_ASSERT_EQUAL(y[0], 1 * 2 + 3 * -1);
    CU_ASSERT_EQUAL(y[1], 1 * 0.5 + 3 * 3);
    discriminant_spread(y, &by_hand, (const double[]){2, 4});
    CU_ASSERT_EQUAL(y[0], 2 * 4 + 4 * 1);
    CU_ASSERT_EQUAL(y[1], 2 * 0.25 + 4 * 9);
}

const char *const suite_name = "discriminant";
const struct suite_test suite_tests[] = {
    {"agrees with the oracle", agrees_with_the_oracle},
    {"exact bits follow no rank", exact_bits_follow_no_rank},
    {"nothing to separate", nothing_to_separate},
    {"fewer rows than ranks", fewer_rows_than_ranks},
    {"refuses bad numbers", refuses_bad_numbers},
    {"all ranks hear of want", all_ranks_hear_of_want},
    {"places by the formula", places_by_the_formula},
    {NULL, NULL},
};
