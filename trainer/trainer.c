/* A rank's training state. */
#include "trainer.h"

#include "gemm.h"

#include <stdlib.h>
#include <string.h>

struct vae_shape trainer_shape(const struct config *config,
                               const struct events_vocabulary *vocabulary)
{
    return (struct vae_shape){.width = config->model.width,
                              .heads = config->model.heads,
                              .encoder_layers = config->model.encoder_layers,
                              .decoder_layers = config->model.decoder_layers,
                              .latent_mixture = config->model.latent_mixture,
                              .latent_residual = config->model.latent_residual,
                              .memory = config->model.memory,
                              .per_emotion = config->mixture.components,
                              .full_inputs = config->encoder.inputs == ENCODER_FULL,
                              .vocabulary = collate_vocabulary(vocabulary)};
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Events of the largest micro-batch: one row may be longer than micro_events. */
static size_t largest_micro(const struct config *config)
{
    const size_t row = config->data.row_segments * EVENTS_SEGMENT_EVENTS;
    return row > config->train.micro_events ? row : config->train.micro_events;
}

static struct reduce_settings reduction(const struct config *config)
{
    static const size_t BUCKET_FLOATS = 1 << 18; /* 1 MiB */
    return (struct reduce_settings){.bucket_floats = BUCKET_FLOATS,
                                    .deterministic = config->train.deterministic,
                                    .overlap = config->train.overlap,
                                    .sharded = config->train.sharded,
                                    .compress = config->train.compress == COMPRESS_BF16};
}

/* Reals of one moment that a rank holds. */
static size_t moment_reals(const struct config *config, size_t count, int n_ranks)
{
    const struct reduce_settings settings = reduction(config);
    return settings.sharded ? reduce_shard(count, settings.bucket_floats, n_ranks) : count;
}

struct trainer_memory trainer_memory(const struct config *config,
                                     const struct events_vocabulary *vocabulary,
                                     const struct vae *vae, int n_ranks)
{
    const size_t rows = config->train.batch, segments = rows * config->data.row_segments;
    const size_t events = largest_micro(config);
    /* Filled up, two neighbours of one kind hold more than micro_events together, so each kind has
     * twice what would fill them and one; and one more makes the number even. */
    const size_t all = segments * EVENTS_SEGMENT_EVENTS;
    size_t micros = 2 * (all / config->train.micro_events) + 4;
    if (micros > rows) micros = rows;
    const size_t mine = (micros + (size_t)n_ranks - 1) / (size_t)n_ranks + 1;
    const size_t micro_segments = events / 2 + 1; /* a segment has a bar and a note at least */
    const struct vae_sizes most = vae_most(vae, events, micro_segments, micro_segments);
    const struct vae_memory memory = vae_memory(vae, &most);
    const struct reduce_settings settings = reduction(config);
    const size_t count = vae->parameters.count;
    return (struct trainer_memory){
        .block = 2 * (count + moment_reals(config, count, n_ranks)) * sizeof(real) + 4096,
        .reduction = reduce_bytes(count, &settings, n_ranks),
        .batches = mine * collate_bytes(vocabulary, events, micro_segments, micro_segments),
        .activations = larger(mine * memory.encode + memory.decode,
                              settings.sharded ? count * sizeof(real) + 64 : 0),
        .scratch = memory.scratch,
    };
}

static enum status take_memory(struct trainer *trainer)
{
    enum status status = OK;
    const struct trainer_memory memory = trainer_memory(
        &trainer->config, &trainer->corpus->vocabulary, &trainer->vae, group_size(trainer->group));
    const size_t count = trainer->vae.parameters.count;
    const size_t per_segment = MIXTURE_MAX_COMPONENTS + 2 * BATCH_FADERS;
    const size_t parts = trainer->config.train.batch * N_LOSS_PARTS;
    trainer->max_segments = trainer->config.train.batch * trainer->config.data.row_segments;
    TRY(arena_init(&trainer->block, memory.block));
    TRY(arena_init(&trainer->batches, memory.batches));
    TRY(arena_init(&trainer->activations, memory.activations));
    TRY(arena_init(&trainer->scratch, memory.scratch));
    trainer->theta = arena_zeros(&trainer->block, count);
    trainer->gradient = arena_zeros(&trainer->block, count);
    const size_t moments = moment_reals(&trainer->config, count, group_size(trainer->group));
    trainer->first = arena_zeros(&trainer->block, moments);
    trainer->second = arena_zeros(&trainer->block, moments);
    trainer->shared =
        malloc((trainer->max_segments * per_segment + parts + 8) * sizeof *trainer->shared);
    trainer->faders = malloc(2 * BATCH_FADERS * trainer->max_segments * sizeof *trainer->faders);
    if (!trainer->shared || !trainer->faders || status_fault())
        FAIL(FAILED, "no memory for a batch of %zu segments", trainer->max_segments);
    TRY(micro_plan_init(&trainer->plan, trainer->config.train.batch, group_size(trainer->group)));
done:
    return status;
}

static enum status init_local(struct trainer *trainer)
{
    enum status status = OK;
    const struct config *config = &trainer->config;
    const struct vae_shape shape = trainer_shape(config, &trainer->corpus->vocabulary);
    TRY(gemm_init(config->train.threads));
    TRY(gemm_ready(config->train.precision));
    TRY(sampler_init(&trainer->sampler, trainer->corpus, config));
    collate_standard(&trainer->standard, trainer->corpus, config);
    TRY(vae_init(&trainer->vae, &shape));
    TRY(take_memory(trainer));
    vae_initialize(&trainer->vae, trainer->theta, config->train.seed);
done:
    return status;
}

enum status trainer_init(struct trainer *trainer, struct group *group, const struct corpus *corpus,
                         const struct config *config)
{
    enum status status = OK;
    const struct reduce_settings reduce = reduction(config);
    *trainer = (struct trainer){.config = *config, .group = group, .corpus = corpus};
    TRY(group_agree(group, init_local(trainer)));
    TRY(reduce_create_with(&trainer->reduce, group, trainer->gradient,
                           trainer->vae.parameters.count, &reduce));
    const struct optimiser_settings optimiser = {.adam = adam_defaults(config->train.weight_decay),
                                                 .group = group,
                                                 .reduce = trainer->reduce,
                                                 .sharded = reduce.sharded,
                                                 .whole_gradient = reduce.deterministic,
                                                 .first = trainer->first,
                                                 .second = trainer->second};
    TRY(group_agree(group,
                    optimiser_init(&trainer->optimiser, &optimiser, &trainer->vae.parameters)));
done:
    if (status != OK) trainer_fini(trainer);
    return status;
}

void trainer_fini(struct trainer *trainer)
{
    optimiser_fini(&trainer->optimiser);
    reduce_destroy(trainer->reduce);
    timeline_fini(&trainer->timeline);
    sampler_fini(&trainer->sampler);
    micro_plan_fini(&trainer->plan);
    vae_fini(&trainer->vae);
    free(trainer->shared);
    free(trainer->faders);
    arena_fini(&trainer->block);
    arena_fini(&trainer->batches);
    arena_fini(&trainer->activations);
    arena_fini(&trainer->scratch);
    *trainer = (struct trainer){0};
}
