/* Arena on reserved address space. */
#define _GNU_SOURCE
#include "arena.h"

#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };

enum status arena_init(struct arena *arena, size_t bytes)
{
    *arena = (struct arena){0};
    if (bytes == 0) return OK;
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED || status_fault())
        return status_fail(FAILED, "cannot reserve %zu bytes of memory", bytes);
    /* Rows of wide matrices lie on pages of their own; a system without huge pages says no. */
    madvise(base, bytes, MADV_HUGEPAGE);
    arena->base = base;
    arena->size = bytes;
    return OK;
}

void arena_fini(struct arena *arena)
{
    if (arena->base) munmap(arena->base, arena->size);
    *arena = (struct arena){0};
}

void *arena_take(struct arena *arena, size_t bytes)
{
    const size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ASSERT(rounded >= bytes && rounded <= arena->size - arena->used);
    void *piece = arena->base + arena->used;
    arena->used += rounded;
    if (arena->used > arena->peak) arena->peak = arena->used;
    return piece;
}

real *arena_reals(struct arena *arena, size_t count)
{
    return arena_take(arena, count * sizeof(real));
}

real *arena_zeros(struct arena *arena, size_t count)
{
    real *piece = arena_reals(arena, count);
    memset(piece, 0, count * sizeof(real));
    return piece;
}

size_t arena_mark(const struct arena *arena)
{
    return arena->used;
}

void arena_reset(struct arena *arena, size_t mark)
{
    ASSERT(mark <= arena->used);
    arena->used = mark;
}
