/* rows: products of a few rows against plain sums, and the same bits whatever stands beside. */
#include "rows.h"

#include "numeric.h"

#include <stdbool.h>
#include <string.h>

enum { MOST_IN = 70, MOST_OUT = 170, MOST_ROWS = 21 };

static real w[MOST_IN * MOST_OUT], bias[MOST_OUT], x[MOST_ROWS * MOST_IN];

static void fill(void)
{
    numeric_normals(w, MOST_IN * MOST_OUT, 1);
    numeric_normals(bias, MOST_OUT, 2);
    numeric_normals(x, MOST_ROWS * MOST_IN, 3);
}

static void check_product(struct arena *arena, size_t in, size_t out, bool with_bias)
{
    static real y[MOST_ROWS * MOST_OUT], alone[MOST_OUT];
    const size_t mark = arena_mark(arena);
    const struct rows_matrix m = rows_pack(arena, w, with_bias ? bias : NULL, in, out);
    for (size_t n = 1; n <= MOST_ROWS; n++) {
        memset(y, 0, sizeof y);
        rows_product(y, x, &m, n);
        for (size_t i = 0; i < n; i++) {
            rows_product(alone, x + i * in, &m, 1);
            CU_ASSERT(memcmp(alone, y + i * out, out * sizeof(real)) == 0);
            for (size_t j = 0; j < out; j++) {
                double want = with_bias ? (double)bias[j] : 0;
                for (size_t k = 0; k < in; k++)
                    want += (double)x[i * in + k] * (double)w[k * out + j];
                CU_ASSERT_DOUBLE_EQUAL((double)y[i * out + j], want, 1e-4);
            }
        }
        for (size_t i = n * out; i < sizeof y / sizeof *y; i++) CU_ASSERT(y[i] == 0);
    }
    arena_reset(arena, mark);
}

static void products(void)
{
    static const size_t ins[] = {1, 32, MOST_IN}, outs[] = {1, 2, 31, 32, 33, 96, 128, MOST_OUT};
    struct arena arena;
    fill();
    CU_ASSERT_EQUAL_FATAL(arena_init(&arena, 1 << 20), OK);
    for (size_t i = 0; i < sizeof ins / sizeof *ins; i++)
        for (size_t o = 0; o < sizeof outs / sizeof *outs; o++)
            check_product(&arena, ins[i], outs[o], o % 2);
    arena_fini(&arena);
}

static void mixes(void)
{
    static const size_t depths[] = {1, 8, 32, 40, 64};
    real y[MOST_IN];
    fill();
    for (size_t n = 0; n < 20; n++)
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            const size_t depth = depths[d];
            y[depth] = 77;
            for (size_t j = 0; j < depth; j++) y[j] = (real)j;
            rows_mix(y, x, w, n, depth);
            for (size_t j = 0; j < depth; j++) {
                double want = (double)j;
                for (size_t i = 0; i < n; i++) want += (double)x[i] * (double)w[i * depth + j];
                CU_ASSERT_DOUBLE_EQUAL((double)y[j], want, 1e-4);
            }
            CU_ASSERT(y[depth] == 77);
        }
}

const char *const suite_name = "rows";
const struct suite_test suite_tests[] = {
    {"products", products},
    {"mixes", mixes},
    {NULL, NULL},
};
