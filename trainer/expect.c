/* The memory of the batches that a run will draw. */
#define _GNU_SOURCE
#include "expect.h"

#include "gemm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t expect_resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Bars of a segment, and cells of its grid. */
static size_t count_bars(const struct corpus *corpus, const struct corpus_segment *segment,
                         size_t *n_cells)
{
    const struct event *events = corpus->events + segment->first;
    size_t bars = 0;
    for (uint32_t i = 0; i < segment->count; i++) {
        if (events[i].position != EVENTS_BAR) continue;
        *n_cells += corpus->vocabulary.bar_steps[events[i].duration];
        bars++;
    }
    return bars;
}

/* Adds a row to the sizes of its micro-batch; returns its bars. */
static size_t add_row(struct vae_sizes *sizes, const struct trainer *trainer, const struct row *row)
{
    const struct corpus *corpus = trainer->corpus;
    size_t before = 0, bars = 0;
    for (uint32_t s = 0; s < row->n_segments; s++) {
        const struct corpus_segment *segment = &corpus->segments[row->first_segment + s];
        const size_t steps = segment->count + (s + 1 == row->n_segments); /* the end of the row */
        const size_t context = smaller(before, trainer->vae.shape.memory);
        sizes->encoder_count = larger(sizes->encoder_count, segment->count);
        sizes->decoder_count = larger(sizes->decoder_count, steps);
        sizes->decoder_context = larger(sizes->decoder_context, context);
        sizes->decoder_keys = larger(sizes->decoder_keys, context + steps);
        bars += count_bars(corpus, segment, &sizes->n_cells);
        before += segment->count;
    }
    return bars;
}

static struct vae_sizes micro_sizes(const struct trainer *trainer, const struct micro *micro,
                                    const struct row *rows)
{
    struct vae_sizes sizes = {
        .n_events = micro->n_events, .n_rows = micro->n_rows, .n_segments = micro->n_segments};
    size_t bars = 0;
    for (size_t i = 0; i < micro->n_rows; i++)
        bars += add_row(&sizes, trainer, &rows[micro->first_row + i]);
    sizes.n_typed = larger(bars, micro->n_events - bars);
    return sizes;
}

/* What a rank takes for its micro-batches of one step. */
static struct trainer_memory rank_memory(const struct trainer *trainer,
                                         const struct micro_plan *plan, const struct row *rows,
                                         int rank)
{
    struct trainer_memory sum = {0};
    size_t decode = 0;
    for (size_t i = 0; i < plan->n_micros; i++) {
        const struct micro *micro = &plan->micros[i];
        if (micro->rank != rank) continue;
        const struct vae_sizes sizes = micro_sizes(trainer, micro, rows);
        const struct vae_memory memory = vae_memory(&trainer->vae, &sizes);
        sum.batches += collate_bytes(&trainer->corpus->vocabulary, micro->n_events, micro->n_rows,
                                     micro->n_segments);
        sum.activations += memory.encode;
        sum.scratch = larger(sum.scratch, memory.scratch);
        decode = larger(decode, memory.decode);
    }
    sum.activations += decode;
    return sum;
}

static enum status look_ahead(struct trainer_memory *most, struct trainer *trainer, size_t steps)
{
    enum status status = OK;
    const struct source source = {trainer->corpus->events, trainer->corpus->segments};
    const struct config *config = &trainer->config;
    struct micro_plan plan;
    TRY(micro_plan_init(&plan, config->train.batch, group_size(trainer->group)));
    for (size_t step = 0; step < steps; step++) {
        const struct row *rows = NULL;
        size_t n_rows = 0;
        TRY(sampler_batch(&trainer->sampler, step, &rows, &n_rows));
        micro_plan_cut(&plan, &source, rows, n_rows, config->train.micro_events);
        for (int rank = 0; rank < plan.n_ranks; rank++) {
            const struct trainer_memory one = rank_memory(trainer, &plan, rows, rank);
            most->batches = larger(most->batches, one.batches);
            most->activations = larger(most->activations, one.activations);
            most->scratch = larger(most->scratch, one.scratch);
        }
    }
done:
    micro_plan_fini(&plan);
    return status;
}

/* What an arena touches of its `reserved` bytes: whole huge pages. */
static size_t touched(size_t bytes, size_t reserved)
{
    return smaller((bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE, reserved);
}

static size_t corpus_bytes(const struct corpus *corpus)
{
    return corpus->n_events * sizeof *corpus->events +
           corpus->n_segments * sizeof *corpus->segments +
           corpus->n_pieces * sizeof *corpus->pieces;
}

static size_t table_bytes(const struct trainer *trainer)
{
    const size_t slot = MIXTURE_EMOTIONS * trainer->vae.shape.per_emotion + 2 * BATCH_FADERS;
    const struct row_stream *const streams[] = {&trainer->sampler.unlabelled,
                                                &trainer->sampler.labelled};
    size_t bytes = trainer->max_segments *
                   (slot * sizeof *trainer->shared + 2 * BATCH_FADERS * sizeof *trainer->faders);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        bytes += streams[i]->n_pieces * sizeof *streams[i]->pieces +
                 streams[i]->n_rows * sizeof *streams[i]->rows;
    return bytes;
}

enum status expect_memory(struct expected *expected, struct trainer *trainer, size_t steps,
                          size_t program)
{
    const struct trainer_memory reserved = trainer_memory(
        &trainer->config, &trainer->corpus->vocabulary, &trainer->vae, group_size(trainer->group));
    struct trainer_memory *arenas = &expected->arenas;
    struct expect_rest *rest = &expected->rest;
    *expected =
        (struct expected){.arenas = {.block = reserved.block, .reduction = reserved.reduction}};
    const enum status status = look_ahead(arenas, trainer, smaller(steps, EXPECT_STEPS));
    if (status != OK) return status;
    if (trainer->config.train.sharded) /* the moments brought together for a checkpoint */
        arenas->activations =
            larger(arenas->activations, trainer->vae.parameters.count * sizeof(real) + 64);
    *rest = (struct expect_rest){.program = program,
                                 .corpus = corpus_bytes(trainer->corpus),
                                 .panels = gemm_panel_bytes(),
                                 .tables = table_bytes(trainer)};
    expected->total = touched(arenas->block, reserved.block) + arenas->reduction +
                      touched(arenas->batches, reserved.batches) +
                      touched(arenas->activations, reserved.activations) +
                      touched(arenas->scratch, reserved.scratch) + rest->program + rest->corpus +
                      rest->panels + rest->tables;
    return OK;
}
