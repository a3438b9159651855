/**
 * One region of memory that hands out 64-byte aligned pieces in order and gives them back to a
 * mark.
 *
 * The region is reserved once, as address space; pages cost memory only when they are touched.
 * Nothing is allocated inside a training step.  An overflow is a broken invariant: whoever sizes
 * the arena knows its users.
 */
#ifndef ARENA_H
#define ARENA_H

#include "real.h"
#include "status.h"

#include <stddef.h>

struct arena {
    unsigned char *base; /* owned */
    size_t size;         /* bytes reserved */
    size_t used;         /* bytes handed out */
    size_t peak;         /* the most that `used` has been */
};

/** Reserves `bytes` of address space.  Local.  Fails when the system refuses. */
STATUS_CHECKED enum status arena_init(struct arena *arena, size_t bytes);

/** Gives the memory back.  A zeroed arena is allowed.  Local. */
void arena_fini(struct arena *arena);

/** `bytes` uninitialised bytes, 64-byte aligned; aborts on overflow.  Local. */
void *arena_take(struct arena *arena, size_t bytes);

/** `count` uninitialised reals.  Local. */
real *arena_reals(struct arena *arena, size_t count);

/** `count` reals of zero.  Local. */
real *arena_zeros(struct arena *arena, size_t count);

/** The place to reset to.  Local. */
size_t arena_mark(const struct arena *arena);

/** Hands back all that was taken since `mark`.  Local. */
void arena_reset(struct arena *arena, size_t mark);

#endif
