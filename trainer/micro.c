/* Cutting and assigning micro-batches. */
#include "micro.h"

#include <stdlib.h>

enum status micro_plan_init(struct micro_plan *plan, size_t max_rows)
{
    *plan = (struct micro_plan){.max_rows = max_rows};
    plan->micros = calloc(max_rows + 1, sizeof *plan->micros);
    if (!plan->micros || status_fault())
        return status_fail(FAILED, "no memory for %zu micro-batches", max_rows);
    return OK;
}

void micro_plan_fini(struct micro_plan *plan)
{
    free(plan->micros);
    *plan = (struct micro_plan){0};
}

/* The heaviest unassigned micro-batch goes to the lightest rank; ties to the first of each. */
static void assign(struct micro_plan *plan, int n_ranks)
{
    for (size_t i = 0; i < plan->n_micros; i++) plan->micros[i].rank = -1;
    for (size_t done = 0; done < plan->n_micros; done++) {
        struct micro *heaviest = NULL;
        for (size_t i = 0; i < plan->n_micros; i++) {
            struct micro *micro = &plan->micros[i];
            if (micro->rank < 0 && (!heaviest || micro->n_events > heaviest->n_events))
                heaviest = micro;
        }
        size_t least = SIZE_MAX;
        int lightest = 0;
        for (int rank = 0; rank < n_ranks; rank++) {
            size_t load = 0;
            for (size_t i = 0; i < plan->n_micros; i++)
                if (plan->micros[i].rank == rank) load += plan->micros[i].n_events;
            if (load < least) {
                least = load;
                lightest = rank;
            }
        }
        heaviest->rank = lightest;
    }
}

void micro_plan_cut(struct micro_plan *plan, const struct source *source, const struct row *rows,
                    size_t n_rows, size_t max_events, int n_ranks)
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
    assign(plan, n_ranks);
}
