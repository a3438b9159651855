/**
 * The closest of some known names to one that was not found, for error messages.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/** A search: set `wanted`, zero the rest, offer every known name, then read `best`. */
struct nearest {
    const char *wanted;
    const char *best; /* NULL: nothing is close; not owned */
    size_t distance;  /* of best, edits */
};

/**
 * Takes `name` as the best when its distance (insertions, deletions, replacements) is at most half
 * of the length of `wanted` and below the best so far.  Letters' case counts as equal.  Local.
 */
void nearest_offer(struct nearest *nearest, const char *name);

/** Writes `; did you mean 'NAME'?`, or nothing when no name is close, and returns `text`.  Local.
 */
char *nearest_hint(const struct nearest *nearest, char *text, size_t size);

#endif
