/* layers: gradients by central differences in double, edges, dropout's masks. */
#include "gemm.h"
#include "layers.h"
#include "numeric.h"

enum { N = 5, IN = 6, OUT = 7 };

/* One layer's inputs, and the weights `dy` of a loss sum y dy. */
static real x[N * IN], w[IN * OUT], b[OUT], y[N * OUT], dy[N * OUT];
static real dx[N * IN], dw[IN * OUT], db[OUT], stat[2 * N];
static const uint8_t symbols[N] = {3, SYMBOL_NONE, 0, 3, 5};
static size_t n_rows = N;

static void fill(void)
{
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    numeric_normals(x, N * IN, 1);
    numeric_normals(w, IN * OUT, 2);
    numeric_normals(b, OUT, 3);
    numeric_normals(dy, N * OUT, 4);
    memset(dx, 0, sizeof dx);
    memset(dw, 0, sizeof dw);
    memset(db, 0, sizeof db);
}

static double linear_loss(void *bias)
{
    linear_forward(y, x, w, bias, n_rows, IN, OUT);
    return numeric_dot(y, dy, n_rows * OUT);
}

static void linear_has_its_gradients(void)
{
    fill();
    for (n_rows = 1; n_rows <= N; n_rows += 2) {
        fill();
        linear_backward(dx, dw, db, dy, x, w, n_rows, IN, OUT);
        numeric_differences("linear x", x, dx, n_rows * IN, linear_loss, b);
        numeric_differences("linear w", w, dw, IN * OUT, linear_loss, b);
        numeric_differences("linear b", b, db, OUT, linear_loss, b);
    }
    n_rows = N;
    fill();
    linear_backward(NULL, dw, NULL, dy, x, w, N, IN, OUT);
    numeric_differences("linear w without b", w, dw, IN * OUT, linear_loss, NULL);
    CU_ASSERT_EQUAL(dx[0], 0);
    const real once = dw[5];
    linear_backward(NULL, dw, NULL, dy, x, w, N, IN, OUT);
    CU_ASSERT_DOUBLE_EQUAL(dw[5], 2 * once, 1e-12); /* added, not set */
}

static double norm_loss(void *unused)
{
    (void)unused;
    layer_norm_forward(y, stat, x, w, b, N, IN);
    return numeric_dot(y, dy, N * IN);
}

static void layer_norm_has_its_gradients(void)
{
    fill();
    norm_loss(NULL);
    layer_norm_backward(dx, dw, db, dy, x, stat, w, N, IN);
    numeric_differences("norm x", x, dx, N * IN, norm_loss, NULL);
    numeric_differences("norm gain", w, dw, IN, norm_loss, NULL);
    numeric_differences("norm bias", b, db, IN, norm_loss, NULL);
    const real once = dx[3];
    layer_norm_backward(dx, dw, db, dy, x, stat, w, N, IN);
    CU_ASSERT_DOUBLE_EQUAL(dx[3], 2 * once, 1e-12);
    layer_norm_backward(NULL, dw, db, dy, x, stat, w, N, IN);
}

static void layer_norm_normalises(void)
{
    fill();
    for (int i = 0; i < IN; i++) w[i] = 1, b[i] = 0;
    layer_norm_forward(y, stat, x, w, b, N, IN);
    for (int i = 0; i < N; i++) {
        double mean = 0, square = 0;
        for (int j = 0; j < IN; j++) mean += y[i * IN + j] / IN;
        for (int j = 0; j < IN; j++) square += y[i * IN + j] * y[i * IN + j] / IN;
        CU_ASSERT_DOUBLE_EQUAL(mean, 0, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(square, 1, 1e-3);
    }
    for (int j = 0; j < IN; j++) x[j] = 3; /* no variance */
    layer_norm_forward(y, stat, x, w, b, 1, IN);
    for (int j = 0; j < IN; j++) CU_ASSERT_EQUAL(y[j], 0);
}

static double gelu_loss(void *unused)
{
    (void)unused;
    gelu_forward(y, x, N * IN);
    return numeric_dot(y, dy, N * IN);
}

static void gelu_has_its_gradient(void)
{
    fill();
    for (int i = 0; i < N * IN; i++) x[i] *= 2;
    gelu_backward(dx, dy, x, N * IN);
    numeric_differences("gelu", x, dx, N * IN, gelu_loss, NULL);
    real in_place[N * IN];
    memcpy(in_place, dy, sizeof in_place);
    gelu_backward(in_place, in_place, x, N * IN);
    CU_ASSERT_EQUAL(memcmp(in_place, dx, sizeof in_place), 0);
}

static double embedding_loss(void *unused)
{
    (void)unused;
    for (int i = 0; i < N * IN; i++) y[i] = 1;
    embedding_forward(y, w, symbols, N, IN);
    return numeric_dot(y, dy, N * IN);
}

static void embedding_has_its_gradient(void)
{
    fill();
    embedding_loss(NULL);
    for (int j = 0; j < IN; j++) {
        CU_ASSERT_EQUAL(y[j], 1 + w[3 * IN + j]);
        CU_ASSERT_EQUAL(y[IN + j], 1); /* SYMBOL_NONE */
    }
    embedding_backward(dw, dy, symbols, N, IN);
    numeric_differences("embedding", w, dw, 6 * IN, embedding_loss, NULL);
}

static double hard_loss(void *unused)
{
    (void)unused;
    return cross_entropy(NULL, x, symbols, 1, N, IN);
}

static void cross_entropy_has_its_gradient(void)
{
    fill();
    memset(dx, 0xff, sizeof dx);
    const double loss = cross_entropy(dx, x, symbols, 1, N, IN);
    CU_ASSERT_DOUBLE_EQUAL(loss, hard_loss(NULL), 1e-12);
    numeric_differences("cross-entropy", x, dx, N * IN, hard_loss, NULL);
    for (int j = 0; j < IN; j++) CU_ASSERT_EQUAL(dx[IN + j], 0); /* SYMBOL_NONE */
    double want = 0;
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < IN; j++) sum += exp(x[i * IN + j]);
        if (symbols[i] != SYMBOL_NONE) want += log(sum) - x[i * IN + symbols[i]];
    }
    CU_ASSERT_DOUBLE_EQUAL(loss, want, 1e-12);
    real in_place[N * IN];
    memcpy(in_place, x, sizeof in_place);
    CU_ASSERT_EQUAL(cross_entropy(in_place, in_place, symbols, 0.25, N, IN), loss);
    for (int i = 0; i < N * IN; i++) CU_ASSERT_DOUBLE_EQUAL(in_place[i], 0.25 * dx[i], 1e-15);
}

static void cross_entropy_takes_extremes(void)
{
    const real logits[2 * 3] = {1e4, -1e4, 0, -1e300, -1e300, -1e300};
    const uint8_t target[2] = {1, 2};
    real gradient[2 * 3];
    const double loss = cross_entropy(gradient, logits, target, 1, 2, 3);
    CU_ASSERT_DOUBLE_EQUAL(loss, 2e4 + log(3), 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(gradient[0], 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(gradient[1], -1, 1e-12);
    CU_ASSERT_EQUAL(cross_entropy(NULL, logits, target, 1, 0, 3), 0);
    const real one = 7; /* a single symbol carries no information */
    CU_ASSERT_EQUAL(cross_entropy(gradient, &one, (const uint8_t[]){0}, 1, 1, 1), 0);
    CU_ASSERT_EQUAL(gradient[0], 0);
}

static double soft_loss(void *target)
{
    return cross_entropy_soft(NULL, x, target, 1, N, IN);
}

static void soft_cross_entropy_has_its_gradient(void)
{
    fill();
    real target[N * IN] = {0}; /* row 1 has no target, row 2 is one-hot */
    for (int i = 0; i < N * IN; i++)
        if (i / IN != 1) target[i] = i / IN == 2 ? (i % IN == 0) : (real)(1 + i % IN) / 21;
    memset(dx, 0xff, sizeof dx);
    const double loss = cross_entropy_soft(dx, x, target, 1, N, IN);
    CU_ASSERT_DOUBLE_EQUAL(loss, soft_loss(target), 1e-12);
    numeric_differences("soft cross-entropy", x, dx, N * IN, soft_loss, target);
    for (int j = 0; j < IN; j++) CU_ASSERT_EQUAL(dx[IN + j], 0);
    const uint8_t hard = 0;
    CU_ASSERT_DOUBLE_EQUAL(cross_entropy(NULL, x + 2 * IN, &hard, 1, 1, IN),
                           cross_entropy_soft(NULL, x + 2 * IN, target + 2 * IN, 1, 1, IN), 1e-12);
    real in_place[N * IN];
    memcpy(in_place, x, sizeof in_place);
    cross_entropy_soft(in_place, in_place, target, 0.5, N, IN);
    for (int i = 0; i < N * IN; i++) CU_ASSERT_DOUBLE_EQUAL(in_place[i], 0.5 * dx[i], 1e-15);
}

/* More symbols than one piece of the row buffer. */
static void soft_cross_entropy_takes_wide_rows(void)
{
    enum { WIDE = 700 };
    static real logits[WIDE], target[WIDE], gradient[WIDE];
    numeric_normals(logits, WIDE, 9);
    target[0] = REAL(0.25);
    target[650] = REAL(0.75);
    double sum = 0;
    for (int j = 0; j < WIDE; j++) sum += exp(logits[j]);
    const double want = log(sum) - 0.25 * logits[0] - 0.75 * logits[650];
    CU_ASSERT_DOUBLE_EQUAL(cross_entropy_soft(NULL, logits, target, 1, 1, WIDE), want, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(cross_entropy_soft(gradient, logits, target, 1, 1, WIDE), want, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(gradient[650], exp(logits[650]) / sum - 0.75, 1e-14);
}

static void nothing_comes_of_no_rows(void)
{
    fill();
    linear_forward(y, x, w, b, 0, IN, OUT);
    linear_backward(dx, dw, db, dy, x, w, 0, IN, OUT);
    layer_norm_forward(y, stat, x, w, b, 0, IN);
    layer_norm_backward(dx, dw, db, dy, x, stat, w, 0, IN);
    gelu_forward(y, x, 0);
    embedding_backward(dw, dy, symbols, 0, IN);
    dropout_apply(x, &(struct dropout){REAL(0.5), 1, 2}, NULL, 0, 0, IN);
    for (int i = 0; i < IN * OUT; i++) CU_ASSERT_EQUAL(dw[i], 0);
    for (int i = 0; i < OUT; i++) CU_ASSERT_EQUAL(db[i], 0);
}

enum { ROWS = 200, WIDTH = 101 };
static real mask[ROWS * WIDTH], other[ROWS * WIDTH];
static uint32_t ids[ROWS];

static void draw(real *out, real rate, uint64_t step, uint32_t site)
{
    const struct dropout dropout = {rate, 3, step};
    for (int i = 0; i < ROWS * WIDTH; i++) out[i] = 1;
    dropout_apply(out, &dropout, ids, site, ROWS, WIDTH);
}

static void dropout_keeps_its_rate(void)
{
    for (uint32_t i = 0; i < ROWS; i++) ids[i] = i;
    const double rates[] = {0.1, 0.3, 0.9};
    for (int r = 0; r < 3; r++) {
        draw(mask, (real)rates[r], 1, 0);
        int zeros = 0;
        for (int i = 0; i < ROWS * WIDTH; i++) {
            zeros += mask[i] == 0;
            if (mask[i] != 0) CU_ASSERT_DOUBLE_EQUAL(mask[i], 1 / (1 - rates[r]), 1e-12);
        }
        CU_ASSERT_DOUBLE_EQUAL((double)zeros / (ROWS * WIDTH), rates[r], 0.015);
    }
    draw(mask, 0, 1, 0);
    for (int i = 0; i < ROWS * WIDTH; i++) CU_ASSERT_EQUAL(mask[i], 1);
}

/* Share of numbers on which two masks agree; independent ones at rate .5 agree on half. */
static double agreement(void)
{
    int same = 0;
    for (int i = 0; i < ROWS * WIDTH; i++) same += mask[i] == other[i];
    return (double)same / (ROWS * WIDTH);
}

static void dropout_is_keyed(void)
{
    draw(mask, 0.5, 1, 4);
    draw(other, 0.5, 1, 4);
    CU_ASSERT_EQUAL(agreement(), 1);
    draw(other, 0.5, 2, 4);
    CU_ASSERT_DOUBLE_EQUAL(agreement(), 0.5, 0.02);
    draw(other, 0.5, 1, 5);
    CU_ASSERT_DOUBLE_EQUAL(agreement(), 0.5, 0.02);
    for (uint32_t i = 0; i < ROWS; i++) ids[i] = ROWS - 1 - i; /* packed in another order */
    draw(other, 0.5, 1, 4);
    for (size_t i = 0; i < ROWS; i++)
        CU_ASSERT_EQUAL(
            memcmp(mask + i * WIDTH, other + (ROWS - 1 - i) * WIDTH, WIDTH * sizeof(real)), 0);
    int same = 0; /* columns of a row differ too */
    for (int j = 8; j < WIDTH; j++) same += mask[j] == mask[j - 8];
    CU_ASSERT(same > 20 && same < 75);
}

/* The documented words: the mask is a pure function of its key, whoever draws it. */
static void dropout_reads_its_words(void)
{
    for (uint32_t i = 0; i < ROWS; i++) ids[i] = 7 * i;
    draw(mask, 0.25, 9, 4095);
    for (uint32_t i = 0; i < ROWS; i += 50)
        for (uint32_t j = 0; j < WIDTH; j++) {
            uint32_t words[4];
            random_block(words, 3, RANDOM_DROPOUT, 9, ids[i], 4095u << 20 | j % 16);
            const uint32_t bits = words[j / 32] >> j / 16 % 2 * 16 & 0xffff;
            CU_ASSERT_EQUAL(mask[i * WIDTH + j] != 0, bits >= 16384);
        }
}

const char *const suite_name = "layers";
const struct suite_test suite_tests[] = {
    {"linear has its gradients", linear_has_its_gradients},
    {"layer norm has its gradients", layer_norm_has_its_gradients},
    {"layer norm normalises", layer_norm_normalises},
    {"GELU has its gradient", gelu_has_its_gradient},
    {"embedding has its gradient", embedding_has_its_gradient},
    {"cross-entropy has its gradient", cross_entropy_has_its_gradient},
    {"cross-entropy takes extremes", cross_entropy_takes_extremes},
    {"soft cross-entropy has its gradient", soft_cross_entropy_has_its_gradient},
    {"soft cross-entropy takes wide rows", soft_cross_entropy_takes_wide_rows},
    {"nothing comes of no rows", nothing_comes_of_no_rows},
    {"dropout keeps its rate", dropout_keeps_its_rate},
    {"dropout is keyed", dropout_is_keyed},
    {"dropout reads its words", dropout_reads_its_words},
    {NULL, NULL},
};
