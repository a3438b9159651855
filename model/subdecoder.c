/* Sub-decoders: onset grid, chroma a bar, linear attributes. */
#include "subdecoder.h"

#include <string.h>

const double SUBDECODER_ATTRIBUTE_PRECISION = 10;

static const size_t N_FACTOR_ATTRIBUTES[2] = {BATCH_RHYTHM_ATTRIBUTES, BATCH_TONAL_ATTRIBUTES};

static size_t n_cells(const struct subdecoder_shape *shape)
{
    return shape->vocabulary.bars * shape->vocabulary.size[FIELD_POSITION];
}

void subdecoder_define(struct subdecoder *sub, struct parameters *parameters, const char *prefix,
                       const struct subdecoder_shape *shape)
{
    const size_t width = shape->width, chroma = shape->vocabulary.bars * BATCH_PITCH_CLASSES;
    const double in = 1 / sqrt((double)shape->latent);
    static const char *const group[2] = {"rhythm", "tonal"};
    *sub = (struct subdecoder){.shape = *shape, .first = parameters->count};
    sub->onset_in = parameters_add(parameters, shape->latent, width, INITIALIZE_NORMAL, in,
                                   "%s/onset/in/weight", prefix);
    sub->onset_cell = parameters_add(parameters, n_cells(shape), width, INITIALIZE_NORMAL, 0.5,
                                     "%s/onset/cell", prefix);
    sub->onset_out = parameters_add(parameters, width, N_ONSET, INITIALIZE_NORMAL, 0.02,
                                    "%s/onset/out/weight", prefix);
    sub->onset_bias =
        parameters_add(parameters, 1, N_ONSET, INITIALIZE_ZERO, 0, "%s/onset/out/bias", prefix);
    sub->chroma_in = parameters_add(parameters, shape->latent, width, INITIALIZE_NORMAL, in,
                                    "%s/chroma/in/weight", prefix);
    sub->chroma_in_bias =
        parameters_add(parameters, 1, width, INITIALIZE_ZERO, 0, "%s/chroma/in/bias", prefix);
    sub->chroma_out = parameters_add(parameters, width, chroma, INITIALIZE_NORMAL, 0.02,
                                     "%s/chroma/out/weight", prefix);
    sub->chroma_bias =
        parameters_add(parameters, 1, chroma, INITIALIZE_ZERO, 0, "%s/chroma/out/bias", prefix);
    for (int g = 0; g < 2; g++) {
        sub->attributes[g] = parameters_add(parameters, shape->mixture, N_FACTOR_ATTRIBUTES[g],
                                            INITIALIZE_NORMAL, 1 / sqrt((double)shape->mixture),
                                            "%s/attributes/%s/weight", prefix, group[g]);
        sub->attributes_bias[g] =
            parameters_add(parameters, 1, N_FACTOR_ATTRIBUTES[g], INITIALIZE_ZERO, 0,
                           "%s/attributes/%s/bias", prefix, group[g]);
    }
    sub->count = parameters->count - sub->first;
}

static void add_to(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* The cells of the grid that exist: which segment and which cell, and what is in them. */
struct cells {
    size_t n;
    uint32_t *segment, *cell;
    uint8_t *target;
};

static void list_cells(struct cells *cells, const struct batch *batch, size_t per_segment,
                       struct arena *scratch)
{
    const size_t all = batch->n_segments * per_segment;
    cells->n = 0;
    cells->segment = arena_take(scratch, all * sizeof *cells->segment);
    cells->cell = arena_take(scratch, all * sizeof *cells->cell);
    cells->target = arena_take(scratch, all);
    for (size_t i = 0; i < all; i++) {
        if (batch->onset[i] == SYMBOL_NONE) continue;
        cells->segment[cells->n] = (uint32_t)(i / per_segment);
        cells->cell[cells->n] = (uint32_t)(i % per_segment);
        cells->target[cells->n++] = batch->onset[i];
    }
}

static double onset_loss(const struct subdecoder *sub, const real *theta, real *gradient, real *dz,
                         const real *z, const struct batch *batch, double scale,
                         struct arena *scratch)
{
    const size_t width = sub->shape.width, latent = sub->shape.latent, mark = arena_mark(scratch);
    struct cells cells;
    list_cells(&cells, batch, n_cells(&sub->shape), scratch);
    real *u = arena_reals(scratch, batch->n_segments * width);
    real *pre = arena_reals(scratch, cells.n * width);
    real *active = arena_reals(scratch, cells.n * width);
    real *logits = arena_reals(scratch, cells.n * N_ONSET);
    linear_forward(u, z, theta + sub->onset_in, NULL, batch->n_segments, latent, width);
    for (size_t i = 0; i < cells.n; i++) {
        const real *a = u + cells.segment[i] * width;
        const real *b = theta + sub->onset_cell + cells.cell[i] * width;
        for (size_t j = 0; j < width; j++) pre[i * width + j] = a[j] + b[j];
    }
    gelu_forward(active, pre, cells.n * width);
    linear_forward(logits, active, theta + sub->onset_out, theta + sub->onset_bias, cells.n, width,
                   N_ONSET);
    const double loss = cross_entropy(gradient ? logits : NULL, logits, cells.target, (real)scale,
                                      cells.n, N_ONSET);
    if (gradient) {
        real *d = arena_reals(scratch, cells.n * width);
        real *du = arena_zeros(scratch, batch->n_segments * width);
        real *dlatent = arena_reals(scratch, batch->n_segments * latent);
        linear_gelu_backward(d, gradient + sub->onset_out, gradient + sub->onset_bias, logits, pre,
                             active, theta + sub->onset_out, cells.n, width, N_ONSET);
        for (size_t i = 0; i < cells.n; i++) {
            add_to(du + cells.segment[i] * width, d + i * width, width);
            add_to(gradient + sub->onset_cell + cells.cell[i] * width, d + i * width, width);
        }
        linear_backward(dlatent, gradient + sub->onset_in, NULL, du, z, theta + sub->onset_in,
                        batch->n_segments, latent, width);
        add_to(dz, dlatent, batch->n_segments * latent);
    }
    arena_reset(scratch, mark);
    return loss;
}

static double chroma_loss(const struct subdecoder *sub, const real *theta, real *gradient, real *dz,
                          const real *z, const struct batch *batch, double scale,
                          struct arena *scratch)
{
    const size_t n = batch->n_segments, width = sub->shape.width, latent = sub->shape.latent;
    const size_t bars = sub->shape.vocabulary.bars, out = bars * BATCH_PITCH_CLASSES;
    const size_t mark = arena_mark(scratch);
    real *pre = arena_reals(scratch, n * width);
    real *active = arena_reals(scratch, n * width);
    real *logits = arena_reals(scratch, n * out);
    linear_gelu_forward(pre, active, z, theta + sub->chroma_in, theta + sub->chroma_in_bias, n,
                        latent, width);
    linear_forward(logits, active, theta + sub->chroma_out, theta + sub->chroma_bias, n, width,
                   out);
    const double loss = cross_entropy_soft(gradient ? logits : NULL, logits, batch->chroma,
                                           (real)scale, n * bars, BATCH_PITCH_CLASSES);
    if (gradient) {
        real *d = arena_reals(scratch, n * width);
        real *dlatent = arena_reals(scratch, n * latent);
        linear_gelu_backward(d, gradient + sub->chroma_out, gradient + sub->chroma_bias, logits,
                             pre, active, theta + sub->chroma_out, n, width, out);
        linear_backward(dlatent, gradient + sub->chroma_in, gradient + sub->chroma_in_bias, d, z,
                        theta + sub->chroma_in, n, latent, width);
        add_to(dz, dlatent, n * latent);
    }
    arena_reset(scratch, mark);
    return loss;
}

/* The first `mixture` of each row's `latent` coordinates, side by side. */
static real *mixture_part(const struct subdecoder *sub, const real *z, size_t n,
                          struct arena *scratch)
{
    real *part = arena_reals(scratch, n * sub->shape.mixture);
    for (size_t i = 0; i < n; i++)
        memcpy(part + i * sub->shape.mixture, z + i * sub->shape.latent,
               sub->shape.mixture * sizeof(real));
    return part;
}

void subdecoder_attributes(const struct subdecoder *sub, const real *theta, int group, real *y,
                           const real *z, size_t n, struct arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    linear_forward(y, mixture_part(sub, z, n, scratch), theta + sub->attributes[group],
                   theta + sub->attributes_bias[group], n, sub->shape.mixture,
                   N_FACTOR_ATTRIBUTES[group]);
    arena_reset(scratch, mark);
}

static double attribute_loss(const struct subdecoder *sub, int group, const real *theta,
                             real *gradient, real *dz, const real *z, const struct batch *batch,
                             double scale, struct arena *scratch)
{
    const size_t n = batch->n_segments, out = N_FACTOR_ATTRIBUTES[group];
    const size_t mixture = sub->shape.mixture, mark = arena_mark(scratch);
    const real *target = group ? batch->tonal_attributes : batch->rhythm_attributes;
    real *y = arena_reals(scratch, n * out);
    double loss = 0;
    subdecoder_attributes(sub, theta, group, y, z, n, scratch);
    for (size_t i = 0; i < n * out; i++) {
        const real error = isnan(target[i]) ? 0 : y[i] - target[i];
        loss += 0.5 * SUBDECODER_ATTRIBUTE_PRECISION * (double)error * (double)error;
        y[i] = error * (real)(SUBDECODER_ATTRIBUTE_PRECISION * scale);
    }
    if (gradient) {
        real *d = arena_reals(scratch, n * mixture);
        linear_backward(d, gradient + sub->attributes[group],
                        gradient + sub->attributes_bias[group], y, mixture_part(sub, z, n, scratch),
                        theta + sub->attributes[group], n, mixture, out);
        for (size_t i = 0; i < n; i++) add_to(dz + i * sub->shape.latent, d + i * mixture, mixture);
    }
    arena_reset(scratch, mark);
    return loss;
}

void subdecoder_loss(const struct subdecoder *sub, const real *theta, real *gradient,
                     real *const dz[2], const real *const z[2], const struct batch *batch,
                     double scale, double loss[N_SUBDECODER], struct arena *scratch)
{
    loss[SUBDECODER_ONSET] += onset_loss(sub, theta, gradient, dz[0], z[0], batch, scale, scratch);
    loss[SUBDECODER_CHROMA] +=
        chroma_loss(sub, theta, gradient, dz[1], z[1], batch, scale, scratch);
    for (int g = 0; g < 2; g++)
        loss[SUBDECODER_ATTRIBUTES] +=
            attribute_loss(sub, g, theta, gradient, dz[g], z[g], batch, scale, scratch);
}

size_t subdecoder_cells(const struct subdecoder *sub)
{
    return n_cells(&sub->shape);
}

size_t subdecoder_scratch_bytes(const struct subdecoder *sub, size_t n_segments, size_t cells)
{
    const size_t width = sub->shape.width, latent = sub->shape.latent;
    const size_t listed = n_segments * n_cells(&sub->shape); /* two numbers and a target each */
    const size_t onset =
        cells * (3 * width + N_ONSET) + 3 * listed + n_segments * (2 * width + latent);
    const size_t chroma =
        n_segments * (3 * width + latent + sub->shape.vocabulary.bars * BATCH_PITCH_CLASSES);
    return (onset > chroma ? onset : chroma) * sizeof(real) + 4096;
}
