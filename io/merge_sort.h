/**
 * Sorting what is nearly in order already: notes by tracks, names by folders.
 *
 * In a header, so that the comparison and the elements' size are known where it is used: three to
 * four times as fast as qsort, which must ask through pointers.
 */
#ifndef MERGE_SORT_H
#define MERGE_SORT_H

#include <stddef.h>
#include <string.h>

/** Whether element b must come before a, which lies before it. */
typedef _Bool merge_sort_before(const void *b, const void *a, const void *context);

enum { MERGE_SORT_BLOCK = 8, MERGE_SORT_ELEMENT = 32 };

static inline void merge_sort_insert(char *array, size_t n, size_t size, merge_sort_before *before,
                                     const void *context)
{
    for (size_t i = 1; i < n; i++) {
        char moved[MERGE_SORT_ELEMENT];
        size_t to = i;
        memcpy(moved, array + i * size, size);
        for (; to && before(moved, array + (to - 1) * size, context); to--)
            memcpy(array + to * size, array + (to - 1) * size, size);
        memcpy(array + to * size, moved, size);
    }
}

/* Merges [0, middle) and [middle, n); what is in its place already is not touched. */
static inline void merge_sort_merge(char *array, size_t middle, size_t n, size_t size,
                                    merge_sort_before *before, const void *context, char *scratch)
{
    const char *right = array + middle * size, *end = array + n * size;
    if (!before(right, right - size, context)) return;
    while (!before(right, array, context)) {
        array += size;
        middle--;
    }
    memcpy(scratch, array, middle * size);
    for (const char *left = scratch, *last = scratch + middle * size; left < last; array += size) {
        const _Bool from_right = right < end && before(right, left, context);
        memcpy(array, from_right ? right : left, size);
        right += from_right ? size : 0;
        left += from_right ? 0 : size;
    }
}

/**
 * Sorts; stable.  Local.  Cannot fail.
 *
 * @param      array    (n) elements of `size` bytes, at most MERGE_SORT_ELEMENT
 * @param      scratch  room for n elements
 */
static inline void merge_sort(void *array, size_t n, size_t size, merge_sort_before *before,
                              const void *context, void *scratch)
{
    char *const bytes = array;
    for (size_t i = 0; i < n; i += MERGE_SORT_BLOCK)
        merge_sort_insert(bytes + i * size, n - i < MERGE_SORT_BLOCK ? n - i : MERGE_SORT_BLOCK,
                          size, before, context);
    for (size_t width = MERGE_SORT_BLOCK; width < n; width *= 2)
        for (size_t i = 0; n - i > width; i += 2 * width) {
            const size_t both = n - i < 2 * width ? n - i : 2 * width;
            merge_sort_merge(bytes + i * size, width, both, size, before, context, scratch);
            if (n - i <= 2 * width) break;
        }
}

#endif
