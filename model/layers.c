/* Linear layer, layer norm, GELU, embedding. */
#include "layers.h"

#include "gemm.h"
#include "simd.h"

static const real epsilon = REAL(1e-5);

/* What is done with the rows of a product while they are in the cache; y is the product. */
struct after {
    size_t width;
    real *y;
    const real *bias;
    real *act;       /* GELU(y) goes there */
    const real *pre; /* y is multiplied by GELU'(pre) */
    const struct branch *branch;
    real *x; /* of the branch */
};

SIMD_CLONES static void add_bias(real *restrict y, const real *restrict bias, size_t n,
                                 size_t width)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++) y[i * width + j] += bias[j];
}

SIMD_CLONES static void add_residual(real *x, const real *residual, const real *y, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) x[i] = residual[i] + y[i];
}

static void after_rows(const void *context, size_t first, size_t count)
{
    const struct after *a = context;
    const size_t place = first * a->width, n = count * a->width;
    if (a->bias) add_bias(a->y + place, a->bias, count, a->width);
    if (a->act) gelu_forward(a->act + place, a->y + place, n);
    if (a->pre) gelu_backward(a->y + place, a->y + place, a->pre + place, n);
    if (!a->branch) return;
    dropout_apply(a->y + place, a->branch->dropout, a->branch->id + first, a->branch->site, count,
                  a->width);
    add_residual(a->x + place, a->branch->residual + place, a->y + place, n);
}

static void product_and(const struct after *after, struct gemm_operand x, struct gemm_operand w,
                        size_t n, size_t in, size_t out)
{
    const struct gemm_then then = {.rows = after_rows, .context = after};
    gemm_and(n, out, in, x, w, 0, after->y, out, &then);
}

void linear_forward(real *y, const real *x, const real *w, const real *b, size_t n, size_t in,
                    size_t out)
{
    const struct after after = {.width = out, .y = y, .bias = b};
    product_and(&after, (struct gemm_operand){x, in, false}, (struct gemm_operand){w, out, false},
                n, in, out);
}

void linear_gelu_forward(real *y, real *act, const real *x, const real *w, const real *b, size_t n,
                         size_t in, size_t out)
{
    const struct after after = {.width = out, .y = y, .bias = b, .act = act};
    product_and(&after, (struct gemm_operand){x, in, false}, (struct gemm_operand){w, out, false},
                n, in, out);
}

void linear_branch_forward(real *x, real *y, const real *a, const real *w, const real *b,
                           const struct branch *branch, size_t n, size_t in, size_t out)
{
    const struct after after = {.width = out, .y = y, .bias = b, .branch = branch, .x = x};
    product_and(&after, (struct gemm_operand){a, in, false}, (struct gemm_operand){w, out, false},
                n, in, out);
}

/* dw += x^T dy; db += column sums of dy. */
static void weight_backward(real *dw, real *db, const real *dy, const real *x, size_t n, size_t in,
                            size_t out)
{
    const struct gemm_then then = {.column_sums = db};
    gemm_and(in, out, n, (struct gemm_operand){x, in, true}, (struct gemm_operand){dy, out, false},
             1, dw, out, &then);
}

void linear_backward(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w,
                     size_t n, size_t in, size_t out)
{
    weight_backward(dw, db, dy, x, n, in, out);
    if (dx)
        gemm(n, in, out, 1, (struct gemm_operand){dy, out, false},
             (struct gemm_operand){w, out, true}, 0, dx, in);
}

void linear_gelu_backward(real *dpre, real *dw, real *db, const real *dy, const real *pre,
                          const real *act, const real *w, size_t n, size_t in, size_t out)
{
    const struct after after = {.width = in, .y = dpre, .pre = pre};
    weight_backward(dw, db, dy, act, n, in, out);
    product_and(&after, (struct gemm_operand){dy, out, false}, (struct gemm_operand){w, out, true},
                n, out, in);
}

SIMD_CLONES void layer_norm_forward(real *y, real *stat, const real *x, const real *gain,
                                    const real *bias, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++) {
        const real *row = x + i * width;
        const real mean = simd_sum(row, width) / (real)width;
        real square = 0;
#pragma omp simd reduction(+ : square)
        for (size_t j = 0; j < width; j++) square += (row[j] - mean) * (row[j] - mean);
        const real rstd = 1 / real_sqrt(square / (real)width + epsilon);
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            y[i * width + j] = (row[j] - mean) * rstd * gain[j] + bias[j];
        stat[2 * i] = mean;
        stat[2 * i + 1] = rstd;
    }
}

SIMD_CLONES void layer_norm_backward(real *dx, real *dgain, real *dbias, const real *dy,
                                     const real *x, const real *stat, const real *gain, size_t n,
                                     size_t width)
{
    for (size_t i = 0; i < n; i++) {
        const real *row = x + i * width, *drow = dy + i * width;
        const real mean = stat[2 * i], rstd = stat[2 * i + 1];
        real sum = 0, dot = 0; /* of the normalised row's gradient, and of it with the row */
#pragma omp simd reduction(+ : sum, dot)
        for (size_t j = 0; j < width; j++) {
            const real normal = (row[j] - mean) * rstd;
            dgain[j] += drow[j] * normal;
            dbias[j] += drow[j];
            sum += drow[j] * gain[j];
            dot += drow[j] * gain[j] * normal;
        }
        sum /= (real)width;
        dot /= (real)width;
        if (!dx) continue;
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            dx[i * width + j] += rstd * (drow[j] * gain[j] - sum - (row[j] - mean) * rstd * dot);
    }
}

/* GELU(x) = x gate(x): (1 + tanh z) / 2 is the logistic function of 2 z. */
static const real gelu_scale = REAL(1.5957691216057308); /* 2 sqrt(2 / pi) */
static const real gelu_cubic = REAL(0.044715);

SIMD_INLINE real gate(real x)
{
    return 1 / (1 + simd_exp(-gelu_scale * (x + gelu_cubic * x * x * x)));
}

SIMD_CLONES void gelu_forward(real *y, const real *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = x[i] * gate(x[i]);
}

SIMD_CLONES void gelu_backward(real *dx, const real *dy, const real *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const real g = gate(x[i]);
        const real slope = gelu_scale * (1 + 3 * gelu_cubic * x[i] * x[i]);
        dx[i] = dy[i] * (g + x[i] * g * (1 - g) * slope);
    }
}

void embedding_forward(real *y, const real *table, const uint8_t *symbol, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++) {
        if (symbol[i] == SYMBOL_NONE) continue;
        const real *row = table + symbol[i] * width;
        for (size_t j = 0; j < width; j++) y[i * width + j] += row[j];
    }
}

void embedding_backward(real *dtable, const real *dy, const uint8_t *symbol, size_t n, size_t width)
{
    for (size_t i = 0; i < n; i++) {
        if (symbol[i] == SYMBOL_NONE) continue;
        real *row = dtable + symbol[i] * width;
        for (size_t j = 0; j < width; j++) row[j] += dy[i * width + j];
    }
}
