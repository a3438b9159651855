/* affekt bench generate: notes a second, of many pieces and of one. */
#include "bench.h"
#include "gemm.h"
#include "generate.h"
#include "operations.h"
#include "stop.h"

#include <string.h>

enum { BATCH = 64, BARS = 16, NOTES_A_BAR = 12 };

struct generate_bench {
    struct bench *bench;
    struct model model;
    double *rate, *peak, *read; /* (rounds) owned */
};

/* What a generation wrote. */
struct written {
    double notes;
};

static enum status count(void *context, const struct generated *piece)
{
    struct written *written = context;
    written->notes += (double)piece->score->n_notes;
    return OK;
}

/* A model of the preset that never learnt, but for the share of notes among its events. */
static enum status random_model(struct model *model, const struct config *config)
{
    enum status status = OK;
    const struct events_settings settings = {.grid = 4, .bars = 8};
    *model = (struct model){.config = *config};
    TRY(events_vocabulary_init(&model->vocabulary, &settings));
    const struct vae_shape shape = trainer_shape(config, &model->vocabulary);
    TRY(vae_init(&model->vae, &shape));
    TRY(arena_init(&model->block, model->vae.parameters.count * sizeof(real) + 64));
    model->theta = arena_zeros(&model->block, model->vae.parameters.count);
    vae_initialize(&model->vae, model->theta, config->train.seed);
    model->theta[model->vae.decoder.heads.type_bias + TYPE_NOTE] = real_log(NOTES_A_BAR);
done:
    return status;
}

/* Seconds to write `pieces` pieces, and their notes. */
static enum status generate(const struct generate_bench *b, uint32_t pieces, double *seconds,
                            struct written *written)
{
    const struct generate_request request = {.steps = {{{1, 1}, BARS}},
                                             .n_steps = 1,
                                             .count = pieces,
                                             .seed = 1,
                                             .temperature = 1,
                                             .top_p = 1,
                                             .drafts = 1,
                                             .tonic = GENERATE_ANY_TONIC};
    *written = (struct written){0};
    const double start = stop_clock();
    const enum status status = generate_pieces(&b->model, &request, count, written);
    *seconds = stop_clock() - start;
    return status;
}

/* The work of an event: a note, or a bar's share of one. */
struct work {
    double operations; /* an event */
    double bytes;      /* weights read once a step for all pieces, keys and values of its own */
    double resident;   /* bytes of all these together */
    double events;     /* of all pieces */
};

static struct work work_of(const struct model *model, uint32_t pieces, double notes)
{
    const struct vae_shape *shape = &model->vae.shape;
    const double bars = (double)pieces * BARS, events = notes + bars;
    const struct operations_sizes sizes = {.bars = (size_t)bars, .notes = (size_t)notes};
    /* keys in sight: half of the piece on average, as far as memory and segment reach */
    const double most = (double)shape->memory + EVENTS_SEGMENT_EVENTS;
    const double half = events / pieces / 2, context = half < most ? half : most;
    const double weights = sizeof(real) / 2.0 * operations_event(&model->vae, &sizes, 0);
    const double kept =
        2 * sizeof(real) * (double)shape->width * (double)shape->decoder_layers * context;
    return (struct work){.operations = operations_event(&model->vae, &sizes, context),
                         .bytes = weights / pieces + kept,
                         .resident = weights + kept * pieces,
                         .events = events};
}

static enum status measure(struct generate_bench *b, const char *name, uint32_t pieces)
{
    enum status status = OK;
    struct bench *bench = b->bench;
    struct written written;
    struct bench_memory memory = {.n = 0};
    double seconds;
    TRY(generate(b, pieces, &seconds, &written));
    const struct work work = work_of(&b->model, pieces, written.notes);
    TRY(bench_memory_init(&memory, work.resident));
    for (size_t i = 0; i < bench->rounds; i++) {
        b->peak[i] = bench_peak(bench);
        b->read[i] = bench_memory_read(&memory);
        TRY(generate(b, pieces, &seconds, &written));
        b->rate[i] = written.notes / seconds;
        progress_update(&bench->progress, "%s: round %zu of %zu", name, i + 1, bench->rounds);
    }
    const double share = written.notes / work.events; /* of notes among the events */
    const double by_peak = share * bench_median(b->peak, bench->rounds) / work.operations;
    const double by_read = share / (bench_median(b->read, bench->rounds) * work.bytes);
    const bool arithmetic = by_peak < by_read;
    bench_rate(bench, name, bench_median(b->rate, bench->rounds), "notes/s",
               arithmetic ? by_peak : by_read,
               arithmetic ? "FMA peak" : "reading weights, keys and values");
    bench_number(bench, "notes_a_bar", written.notes / pieces / BARS);
done:
    bench_memory_fini(&memory);
    return status;
}

static enum status run(struct generate_bench *b)
{
    enum status status = OK;
    struct bench *bench = b->bench;
    const char *path = bench->checkpoint;
    b->rate = calloc(bench->rounds, sizeof *b->rate);
    b->peak = calloc(bench->rounds, sizeof *b->peak);
    b->read = calloc(bench->rounds, sizeof *b->read);
    if (!b->rate || !b->peak || !b->read) FAIL(FAILED, "no memory for %zu rounds", bench->rounds);
    if (!path) TRY(random_model(&b->model, &bench->config));
    if (path) TRY(model_open(&b->model, path));
    if (path) TRY(latent_check(&b->model, path));
    bench_number(bench, "parameters", (double)parameters_trained(&b->model.vae.parameters));
    TRY(measure(b, "64 pieces", BATCH));
    TRY(measure(b, "a single piece", 1));
done:
    return status;
}

enum status bench_generate(struct bench *bench)
{
    struct generate_bench b = {.bench = bench};
    bench_text(bench, "weights", bench->checkpoint ? bench->checkpoint : "random");
    if (!bench->checkpoint) bench_text(bench, "preset", bench->preset ? bench->preset : "small");
    if (!bench->checkpoint)
        progress_note(&bench->progress, "random weights: --checkpoint measures a trained model");
    const enum status status = run(&b);
    model_close(&b.model);
    free(b.rate);
    free(b.peak);
    free(b.read);
    return group_agree(bench->group, status);
}
