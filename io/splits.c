/* Union-find over what pieces share, then one split a group. */
#include "splits.h"

#define XXH_INLINE_ALL /* for a hash state on the stack */
#include <xxhash.h>

/* Steps from the first onset of every note, and the divisor common to all. */
struct onsets {
    int64_t bar;   /* start of the current bar, steps */
    int64_t steps; /* of the current bar */
    int64_t first; /* -1 before the first note */
    int pitch;     /* of the first note */
};

static bool next_note(struct onsets *onsets, const struct event *event,
                      const struct events_vocabulary *vocabulary, int64_t *onset)
{
    if (event->position == EVENTS_BAR) {
        onsets->bar += onsets->steps;
        onsets->steps = vocabulary->bar_steps[event->duration];
        return false;
    }
    *onset = onsets->bar + event->position;
    if (onsets->first < 0) {
        onsets->first = *onset;
        onsets->pitch = event->pitch;
    }
    *onset -= onsets->first;
    return true;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

uint64_t splits_shape(const struct event *events, size_t n_events,
                      const struct events_vocabulary *vocabulary)
{
    struct onsets onsets = {.first = -1};
    int64_t divisor = 0, onset;
    for (size_t i = 0; i < n_events && divisor != 1; i++)
        if (next_note(&onsets, events + i, vocabulary, &onset))
            divisor = common_divisor(divisor, onset);
    if (divisor == 0) divisor = 1;
    onsets = (struct onsets){.first = -1};
    XXH3_state_t state;
    int64_t run[256];
    size_t n = 0;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < n_events; i++) {
        if (!next_note(&onsets, events + i, vocabulary, &onset)) continue;
        run[n++] = onset / divisor * 256 + (events[i].pitch - onsets.pitch);
        if (n < sizeof run / sizeof *run) continue;
        XXH3_64bits_update(&state, run, sizeof run);
        n = 0;
    }
    XXH3_64bits_update(&state, run, n * sizeof *run);
    return XXH3_64bits_digest(&state);
}

struct key {
    uint64_t value;
    uint64_t piece;
};

/* A group while splits are dealt; kept at its root piece. */
struct set {
    uint64_t group;  /* the value the file stores: the least of the strongest kind of key */
    uint32_t parent; /* piece */
    uint32_t size;   /* pieces */
    uint8_t kind;    /* 0: shape, 1: named, 2: kept from the old corpus */
    int8_t split;    /* SPLIT_NONE until dealt */
    int8_t asked;    /* by label files */
    int8_t label;    /* of its first labelled piece */
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *p = a, *q = b;
    if (p->value != q->value) return p->value < q->value ? -1 : 1;
    return (p->piece > q->piece) - (p->piece < q->piece);
}

static uint32_t root(struct set *sets, uint64_t of)
{
    uint32_t i = (uint32_t)of;
    while (sets[i].parent != i) {
        sets[i].parent = sets[sets[i].parent].parent;
        i = sets[i].parent;
    }
    return i;
}

/* Unites the pieces of equal keys; the lower index becomes the root. */
static void unite(struct set *sets, const struct key *keys, size_t n)
{
    for (size_t k = 1; k < n; k++) {
        if (keys[k].value != keys[k - 1].value) continue;
        const uint32_t a = root(sets, keys[k - 1].piece), b = root(sets, keys[k].piece);
        sets[a > b ? a : b].parent = a < b ? a : b;
    }
}

static void offer_group(struct set *set, uint8_t kind, uint64_t value)
{
    if (value == 0 || kind < set->kind) return;
    if (kind > set->kind || value < set->group || set->size == 0) set->group = value;
    set->kind = kind;
}

/* Collects at the roots what their pieces say. */
static void collect(struct set *sets, const struct splits *splits)
{
    for (uint64_t i = 0; i < splits->n; i++) {
        const struct tie tie = splits->tie(splits->context, i);
        struct set *set = sets + root(sets, i);
        offer_group(set, 0, tie.shape);
        offer_group(set, 1, tie.named);
        offer_group(set, 2, tie.kept);
        set->size++;
        if (tie.old > set->split) set->split = tie.old;
        if (tie.asked > set->asked) set->asked = tie.asked;
        if (set->label == CORPUS_UNLABELLED) set->label = tie.label;
    }
    for (uint64_t i = 0; i < splits->n; i++)
        if (sets[i].parent == i && sets[i].split == SPLIT_NONE) sets[i].split = sets[i].asked;
}

static uint64_t mixed(uint64_t group)
{
    return XXH3_64bits(&group, sizeof group);
}

/* The split that lacks most of its share once `more` pieces have come. */
static int8_t neediest(const uint64_t dealt[N_SPLITS], uint64_t more, const int percent[N_SPLITS])
{
    uint64_t total = more;
    int8_t best = 0;
    for (int s = 0; s < N_SPLITS; s++) total += dealt[s];
    double most = 0;
    for (int8_t s = 0; s < N_SPLITS; s++) {
        const double lack = (double)total * percent[s] / 100 - (double)dealt[s];
        if (s > 0 && lack <= most) continue;
        most = lack;
        best = s;
    }
    return best;
}

/* Deals the labelled groups in order of hash; `keys` is scratch. */
static void deal_labelled(struct set *sets, struct key *keys, uint64_t n,
                          const int percent[N_SPLITS])
{
    uint64_t dealt[4][N_SPLITS] = {{0}};
    size_t open = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (sets[i].parent != i || sets[i].label == CORPUS_UNLABELLED) continue;
        if (sets[i].split == SPLIT_NONE)
            keys[open++] = (struct key){mixed(sets[i].group), i};
        else
            dealt[sets[i].label][sets[i].split] += sets[i].size;
    }
    qsort(keys, open, sizeof *keys, compare_keys);
    for (size_t k = 0; k < open; k++) {
        struct set *set = sets + keys[k].piece;
        set->split = neediest(dealt[set->label], set->size, percent);
        dealt[set->label][set->split] += set->size;
    }
}

static void deal_unlabelled(struct set *sets, uint64_t n, const int percent[N_SPLITS])
{
    for (uint64_t i = 0; i < n; i++) {
        if (sets[i].parent != i || sets[i].split != SPLIT_NONE) continue;
        const int place = (int)(mixed(sets[i].group) % 100);
        sets[i].split = SPLIT_TEST;
        if (place < percent[SPLIT_TRAIN])
            sets[i].split = SPLIT_TRAIN;
        else if (place < percent[SPLIT_TRAIN] + percent[SPLIT_VALIDATION])
            sets[i].split = SPLIT_VALIDATION;
    }
}

static size_t count_keys(const struct splits *splits)
{
    size_t n = 0;
    for (uint64_t i = 0; i < splits->n; i++) {
        const struct tie tie = splits->tie(splits->context, i);
        n += 1 + (size_t)(tie.named != 0) + (size_t)(tie.kept != 0);
    }
    return n;
}

static void fill_keys(const struct splits *splits, struct key *keys)
{
    for (uint64_t i = 0; i < splits->n; i++) {
        const struct tie tie = splits->tie(splits->context, i);
        *keys++ = (struct key){tie.shape, i};
        if (tie.named) *keys++ = (struct key){tie.named, i};
        if (tie.kept) *keys++ = (struct key){tie.kept, i};
    }
}

enum status splits_assign(const struct splits *splits, const int percent[N_SPLITS])
{
    enum status status = OK;
    const uint64_t n = splits->n;
    const size_t n_keys = count_keys(splits);
    struct key *keys = status_fault() ? NULL : malloc((n_keys + 1) * sizeof *keys);
    struct set *sets = status_fault() ? NULL : malloc((n + 1) * sizeof *sets);
    if (!keys || !sets) FAIL(FAILED, "out of memory for the splits of %zu pieces", (size_t)n);
    for (uint64_t i = 0; i < n; i++)
        sets[i] = (struct set){.parent = (uint32_t)i,
                               .split = SPLIT_NONE,
                               .asked = SPLIT_NONE,
                               .label = CORPUS_UNLABELLED};
    fill_keys(splits, keys);
    qsort(keys, n_keys, sizeof *keys, compare_keys);
    unite(sets, keys, n_keys);
    collect(sets, splits);
    deal_labelled(sets, keys, n, percent);
    deal_unlabelled(sets, n, percent);
    for (uint64_t i = 0; i < n; i++) {
        const struct set *set = sets + root(sets, i);
        splits->place(splits->context, i, set->group, (enum split)set->split);
    }
done:
    free(keys);
    free(sets);
    return status;
}
