/* Cutting and assigning micro-batches. */
#include "micro.h"

#include <stdlib.h>
#include <string.h>

enum status micro_plan_init(struct micro_plan *plan, size_t max_rows, int n_ranks)
{
    *plan = (struct micro_plan){.max_rows = max_rows, .n_ranks = n_ranks};
    plan->micros = calloc(max_rows + 1, sizeof *plan->micros);
    plan->order = calloc(max_rows + 1, sizeof *plan->order);
    plan->load = calloc((size_t)n_ranks, sizeof *plan->load);
    if (plan->micros && plan->order && plan->load && !status_fault()) return OK;
    micro_plan_fini(plan);
    return status_fail(FAILED, "no memory for %zu micro-batches", max_rows);
}

void micro_plan_fini(struct micro_plan *plan)
{
    free(plan->micros);
    free(plan->order);
    free(plan->load);
    *plan = (struct micro_plan){0};
}

static int heaviest_first(const void *a, const void *b)
{
    const struct micro *x = *(struct micro *const *)a, *y = *(struct micro *const *)b;
    if (x->n_events != y->n_events) return x->n_events < y->n_events ? 1 : -1;
    return (x > y) - (x < y);
}

/* The heaviest micro-batch goes to the lightest rank, and so on; ties to the first of each. */
static void assign(struct micro_plan *plan)
{
    const size_t n_ranks = (size_t)plan->n_ranks;
    memset(plan->load, 0, n_ranks * sizeof *plan->load);
    for (size_t i = 0; i < plan->n_micros; i++) plan->order[i] = &plan->micros[i];
    qsort(plan->order, plan->n_micros, sizeof *plan->order, heaviest_first);
    for (size_t i = 0; i < plan->n_micros; i++) {
        size_t lightest = 0;
        for (size_t rank = 1; rank < n_ranks; rank++)
            if (plan->load[rank] < plan->load[lightest]) lightest = rank;
        plan->order[i]->rank = (int)lightest;
        plan->load[lightest] += plan->order[i]->n_events;
    }
}

/* Neighbouring rows of one kind. */
struct run {
    const struct source *source;
    const struct row *rows; /* (n) */
    size_t n;
    bool labelled;
};

static bool is_labelled(const struct row *row)
{
    return row->label != CORPUS_UNLABELLED;
}

/* The run at the head of `rows` (n >= 1). */
static struct run head_run(const struct source *source, const struct row *rows, size_t n)
{
    struct run run = {source, rows, 1, is_labelled(&rows[0])};
    while (run.n < n && is_labelled(&rows[run.n]) == run.labelled) run.n++;
    return run;
}

/* Pieces of a run when each takes what fits: no other way has fewer. */
static size_t count_pieces(const struct run *run, size_t limit)
{
    size_t n = 0, taken = 0;
    for (size_t i = 0; i < run->n; i++) {
        const size_t events = collate_row_events(run->source, &run->rows[i]);
        if (n == 0 || taken + events > limit) {
            n++;
            taken = 0;
        }
        taken += events;
    }
    return n;
}

/* The least limit that cuts a run into no more than `pieces`: the most even cut. */
static size_t even_limit(const struct run *run, size_t pieces, size_t max_events)
{
    size_t low = 1, high = max_events;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (count_pieces(run, middle) <= pieces)
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

/* Two, four, ... ranks share an even number of micro-batches best: where they are several and odd,
 * the run that has the largest is cut into one more.  Returns its first row; n_rows: none. */
static size_t run_to_cut_finer(const struct source *source, const struct row *rows, size_t n_rows,
                               size_t max_events)
{
    size_t n = 0, largest = 0, finer = n_rows;
    for (size_t first = 0; first < n_rows;) {
        const struct run run = head_run(source, rows + first, n_rows - first);
        const size_t pieces = count_pieces(&run, max_events);
        const size_t limit = even_limit(&run, pieces, max_events);
        if (pieces < run.n && limit > largest) {
            largest = limit;
            finer = first;
        }
        n += pieces;
        first += run.n;
    }
    return n > 1 && n % 2 == 1 ? finer : n_rows;
}

static void cut_run(struct micro_plan *plan, const struct run *run, size_t first_row, size_t limit)
{
    struct micro *micro = NULL;
    for (size_t i = 0; i < run->n; i++) {
        const size_t events = collate_row_events(run->source, &run->rows[i]);
        if (!micro || micro->n_events + events > limit) {
            micro = &plan->micros[plan->n_micros++];
            *micro = (struct micro){.first_row = first_row + i,
                                    .first_segment = plan->n_segments,
                                    .labelled = run->labelled};
        }
        micro->n_rows++;
        micro->n_segments += run->rows[i].n_segments;
        micro->n_events += events;
        plan->n_segments += run->rows[i].n_segments;
        *(run->labelled ? &plan->n_labelled : &plan->n_unlabelled) += run->rows[i].n_segments;
        plan->n_events += events;
    }
}

void micro_plan_cut(struct micro_plan *plan, const struct source *source, const struct row *rows,
                    size_t n_rows, size_t max_events)
{
    ASSERT(n_rows <= plan->max_rows);
    const size_t finer = run_to_cut_finer(source, rows, n_rows, max_events);
    plan->n_micros = plan->n_segments = plan->n_labelled = plan->n_unlabelled = plan->n_events = 0;
    for (size_t first = 0; first < n_rows;) {
        const struct run run = head_run(source, rows + first, n_rows - first);
        const size_t pieces = count_pieces(&run, max_events) + (first == finer);
        cut_run(plan, &run, first, even_limit(&run, pieces, max_events));
        first += run.n;
    }
    assign(plan);
}
