/* The float kernels, which the suites in double leave out: exp, agreement with plain double
 * arithmetic, and rows whose bits do not depend on where they are packed. */
#include "attention.h"
#include "gemm.h"
#include "layers.h"
#include "numeric.h"
#include "simd.h"

enum { N = 9, WIDTH = 77 };
static real x[N * WIDTH], y[N * WIDTH], alone[WIDTH], stat[2 * N], gain[WIDTH], bias[WIDTH];
static real gradient[N * WIDTH], copy[N * WIDTH];
static uint8_t target[N];

static void fill(void)
{
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    numeric_normals(x, N * WIDTH, 1);
    numeric_normals(gain, WIDTH, 2);
    numeric_normals(bias, WIDTH, 3);
    numeric_normals(gradient, N * WIDTH, 4);
    for (int i = 0; i < N; i++) target[i] = i == 4 ? SYMBOL_NONE : (uint8_t)(7 * i);
}

static void exp_is_accurate(void)
{
    static real in[1 << 16], out[1 << 16];
    for (int i = 0; i < 1 << 16; i++) in[i] = (real)(-87 + 175 * (double)i / (1 << 16));
    simd_exp_row(out, in, 0, 1 << 16);
    double worst = 0;
    for (int i = 0; i < 1 << 16; i++) {
        const double want = exp((double)in[i]);
        worst = fmax(worst, fabs((double)out[i] - want) / want);
    }
    CU_ASSERT(worst < 2e-7);
    CU_ASSERT_EQUAL(simd_exp(0), 1);
    CU_ASSERT(simd_exp(-(real)INFINITY) < REAL(1e-37) && simd_exp(-(real)INFINITY) >= 0);
    CU_ASSERT(simd_exp((real)INFINITY) > REAL(1e38));
    CU_ASSERT(isnan(simd_exp((real)NAN)));
}

static void matches_double(void)
{
    fill();
    static double want[N * WIDTH];
    layer_norm_forward(y, stat, x, gain, bias, N, WIDTH);
    for (int i = 0; i < N; i++) {
        double mean = 0, square = 0;
        for (int j = 0; j < WIDTH; j++) mean += (double)x[i * WIDTH + j] / WIDTH;
        for (int j = 0; j < WIDTH; j++) square += pow((double)x[i * WIDTH + j] - mean, 2) / WIDTH;
        for (int j = 0; j < WIDTH; j++)
            want[i * WIDTH + j] =
                ((double)x[i * WIDTH + j] - mean) / sqrt(square + 1e-5) * (double)gain[j] +
                (double)bias[j];
    }
    numeric_check("layer norm", y, want, N * WIDTH, 2e-6);
    double loss = 0;
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < WIDTH; j++) sum += exp((double)x[i * WIDTH + j]);
        for (int j = 0; j < WIDTH; j++)
            want[i * WIDTH + j] =
                target[i] == SYMBOL_NONE ? 0 : exp((double)x[i * WIDTH + j]) / sum;
        if (target[i] == SYMBOL_NONE) continue;
        want[i * WIDTH + target[i]] -= 1;
        loss += log(sum) - (double)x[i * WIDTH + target[i]];
    }
    CU_ASSERT_DOUBLE_EQUAL(cross_entropy(y, x, target, 1, N, WIDTH), loss, 1e-5);
    numeric_check("cross-entropy", y, want, N * WIDTH, 1e-6);
}

/* Every row again by itself, at an address of other alignment. */
static void rows_do_not_depend_on_their_place(void)
{
    fill();
    static real room[WIDTH + 1];
    real *row = room + 1;
    real one[2];
    layer_norm_forward(y, stat, x, gain, bias, N, WIDTH);
    for (size_t i = 0; i < N; i++) {
        memcpy(row, x + i * WIDTH, WIDTH * sizeof(real));
        layer_norm_forward(alone, one, row, gain, bias, 1, WIDTH);
        CU_ASSERT_EQUAL(memcmp(alone, y + i * WIDTH, sizeof alone), 0);
    }
    cross_entropy(copy, x, target, 1, N, WIDTH);
    gelu_backward(y, gradient, x, N * WIDTH);
    for (size_t i = 0; i < N; i++) {
        memcpy(row, x + i * WIDTH, WIDTH * sizeof(real));
        cross_entropy(alone, row, target + i, 1, 1, WIDTH);
        CU_ASSERT_EQUAL(memcmp(alone, copy + i * WIDTH, sizeof alone), 0);
        gelu_backward(alone, gradient + i * WIDTH, row, WIDTH);
        CU_ASSERT_EQUAL(memcmp(alone, y + i * WIDTH, sizeof alone), 0);
    }
}

/* One span of 21 steps by itself and packed as the second of two: forward, backward, and what it
 * adds to the relative rows of an empty gradient. */
static void spans_do_not_depend_on_their_place(void)
{
    enum { W = 36, HEADS = 3, COUNT = 21, FIRST = 17, STEPS = FIRST + COUNT };
    static real qkv[STEPS * 3 * W], dy[STEPS * W], r[COUNT * W], u[W], out[2][STEPS * W];
    static real lse[HEADS * STEPS], dqkv[2][STEPS * 3 * W], dr[2][COUNT * W], du[W];
    numeric_normals(qkv, STEPS * 3 * W, 1);
    numeric_normals(dy, STEPS * W, 2);
    numeric_normals(r, COUNT * W, 3);
    numeric_normals(u, W, 4);
    memset(dy, 0, FIRST * W * sizeof(real)); /* the first span adds nothing to dr */
    const struct span single[] = {{0, COUNT, 0}}, packed[] = {{0, FIRST, 0}, {FIRST, COUNT, 0}};
    struct arena scratch;
    for (size_t turn = 0; turn < 2; turn++) {
        CU_ASSERT_EQUAL(gemm_init(1 + (int)turn), OK); /* nor on the threads */
        numeric_arena(&scratch, attention_scratch_bytes(W, HEADS, COUNT, 0));
        const struct attention a = {W, HEADS, true, turn ? packed : single, turn + 1, COUNT - 1};
        const size_t skip = turn ? 0 : FIRST, n = STEPS - skip;
        const struct attention_gradient g = {dqkv[turn], NULL, dr[turn], du, du};
        attention_forward(out[turn], lse, qkv + skip * 3 * W, r, u, u, &a, n, &scratch);
        attention_backward(&g, dy + skip * W, out[turn], lse, qkv + skip * 3 * W, r, u, u, &a, n,
                           &scratch);
        arena_fini(&scratch);
    }
    CU_ASSERT_EQUAL(gemm_init(1), OK);
    CU_ASSERT_EQUAL(memcmp(out[0], out[1] + FIRST * W, COUNT * W * sizeof(real)), 0);
    CU_ASSERT_EQUAL(memcmp(dqkv[0], dqkv[1] + FIRST * 3 * W, COUNT * 3 * W * sizeof(real)), 0);
    CU_ASSERT_EQUAL(memcmp(dr[0], dr[1], sizeof dr[0]), 0);
}

static void nan_is_not_hidden(void)
{
    fill();
    x[5] = (real)NAN;
    CU_ASSERT(isnan(cross_entropy(y, x, target, 1, N, WIDTH)));
    layer_norm_forward(y, stat, x, gain, bias, N, WIDTH);
    CU_ASSERT(isnan(y[0]) && !isnan(y[WIDTH]));
    gelu_forward(y, x, N * WIDTH);
    CU_ASSERT(isnan(y[5]));
}

const char *const suite_name = "kernels";
const struct suite_test suite_tests[] = {
    {"exp is accurate", exp_is_accurate},
    {"matches double", matches_double},
    {"rows do not depend on their place", rows_do_not_depend_on_their_place},
    {"spans do not depend on their place", spans_do_not_depend_on_their_place},
    {"NaN is not hidden", nan_is_not_hidden},
    {NULL, NULL},
};
