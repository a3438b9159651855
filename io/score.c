/* Owning and ordering the parts of a score. */
#include "score.h"

#include "merge_sort.h"

#include <string.h>

/* Tempi and signatures are both a tick and 8 bytes more, so one stable sort serves both. */
enum { MARK_SIZE = sizeof(struct score_tempo) };
_Static_assert(sizeof(struct score_signature) == MARK_SIZE, "one width");
_Static_assert(offsetof(struct score_tempo, tick) == 0, "the tick comes first");
_Static_assert(offsetof(struct score_signature, tick) == 0, "the tick comes first");

void score_fini(struct score *score)
{
    free(score->notes);
    free(score->tempi);
    free(score->signatures);
    memset(score, 0, sizeof *score);
}

static int compare_integers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* The fields behind the contract's three make the order total: qsort is not stable. */
static int compare_notes(const void *left, const void *right)
{
    const struct score_note *a = left, *b = right;
    int order = compare_integers(a->onset, b->onset);
    if (order) return order;
    order = compare_integers(a->pitch, b->pitch);
    if (!order) order = compare_integers(a->end, b->end);
    if (!order) order = compare_integers(a->track, b->track);
    if (!order) order = compare_integers(a->channel, b->channel);
    if (!order) order = compare_integers(a->velocity, b->velocity);
    return order;
}

static int64_t tick_at(const unsigned char *marks, size_t i)
{
    int64_t tick;
    memcpy(&tick, marks + i * MARK_SIZE, sizeof tick);
    return tick;
}

static void reverse(unsigned char *marks, size_t first, size_t last)
{
    for (; first + 1 < last; first++, last--) {
        unsigned char kept[MARK_SIZE];
        memcpy(kept, marks + first * MARK_SIZE, MARK_SIZE);
        memcpy(marks + first * MARK_SIZE, marks + (last - 1) * MARK_SIZE, MARK_SIZE);
        memcpy(marks + (last - 1) * MARK_SIZE, kept, MARK_SIZE);
    }
}

static void rotate(unsigned char *marks, size_t first, size_t middle, size_t last)
{
    reverse(marks, first, middle);
    reverse(marks, middle, last);
    reverse(marks, first, last);
}

/* The first mark in [first, last) that is later than `tick`, or not earlier if `equal`. */
static size_t bound(const unsigned char *marks, size_t first, size_t last, int64_t tick, bool equal)
{
    while (first < last) {
        const size_t middle = first + (last - first) / 2;
        const int64_t found = tick_at(marks, middle);
        if (found < tick || (found == tick && !equal))
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

/* Merges two sorted runs in place: sorting must not fail, so it may not allocate. */
static void merge(unsigned char *marks, size_t first, size_t middle, size_t last)
{
    if (first == middle || middle == last) return;
    if (tick_at(marks, middle - 1) <= tick_at(marks, middle)) return;
    if (last - first == 2) {
        reverse(marks, first, last);
        return;
    }
    size_t left, right;
    if (middle - first > last - middle) {
        left = first + (middle - first) / 2;
        right = bound(marks, middle, last, tick_at(marks, left), true);
    } else {
        right = middle + (last - middle) / 2;
        left = bound(marks, first, middle, tick_at(marks, right), false);
    }
    rotate(marks, left, middle, right);
    const size_t cut = left + (right - middle);
    merge(marks, first, left, cut);
    merge(marks, cut, right, last);
}

static void sort_marks(unsigned char *marks, size_t first, size_t last)
{
    if (last - first < 2) return;
    const size_t middle = first + (last - first) / 2;
    sort_marks(marks, first, middle);
    sort_marks(marks, middle, last);
    merge(marks, first, middle, last);
}

static bool note_before(const void *left, const void *right, const void *context)
{
    (void)context;
    return compare_notes(left, right) < 0;
}

/* Sorting must not fail: without memory the slow way is good enough. */
static void sort_notes(struct score_note *notes, size_t n)
{
    void *scratch = malloc(n * sizeof *notes);
    if (scratch)
        merge_sort(notes, n, sizeof *notes, note_before, NULL, scratch);
    else
        qsort(notes, n, sizeof *notes, compare_notes);
    free(scratch);
}

void score_sort(struct score *score)
{
    if (score->n_notes) sort_notes(score->notes, score->n_notes);
    if (score->n_tempi) sort_marks((unsigned char *)score->tempi, 0, score->n_tempi);
    if (score->n_signatures) sort_marks((unsigned char *)score->signatures, 0, score->n_signatures);
}
