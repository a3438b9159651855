/* Operations by formula against the tensor table and against counting one by one. */
#include "make_batch.h"
#include "operations.h"
#include "runner.h"

#include <string.h>

enum { WIDTH = 8, MEMORY = 7 };
static const size_t SEGMENTS_OF[] = {1, 3, 2};

static struct vae vae;
static struct made_batch made;
static struct operations_sizes sizes;

static void setup(void)
{
    const struct vae_shape shape = {.width = WIDTH,
                                    .heads = 2,
                                    .encoder_layers = 2,
                                    .decoder_layers = 3,
                                    .latent_mixture = 3,
                                    .latent_residual = 2,
                                    .memory = MEMORY,
                                    .per_emotion = 1,
                                    .vocabulary = make_vocabulary()};
    CU_ASSERT_EQUAL_FATAL(vae_init(&vae, &shape), OK);
    make_batch(&made, SEGMENTS_OF, sizeof SEGMENTS_OF / sizeof *SEGMENTS_OF, 5, -1);
    sizes = operations_sizes(&made.batch, &shape);
}

static bool holds(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

/* Rows that go through the matrix of that name in a micro-batch, 0 for what is no matrix of a
 * linear layer: said by the name alone, apart from the list under test. */
static size_t rows_through(const char *name)
{
    const struct batch *batch = &made.batch;
    const bool decodes = holds(name, "decoder/") && !holds(name, "subdecoder");
    size_t bars = 0, cells = 0;
    for (size_t i = 0; i < batch->n_events; i++)
        bars += made.symbol[FIELD_SIGNATURE][i] != SYMBOL_NONE;
    for (size_t i = 0; i < batch->n_segments * MAKE_BARS * MAKE_POSITIONS; i++)
        cells += made.onset[i] != SYMBOL_NONE;
    if (!holds(name, "/weight")) return 0;
    if (holds(name, "onset/out")) return cells;
    if (holds(name, "subdecoder") || holds(name, "condition")) return batch->n_segments;
    if (holds(name, "encoder/") && holds(name, "/head/")) return batch->n_segments;
    if (holds(name, "attention/relative")) return decodes ? sizes.decoder_rows : sizes.encoder_rows;
    if (holds(name, "heads/tempo") || holds(name, "heads/signature")) return bars;
    if (holds(name, "heads/type")) return batch_steps(batch);
    if (holds(name, "heads/")) return batch->n_events - bars;
    return decodes ? batch_steps(batch) : batch->n_events;
}

/* Counts the multiply-adds of one linear layer, loop by loop. */
static double count_linear(size_t n, size_t in, size_t out, bool input_gradient)
{
    double count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < out; j++)
            for (size_t k = 0; k < in; k++) count += input_gradient ? 3 : 2;
    return 2 * count;
}

/* The keys that each query sees, by looking at every pair of steps. */
static double count_pairs(bool causal)
{
    const struct batch *batch = &made.batch;
    double pairs = 0;
    for (size_t row = 0; row < batch->n_rows; row++) {
        const size_t first = batch->segment_event[batch->row_segment[row]];
        const size_t end_segment = batch->row_segment[row + 1];
        for (size_t s = batch->row_segment[row]; s < end_segment; s++) {
            const size_t extra = causal && s + 1 == end_segment;
            const size_t begin = batch->segment_event[s] - first;
            const size_t end = batch->segment_event[s + 1] - first + extra;
            for (size_t query = begin; query < end; query++)
                for (size_t key = 0; key < end; key++) {
                    const bool own = key >= begin;
                    const bool memory = causal && !own && begin - key <= MEMORY;
                    pairs += memory || (own && (!causal || key <= query));
                }
        }
    }
    return pairs;
}

static void check_pairs(void)
{
    CU_ASSERT_EQUAL((double)sizes.encoder_pairs, count_pairs(false));
    CU_ASSERT_EQUAL((double)sizes.decoder_pairs, count_pairs(true));
    CU_ASSERT(sizes.decoder_pairs > 0 && sizes.encoder_pairs > 0);
}

/* Every matrix of the model is counted, once, with the rows that go through it. */
static void check_total(void)
{
    const struct operations count = operations_count(&vae, &sizes);
    double encode = 0, decode = 0;
    for (size_t i = 0; i < vae.parameters.n_tensors; i++) {
        const struct tensor *tensor = &vae.parameters.tensors[i];
        const bool encoder = strncmp(tensor->name, "encoder/", 8) == 0;
        const double one = count_linear(rows_through(tensor->name), tensor->rows, tensor->columns,
                                        !holds(tensor->name, "attention/relative"));
        if (encoder)
            encode += one;
        else
            decode += one;
    }
    encode += 3 * 3 * 2 * WIDTH * 2 * 2 * count_pairs(false);
    decode += 3 * 3 * 2 * WIDTH * 3 * count_pairs(true);
    CU_ASSERT_DOUBLE_EQUAL(count.encode + count.encode_backward, encode, 0.5);
    CU_ASSERT_DOUBLE_EQUAL(count.decode, decode, 0.5);
    CU_ASSERT_DOUBLE_EQUAL(operations_total(&count), encode + decode, 0.5);
    /* backward is twice forward, but for the sinusoids, which have no gradient */
    const double sinusoids = 2.0 * (double)sizes.encoder_rows * WIDTH * WIDTH * 2 * 2;
    CU_ASSERT_DOUBLE_EQUAL(count.encode_backward, 2 * count.encode - sinusoids, 0.5);
}

static void check_layers(void)
{
    struct operations_layer layers[OPERATIONS_MAX_LAYERS];
    const size_t n = operations_layers(layers, &vae, &sizes);
    size_t weights = 0, listed = 0;
    for (size_t i = 0; i < vae.parameters.n_tensors; i++)
        if (rows_through(vae.parameters.tensors[i].name) > 0)
            weights += vae.parameters.tensors[i].rows * vae.parameters.tensors[i].columns;
    for (size_t i = 0; i < n; i++) {
        listed += layers[i].repeats * layers[i].in * layers[i].out;
        for (size_t j = 0; j < i; j++) CU_ASSERT_STRING_NOT_EQUAL(layers[i].name, layers[j].name);
    }
    CU_ASSERT_EQUAL(listed, weights);
}

/* At generation: all matrices of the decoder but the condition's, which serve a segment. */
static void check_event(void)
{
    double expected = 0;
    const double events = (double)made.batch.n_events, context = 11;
    for (size_t i = 0; i < vae.parameters.n_tensors; i++) {
        const struct tensor *tensor = &vae.parameters.tensors[i];
        const char *name = tensor->name;
        if (strncmp(name, "decoder/", 8) != 0 || !holds(name, "/weight")) continue;
        if (holds(name, "condition") || holds(name, "relative")) continue;
        const bool of_kind = holds(name, "heads/") && !holds(name, "heads/type");
        const double share = of_kind ? (double)rows_through(name) / events : 1;
        expected += share * 2 * (double)tensor->rows * (double)tensor->columns;
    }
    expected += 3 * (3 * 2 * WIDTH * context);
    CU_ASSERT_DOUBLE_EQUAL(operations_event(&vae, &sizes, context), expected, 1e-6 * expected);
}

static void run(void (*test)(void))
{
    setup();
    test();
    vae_fini(&vae);
}

static void pairs_in_sight(void)
{
    run(check_pairs);
}

static void every_matrix_is_counted(void)
{
    run(check_total);
}

static void layers_are_listed_once(void)
{
    run(check_layers);
}

static void an_event_is_written(void)
{
    run(check_event);
}

const char *const suite_name = "operations";
const struct suite_test suite_tests[] = {
    {"pairs in sight", pairs_in_sight},
    {"every matrix is counted", every_matrix_is_counted},
    {"layers are listed once", layers_are_listed_once},
    {"an event is written", an_event_is_written},
    {NULL, NULL},
};
