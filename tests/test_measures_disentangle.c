/* Measures of disentanglement against an independent script, and where they are known. */
#include "measures_disentangle.h"
#include "runner.h"

#include <math.h>
#include <stdint.h>

#include "oracle/disentangle_golden.h"

const char *const suite_name = "measures_disentangle";

enum { ROWS = 150, CODES = 5, FACTORS = 4, GRID = 20, N = GRID * GRID };

static void is_what_the_definitions_say(void)
{
    const struct disentangle_rows rows = {golden_codes, golden_factors, ROWS, CODES, FACTORS};
    struct disentangle_factor factors[FACTORS];
    struct disentanglement whole;
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&whole, factors, &rows), OK);
    for (size_t f = 0; f < FACTORS; f++) {
        CU_ASSERT_DOUBLE_EQUAL(factors[f].information, golden_gaps[f], 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(factors[f].r2, golden_separations[f], 1e-12);
    }
    CU_ASSERT_DOUBLE_EQUAL(whole.mig, golden_disentanglement[0], 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(whole.sap, golden_disentanglement[1], 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(whole.modularity, golden_disentanglement[2], 1e-12);
}

/* Every pair of 20 values of two factors once: what is independent has no information. */
static void fill_factors(double factors[2 * N])
{
    for (size_t i = 0; i < N; i++) {
        const size_t row = i / GRID;
        factors[i] = (double)row;
        factors[N + i] = (double)(i % GRID);
    }
}

static void a_code_for_each_factor_is_perfect(void)
{
    double factor[2 * N], code[2 * N];
    struct disentangle_factor factors[2];
    struct disentanglement whole;
    fill_factors(factor);
    for (size_t i = 0; i < N; i++) {
        code[i] = 7 - 2 * factor[N + i];
        code[N + i] = 3 * factor[i];
    }
    const struct disentangle_rows rows = {code, factor, N, 2, 2};
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&whole, factors, &rows), OK);
    CU_ASSERT_DOUBLE_EQUAL(whole.mig, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(whole.sap, 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(whole.modularity, 1, 1e-12);
    CU_ASSERT_EQUAL(factors[0].best, 1);
    CU_ASSERT_EQUAL(factors[1].best, 0);
}

/* Two codes that say the same leave no gap, but stay modular; one that says nothing is not. */
static void doubles_leave_no_gap(void)
{
    double factor[2 * N], code[3 * N];
    struct disentangle_factor factors[2];
    struct disentanglement whole;
    fill_factors(factor);
    for (size_t i = 0; i < N; i++) {
        code[i] = code[N + i] = factor[i];
        code[2 * N + i] = 5;
    }
    struct disentangle_rows rows = {code, factor, N, 2, 2};
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&whole, factors, &rows), OK);
    CU_ASSERT_DOUBLE_EQUAL(whole.mig, 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(whole.sap, 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(whole.modularity, 1, 1e-12);
    rows.n_codes = 3;
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&whole, factors, &rows), OK);
    CU_ASSERT_DOUBLE_EQUAL(whole.modularity, 2.0 / 3, 1e-12);
}

/* A code that is both factors at once, 20 x 20 values in 20 bins by the first alone; and one that
 * sorts rows by whether the second is above its middle: log 2 of its log 20 nats. */
static void information_is_counted_in_shares(void)
{
    double factor[2 * N], code[2 * N];
    struct disentangle_factor factors[2];
    struct disentanglement whole;
    fill_factors(factor);
    for (size_t i = 0; i < N; i++) {
        code[i] = factor[i] * GRID + factor[N + i];
        code[N + i] = factor[N + i] >= 0.5 * GRID;
    }
    const struct disentangle_rows rows = {code, factor, N, 2, 2};
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&whole, factors, &rows), OK);
    CU_ASSERT_DOUBLE_EQUAL(factors[1].information, log(2) / log(GRID), 1e-9);
    CU_ASSERT_EQUAL(factors[1].best, 1);
    CU_ASSERT_EQUAL(factors[0].best, 0);
}

static void what_never_varies_is_left_out(void)
{
    double factor[3 * N], code[2 * N];
    struct disentangle_factor factors[3];
    struct disentanglement whole, part;
    fill_factors(factor);
    for (size_t i = 0; i < N; i++) {
        code[i] = factor[i] + (i % 3 == 0);
        code[N + i] = factor[N + i] - factor[i];
        factor[2 * N + i] = i % 2 ? 4 : NAN;
    }
    struct disentangle_rows rows = {code, factor, N, 2, 3};
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&whole, factors, &rows), OK);
    CU_ASSERT(isnan(factors[2].information));
    CU_ASSERT(isnan(factors[2].r2));
    rows.n_factors = 2;
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&part, factors, &rows), OK);
    CU_ASSERT_EQUAL(whole.mig, part.mig);
    CU_ASSERT_EQUAL(whole.sap, part.sap);
    CU_ASSERT_EQUAL(whole.modularity, part.modularity);
    rows.n_factors = 1;
    rows.n_codes = 1;
    CU_ASSERT_EQUAL_FATAL(disentangle_measure(&part, factors, &rows), OK);
    CU_ASSERT(isnan(part.mig) && isnan(part.sap) && isnan(part.modularity));
}

const struct suite_test suite_tests[] = {
    {"is what the definitions say", is_what_the_definitions_say},
    {"a code for each factor is perfect", a_code_for_each_factor_is_perfect},
    {"doubles leave no gap", doubles_leave_no_gap},
    {"information is counted in shares", information_is_counted_in_shares},
    {"what never varies is left out", what_never_varies_is_left_out},
    {NULL, NULL},
};
