/* attention: gradients by central differences in double, memory included; tiles; determinism. */
#include "attention.h"
#include "gemm.h"
#include "numeric.h"

enum { WIDTH = 6, HEADS = 2, ROOM = 600, ROWS_MAX = 1200 };

static real qkv[ROOM * 3 * WIDTH], y[ROOM * WIDTH], dy[ROOM * WIDTH], lse[HEADS * ROOM];
static real r[ROWS_MAX * WIDTH], u[WIDTH], v[WIDTH];
static real dqkv[ROOM * 3 * WIDTH], dmemory[ROOM * 2 * WIDTH], dr[ROWS_MAX * WIDTH];
static real du[WIDTH], dv[WIDTH];
static struct arena scratch;

/* The sequences of one case and its packed steps. */
struct sequences {
    struct attention attention;
    size_t n;
};

static struct sequences make(bool causal, const struct span *spans, size_t n_spans, size_t n)
{
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    numeric_normals(qkv, n * 3 * WIDTH, 1);
    numeric_normals(r, sizeof r / sizeof r[0], 2);
    numeric_normals(u, WIDTH, 3);
    numeric_normals(v, WIDTH, 4);
    numeric_normals(dy, n * WIDTH, 5);
    memset(dr, 0, sizeof dr);
    memset(du, 0, sizeof du);
    memset(dv, 0, sizeof dv);
    return (struct sequences){
        {WIDTH, HEADS, causal, spans, n_spans, attention_reach(spans, n_spans)}, n};
}

static void take_scratch(const struct sequences *s)
{
    size_t count = 0, context = 0;
    for (size_t i = 0; i < s->attention.n_spans; i++) {
        const struct span *span = &s->attention.spans[i];
        if (span->count > count) count = span->count;
        if (span->context > context) context = span->context;
    }
    numeric_arena(&scratch, attention_scratch_bytes(WIDTH, HEADS, count, context));
}

static double loss(void *context)
{
    const struct sequences *s = context;
    attention_forward(y, lse, qkv, r, u, v, &s->attention, s->n, &scratch);
    return numeric_dot(y, dy, s->n * WIDTH);
}

static void backward(struct sequences *s)
{
    loss(s);
    const struct attention_gradient g = {dqkv, dmemory, dr, du, dv};
    attention_backward(&g, dy, y, lse, qkv, r, u, v, &s->attention, s->n, &scratch);
}

/* With memory in the graph, dqkv + dmemory is the whole gradient. */
static void check_gradients(bool causal, const struct span *spans, size_t n_spans, size_t n)
{
    struct sequences s = make(causal, spans, n_spans, n);
    take_scratch(&s);
    backward(&s);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 2 * WIDTH; j++)
            dqkv[i * 3 * WIDTH + WIDTH + j] += dmemory[i * 2 * WIDTH + j];
    const size_t rows = attention_relative_rows(causal, s.attention.reach);
    numeric_differences("qkv", qkv, dqkv, n * 3 * WIDTH, loss, &s);
    numeric_differences("r", r, dr, rows * WIDTH, loss, &s);
    numeric_differences("u", u, du, WIDTH, loss, &s);
    numeric_differences("v", v, dv, WIDTH, loss, &s);
    CU_ASSERT_EQUAL(arena_mark(&scratch), 0);
    arena_fini(&scratch);
}

static void gradients_match_differences(void)
{
    const struct span memories[] = {{0, 3, 0}, {3, 4, 3}, {7, 1, 0}, {8, 1, 1}, {9, 2, 1}};
    const struct span single[] = {{0, 1, 0}};
    const struct span empty[] = {{0, 0, 0}, {0, 5, 0}, {5, 0, 5}, {5, 2, 2}};
    for (int causal = 0; causal < 2; causal++) {
        check_gradients(causal, memories, 5, 11);
        check_gradients(causal, single, 1, 1);
        check_gradients(causal, empty, 4, 7);
        check_gradients(causal, NULL, 0, 0);
    }
}

/* A span longer than a tile, and memory beside it: every tile border is crossed.  The differences
 * are taken at a few places only. */
static void gradients_match_across_tiles(void)
{
    const struct span spans[] = {{0, 150, 0}, {150, 270, 150}};
    for (int causal = 0; causal < 2; causal++) {
        struct sequences s = make(causal, spans, 2, 420);
        take_scratch(&s);
        backward(&s);
        for (size_t i = 0; i < 420; i += 83) {
            real *at = dqkv + i * 3 * WIDTH;
            for (size_t j = 0; j < 2 * WIDTH; j++) at[WIDTH + j] += dmemory[i * 2 * WIDTH + j];
            numeric_differences("long qkv", qkv + i * 3 * WIDTH, at, 3 * WIDTH, loss, &s);
        }
        const size_t rows = attention_relative_rows(causal, s.attention.reach);
        for (size_t i = 0; i < rows; i += 211)
            numeric_differences("long r", r + i * WIDTH, dr + i * WIDTH, WIDTH, loss, &s);
        numeric_differences("long u", u, du, WIDTH, loss, &s);
        arena_fini(&scratch);
    }
}

/* Memory replaced by a frozen copy of its steps, which no span queries: dqkv of the original is the
 * gradient with respect to the steps that are not frozen, dmemory that of the copies. */
static void memory_stops_the_gradient(void)
{
    enum { FIRST = 4, SECOND = 3 };
    const struct span shared[] = {{0, FIRST, 0}, {FIRST, SECOND, FIRST}};
    const struct span copied[] = {{0, FIRST, 0}, {2 * FIRST, SECOND, FIRST}};
    for (int causal = 0; causal < 2; causal++) {
        struct sequences s = make(causal, shared, 2, FIRST + SECOND);
        take_scratch(&s);
        backward(&s);
        const size_t step = 3 * WIDTH;
        s.attention.spans = copied;
        s.n += FIRST;
        memmove(qkv + 2 * FIRST * step, qkv + FIRST * step, SECOND * step * sizeof(real));
        memcpy(qkv + FIRST * step, qkv, FIRST * step * sizeof(real));
        memmove(dy + 2 * FIRST * WIDTH, dy + FIRST * WIDTH, SECOND * WIDTH * sizeof(real));
        numeric_differences("first span", qkv, dqkv, FIRST * step, loss, &s);
        numeric_differences("second span", qkv + 2 * FIRST * step, dqkv + FIRST * step,
                            SECOND * step, loss, &s);
        for (size_t i = 0; i < FIRST; i++)
            numeric_differences("memory", qkv + (FIRST + i) * step + WIDTH, dmemory + i * 2 * WIDTH,
                                2 * WIDTH, loss, &s);
        for (size_t i = FIRST * 2 * WIDTH; i < (FIRST + SECOND) * 2 * WIDTH; i++)
            CU_ASSERT_EQUAL(dmemory[i], 0);
        arena_fini(&scratch);
    }
}

/* A span's numbers do not depend on what is packed around it; without context dmemory may be NULL.
 */
static void packing_does_not_matter(void)
{
    const struct span alone[] = {{0, 5, 0}};
    const struct span packed[] = {{0, 4, 0}, {4, 9, 0}, {13, 5, 0}};
    real y_alone[5 * WIDTH], d_alone[5 * 3 * WIDTH], rows[5 * 3 * WIDTH], tops[5 * WIDTH];
    struct sequences s = make(true, packed, 3, 18);
    memcpy(rows, qkv + 13 * 3 * WIDTH, sizeof rows);
    memcpy(tops, dy + 13 * WIDTH, sizeof tops);
    for (int turn = 0; turn < 2; turn++) {
        s = make(true, turn ? packed : alone, turn ? 3 : 1, turn ? 18 : 5);
        const size_t first = turn ? 13 : 0;
        memcpy(qkv + first * 3 * WIDTH, rows, sizeof rows);
        memcpy(dy + first * WIDTH, tops, sizeof tops);
        take_scratch(&s);
        loss(&s);
        const struct attention_gradient g = {dqkv, NULL, dr, du, dv};
        attention_backward(&g, dy, y, lse, qkv, r, u, v, &s.attention, s.n, &scratch);
        arena_fini(&scratch);
        if (turn == 0) {
            memcpy(y_alone, y, sizeof y_alone);
            memcpy(d_alone, dqkv, sizeof d_alone);
        }
    }
    CU_ASSERT_EQUAL(memcmp(y_alone, y + 13 * WIDTH, sizeof y_alone), 0);
    CU_ASSERT_EQUAL(memcmp(d_alone, dqkv + 13 * 3 * WIDTH, sizeof d_alone), 0);
}

static void causal_queries_see_no_later_key(void)
{
    const struct span spans[] = {{0, 6, 0}};
    struct sequences s = make(true, spans, 1, 6);
    take_scratch(&s);
    loss(&s);
    real kept[4 * WIDTH];
    memcpy(kept, y, sizeof kept);
    for (int j = 0; j < 2 * 3 * WIDTH; j++) qkv[4 * 3 * WIDTH + j] += 1;
    loss(&s);
    CU_ASSERT_EQUAL(memcmp(kept, y, sizeof kept), 0);
    CU_ASSERT_NOT_EQUAL(y[4 * WIDTH], 0);
    arena_fini(&scratch);
}

/* Scores of 1e3 neither overflow nor lose the largest key. */
static void large_scores_stay_finite(void)
{
    const struct span spans[] = {{0, 6, 0}};
    struct sequences s = make(false, spans, 1, 6);
    for (int i = 0; i < 6 * 3 * WIDTH; i++) qkv[i] *= i % (3 * WIDTH) < 2 * WIDTH ? 40 : 1;
    take_scratch(&s);
    backward(&s);
    for (int i = 0; i < 6 * WIDTH; i++) CU_ASSERT(isfinite(y[i]));
    for (int i = 0; i < 6 * 3 * WIDTH; i++) CU_ASSERT(isfinite(dqkv[i]));
    arena_fini(&scratch);
}

static void steps_without_span_are_zero(void)
{
    const struct span spans[] = {{2, 3, 1}};
    struct sequences s = make(true, spans, 1, 7);
    take_scratch(&s);
    memset(y, 0xff, sizeof y);
    backward(&s);
    for (int j = 0; j < 2 * WIDTH; j++) CU_ASSERT_EQUAL(y[j] + y[5 * WIDTH + j], 0);
    for (int j = 0; j < 3 * WIDTH; j++) CU_ASSERT_EQUAL(dqkv[j] + dqkv[6 * 3 * WIDTH + j], 0);
    arena_fini(&scratch);
}

static void sinusoids_are_in_order(void)
{
    real s[7 * WIDTH];
    CU_ASSERT_EQUAL(attention_relative_rows(true, 3), 4);
    CU_ASSERT_EQUAL(attention_relative_rows(false, 3), 7);
    attention_sinusoids(s, false, 3, WIDTH);
    for (int i = 0; i < 7; i++) {
        CU_ASSERT_DOUBLE_EQUAL(s[i * WIDTH], sin(i - 3), 1e-15);
        CU_ASSERT_DOUBLE_EQUAL(s[i * WIDTH + 3], cos(i - 3), 1e-15);
        CU_ASSERT_DOUBLE_EQUAL(s[i * WIDTH + 5], cos((i - 3) * pow(1e4, -4.0 / 6)), 1e-15);
    }
    real causal[4 * WIDTH];
    attention_sinusoids(causal, true, 3, WIDTH);
    CU_ASSERT_EQUAL(memcmp(causal, s + 3 * WIDTH, sizeof causal), 0);
}

const char *const suite_name = "attention";
const struct suite_test suite_tests[] = {
    {"gradients match differences", gradients_match_differences},
    {"gradients match across tiles", gradients_match_across_tiles},
    {"memory stops the gradient", memory_stops_the_gradient},
    {"packing does not matter", packing_does_not_matter},
    {"causal queries see no later key", causal_queries_see_no_later_key},
    {"large scores stay finite", large_scores_stay_finite},
    {"steps without span are zero", steps_without_span_are_zero},
    {"sinusoids are in order", sinusoids_are_in_order},
    {NULL, NULL},
};
