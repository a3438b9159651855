/* Bigram counts a field. */
#include "bigram.h"

#include "collate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_FIELD = N_FIELDS, N_TABLES };

static const double SMOOTHING = 0.1; /* added to every count */

struct bigram {
    size_t n_symbols[N_TABLES];
    int64_t *count[N_TABLES]; /* (n_symbols + 1, n_symbols); the last row: nothing before */
    int64_t *all;             /* owned: all tables */
    size_t n_all;
};

/* What came before, a field; n_symbols: nothing. */
struct context {
    size_t last[N_TABLES];
};

static struct context context_start(const struct bigram *bigram)
{
    struct context context = {{0}};
    for (int f = 0; f < N_TABLES; f++) context.last[f] = bigram->n_symbols[f];
    return context;
}

/* One event: its symbols, SYMBOL_NONE where it has none. */
struct symbols {
    uint8_t of[N_TABLES];
};

static struct symbols event_symbols(const struct event *event, int tonic)
{
    struct symbols s;
    memset(&s, SYMBOL_NONE, sizeof s);
    s.of[TYPE_FIELD] = event->position == EVENTS_BAR ? TYPE_BAR : TYPE_NOTE;
    if (event->position == EVENTS_BAR) {
        s.of[FIELD_TEMPO] = event->pitch;
        s.of[FIELD_SIGNATURE] = event->duration;
    } else {
        s.of[FIELD_POSITION] = event->position;
        s.of[FIELD_PITCH] = (uint8_t)(event->pitch - tonic - EVENTS_TONAL_LOW);
        s.of[FIELD_DURATION] = event->duration;
        s.of[FIELD_VELOCITY] = (uint8_t)(event->velocity * EVENTS_N_VELOCITY / 128);
    }
    return s;
}

/* Whether the field of this event counts, and its cell. */
static bool cell_of(const struct bigram *bigram, const struct context *context,
                    const struct symbols *s, int field, size_t *cell)
{
    const uint8_t symbol = s->of[field];
    *cell = context->last[field] * bigram->n_symbols[field] + symbol;
    return symbol != SYMBOL_NONE && !(field == FIELD_TEMPO && symbol == EVENTS_TEMPO_UNKNOWN);
}

/* A bar line makes the position start again. */
static void advance(const struct bigram *bigram, struct context *context, const struct symbols *s)
{
    for (int f = 0; f < N_TABLES; f++)
        if (s->of[f] != SYMBOL_NONE) context->last[f] = s->of[f];
    if (s->of[TYPE_FIELD] == TYPE_BAR)
        context->last[FIELD_POSITION] = bigram->n_symbols[FIELD_POSITION];
}

static void count_piece(struct bigram *bigram, const struct corpus *corpus,
                        const struct corpus_piece *piece)
{
    struct context context = context_start(bigram);
    for (uint32_t s = 0; s < piece->n_segments; s++) {
        const struct corpus_segment *segment = &corpus->segments[piece->first_segment + s];
        for (uint32_t i = 0; i < segment->count; i++) {
            const struct symbols symbols =
                event_symbols(&corpus->events[segment->first + i], segment->tonic);
            size_t cell;
            for (int f = 0; f < N_TABLES; f++)
                if (cell_of(bigram, &context, &symbols, f, &cell)) bigram->count[f][cell]++;
            advance(bigram, &context, &symbols);
        }
    }
}

static enum status bigram_init(struct bigram *bigram, const struct vocabulary *vocabulary)
{
    size_t place = 0;
    for (int f = 0; f < N_TABLES; f++) {
        const size_t n = bigram->n_symbols[f] = f == TYPE_FIELD ? N_TYPES : vocabulary->size[f];
        bigram->n_all += (n + 1) * n;
    }
    bigram->all = calloc(bigram->n_all, sizeof *bigram->all);
    if (!bigram->all || status_fault())
        return status_fail(FAILED, "no memory for %zu bigram counts", bigram->n_all);
    for (int f = 0; f < N_TABLES; f++) {
        bigram->count[f] = bigram->all + place;
        place += (bigram->n_symbols[f] + 1) * bigram->n_symbols[f];
    }
    return OK;
}

enum status bigram_create(struct bigram **out, struct group *group, const struct corpus *corpus,
                          const struct config *config)
{
    const struct vocabulary vocabulary = collate_vocabulary(&corpus->vocabulary);
    struct bigram *bigram = calloc(1, sizeof *bigram);
    enum status local = bigram ? bigram_init(bigram, &vocabulary)
                               : status_fail(FAILED, "no memory for the bigram baseline");
    const enum status status = group_agree(group, local);
    *out = NULL;
    if (status != OK) {
        bigram_destroy(bigram);
        return status;
    }
    const uint64_t size = (uint64_t)group_size(group);
    for (uint64_t i = (uint64_t)group_rank(group); i < corpus->n_pieces; i += size)
        if (sampler_split(config, &corpus->pieces[i]) == SPLIT_TRAIN)
            count_piece(bigram, corpus, &corpus->pieces[i]);
    group_sum_int64(group, bigram->all, bigram->n_all);
    *out = bigram;
    return OK;
}

void bigram_destroy(struct bigram *bigram)
{
    if (bigram) free(bigram->all);
    free(bigram);
}

static double cell_nats(const struct bigram *bigram, int field, size_t cell)
{
    const size_t n = bigram->n_symbols[field];
    const int64_t *row = bigram->count[field] + cell / n * n;
    double total = SMOOTHING * (double)n;
    for (size_t i = 0; i < n; i++) total += (double)row[i];
    return log(total) - log((double)bigram->count[field][cell] + SMOOTHING);
}

double bigram_nats(const struct bigram *bigram, const struct batch *batch)
{
    double nats = 0;
    for (size_t row = 0; row < batch->n_rows; row++) {
        struct context context = context_start(bigram);
        const uint32_t first = batch->segment_event[batch->row_segment[row]];
        const uint32_t end = batch->segment_event[batch->row_segment[row + 1]];
        for (uint32_t i = first; i < end; i++) {
            struct symbols symbols;
            size_t cell;
            for (int f = 0; f < N_FIELDS; f++) symbols.of[f] = batch->symbol[f][i];
            symbols.of[TYPE_FIELD] = batch_is_bar(batch, i) ? TYPE_BAR : TYPE_NOTE;
            for (int f = 0; f < N_TABLES; f++)
                if (cell_of(bigram, &context, &symbols, f, &cell))
                    nats += cell_nats(bigram, f, cell);
            advance(bigram, &context, &symbols);
        }
    }
    return nats;
}
