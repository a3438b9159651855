/* Updates of a whole block or of a rank's parts of it. */
#include "optimiser.h"

#include <math.h>
#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The pieces of tensors in a shard, appended to `tensors`; their offsets count from its start. */
static void cut_tensors(struct shard *shard, const struct parameters *parameters,
                        struct tensor *tensors)
{
    size_t n = 0;
    for (size_t i = 0; i < parameters->n_tensors; i++) {
        const struct tensor *tensor = &parameters->tensors[i];
        const size_t end = tensor->offset + tensor->rows * tensor->columns;
        const size_t from = larger(tensor->offset, shard->first);
        const size_t to = smaller(end, shard->first + shard->count);
        if (from >= to) continue;
        tensors[n] = *tensor;
        tensors[n].rows = 1;
        tensors[n].columns = to - from;
        tensors[n++].offset = from - shard->first;
    }
    shard->pieces = (struct parameters){tensors, n, shard->count};
}

static void cut_shards(struct optimiser *optimiser, const struct parameters *parameters)
{
    struct tensor *tensors = optimiser->tensors;
    size_t moment = 0;
    for (size_t i = 0; i < optimiser->n_shards; i++) {
        struct reduce_part part = {0, parameters->count};
        if (optimiser->sharded)
            part = reduce_part_of(optimiser->reduce, i, group_rank(optimiser->group));
        struct shard *shard = &optimiser->shards[i];
        *shard = (struct shard){part.first, part.end - part.first, moment, {0}};
        cut_tensors(shard, parameters, tensors);
        tensors += shard->pieces.n_tensors;
        moment += shard->count;
    }
}

enum status optimiser_init(struct optimiser *optimiser, const struct optimiser_settings *settings,
                           const struct parameters *parameters)
{
    *optimiser = (struct optimiser){.adam = settings->adam,
                                    .group = settings->group,
                                    .reduce = settings->reduce,
                                    .sharded = settings->sharded && group_size(settings->group) > 1,
                                    .whole_gradient = settings->whole_gradient,
                                    .count = parameters->count,
                                    .first = settings->first,
                                    .second = settings->second};
    optimiser->n_shards = optimiser->sharded ? reduce_n_parts(settings->reduce) : 1;
    /* every border between shards cuts one tensor at most */
    const size_t n_tensors = parameters->n_tensors + 2 * optimiser->n_shards;
    optimiser->shards = calloc(optimiser->n_shards + 1, sizeof *optimiser->shards);
    optimiser->tensors = calloc(n_tensors, sizeof *optimiser->tensors);
    optimiser->squares = calloc((size_t)group_size(settings->group), sizeof *optimiser->squares);
    if (optimiser->shards && optimiser->tensors && optimiser->squares && !status_fault()) {
        cut_shards(optimiser, parameters);
        return OK;
    }
    optimiser_fini(optimiser);
    return status_fail(FAILED, "no memory for an optimiser of %zu tensors", n_tensors);
}

void optimiser_fini(struct optimiser *optimiser)
{
    free(optimiser->shards);
    free(optimiser->tensors);
    free(optimiser->squares);
    *optimiser = (struct optimiser){.count = 0};
}

/* Every rank's squares, added in the order of ranks. */
double optimiser_norm(struct optimiser *optimiser, const real *gradient)
{
    if (optimiser->whole_gradient || !optimiser->sharded)
        return adam_gradient_norm(gradient, optimiser->count);
    const size_t size = (size_t)group_size(optimiser->group);
    double *squares = optimiser->squares, sum = 0;
    memset(squares, 0, size * sizeof *squares);
    for (size_t i = 0; i < optimiser->n_shards; i++) {
        const struct shard *shard = &optimiser->shards[i];
        const double norm = adam_gradient_norm(gradient + shard->first, shard->count);
        squares[group_rank(optimiser->group)] += norm * norm;
    }
    group_sum_doubles(optimiser->group, squares, size);
    for (size_t rank = 0; rank < size; rank++) sum += squares[rank];
    return sqrt(sum);
}

void optimiser_step(struct optimiser *optimiser, real *theta, const real *gradient,
                    const struct optimiser_update *update)
{
    for (size_t i = 0; i < optimiser->n_shards; i++) {
        const struct shard *shard = &optimiser->shards[i];
        const struct adam_state state = {theta + shard->first, optimiser->first + shard->moment,
                                         optimiser->second + shard->moment,
                                         gradient + shard->first};
        adam_step(&optimiser->adam, &shard->pieces, &state, update->learning_rate, update->scale,
                  update->step);
    }
    if (optimiser->sharded) reduce_gather(optimiser->reduce, theta);
}

void optimiser_forget(struct optimiser *optimiser, size_t first, size_t count)
{
    for (size_t i = 0; i < optimiser->n_shards; i++) {
        const struct shard *shard = &optimiser->shards[i];
        const size_t from = larger(first, shard->first);
        const size_t to = smaller(first + count, shard->first + shard->count);
        if (from >= to) continue;
        const size_t place = shard->moment + from - shard->first;
        memset(optimiser->first + place, 0, (to - from) * sizeof *optimiser->first);
        memset(optimiser->second + place, 0, (to - from) * sizeof *optimiser->second);
    }
}

void optimiser_collect(struct optimiser *optimiser, real *whole, const real *moment)
{
    for (size_t i = 0; i < optimiser->n_shards; i++) {
        const struct shard *shard = &optimiser->shards[i];
        memcpy(whole + shard->first, moment + shard->moment, shard->count * sizeof *whole);
    }
    if (optimiser->sharded) reduce_gather(optimiser->reduce, whole);
}

void optimiser_keep(const struct optimiser *optimiser, real *moment, const real *whole)
{
    for (size_t i = 0; i < optimiser->n_shards; i++) {
        const struct shard *shard = &optimiser->shards[i];
        memcpy(moment + shard->moment, whole + shard->first, shard->count * sizeof *moment);
    }
}
