/* One pre-norm Transformer-XL layer. */
#include "block.h"

#include "gemm.h"

#include <string.h>

enum { EXPANSION = 4, TAPE_PIECES = 12 }; /* EXPANSION: hidden width of the feed-forward half */

/* Weights start at variance 1 / inputs, so that activations keep theirs at any width; the residual
 * projections at a 2 depth-th of that (Radford et al. 2019, section 2.3).  The tensors are added in
 * the order in which the backward pass finishes them. */
void block_define(struct block *block, struct parameters *parameters, const char *prefix,
                  size_t width, size_t heads, size_t depth)
{
    ASSERT(heads > 0 && width % heads == 0);
    const size_t hidden = EXPANSION * width;
    const double scale = 1 / sqrt((double)width), residual = 1 / sqrt(2 * (double)depth);
    const enum initializer zero = INITIALIZE_ZERO, one = INITIALIZE_ONE, normal = INITIALIZE_NORMAL;
    struct parameters *p = parameters;
    *block = (struct block){.width = width, .heads = heads, .first = p->count};
    block->down = parameters_add(p, hidden, width, normal, residual / sqrt((double)hidden),
                                 "%s/feedforward/down/weight", prefix);
    block->down_bias = parameters_add(p, 1, width, zero, 0, "%s/feedforward/down/bias", prefix);
    block->up = parameters_add(p, width, hidden, normal, scale, "%s/feedforward/up/weight", prefix);
    block->up_bias = parameters_add(p, 1, hidden, zero, 0, "%s/feedforward/up/bias", prefix);
    block->norm2_gain = parameters_add(p, 1, width, one, 0, "%s/norm2/gain", prefix);
    block->norm2_bias = parameters_add(p, 1, width, zero, 0, "%s/norm2/bias", prefix);
    block->out = parameters_add(p, width, width, normal, residual * scale,
                                "%s/attention/out/weight", prefix);
    block->out_bias = parameters_add(p, 1, width, zero, 0, "%s/attention/out/bias", prefix);
    block->u = parameters_add(p, 1, width, zero, 0, "%s/attention/u", prefix);
    block->v_bias = parameters_add(p, 1, width, zero, 0, "%s/attention/v", prefix);
    block->relative =
        parameters_add(p, width, width, normal, scale, "%s/attention/relative/weight", prefix);
    block->qkv =
        parameters_add(p, width, 3 * width, normal, scale, "%s/attention/qkv/weight", prefix);
    block->norm1_gain = parameters_add(p, 1, width, one, 0, "%s/norm1/gain", prefix);
    block->norm1_bias = parameters_add(p, 1, width, zero, 0, "%s/norm1/bias", prefix);
    block->count = p->count - block->first;
}

static void take_tape(struct block_tape *tape, const struct block *block, size_t n,
                      size_t relative_rows, struct arena *activations)
{
    const size_t rows = n * block->width;
    tape->x1 = arena_reals(activations, rows);
    tape->stat1 = arena_reals(activations, 2 * n);
    tape->norm1 = arena_reals(activations, rows);
    tape->qkv = arena_reals(activations, 3 * rows);
    tape->r = arena_reals(activations, relative_rows * block->width);
    tape->lse = arena_reals(activations, block->heads * n);
    tape->mixed = arena_reals(activations, rows);
    tape->x2 = arena_reals(activations, rows);
    tape->stat2 = arena_reals(activations, 2 * n);
    tape->norm2 = arena_reals(activations, rows);
    tape->up = arena_reals(activations, EXPANSION * rows);
    tape->gelu = arena_reals(activations, EXPANSION * rows);
}

void block_forward(const struct block *block, const real *theta, real *x, struct block_tape *tape,
                   const struct block_call *call, struct arena *activations, struct arena *scratch)
{
    const struct attention *a = &call->attention;
    const size_t n = call->n, width = block->width, hidden = EXPANSION * width;
    const size_t rows = attention_relative_rows(a->causal, a->reach), mark = arena_mark(scratch);
    ASSERT(a->width == width && a->heads == block->heads);
    take_tape(tape, block, n, rows, activations);
    real *work = arena_reals(scratch, n * width);
    const struct branch attended = {tape->x1, &call->dropout, call->id, call->site};
    const struct branch fed = {tape->x2, &call->dropout, call->id, call->site + 1};

    memcpy(tape->x1, x, n * width * sizeof(real));
    layer_norm_forward(tape->norm1, tape->stat1, x, theta + block->norm1_gain,
                       theta + block->norm1_bias, n, width);
    linear_forward(tape->qkv, tape->norm1, theta + block->qkv, NULL, n, width, 3 * width);
    linear_forward(tape->r, call->sinusoids, theta + block->relative, NULL, rows, width, width);
    attention_forward(tape->mixed, tape->lse, tape->qkv, tape->r, theta + block->u,
                      theta + block->v_bias, a, n, scratch);
    linear_branch_forward(tape->x2, work, tape->mixed, theta + block->out, theta + block->out_bias,
                          &attended, n, width, width);

    layer_norm_forward(tape->norm2, tape->stat2, tape->x2, theta + block->norm2_gain,
                       theta + block->norm2_bias, n, width);
    linear_gelu_forward(tape->up, tape->gelu, tape->norm2, theta + block->up,
                        theta + block->up_bias, n, width, hidden);
    linear_branch_forward(x, work, tape->gelu, theta + block->down, theta + block->down_bias, &fed,
                          n, hidden, width);
    arena_reset(scratch, mark);
}

/* A copy of dx behind the branch's dropout, on scratch. */
static real *branch_gradient(const real *dx, const struct block_call *call, uint32_t site,
                             size_t width, struct arena *scratch)
{
    real *dbranch = arena_reals(scratch, call->n * width);
    memcpy(dbranch, dx, call->n * width * sizeof(real));
    dropout_apply(dbranch, &call->dropout, call->id, site, call->n, width);
    return dbranch;
}

static void feedforward_backward(const struct block *block, const real *theta, real *gradient,
                                 real *dx, const struct block_tape *tape,
                                 const struct block_call *call, struct arena *scratch)
{
    const size_t n = call->n, width = block->width, hidden = EXPANSION * width;
    const size_t mark = arena_mark(scratch);
    real *dbranch = branch_gradient(dx, call, call->site + 1, width, scratch);
    real *dhidden = arena_reals(scratch, n * hidden);
    linear_gelu_backward(dhidden, gradient + block->down, gradient + block->down_bias, dbranch,
                         tape->up, tape->gelu, theta + block->down, n, hidden, width);
    real *dnorm = dbranch; /* done with: reused */
    linear_backward(dnorm, gradient + block->up, gradient + block->up_bias, dhidden, tape->norm2,
                    theta + block->up, n, width, hidden);
    layer_norm_backward(dx, gradient + block->norm2_gain, gradient + block->norm2_bias, dnorm,
                        tape->x2, tape->stat2, theta + block->norm2_gain, n, width);
    arena_reset(scratch, mark);
}

static bool has_context(const struct attention *a)
{
    for (size_t i = 0; i < a->n_spans; i++)
        if (a->spans[i].context > 0) return true;
    return false;
}

/* dmixed -> dqkv, the gradients of r, u and v, and memory's part of the weight of keys and values
 * (the columns from width on). */
static void mixing_backward(const struct block *block, const real *theta, real *gradient,
                            real *dqkv, const real *dmixed, const struct block_tape *tape,
                            const struct block_call *call, struct arena *scratch)
{
    const struct attention *a = &call->attention;
    const size_t n = call->n, width = block->width;
    const size_t rows = attention_relative_rows(a->causal, a->reach);
    const struct attention_gradient g = {
        .dqkv = dqkv,
        .dmemory = has_context(a) ? arena_reals(scratch, 2 * n * width) : NULL,
        .dr = arena_zeros(scratch, rows * width),
        .du = gradient + block->u,
        .dv_bias = gradient + block->v_bias};
    attention_backward(&g, dmixed, tape->mixed, tape->lse, tape->qkv, tape->r, theta + block->u,
                       theta + block->v_bias, a, n, scratch);
    linear_backward(NULL, gradient + block->relative, NULL, g.dr, call->sinusoids, NULL, rows,
                    width, width);
    if (g.dmemory)
        gemm(width, 2 * width, n, 1, (struct gemm_operand){tape->norm1, width, true},
             (struct gemm_operand){g.dmemory, 2 * width, false}, 1, gradient + block->qkv + width,
             3 * width);
}

static void attention_half_backward(const struct block *block, const real *theta, real *gradient,
                                    real *dx, const struct block_tape *tape,
                                    const struct block_call *call, struct arena *scratch)
{
    const size_t n = call->n, width = block->width, mark = arena_mark(scratch);
    real *dbranch = branch_gradient(dx, call, call->site, width, scratch);
    real *dmixed = arena_reals(scratch, n * width), *dqkv = arena_reals(scratch, 3 * n * width);
    linear_backward(dmixed, gradient + block->out, gradient + block->out_bias, dbranch, tape->mixed,
                    theta + block->out, n, width, width);
    mixing_backward(block, theta, gradient, dqkv, dmixed, tape, call, scratch);
    real *dnorm = dbranch;
    linear_backward(dnorm, gradient + block->qkv, NULL, dqkv, tape->norm1, theta + block->qkv, n,
                    width, 3 * width);
    layer_norm_backward(dx, gradient + block->norm1_gain, gradient + block->norm1_bias, dnorm,
                        tape->x1, tape->stat1, theta + block->norm1_gain, n, width);
    arena_reset(scratch, mark);
}

void block_backward(const struct block *block, const real *theta, real *gradient, real *dx,
                    const struct block_tape *tape, const struct block_call *call,
                    struct arena *scratch)
{
    feedforward_backward(block, theta, gradient, dx, tape, call, scratch);
    ready_announce(&call->ready, block->first, block->out);
    attention_half_backward(block, theta, gradient, dx, tape, call, scratch);
    ready_announce(&call->ready, block->out, block->first + block->count);
}

size_t block_tape_reals(const struct block *block, size_t n, size_t relative_rows)
{
    const size_t step = (8 + 2 * EXPANSION) * block->width + 4 + block->heads;
    return n * step + relative_rows * block->width + TAPE_PIECES * (64 / sizeof(real));
}

size_t block_scratch_bytes(const struct block *block, size_t n, size_t count, size_t context)
{
    const size_t width = block->width, rows = 2 * (count + context) + 1;
    /* The attention half's backward pass: dbranch, dmixed, dqkv, dr and, with context, dmemory; the
     * other half needs 5 n width. */
    const size_t reals = ((context > 0 ? 7 : 5) * n + rows) * width;
    return reals * sizeof(real) + 5 * (size_t)64 +
           attention_scratch_bytes(width, block->heads, count, context);
}
