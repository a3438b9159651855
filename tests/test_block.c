/* block: gradients by central differences in double, dropout and memory included. */
#include "block.h"
#include "gemm.h"
#include "numeric.h"

enum { WIDTH = 6, HEADS = 3, ROOM = 16, ROWS_MAX = 32, REALS = 1024 };

static struct parameters table;
static struct block block;
static real theta[REALS], gradient[REALS], x[ROOM * WIDTH], dx[ROOM * WIDTH], dy[ROOM * WIDTH];
static real sinusoids[ROWS_MAX * WIDTH];
static uint32_t id[ROOM];
static struct block_call call;
static struct arena activations, scratch;

static void begin(bool causal, const struct span *spans, size_t n_spans, size_t n)
{
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    CU_ASSERT_EQUAL_FATAL(parameters_init(&table), OK);
    parameters_add(&table, 3, 3, INITIALIZE_ONE, 0, "something/before");
    block_define(&block, &table, "stack/0", WIDTH, HEADS, 2);
    CU_ASSERT_FATAL(table.count <= REALS);
    numeric_normals(theta, table.count, 1);
    for (size_t i = 0; i < table.count; i++) theta[i] *= REAL(0.5);
    memset(gradient, 0, sizeof gradient);
    numeric_normals(x, n * WIDTH, 2);
    numeric_normals(dy, n * WIDTH, 3);
    for (uint32_t i = 0; i < ROOM; i++) id[i] = 100 - i;
    call = (struct block_call){
        .attention = {WIDTH, HEADS, causal, spans, n_spans, attention_reach(spans, n_spans)},
        .n = n,
        .sinusoids = sinusoids,
        .dropout = {REAL(0.3), 5, 6},
        .id = id,
        .site = 8};
    const size_t rows = attention_relative_rows(causal, call.attention.reach);
    attention_sinusoids(sinusoids, causal, call.attention.reach, WIDTH);
    numeric_arena(&activations, block_tape_reals(&block, n, rows) * sizeof(real));
    size_t count = 0, context = 0;
    for (size_t i = 0; i < n_spans; i++) {
        if (spans[i].count > count) count = spans[i].count;
        if (spans[i].context > context) context = spans[i].context;
    }
    numeric_arena(&scratch, block_scratch_bytes(&block, n, count, context));
}

static void end(void)
{
    CU_ASSERT_EQUAL(arena_mark(&scratch), 0);
    arena_fini(&activations);
    arena_fini(&scratch);
    parameters_fini(&table);
}

static void forward(real *y, struct block_tape *tape)
{
    arena_reset(&activations, 0);
    memcpy(y, x, call.n * WIDTH * sizeof(real));
    block_forward(&block, theta, y, tape, &call, &activations, &scratch);
}

static double loss(void *unused)
{
    (void)unused;
    real y[ROOM * WIDTH];
    struct block_tape tape;
    forward(y, &tape);
    return numeric_dot(y, dy, call.n * WIDTH);
}

static void backward(void)
{
    real y[ROOM * WIDTH];
    struct block_tape tape;
    forward(y, &tape);
    memcpy(dx, dy, call.n * WIDTH * sizeof(real));
    block_backward(&block, theta, gradient, dx, &tape, &call, &scratch);
}

static void check_tensors(const char *but)
{
    for (size_t i = 1; i < table.n_tensors; i++) {
        const struct tensor *tensor = &table.tensors[i];
        if (but && strstr(tensor->name, but)) continue;
        numeric_differences(tensor->name, theta + tensor->offset, gradient + tensor->offset,
                            tensor->rows * tensor->columns, loss, NULL);
    }
}

static void gradients_match_differences(void)
{
    const struct span spans[] = {{0, 4, 0}, {4, 1, 0}, {5, 0, 0}, {5, 6, 0}};
    for (int causal = 0; causal < 2; causal++) {
        begin(causal, spans, 4, 11);
        backward();
        numeric_differences("x", x, dx, 11 * WIDTH, loss, NULL);
        check_tensors(NULL);
        CU_ASSERT_EQUAL(gradient[0], 0); /* another module's */
        end();
    }
}

/* Memory as a frozen copy of the steps, which no span queries, against memory in place.  The copy's
 * norm is not frozen in this construction, so the first norm's own gradient is left to the oracle
 * of test_golden.c. */
static void memory_reaches_only_weights(void)
{
    enum { FIRST = 4, SECOND = 3 };
    const struct span shared[] = {{0, FIRST, 0}, {FIRST, SECOND, FIRST}};
    const struct span copied[] = {{0, FIRST, 0}, {2 * FIRST, SECOND, FIRST}};
    begin(true, shared, 2, FIRST + SECOND);
    call.dropout.rate = 0;
    backward();
    end();
    real saved_gradient[REALS], saved_dx[ROOM * WIDTH];
    memcpy(saved_gradient, gradient, sizeof gradient);
    memcpy(saved_dx, dx, sizeof dx);

    begin(true, copied, 2, 2 * FIRST + SECOND);
    call.dropout.rate = 0;
    const size_t step = WIDTH * sizeof(real);
    numeric_normals(x, (FIRST + SECOND) * WIDTH, 2);
    numeric_normals(dy, (FIRST + SECOND) * WIDTH, 3);
    memmove(x + 2 * FIRST * WIDTH, x + FIRST * WIDTH, SECOND * step);
    memmove(dy + 2 * FIRST * WIDTH, dy + FIRST * WIDTH, SECOND * step);
    memcpy(x + FIRST * WIDTH, x, FIRST * step);
    memset(dy + FIRST * WIDTH, 0, FIRST * step);
    memcpy(gradient, saved_gradient, sizeof gradient);
    numeric_differences("first span", x, saved_dx, FIRST * WIDTH, loss, NULL);
    numeric_differences("second span", x + 2 * FIRST * WIDTH, saved_dx + FIRST * WIDTH,
                        SECOND * WIDTH, loss, NULL);
    check_tensors("norm1");
    end();
}

static void gradients_are_added(void)
{
    const struct span spans[] = {{0, 3, 0}, {3, 2, 3}};
    begin(true, spans, 2, 5);
    backward();
    real once[REALS];
    memcpy(once, gradient, sizeof once);
    backward();
    for (size_t i = 0; i < table.count; i++)
        CU_ASSERT_DOUBLE_EQUAL(gradient[i], 2 * once[i], 1e-12 * (1 + fabs(once[i])));
    end();
}

static void no_steps_do_nothing(void)
{
    begin(true, NULL, 0, 0);
    backward();
    for (size_t i = 0; i < table.count; i++) CU_ASSERT_EQUAL(gradient[i], 0);
    end();
}

static void defines_its_run(void)
{
    begin(true, NULL, 0, 0);
    CU_ASSERT_EQUAL(block.first, 16);
    CU_ASSERT_EQUAL(block.first + block.count, table.count);
    const struct tensor *qkv = parameters_find(&table, "stack/0/attention/qkv/weight");
    CU_ASSERT_PTR_NOT_NULL_FATAL(qkv);
    CU_ASSERT_EQUAL(qkv->offset, block.qkv);
    CU_ASSERT_EQUAL(qkv->columns, 3 * WIDTH);
    CU_ASSERT_EQUAL(parameters_trained(&table),
                    9 + 12 * WIDTH * WIDTH + WIDTH * WIDTH + 12 * WIDTH);
    end();
}

const char *const suite_name = "block";
const struct suite_test suite_tests[] = {
    {"gradients match differences", gradients_match_differences},
    {"memory reaches only weights", memory_reaches_only_weights},
    {"gradients are added", gradients_are_added},
    {"no steps do nothing", no_steps_do_nothing},
    {"defines its run", defines_its_run},
    {NULL, NULL},
};
