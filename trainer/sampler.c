/* Rows of a step. */
#include "sampler.h"

#include "random.h"

#include <stdlib.h>
#include <string.h>

/* Keys of the two streams and of the held-out order, apart in the random counter. */
enum { STREAM_UNLABELLED, STREAM_LABELLED, STREAM_HELD_OUT, STREAM_FRACTION };

enum split sampler_split(const struct config *config, const struct corpus_piece *piece)
{
    if (config->data.folds == 0) return (enum split)piece->split;
    const size_t fold = (size_t)(piece->group % config->data.folds);
    if (fold == config->data.fold) return SPLIT_TEST;
    return fold == (config->data.fold + 1) % config->data.folds ? SPLIT_VALIDATION : SPLIT_TRAIN;
}

/* Random order: items sorted by a drawn key, ties by index. */
struct keyed {
    uint64_t key;
    size_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static uint64_t draw_key(uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b,
                         size_t index)
{
    uint32_t block[4];
    random_block(block, seed, stream, a, b, (uint32_t)index);
    return ((uint64_t)block[0] << 32) | block[1];
}

static enum status shuffle(struct row *rows, size_t n, uint64_t seed, uint64_t a, uint32_t b)
{
    enum status status = OK;
    struct keyed *order = malloc((n + 1) * sizeof *order);
    struct row *copy = malloc((n + 1) * sizeof *copy);
    if (!order || !copy || status_fault()) FAIL(FAILED, "no memory to shuffle %zu rows", n);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct keyed){draw_key(seed, RANDOM_SHUFFLE, a, b, i), i};
    qsort(order, n, sizeof *order, by_key);
    memcpy(copy, rows, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) rows[i] = copy[order[i].index];
done:
    free(order);
    free(copy);
    return status;
}

/* Cuts a piece into rows whose first has `offset` segments (0: a whole row); appends them. */
static size_t cut_piece(const struct corpus_piece *piece, int8_t label, size_t offset,
                        size_t row_segments, struct row *rows)
{
    size_t n = 0;
    for (uint32_t first = 0; first < piece->n_segments;) {
        const size_t want = first == 0 && offset > 0 ? offset : row_segments;
        const uint32_t left = piece->n_segments - first;
        const uint32_t take = want < left ? (uint32_t)want : left;
        if (rows) rows[n] = (struct row){piece->first_segment + first, take, label};
        n++;
        first += take;
    }
    return n;
}

static size_t cut_all(const struct sampler *sampler, const struct row_stream *stream, size_t offset,
                      struct row *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < stream->n_pieces; i++) {
        const uint32_t piece = stream->pieces[i];
        n += cut_piece(&sampler->corpus->pieces[piece], sampler->label[piece], offset,
                       sampler->row_segments, rows ? rows + n : NULL);
    }
    return n;
}

/* Makes `rows` those of an epoch. */
static enum status load_epoch(struct sampler *sampler, struct row_stream *stream, uint32_t key,
                              uint64_t epoch)
{
    if (stream->epoch == epoch) return OK;
    const size_t offset = (size_t)(epoch % sampler->row_segments);
    stream->n_rows = cut_all(sampler, stream, offset, stream->rows);
    stream->epoch = epoch;
    const enum status status = shuffle(stream->rows, stream->n_rows, sampler->seed, epoch, key);
    if (status != OK) stream->epoch = UINT64_MAX;
    return status;
}

static enum status stream_init(struct sampler *sampler, struct row_stream *stream, bool labelled,
                               const struct config *config)
{
    enum status status = OK;
    const struct corpus *corpus = sampler->corpus;
    size_t most = 0;
    *stream = (struct row_stream){.epoch = UINT64_MAX};
    stream->pieces = malloc((corpus->n_pieces + 1) * sizeof *stream->pieces);
    stream->per_offset = calloc(sampler->row_segments, sizeof *stream->per_offset);
    if (!stream->pieces || !stream->per_offset || status_fault())
        FAIL(FAILED, "no memory for the rows of %zu pieces", (size_t)corpus->n_pieces);
    for (size_t i = 0; i < corpus->n_pieces; i++)
        if (sampler_split(config, &corpus->pieces[i]) == SPLIT_TRAIN &&
            (sampler->label[i] != CORPUS_UNLABELLED) == labelled)
            stream->pieces[stream->n_pieces++] = (uint32_t)i;
    for (size_t offset = 0; offset < sampler->row_segments; offset++) {
        const size_t n = stream->per_offset[offset] = cut_all(sampler, stream, offset, NULL);
        if (n > most) most = n;
    }
    stream->rows = malloc((most + 1) * sizeof *stream->rows);
    if (!stream->rows) FAIL(FAILED, "no memory for %zu rows", most);
done:
    return status;
}

static void stream_fini(struct row_stream *stream)
{
    free(stream->pieces);
    free(stream->rows);
    free(stream->per_offset);
}

/* The row at a place of the endless sequence of epochs. */
static enum status stream_row(struct sampler *sampler, struct row_stream *stream, uint32_t key,
                              uint64_t place, struct row *row)
{
    size_t cycle = 0;
    for (size_t offset = 0; offset < sampler->row_segments; offset++)
        cycle += stream->per_offset[offset];
    ASSERT(cycle > 0); /* a stream without rows has no share of the batch */
    uint64_t epoch = place / cycle * sampler->row_segments;
    place %= cycle;
    while (place >= stream->per_offset[epoch % sampler->row_segments])
        place -= stream->per_offset[epoch++ % sampler->row_segments];
    const enum status status = load_epoch(sampler, stream, key, epoch);
    if (status == OK) *row = stream->rows[place];
    return status;
}

/* Keeps the labels of a share of each emotion's training pieces, the first in a drawn order. */
static enum status choose_labels(struct sampler *sampler, const struct config *config)
{
    enum status status = OK;
    const struct corpus *corpus = sampler->corpus;
    struct keyed *order = malloc((corpus->n_pieces + 1) * sizeof *order);
    sampler->label = malloc(corpus->n_pieces + 1);
    if (!order || !sampler->label || status_fault())
        FAIL(FAILED, "no memory for the labels of %zu pieces", (size_t)corpus->n_pieces);
    for (size_t i = 0; i < corpus->n_pieces; i++) sampler->label[i] = corpus->pieces[i].label;
    for (int8_t emotion = 0; emotion < 4; emotion++) {
        size_t n = 0;
        for (size_t i = 0; i < corpus->n_pieces; i++)
            if (corpus->pieces[i].label == emotion &&
                sampler_split(config, &corpus->pieces[i]) == SPLIT_TRAIN)
                order[n++] = (struct keyed){
                    draw_key(sampler->seed, RANDOM_SHUFFLE, 0, STREAM_FRACTION, i), i};
        qsort(order, n, sizeof *order, by_key);
        /* .07 of 100 pieces is 7.000000000000001 in doubles, and means 7 */
        const size_t keep = (size_t)ceil(config->data.label_fraction * (double)n * (1 - 1e-12));
        for (size_t i = keep; i < n; i++) sampler->label[order[i].index] = CORPUS_UNLABELLED;
    }
done:
    free(order);
    return status;
}

static void set_shares(struct sampler *sampler, const struct config *config)
{
    const size_t batch = config->train.batch;
    size_t labelled = (size_t)lround(config->data.labelled_share * (double)batch);
    if (labelled == 0 && config->data.labelled_share > 0) labelled = 1;
    if (sampler->labelled.n_pieces == 0) labelled = 0;
    if (sampler->unlabelled.n_pieces == 0) labelled = batch;
    sampler->n_labelled = labelled;
    sampler->n_unlabelled = batch - labelled;
}

enum status sampler_init(struct sampler *sampler, const struct corpus *corpus,
                         const struct config *config)
{
    enum status status = OK;
    *sampler = (struct sampler){
        .corpus = corpus, .seed = config->train.seed, .row_segments = config->data.row_segments};
    TRY(choose_labels(sampler, config));
    TRY(stream_init(sampler, &sampler->unlabelled, false, config));
    TRY(stream_init(sampler, &sampler->labelled, true, config));
    if (sampler->unlabelled.n_pieces + sampler->labelled.n_pieces == 0)
        FAIL(FAILED, "the corpus has no piece in its training split");
    set_shares(sampler, config);
    sampler->batch = malloc(config->train.batch * sizeof *sampler->batch);
    if (!sampler->batch) FAIL(FAILED, "no memory for a batch of %zu rows", config->train.batch);
done:
    if (status != OK) sampler_fini(sampler);
    return status;
}

void sampler_fini(struct sampler *sampler)
{
    stream_fini(&sampler->unlabelled);
    stream_fini(&sampler->labelled);
    free(sampler->batch);
    free(sampler->label);
    *sampler = (struct sampler){0};
}

enum status sampler_batch(struct sampler *sampler, uint64_t step, const struct row **rows,
                          size_t *n_rows)
{
    enum status status = OK;
    const size_t u = sampler->n_unlabelled, l = sampler->n_labelled;
    for (size_t i = 0; i < u; i++)
        TRY(stream_row(sampler, &sampler->unlabelled, STREAM_UNLABELLED, step * u + i,
                       &sampler->batch[i]));
    for (size_t i = 0; i < l; i++)
        TRY(stream_row(sampler, &sampler->labelled, STREAM_LABELLED, step * l + i,
                       &sampler->batch[u + i]));
    *rows = sampler->batch;
    *n_rows = u + l;
done:
    return status;
}

double sampler_epochs(const struct sampler *sampler, uint64_t step)
{
    const bool labelled = sampler->n_unlabelled == 0;
    const struct row_stream *stream = labelled ? &sampler->labelled : &sampler->unlabelled;
    const size_t taken = labelled ? sampler->n_labelled : sampler->n_unlabelled;
    return (double)step * (double)taken / (double)stream->per_offset[0];
}

enum status sampler_held_out(const struct sampler *sampler, const struct config *config,
                             enum split split, size_t most, struct row **rows, size_t *n_rows)
{
    enum status status = OK;
    const struct corpus *corpus = sampler->corpus;
    struct row *all = malloc((corpus->n_segments + 1) * sizeof *all);
    size_t n = 0;
    if (!all || status_fault()) FAIL(FAILED, "no memory for the held-out rows");
    for (size_t i = 0; i < corpus->n_pieces; i++)
        if (sampler_split(config, &corpus->pieces[i]) == split)
            n +=
                cut_piece(&corpus->pieces[i], sampler->label[i], 0, sampler->row_segments, all + n);
    TRY(shuffle(all, n, sampler->seed, split, STREAM_HELD_OUT));
    *n_rows = n < most ? n : most;
    *rows = all;
    all = NULL;
done:
    free(all);
    return status;
}
