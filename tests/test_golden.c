/* The model's arithmetic against numbers that PyTorch computed (tests/oracle/model_golden.py). */
#include "adam.h"
#include "block.h"
#include "gemm.h"
#include "numeric.h"
#include "oracle/model_golden.h"

enum { WIDTH = 4, HEADS = 2, STEPS = 8, ROWS_MAX = 7 };

#ifdef REAL_DOUBLE
static const double limit = 1e-12;
#else
static const double limit = 3e-6;
#endif

static const struct span causal_spans[] = {{0, 3, 0}, {3, 2, 3}, {5, 1, 0}, {6, 2, 1}};
static const struct span full_spans[] = {{0, 4, 0}, {4, 1, 0}, {5, 3, 1}};

static struct attention sequences(bool causal)
{
    const struct span *spans = causal ? causal_spans : full_spans;
    const size_t n_spans = causal ? 4 : 3;
    return (struct attention){WIDTH, HEADS,   causal,
                              spans, n_spans, attention_reach(spans, n_spans)};
}

/* Columns first..first + width of every row of x (n, stride). */
static void check_columns(const char *name, const real *x, const double *want, size_t n,
                          size_t width)
{
    numeric_check(name, x, want, n * width, limit);
}

struct attention_golden {
    const double *y, *dqkv, *dmemory, *dr, *du, *dv;
};

/* The oracle's dqkv holds queries, keys and values of the same span; dmemory keys and values. */
static void check_attention(bool causal, const struct attention_golden *golden)
{
    const struct attention a = sequences(causal);
    const size_t rows = attention_relative_rows(causal, a.reach);
    real qkv[STEPS * 3 * WIDTH], r[ROWS_MAX * WIDTH], u[WIDTH], v[WIDTH], dy[STEPS * WIDTH];
    numeric_wave(qkv, STEPS * 3 * WIDTH, 0.1);
    numeric_wave(r, rows * WIDTH, 0.2);
    numeric_wave(u, WIDTH, 0.3);
    numeric_wave(v, WIDTH, 0.4);
    numeric_wave(dy, STEPS * WIDTH, 0.5);
    real y[STEPS * WIDTH], lse[HEADS * STEPS], dqkv[STEPS * 3 * WIDTH], dmemory[STEPS * 2 * WIDTH];
    real dr[ROWS_MAX * WIDTH] = {0}, du[WIDTH] = {0}, dv[WIDTH] = {0};
    struct arena scratch;
    numeric_arena(&scratch, attention_scratch_bytes(WIDTH, HEADS, 4, 3));
    attention_forward(y, lse, qkv, r, u, v, &a, STEPS, &scratch);
    const struct attention_gradient g = {dqkv, dmemory, dr, du, dv};
    attention_backward(&g, dy, y, lse, qkv, r, u, v, &a, STEPS, &scratch);
    check_columns("y", y, golden->y, STEPS, WIDTH);
    check_columns("dqkv", dqkv, golden->dqkv, STEPS, 3 * WIDTH);
    check_columns("dmemory", dmemory, golden->dmemory, STEPS, 2 * WIDTH);
    check_columns("dr", dr, golden->dr, rows, WIDTH);
    check_columns("du", du, golden->du, 1, WIDTH);
    check_columns("dv", dv, golden->dv, 1, WIDTH);
    arena_fini(&scratch);
}

static void attention_matches(void)
{
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    check_attention(true, &(struct attention_golden){golden_causal_y, golden_causal_dqkv,
                                                     golden_causal_dmemory, golden_causal_dr,
                                                     golden_causal_du, golden_causal_dv});
    check_attention(false,
                    &(struct attention_golden){golden_full_y, golden_full_dqkv, golden_full_dmemory,
                                               golden_full_dr, golden_full_du, golden_full_dv});
}

/* The block's tensors are filled with waves in the order of the table, as the oracle does. */
static void fill_block(const struct parameters *table, real *theta)
{
    for (size_t i = 0; i < table->n_tensors; i++)
        numeric_wave(theta + table->tensors[i].offset,
                     table->tensors[i].rows * table->tensors[i].columns, 1.0 + (double)i);
}

static void check_block(bool causal, const double *y, const double *dx, const double *gradients)
{
    enum { REALS = 512 };
    struct parameters table;
    struct block block;
    CU_ASSERT_EQUAL_FATAL(parameters_init(&table), OK);
    block_define(&block, &table, "layer", WIDTH, HEADS, 1);
    CU_ASSERT_FATAL(table.count <= REALS && block.count == table.count);
    real theta[REALS] = {0}, gradient[REALS] = {0}, x[STEPS * WIDTH], dy[STEPS * WIDTH];
    real sinusoids[ROWS_MAX * WIDTH];
    fill_block(&table, theta);
    numeric_wave(x, STEPS * WIDTH, 0.6);
    numeric_wave(dy, STEPS * WIDTH, 0.5);
    struct block_call call = {.attention = sequences(causal), .n = STEPS, .sinusoids = sinusoids};
    const size_t rows = attention_relative_rows(causal, call.attention.reach);
    attention_sinusoids(sinusoids, causal, call.attention.reach, WIDTH);

    struct arena activations, scratch;
    struct block_tape tape;
    numeric_arena(&activations, block_tape_reals(&block, STEPS, rows) * sizeof(real));
    numeric_arena(&scratch, block_scratch_bytes(&block, STEPS, 4, 3));
    block_forward(&block, theta, x, &tape, &call, &activations, &scratch);
    block_backward(&block, theta, gradient, dy, &tape, &call, &scratch);
    numeric_check("block y", x, y, STEPS * WIDTH, limit);
    numeric_check("block dx", dy, dx, STEPS * WIDTH, 10 * limit);
    for (size_t i = 0; i < table.n_tensors; i++) {
        const size_t count = table.tensors[i].rows * table.tensors[i].columns;
        numeric_check(table.tensors[i].name, gradient + table.tensors[i].offset, gradients, count,
                      10 * limit);
        gradients += count;
    }
    arena_fini(&activations);
    arena_fini(&scratch);
    parameters_fini(&table);
}

static void block_matches(void)
{
    check_block(true, golden_block_causal_y, golden_block_causal_dx, golden_block_causal_gradient);
    check_block(false, golden_block_full_y, golden_block_full_dx, golden_block_full_gradient);
}

static void gelu_matches(void)
{
    real x[25], y[25];
    for (int i = 0; i < 25; i++) x[i] = (real)(-6 + 0.5 * i);
    gelu_forward(y, x, 25);
    numeric_check("gelu", y, golden_gelu, 25, limit);
}

static void adam_matches(void)
{
    struct parameters table;
    CU_ASSERT_EQUAL_FATAL(parameters_init(&table), OK);
    parameters_add(&table, 2, 3, INITIALIZE_NORMAL, 1, "weight");
    parameters_add(&table, 1, 3, INITIALIZE_ZERO, 0, "bias");
    real theta[32] = {0}, first[32] = {0}, second[32] = {0}, gradient[32] = {0}, result[9];
    numeric_wave(theta, 6, 0.7);
    numeric_wave(theta + 16, 3, 0.8);
    const struct adam adam = adam_defaults(0.1);
    const struct adam_state state = {theta, first, second, gradient};
    for (uint64_t step = 1; step <= 5; step++) {
        numeric_wave(gradient, 6, (double)step);
        numeric_wave(gradient + 16, 3, 10 + (double)step);
        adam_step(&adam, &table, &state, 0.01, 0.5, step);
    }
    memcpy(result, theta, 6 * sizeof(real));
    memcpy(result + 6, theta + 16, 3 * sizeof(real));
    numeric_check("adam", result, golden_adam, 9, limit);
    parameters_fini(&table);
}

const char *const suite_name = "golden";
const struct suite_test suite_tests[] = {
    {"attention", attention_matches},
    {"block", block_matches},
    {"GELU", gelu_matches},
    {"AdamW", adam_matches},
    {NULL, NULL},
};
