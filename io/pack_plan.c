/* The plan of a corpus, made alike on every rank. */
#include "pack_plan.h"

#include "merge_sort.h"
#include "splits.h"

#include <string.h>

void pack_plan_fini(struct pack_plan *plan)
{
    free(plan->records);
    free(plan->order);
    *plan = (struct pack_plan){0};
}

enum status pack_plan_gather(struct pack_plan *plan, struct group *group, struct pack_store *store)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(group);
    size_t total = 0;
    size_t *counts = status_fault() ? NULL : calloc(size, sizeof *counts);
    if (!counts) status = status_fail(FAILED, "out of memory");
    TRY(group_agree(group, status));
    plan->n_ranks = (int)size;
    group_gather_sizes(group, counts, store->n_records * sizeof *store->records);
    for (size_t r = 0; r < size; r++) total += counts[r];
    plan->n_records = total / sizeof *plan->records;
    if (size == 1) {
        plan->records = store->records;
        store->records = NULL;
        goto done;
    }
    plan->records = status_fault() ? NULL : malloc(total + 1);
    if (!plan->records)
        status = status_fail(FAILED, "out of memory for %zu records", plan->n_records);
    TRY(group_agree(group, status));
    group_gather_all(group, plan->records, store->records, counts);
done:
    free(store->records);
    store->records = NULL;
    store->n_records = store->record_room = 0;
    free(counts);
    return status;
}

/* The tempo of a packed file, for the vote of its argument. */
struct declared {
    uint32_t argument;
    uint32_t tempo;
};

static enum status declare(struct declared **declared, size_t *n, const struct inputs *inputs,
                           const struct pack_store *store)
{
    *n = 0;
    *declared = status_fault() ? NULL : malloc((store->n_records + 1) * sizeof **declared);
    if (!*declared) return status_fail(FAILED, "out of memory");
    for (size_t r = 0; r < store->n_records; r++) {
        const struct packed *record = store->records + r;
        if (record->outcome != OUTCOME_PACKED || record->input == PACK_NEW) continue;
        (*declared)[(*n)++] =
            (struct declared){inputs->items[record->input].argument, record->tempo};
    }
    return OK;
}

/* A majority vote over the tempi of one argument's files. */
struct vote {
    uint64_t files; /* packed */
    uint64_t balance;
    uint64_t matches; /* files that declare the leader */
    uint32_t leader;
};

static void hold_votes(struct vote *votes, const struct declared *declared, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct vote *vote = votes + declared[i].argument;
        vote->files++;
        if (vote->balance == 0) vote->leader = declared[i].tempo;
        if (vote->leader == declared[i].tempo)
            vote->balance++;
        else
            vote->balance--;
    }
    for (size_t i = 0; i < n; i++) {
        struct vote *vote = votes + declared[i].argument;
        vote->matches += vote->leader == declared[i].tempo;
    }
}

static bool is_constant(const struct vote *vote)
{
    return vote->files >= PACK_TEMPO_FILES &&
           vote->matches * 100 >= vote->files * PACK_TEMPO_PERCENT;
}

enum status pack_plan_tempi(const struct inputs *inputs, struct group *group,
                            const struct pack_store *store, uint32_t *tempi)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(group);
    size_t n = 0, total = 0;
    struct declared *mine = NULL, *all = NULL;
    struct vote *votes = status_fault() ? NULL : calloc(inputs->n_arguments + 1, sizeof *votes);
    size_t *counts = status_fault() ? NULL : calloc(size, sizeof *counts);
    if (!votes || !counts)
        status = status_fail(FAILED, "out of memory");
    else
        status = declare(&mine, &n, inputs, store);
    TRY(group_agree(group, status));
    group_gather_sizes(group, counts, n * sizeof *mine);
    for (size_t r = 0; r < size; r++) total += counts[r];
    all = status_fault() ? NULL : malloc(total + 1);
    if (!all) status = status_fail(FAILED, "out of memory");
    TRY(group_agree(group, status));
    group_gather_all(group, all, mine, counts);
    hold_votes(votes, all, total / sizeof *all);
    for (size_t a = 0; a < inputs->n_arguments; a++)
        tempi[a] = is_constant(votes + a) ? votes[a].leader : 0;
done:
    free(all);
    free(mine);
    free(counts);
    free(votes);
    return status;
}

static const char *record_name(const struct pack_plan *plan, const struct packed *record)
{
    if (record->input != PACK_NEW) return input_name(plan->inputs, record->input);
    return corpus_piece_name(plan->old, record->old);
}

/* By name, then content; an old piece before a new one; inputs in their order. */
static bool piece_before(const void *a, const void *b, const void *context)
{
    const struct pack_plan *plan = context;
    const struct packed *p = plan->records + *(const uint32_t *)a,
                        *q = plan->records + *(const uint32_t *)b;
    const int names = strcmp(record_name(plan, p), record_name(plan, q));
    if (names) return names < 0;
    if (p->hash != q->hash) return p->hash < q->hash;
    if (p->old != q->old) return p->old < q->old;
    return p->input < q->input;
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
    const size_t n = plan->n_records;
    uint32_t *scratch = status_fault() ? NULL : malloc((n + 1) * sizeof *scratch);
    plan->order = status_fault() ? NULL : malloc((n + 1) * sizeof *plan->order);
    if (!scratch || !plan->order) {
        free(scratch);
        return status_fail(FAILED, "out of memory for %zu pieces", n);
    }
    plan->n_pieces = 0;
    for (size_t r = 0; r < n; r++)
        if (plan->records[r].outcome == OUTCOME_PACKED) plan->order[plan->n_pieces++] = (uint32_t)r;
    merge_sort(plan->order, plan->n_pieces, sizeof *plan->order, piece_before, plan, scratch);
    free(scratch);
    if (plan->old) drop_known(plan);
    return OK;
}

const struct packed *pack_plan_record(const struct pack_plan *plan, uint64_t i)
{
    return plan->records + plan->order[i];
}

const char *pack_plan_name(const struct pack_plan *plan, uint64_t i)
{
    return record_name(plan, pack_plan_record(plan, i));
}

static struct label label_of(const struct pack_plan *plan, const struct packed *record)
{
    if (record->input != PACK_NEW) return plan->labels ? plan->labels[record->input] : label_none();
    const struct corpus_piece *old = plan->old->pieces + record->old;
    return (struct label){.valence = old->valence,
                          .arousal = old->arousal,
                          .label = old->label,
                          .split = LABEL_NO_SPLIT};
}

void pack_plan_piece(const struct pack_plan *plan, uint64_t i, struct corpus_piece *piece)
{
    const struct packed *record = pack_plan_record(plan, i);
    const struct label label = label_of(plan, record);
    *piece = (struct corpus_piece){
        .hash = record->hash,
        .group = record->group,
        .n_segments = record->n_segments,
        .valence = label.valence,
        .arousal = label.arousal,
        .label = label.label,
        .split = record->split,
        .off_grid = record->off_grid,
        .tempo_unknown = record->tempo_unknown,
    };
}

static struct tie tie_of(const void *context, uint64_t i)
{
    const struct pack_plan *plan = context;
    const struct packed *record = pack_plan_record(plan, i);
    const struct label label = label_of(plan, record);
    const struct corpus_piece *old =
        record->input == PACK_NEW ? plan->old->pieces + record->old : NULL;
    return (struct tie){
        .shape = record->shape,
        .named = label.group,
        .kept = old ? old->group : 0,
        .asked = label.split,
        .old = old ? (int8_t)old->split : SPLIT_NONE,
        .label = label.label,
    };
}

/* The report says which inputs follow a copy into another split than their label file wants. */
static void place_piece(void *context, uint64_t i, uint64_t group, enum split split)
{
    struct pack_plan *plan = context;
    struct packed *record = plan->records + plan->order[i];
    const int8_t asked = label_of(plan, record).split;
    record->group = group;
    record->split = (uint8_t)split;
    if (asked != LABEL_NO_SPLIT && asked != (int8_t)split) record->note = NOTE_WITH_COPY;
}

enum status pack_plan_make(struct pack_plan *plan, const int percent[N_SPLITS])
{
    enum status status = OK;
    TRY(order_pieces(plan));
    plan->n_events = plan->n_segments = plan->n_name_bytes = 0;
    for (uint64_t i = 0; i < plan->n_pieces; i++) {
        const struct packed *record = pack_plan_record(plan, i);
        plan->n_events += record->n_events;
        plan->n_segments += record->n_segments;
        plan->n_name_bytes += strlen(pack_plan_name(plan, i)) + 1;
    }
    if (plan->n_segments > UINT32_MAX) FAIL(FAILED, "more than %u segments", UINT32_MAX);
    const struct splits splits = {
        .n = plan->n_pieces, .tie = tie_of, .place = place_piece, .context = plan};
    TRY(splits_assign(&splits, percent));
done:
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
    for (uint64_t i = 0; i < n; i++) groups[i] = pack_plan_record(plan, i)->group;
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
        const struct packed *record = pack_plan_record(plan, i);
        const int8_t label = label_of(plan, record).label;
        result->splits[record->split]++;
        if (label == CORPUS_UNLABELLED) continue;
        result->labelled[label]++;
        result->labelled_splits[label][record->split]++;
    }
    result->n_pieces = plan->n_pieces;
    result->n_segments = plan->n_segments;
    result->n_events = plan->n_events;
    return count_groups(plan, &result->n_groups);
}
