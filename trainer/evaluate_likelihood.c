/* What the measured split costs: bits an event and a note, the bigram baseline beside them. */
#include "evaluate_parts.h"

#include <math.h>

/* Sums a piece. */
enum sum { SUM_BOUND, SUM_EVENTS, SUM_BIGRAM, SUM_N_EVENTS, SUM_N_NOTES, N_SUMS };

static void add_row(double *const sum[N_SUMS], const struct evaluation *evaluation, size_t row,
                    size_t first_segment)
{
    const struct evaluate_latents *held = &evaluation->held;
    const struct corpus *corpus = &evaluation->corpus;
    const double *nats = held->nats + row * N_ROW_NATS;
    const uint32_t piece = held->piece[first_segment];
    sum[SUM_EVENTS][piece] += nats[NATS_EVENTS] / log(2);
    sum[SUM_BOUND][piece] += (nats[NATS_EVENTS] + nats[NATS_DIVERGENCE]) / log(2);
    sum[SUM_BIGRAM][piece] += nats[NATS_BIGRAM] / log(2);
    for (uint32_t s = 0; s < held->rows[row].n_segments; s++) {
        const struct corpus_segment *segment = &corpus->segments[held->segment[first_segment + s]];
        sum[SUM_N_EVENTS][piece] += segment->count;
        sum[SUM_N_NOTES][piece] += segment->count - segment->bars;
    }
}

static enum status add_figures(const struct evaluation *evaluation, json_t *section,
                               double *const sum[N_SUMS])
{
    static const struct {
        const char *name;
        enum sum above, below;
    } FIGURES[] = {{"bits_an_event", SUM_BOUND, SUM_N_EVENTS},
                   {"bits_a_note", SUM_BOUND, SUM_N_NOTES},
                   {"reconstruction_bits_an_event", SUM_EVENTS, SUM_N_EVENTS},
                   {"reconstruction_bits_a_note", SUM_EVENTS, SUM_N_NOTES},
                   {"bigram_bits_an_event", SUM_BIGRAM, SUM_N_EVENTS},
                   {"bigram_bits_a_note", SUM_BIGRAM, SUM_N_NOTES}};
    enum status status = OK;
    for (size_t i = 0; i < sizeof FIGURES / sizeof *FIGURES; i++) {
        const struct ratio ratio = {sum[FIGURES[i].above], sum[FIGURES[i].below]};
        TRY(evaluate_figure(section, FIGURES[i].name, measures_ratio, &ratio,
                            evaluation->held.n_pieces, evaluation->settings->seed));
    }
done:
    return status;
}

enum status evaluate_likelihood(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_latents *held = &evaluation->held;
    const size_t n = held->n_pieces;
    double *sum[N_SUMS], *block = calloc(N_SUMS * n + 1, sizeof *block), n_events = 0, n_notes = 0;
    if (!block || status_fault()) FAIL(FAILED, "no memory for the likelihood of %zu pieces", n);
    for (size_t i = 0; i < N_SUMS; i++) sum[i] = block + i * n;
    for (size_t row = 0, segment = 0; row < held->n_rows; segment += held->rows[row++].n_segments)
        add_row(sum, evaluation, row, segment);
    for (size_t p = 0; p < n; p++) {
        n_events += sum[SUM_N_EVENTS][p];
        n_notes += sum[SUM_N_NOTES][p];
    }
    json_object_set_new(section, "pieces", json_integer((json_int_t)n));
    json_object_set_new(section, "events", json_integer((json_int_t)n_events));
    json_object_set_new(section, "notes", json_integer((json_int_t)n_notes));
    TRY(add_figures(evaluation, section, sum));
done:
    free(block);
    return status;
}
