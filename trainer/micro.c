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

void micro_plan_cut(struct micro_plan *plan, const struct source *source, const struct row *rows,
                    size_t n_rows, size_t max_events)
{
    struct micro *micro = NULL;
    ASSERT(n_rows <= plan->max_rows);
    plan->n_micros = plan->n_segments = plan->n_labelled = plan->n_unlabelled = plan->n_events = 0;
    for (size_t i = 0; i < n_rows; i++) {
        const size_t events = collate_row_events(source, &rows[i]);
        const bool labelled = rows[i].label != CORPUS_UNLABELLED;
        if (!micro || micro->labelled != labelled || micro->n_events + events > max_events) {
            micro = &plan->micros[plan->n_micros++];
            *micro = (struct micro){
                .first_row = i, .first_segment = plan->n_segments, .labelled = labelled};
        }
        micro->n_rows++;
        micro->n_segments += rows[i].n_segments;
        micro->n_events += events;
        plan->n_segments += rows[i].n_segments;
        *(labelled ? &plan->n_labelled : &plan->n_unlabelled) += rows[i].n_segments;
        plan->n_events += events;
    }
    assign(plan);
}
