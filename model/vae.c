/* The model assembled: latents, conditions, the order of passes. */
#include "vae.h"

#include "random.h"

#include <string.h>

const char *const loss_part_names[N_LOSS_PARTS] = {
    "tempo", "signature", "position",      "pitch",    "duration", "velocity",   "type",
    "onset", "chroma",    "attributes",    "residual", "kl",       "category",   "dispersion",
    "label", "entropy",   "max_posterior", "correct",  "fader",    "correlation"};

enum { SITE_DECODER = 0, SITE_RHYTHM = 100, SITE_TONAL = 200 };

static const char *const ENCODER_NAMES[N_FACTORS] = {"encoder/rhythm", "encoder/tonal"};

static struct mixture_shape mixture_shape(const struct vae_shape *shape)
{
    return (struct mixture_shape){.n_components = MIXTURE_EMOTIONS * shape->per_emotion,
                                  .per_emotion = shape->per_emotion,
                                  .dimensions = N_FACTORS * shape->latent_mixture};
}

static size_t condition_size(const struct vae_shape *shape)
{
    return N_FACTORS * vae_latent(shape) + BATCH_PITCH_CLASSES;
}

static void define_mixture(struct vae *vae)
{
    const struct mixture_shape shape = mixture_shape(&vae->shape);
    const size_t k = shape.n_components, d = shape.dimensions;
    vae->first_mixture = vae->parameters.count;
    vae->mixture_mean = parameters_add(&vae->parameters, k, d, INITIALIZE_ZERO, 0, "mixture/mean");
    vae->mixture_log_variance =
        parameters_add(&vae->parameters, k, d, INITIALIZE_ZERO, 0, "mixture/log_variance");
    vae->mixture_log_weight =
        parameters_add(&vae->parameters, 1, k, INITIALIZE_ZERO, 0, "mixture/log_weight");
    vae->end_mixture = vae->parameters.count;
}

static void define_encoder(struct vae *vae, enum factor group)
{
    const struct vae_shape *shape = &vae->shape;
    const struct encoder_shape encoder = {
        .width = shape->width,
        .heads = shape->heads,
        .layers = shape->encoder_layers,
        .latent = vae_latent(shape),
        .rhythm = shape->full_inputs || group == FACTOR_RHYTHM,
        .tonal = shape->full_inputs || group == FACTOR_TONAL,
        .count = group == FACTOR_RHYTHM,
    };
    encoder_define(&vae->encoder[group], &vae->parameters, ENCODER_NAMES[group], &encoder,
                   &shape->vocabulary, group == FACTOR_RHYTHM ? SITE_RHYTHM : SITE_TONAL);
}

enum status vae_init(struct vae *vae, const struct vae_shape *shape)
{
    *vae = (struct vae){.shape = *shape};
    const enum status status = parameters_init(&vae->parameters);
    if (status != OK) return status;
    const struct decoder_shape decoder = {.width = shape->width,
                                          .heads = shape->heads,
                                          .layers = shape->decoder_layers,
                                          .condition = condition_size(shape),
                                          .memory = shape->memory};
    const struct subdecoder_shape subdecoder = {.width = shape->width,
                                                .latent = vae_latent(shape),
                                                .mixture = shape->latent_mixture,
                                                .vocabulary = shape->vocabulary};
    /* the order in which the backward pass finishes them */
    decoder_define(&vae->decoder, &vae->parameters, "decoder", &decoder, &shape->vocabulary,
                   SITE_DECODER);
    subdecoder_define(&vae->subdecoder, &vae->parameters, "subdecoder", &subdecoder);
    define_mixture(vae);
    define_encoder(vae, FACTOR_TONAL);
    define_encoder(vae, FACTOR_RHYTHM);
    return OK;
}

void vae_fini(struct vae *vae)
{
    parameters_fini(&vae->parameters);
    *vae = (struct vae){0};
}

void vae_initialize(const struct vae *vae, real *theta, uint64_t seed)
{
    const struct mixture_shape shape = mixture_shape(&vae->shape);
    static const double SIMPLEX_DISTANCE = 3.5; /* sigma, model.md section 3 */
    parameters_initialize(&vae->parameters, theta, seed);
    mixture_initialize(&shape, theta + vae->mixture_mean, theta + vae->mixture_log_variance,
                       theta + vae->mixture_log_weight, SIMPLEX_DISTANCE, seed);
}

struct mixture vae_mixture(const struct vae *vae, const real *theta)
{
    return (struct mixture){.shape = mixture_shape(&vae->shape),
                            .mean = theta + vae->mixture_mean,
                            .log_variance = theta + vae->mixture_log_variance,
                            .log_weight = theta + vae->mixture_log_weight};
}

enum factor vae_fader_factor(int fader)
{
    return fader < VAE_FADERS ? FACTOR_RHYTHM : FACTOR_TONAL;
}

size_t vae_fader_coordinate(int fader)
{
    return (size_t)fader % VAE_FADERS;
}

static uint32_t segment_key(const struct batch *batch, size_t row, size_t segment)
{
    return batch->row_id[row] * BATCH_ROW_STEPS + (uint32_t)(segment - batch->row_segment[row]);
}

/* The posterior's standard normal numbers: one draw a segment for both groups. */
static void draw_noise(const struct vae *vae, struct vae_tape *tape, const struct vae_noise *noise)
{
    const size_t latent = vae_latent(&vae->shape);
    const struct batch *batch = tape->batch;
    for (size_t row = 0; row < batch->n_rows; row++)
        for (size_t s = batch->row_segment[row]; s < batch->row_segment[row + 1]; s++)
            for (int g = 0; g < N_FACTORS; g++)
                random_normals(tape->noise[g] + s * latent, latent, noise->dropout.seed,
                               RANDOM_POSTERIOR, 2 * noise->dropout.step + (uint64_t)g,
                               segment_key(batch, row, s));
}

static void draw_latents(const struct vae *vae, struct vae_tape *tape,
                         const struct vae_noise *noise, struct arena *activations)
{
    const size_t latent = vae_latent(&vae->shape), mixed = vae->shape.latent_mixture;
    const size_t n = tape->batch->n_segments;
    for (int g = 0; g < N_FACTORS; g++) {
        tape->noise[g] = arena_zeros(activations, n * latent);
        tape->z[g] = arena_reals(activations, n * latent);
        tape->dz[g] = arena_reals(activations, n * latent);
        tape->dmoments[g] = arena_reals(activations, n * 2 * latent);
    }
    if (noise->sample) draw_noise(vae, tape, noise);
    for (size_t i = 0; i < n; i++)
        for (int g = 0; g < N_FACTORS; g++) {
            const real *m = tape->encoder[g].moments + i * 2 * latent, *s = m + latent;
            for (size_t d = 0; d < latent; d++)
                tape->z[g][i * latent + d] =
                    m[d] + real_exp(s[d] / 2) * tape->noise[g][i * latent + d];
            memcpy(tape->m + (i * N_FACTORS + (size_t)g) * mixed, m, mixed * sizeof *m);
            memcpy(tape->s + (i * N_FACTORS + (size_t)g) * mixed, s, mixed * sizeof *s);
        }
}

void vae_encode(const struct vae *vae, const real *theta, struct vae_tape *tape,
                const struct batch *batch, const struct vae_noise *noise, double temperature,
                struct arena *activations, struct arena *scratch)
{
    const struct mixture mixture = vae_mixture(vae, theta);
    const size_t n = batch->n_segments;
    *tape = (struct vae_tape){.batch = batch};
    for (int g = 0; g < N_FACTORS; g++)
        encoder_forward(&vae->encoder[g], theta, &tape->encoder[g], batch, &noise->dropout,
                        activations, scratch);
    tape->m = arena_reals(activations, n * mixture.shape.dimensions);
    tape->s = arena_reals(activations, n * mixture.shape.dimensions);
    tape->q = arena_reals(activations, n * mixture.shape.n_components);
    tape->kl = arena_reals(activations, n * mixture.shape.n_components);
    draw_latents(vae, tape, noise, activations);
    mixture_posterior(tape->q, tape->kl, &mixture, tape->m, tape->s, temperature, n);
}

void vae_condition(const struct vae_shape *shape, real *condition, const real *const z[N_FACTORS],
                   const uint8_t *tonic, size_t n)
{
    const size_t latent = vae_latent(shape), size = condition_size(shape);
    memset(condition, 0, n * size * sizeof *condition);
    for (size_t i = 0; i < n; i++) {
        for (size_t g = 0; g < N_FACTORS; g++)
            memcpy(condition + i * size + g * latent, z[g] + i * latent, latent * sizeof(real));
        condition[i * size + N_FACTORS * latent + tonic[i]] = 1;
    }
}

void vae_decode(const struct vae *vae, const real *theta, real *gradient, struct vae_tape *tape,
                const struct vae_decode_call *call, double loss[N_LOSS_PARTS],
                struct arena *activations, struct arena *scratch)
{
    const struct batch *batch = tape->batch;
    const size_t n = batch->n_segments, latent = vae_latent(&vae->shape);
    const size_t size = condition_size(&vae->shape), mark = arena_mark(activations);
    const real *const z[N_FACTORS] = {tape->z[0], tape->z[1]};
    double event[N_EVENT_LOSSES] = {0}, sub[N_SUBDECODER] = {0};
    real *condition = arena_reals(activations, n * size);
    real *dcondition = arena_zeros(activations, n * size);
    const struct decoder_call decoder = {.batch = batch,
                                         .condition = condition,
                                         .dcondition = dcondition,
                                         .dropout = call->noise->dropout,
                                         .token_dropout = call->noise->token_dropout,
                                         .scale = call->scale,
                                         .ready = call->ready};
    vae_condition(&vae->shape, condition, z, batch->tonic, n);
    decoder_loss(&vae->decoder, theta, gradient, &decoder, event, activations, scratch);
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < N_FACTORS; g++)
            memcpy(tape->dz[g] + i * latent, dcondition + i * size + g * latent,
                   latent * sizeof(real));
    subdecoder_loss(&vae->subdecoder, theta, gradient, tape->dz, z, batch, call->scale, sub,
                    scratch);
    ready_announce(&call->ready, vae->subdecoder.first,
                   vae->subdecoder.first + vae->subdecoder.count);
    for (int i = 0; i < N_EVENT_LOSSES; i++) loss[LOSS_EVENT + i] += call->scale * event[i];
    loss[LOSS_ONSET] += call->scale * sub[SUBDECODER_ONSET];
    loss[LOSS_CHROMA] += call->scale * sub[SUBDECODER_CHROMA];
    loss[LOSS_ATTRIBUTES] += call->scale * sub[SUBDECODER_ATTRIBUTES];
    arena_reset(activations, mark);
}

void vae_encode_backward(const struct vae *vae, const real *theta, real *gradient,
                         const struct vae_tape *tape, const struct ready *ready,
                         struct arena *scratch)
{
    static const enum factor ORDER[N_FACTORS] = {FACTOR_TONAL, FACTOR_RHYTHM};
    ready_announce(ready, vae->first_mixture, vae->end_mixture);
    for (int i = 0; i < N_FACTORS; i++)
        encoder_backward(&vae->encoder[ORDER[i]], theta, gradient, tape->dmoments[ORDER[i]],
                         &tape->encoder[ORDER[i]], tape->batch, ready, scratch);
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

struct vae_sizes vae_most(const struct vae *vae, size_t n_events, size_t n_rows, size_t n_segments)
{
    const size_t steps = n_events + n_rows, memory = vae->shape.memory;
    const size_t reach = steps < BATCH_ROW_STEPS ? steps : BATCH_ROW_STEPS;
    return (struct vae_sizes){.n_events = n_events,
                              .n_rows = n_rows,
                              .n_segments = n_segments,
                              .n_typed = n_events,
                              .n_cells = n_segments * subdecoder_cells(&vae->subdecoder),
                              .encoder_count = reach,
                              .decoder_count = reach,
                              .decoder_context = memory,
                              .decoder_keys = reach + memory};
}

static size_t encode_bytes(const struct vae *vae, const struct vae_sizes *sizes, size_t slack)
{
    const struct vae_shape *shape = &vae->shape;
    const struct mixture_shape mixture = mixture_shape(shape);
    const size_t width = shape->width, rows = 2 * sizes->encoder_count;
    const size_t layers =
        shape->encoder_layers * block_tape_reals(&vae->encoder[0].block[0], sizes->n_events, rows);
    const size_t encoder = layers + sizes->n_events * (2 * width + 4) + rows * width +
                           sizes->n_segments * (2 * width + 8 * vae_latent(shape) + 8);
    const size_t shared = sizes->n_segments * 2 * (mixture.dimensions + mixture.n_components);
    return (N_FACTORS * encoder + shared) * sizeof(real) + slack;
}

static size_t decode_bytes(const struct vae *vae, const struct vae_sizes *sizes, size_t slack)
{
    const struct vae_shape *shape = &vae->shape;
    const size_t steps = sizes->n_events + sizes->n_rows, width = shape->width;
    const size_t layers = shape->decoder_layers *
                          block_tape_reals(&vae->decoder.block[0], steps, sizes->decoder_keys);
    return (layers + steps * (4 * width + 10) + sizes->decoder_keys * width +
            sizes->n_segments * (2 * condition_size(shape) + 8)) *
               sizeof(real) +
           slack;
}

/* Of the latent losses: slices of the moments, the mixture's gradients, its sums in double. */
static size_t latent_scratch_bytes(const struct vae *vae, size_t n_segments)
{
    const struct mixture_shape mixture = mixture_shape(&vae->shape);
    const size_t a_segment = 8 * vae_latent(&vae->shape) + 2 * mixture.dimensions + 16;
    const size_t sums = 6 * mixture.n_components * mixture.dimensions + 8 * mixture.dimensions +
                        2 * mixture.n_components;
    const size_t correlations = BATCH_RHYTHM_ATTRIBUTES + BATCH_FADERS + 1;
    return n_segments * (a_segment * sizeof(real) + correlations * sizeof(double)) +
           sums * sizeof(double);
}

/* The passes follow each other; each gives back what it took. */
static size_t scratch_bytes(const struct vae *vae, const struct vae_sizes *sizes, size_t slack)
{
    const size_t steps = sizes->n_events + sizes->n_rows, width = vae->shape.width;
    const size_t encoder =
        block_scratch_bytes(&vae->encoder[0].block[0], sizes->n_events, sizes->encoder_count, 0) +
        (sizes->n_segments + sizes->n_events) * 2 * width * sizeof(real);
    const size_t decoder = block_scratch_bytes(&vae->decoder.block[0], steps, sizes->decoder_count,
                                               sizes->decoder_context);
    const size_t condition = sizes->n_segments * (width + condition_size(&vae->shape));
    const size_t heads =
        heads_scratch_bytes(&vae->decoder.heads, sizes->n_typed) + steps * sizeof(uint32_t);
    const size_t type = steps * (width + N_TYPES) * sizeof(real);
    const size_t subdecoder =
        subdecoder_scratch_bytes(&vae->subdecoder, sizes->n_segments, sizes->n_cells);
    const size_t stacks = largest(encoder, largest(decoder, condition * sizeof(real)));
    const size_t losses = largest(largest(heads, type), subdecoder);
    return largest(largest(stacks, losses), latent_scratch_bytes(vae, sizes->n_segments)) + slack;
}

struct vae_memory vae_memory(const struct vae *vae, const struct vae_sizes *sizes)
{
    static const size_t SLACK = 128 * 64; /* alignment of the pieces */
    return (struct vae_memory){.encode = encode_bytes(vae, sizes, SLACK),
                               .decode = decode_bytes(vae, sizes, SLACK),
                               .scratch = scratch_bytes(vae, sizes, SLACK)};
}
