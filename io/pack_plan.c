/* The plan of a corpus, made alike on every rank. */
#define _GNU_SOURCE
#include "pack_plan.h"

#include "splits.h"

#include <math.h>
#include <string.h>

void pack_plan_fini(struct pack_plan *plan)
{
    free(plan->records);
    free(plan->order);
    free(plan->pieces);
    free(plan->first_event);
    free(plan->owner);
    free(plan->names);
    *plan = (struct pack_plan){0};
}

enum status pack_plan_gather(struct pack_plan *plan, struct group *group,
                             const struct pack_store *store)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(group);
    size_t total = 0;
    size_t *counts = status_fault() ? NULL : calloc(size, sizeof *counts);
    if (!counts) status = status_fail(FAILED, "out of memory");
    TRY(group_agree(group, status));
    group_gather_sizes(group, counts, store->n_records * sizeof *store->records);
    for (size_t r = 0; r < size; r++) total += counts[r];
    free(plan->records);
    plan->n_records = total / sizeof *plan->records;
    plan->records = status_fault() ? NULL : malloc(total + 1);
    if (!plan->records)
        status = status_fail(FAILED, "out of memory for %zu records", plan->n_records);
    TRY(group_agree(group, status));
    group_gather_all(group, plan->records, store->records, counts);
done:
    free(counts);
    return status;
}

/* A majority vote over the tempi of one argument's files. */
struct vote {
    uint64_t files; /* packed */
    uint64_t balance;
    uint64_t matches; /* files that declare the leader */
    uint32_t leader;
};

static struct vote *vote_of(const struct pack_plan *plan, struct vote *votes, size_t r)
{
    const struct packed *record = plan->records + r;
    if (record->outcome != OUTCOME_PACKED || record->input == PACK_NEW) return NULL;
    return votes + plan->inputs->items[record->input].argument;
}

enum status pack_plan_tempi(const struct pack_plan *plan, uint32_t *tempi)
{
    const size_t n = plan->inputs->n_arguments;
    struct vote *votes = status_fault() ? NULL : calloc(n + 1, sizeof *votes);
    if (!votes) return status_fail(FAILED, "out of memory");
    for (size_t r = 0; r < plan->n_records; r++) {
        struct vote *vote = vote_of(plan, votes, r);
        if (!vote) continue;
        vote->files++;
        if (vote->balance == 0) vote->leader = plan->records[r].tempo;
        if (vote->leader == plan->records[r].tempo)
            vote->balance++;
        else
            vote->balance--;
    }
    for (size_t r = 0; r < plan->n_records; r++) {
        struct vote *vote = vote_of(plan, votes, r);
        if (vote) vote->matches += vote->leader == plan->records[r].tempo;
    }
    for (size_t a = 0; a < n; a++) {
        const bool constant = votes[a].files >= PACK_TEMPO_FILES &&
                              votes[a].matches * 100 >= votes[a].files * PACK_TEMPO_PERCENT;
        tempi[a] = constant ? votes[a].leader : 0;
    }
    free(votes);
    return OK;
}

static const char *record_name(const struct pack_plan *plan, const struct packed *record)
{
    if (record->input != PACK_NEW) return input_name(plan->inputs, record->input);
    return corpus_piece_name(plan->old, record->old);
}

/* By name, then content; an old piece before a new one; inputs in their order. */
static int compare_pieces(const void *a, const void *b, void *context)
{
    const struct pack_plan *plan = context;
    const struct packed *p = plan->records + *(const uint32_t *)a,
                        *q = plan->records + *(const uint32_t *)b;
    const int names = strcmp(record_name(plan, p), record_name(plan, q));
    if (names) return names;
    if (p->hash != q->hash) return p->hash < q->hash ? -1 : 1;
    if (p->old != q->old) return p->old < q->old ? -1 : 1;
    return (p->input > q->input) - (p->input < q->input);
}

/* Inputs that the old corpus already has, by name and content, are not added again. */
static void drop_known(struct pack_plan *plan)
{
    uint64_t kept = 0;
    const struct packed *last = NULL; /* old piece */
    for (uint64_t i = 0; i < plan->n_pieces; i++) {
        struct packed *record = plan->records + plan->order[i];
        if (record->input == PACK_NEW) {
            last = record;
        } else if (last && last->hash == record->hash &&
                   strcmp(record_name(plan, last), record_name(plan, record)) == 0) {
            record->outcome = OUTCOME_SKIPPED;
            record->note = NOTE_ALREADY_THERE;
            continue;
        }
        plan->order[kept++] = plan->order[i];
    }
    plan->n_pieces = kept;
}

static enum status order_pieces(struct pack_plan *plan)
{
    plan->order = status_fault() ? NULL : calloc(plan->n_records + 1, sizeof *plan->order);
    if (!plan->order) return status_fail(FAILED, "out of memory for %zu pieces", plan->n_records);
    plan->n_pieces = 0;
    for (size_t r = 0; r < plan->n_records; r++)
        if (plan->records[r].outcome == OUTCOME_PACKED) plan->order[plan->n_pieces++] = (uint32_t)r;
    qsort_r(plan->order, plan->n_pieces, sizeof *plan->order, compare_pieces, plan);
    if (plan->old) drop_known(plan);
    return OK;
}

static enum status allocate(struct pack_plan *plan)
{
    const size_t n = plan->n_pieces;
    plan->n_name_bytes = 0;
    for (size_t i = 0; i < n; i++)
        plan->n_name_bytes += strlen(record_name(plan, plan->records + plan->order[i])) + 1;
    plan->pieces = status_fault() ? NULL : calloc(n + 1, sizeof *plan->pieces);
    plan->first_event = status_fault() ? NULL : calloc(n + 1, sizeof *plan->first_event);
    plan->owner = status_fault() ? NULL : calloc(n + 1, sizeof *plan->owner);
    plan->names = status_fault() ? NULL : malloc(plan->n_name_bytes + 1);
    if (plan->pieces && plan->first_event && plan->owner && plan->names) return OK;
    return status_fail(FAILED, "out of memory for %zu pieces", n);
}

static void describe(const struct pack_plan *plan, const struct packed *record,
                     struct corpus_piece *piece, struct tie *tie)
{
    *tie = (struct tie){.shape = record->shape, .asked = SPLIT_NONE, .old = SPLIT_NONE};
    piece->hash = record->hash;
    piece->n_segments = record->n_segments;
    piece->off_grid = record->off_grid;
    piece->tempo_unknown = record->tempo_unknown;
    if (record->input == PACK_NEW) {
        const struct corpus_piece *old = plan->old->pieces + record->old;
        piece->label = old->label;
        piece->valence = old->valence;
        piece->arousal = old->arousal;
        tie->kept = old->group;
        tie->old = (int8_t)old->split;
    } else {
        const struct label *label = plan->labels + record->input;
        piece->label = label->label;
        piece->valence = label->valence;
        piece->arousal = label->arousal;
        tie->named = label->group;
        tie->asked = label->split;
    }
}

/* The report says which inputs follow a copy into another split than their label file wants. */
static void note_moved(struct pack_plan *plan, const struct tie *ties)
{
    for (uint64_t i = 0; i < plan->n_pieces; i++)
        if (ties[i].asked != SPLIT_NONE && ties[i].asked != plan->pieces[i].split)
            plan->records[plan->order[i]].note = NOTE_WITH_COPY;
}

enum status pack_plan_make(struct pack_plan *plan, const int percent[N_SPLITS])
{
    enum status status = OK;
    struct tie *ties = NULL;
    uint64_t event = 0, segment = 0, name = 0;
    TRY(order_pieces(plan));
    TRY(allocate(plan));
    ties = status_fault() ? NULL : calloc(plan->n_pieces + 1, sizeof *ties);
    if (!ties) FAIL(FAILED, "out of memory for %zu pieces", (size_t)plan->n_pieces);
    for (uint64_t i = 0; i < plan->n_pieces; i++) {
        const struct packed *record = plan->records + plan->order[i];
        const char *text = record_name(plan, record);
        struct corpus_piece *piece = plan->pieces + i;
        if (segment + record->n_segments > UINT32_MAX)
            FAIL(FAILED, "more than %u segments", UINT32_MAX);
        describe(plan, record, piece, ties + i);
        piece->name = name;
        piece->first_segment = (uint32_t)segment;
        memcpy(plan->names + name, text, strlen(text) + 1);
        plan->owner[i] = (int32_t)record->owner;
        plan->first_event[i] = event;
        name += strlen(text) + 1;
        segment += record->n_segments;
        event += record->n_events;
    }
    plan->first_event[plan->n_pieces] = event;
    TRY(splits_assign(plan->pieces, ties, plan->n_pieces, percent));
    note_moved(plan, ties);
done:
    free(ties);
    return status;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;
    return (p > q) - (p < q);
}

static enum status count_groups(const struct pack_plan *plan, uint64_t *n_groups)
{
    const uint64_t n = plan->n_pieces;
    uint64_t *groups = status_fault() ? NULL : calloc(n + 1, sizeof *groups);
    if (!groups) return status_fail(FAILED, "out of memory");
    for (uint64_t i = 0; i < n; i++) groups[i] = plan->pieces[i].group;
    qsort(groups, n, sizeof *groups, compare_numbers);
    *n_groups = 0;
    for (uint64_t i = 0; i < n; i++) *n_groups += i == 0 || groups[i] != groups[i - 1];
    free(groups);
    return OK;
}

enum status pack_plan_count(const struct pack_plan *plan, struct pack_result *result)
{
    for (size_t r = 0; r < plan->n_records; r++) {
        const struct packed *record = plan->records + r;
        if (record->input == PACK_NEW) continue;
        result->n_inputs++;
        result->outcomes[record->outcome]++;
        result->n_damaged += record->outcome == OUTCOME_PACKED && record->damaged;
        result->n_already += record->note == NOTE_ALREADY_THERE;
        result->n_with_copy += record->note == NOTE_WITH_COPY;
    }
    for (uint64_t i = 0; i < plan->n_pieces; i++) {
        const struct corpus_piece *piece = plan->pieces + i;
        result->n_segments += piece->n_segments;
        result->splits[piece->split]++;
        if (piece->label == CORPUS_UNLABELLED) continue;
        result->labelled[piece->label]++;
        result->labelled_splits[piece->label][piece->split]++;
    }
    result->n_pieces = plan->n_pieces;
    result->n_events = plan->first_event[plan->n_pieces];
    return count_groups(plan, &result->n_groups);
}
