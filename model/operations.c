/* Operations by formula. */
#include "operations.h"

#include <stdio.h>
#include <string.h>

/* The feed-forward half's hidden width, in widths. */
enum { EXPANSION = 4 };

static size_t count_pairs(size_t count, size_t context, bool causal)
{
    return count * context + (causal ? count * (count + 1) / 2 : count * count);
}

static void add_span(size_t *pairs, size_t *reach, size_t count, size_t context, bool causal)
{
    *pairs += count_pairs(count, context, causal);
    if (count > 0 && context + count - 1 > *reach) *reach = context + count - 1;
}

struct operations_sizes operations_sizes(const struct batch *batch, const struct vae_shape *shape)
{
    const struct vocabulary *vocabulary = &shape->vocabulary;
    const size_t cells = vocabulary->bars * vocabulary->size[FIELD_POSITION];
    const size_t memory = shape->memory;
    struct operations_sizes sizes = {
        .events = batch->n_events, .steps = batch_steps(batch), .segments = batch->n_segments};
    size_t encoder_reach = 0, decoder_reach = 0;
    for (size_t i = 0; i < batch->n_events; i++) sizes.bars += batch_is_bar(batch, i) ? 1 : 0;
    sizes.notes = sizes.events - sizes.bars;
    for (size_t i = 0; i < batch->n_segments * cells; i++)
        sizes.cells += batch->onset[i] != SYMBOL_NONE ? 1 : 0;
    for (size_t row = 0; row < batch->n_rows; row++) {
        const size_t end = batch->row_segment[row + 1];
        size_t before = 0; /* steps of the row's earlier segments */
        for (size_t s = batch->row_segment[row]; s < end; s++) {
            const size_t events = batch->segment_event[s + 1] - batch->segment_event[s];
            const size_t steps = events + (s + 1 == end); /* the last one also says `end` */
            add_span(&sizes.encoder_pairs, &encoder_reach, events, 0, false);
            add_span(&sizes.decoder_pairs, &decoder_reach, steps, before < memory ? before : memory,
                     true);
            before += steps;
        }
    }
    sizes.encoder_rows = attention_relative_rows(false, encoder_reach);
    sizes.decoder_rows = attention_relative_rows(true, decoder_reach);
    return sizes;
}

/* A list under construction. */
struct list {
    struct operations_layer *layers;
    size_t n;
    const char *prefix;
    bool encoder;
};

static void add(struct list *list, const char *name, size_t n, size_t in, size_t out,
                size_t repeats)
{
    ASSERT(list->n < OPERATIONS_MAX_LAYERS);
    struct operations_layer *layer = &list->layers[list->n++];
    *layer = (struct operations_layer){.n = n,
                                       .in = in,
                                       .out = out,
                                       .repeats = repeats,
                                       .input_gradient = true,
                                       .encoder = list->encoder};
    snprintf(layer->name, sizeof layer->name, "%s/%s", list->prefix, name);
}

static void add_blocks(struct list *list, size_t n, size_t relative_rows, size_t width,
                       size_t repeats)
{
    add(list, "attention/qkv", n, width, 3 * width, repeats);
    add(list, "attention/relative", relative_rows, width, width, repeats);
    list->layers[list->n - 1].input_gradient = false; /* its inputs are sinusoids */
    add(list, "attention/out", n, width, width, repeats);
    add(list, "feedforward/up", n, width, EXPANSION * width, repeats);
    add(list, "feedforward/down", n, EXPANSION * width, width, repeats);
}

static void add_encoder(struct list *list, const char *name, const struct encoder_shape *shape,
                        const struct operations_sizes *sizes)
{
    list->prefix = name;
    add_blocks(list, sizes->events, sizes->encoder_rows, shape->width, shape->layers);
    add(list, "head", sizes->segments, shape->width * (shape->count ? 2 : 1), 2 * shape->latent, 1);
}

static void add_heads(struct list *list, const struct heads *heads,
                      const struct operations_sizes *sizes)
{
    char name[24];
    list->prefix = "heads";
    add(list, "type", sizes->steps, heads->width, N_TYPES, 1);
    for (enum field field = 0; field < N_FIELDS; field++) {
        const size_t n = field < FIELD_POSITION ? sizes->bars : sizes->notes;
        snprintf(name, sizeof name, "%s/hidden", field_names[field]);
        add(list, name, n, heads->width, heads->width, 1);
        snprintf(name, sizeof name, "%s/out", field_names[field]);
        add(list, name, n, heads->width, heads->field[field].n_symbols, 1);
    }
}

static void add_subdecoder(struct list *list, const struct subdecoder_shape *shape,
                           const struct operations_sizes *sizes)
{
    const size_t n = sizes->segments, width = shape->width;
    list->prefix = "subdecoder";
    add(list, "onset/in", n, shape->latent, width, 1);
    add(list, "onset/out", sizes->cells, width, N_ONSET, 1);
    add(list, "chroma/in", n, shape->latent, width, 1);
    add(list, "chroma/out", n, width, shape->vocabulary.bars * BATCH_PITCH_CLASSES, 1);
    add(list, "attributes/rhythm", n, shape->mixture, BATCH_RHYTHM_ATTRIBUTES, 1);
    add(list, "attributes/tonal", n, shape->mixture, BATCH_TONAL_ATTRIBUTES, 1);
}

size_t operations_layers(struct operations_layer layers[OPERATIONS_MAX_LAYERS],
                         const struct vae *vae, const struct operations_sizes *sizes)
{
    const struct decoder_shape *decoder = &vae->decoder.shape;
    struct list list = {.layers = layers, .encoder = true};
    add_encoder(&list, "encoder/rhythm", &vae->encoder[FACTOR_RHYTHM].shape, sizes);
    add_encoder(&list, "encoder/tonal", &vae->encoder[FACTOR_TONAL].shape, sizes);
    list.encoder = false;
    list.prefix = "decoder";
    add(&list, "condition", sizes->segments, decoder->condition, decoder->width, decoder->layers);
    add_blocks(&list, sizes->steps, sizes->decoder_rows, decoder->width, decoder->layers);
    add_heads(&list, &vae->decoder.heads, sizes);
    add_subdecoder(&list, &vae->subdecoder.shape, sizes);
    return list.n;
}

struct operations operations_count(const struct vae *vae, const struct operations_sizes *sizes)
{
    struct operations_layer layers[OPERATIONS_MAX_LAYERS];
    struct operations count = {0};
    const struct vae_shape *shape = &vae->shape;
    const size_t n = operations_layers(layers, vae, sizes);
    for (size_t i = 0; i < n; i++) {
        const struct operations_layer *layer = &layers[i];
        const double forward = 2.0 * (double)layer->n * (double)layer->in * (double)layer->out *
                               (double)layer->repeats;
        const double backward = layer->input_gradient ? 2 * forward : forward;
        if (!layer->encoder) count.decode += forward + backward;
        if (!layer->encoder) continue;
        count.encode += forward;
        count.encode_backward += backward;
    }
    /* content, position and values, each a product over the width */
    const double pair = 3 * 2 * (double)shape->width;
    const double encoders =
        pair * (double)(N_FACTORS * shape->encoder_layers) * (double)sizes->encoder_pairs;
    count.encode += encoders;
    count.encode_backward += 2 * encoders;
    count.decode += 3 * pair * (double)shape->decoder_layers * (double)sizes->decoder_pairs;
    return count;
}

double operations_event(const struct vae *vae, const struct operations_sizes *sizes, double context)
{
    const double width = (double)vae->shape.width, layers = (double)vae->shape.decoder_layers;
    const struct heads *heads = &vae->decoder.heads;
    double count = layers * (2 * (4 + 2 * EXPANSION) * width * width + 3 * 2 * width * context);
    count += 2 * width * N_TYPES;
    for (enum field field = 0; field < N_FIELDS; field++) {
        const size_t n = field < FIELD_POSITION ? sizes->bars : sizes->notes;
        const double share = (double)n / (double)(sizes->bars + sizes->notes);
        count += share * 2 * width * (width + (double)heads->field[field].n_symbols);
    }
    return count;
}
