/**
 * Bytes put aside: the first in memory, the others in a file without a name.
 *
 * Blocks are read back whole, from the place that they were given.  The file is made only when the
 * memory is full; it has no name from its first moment on, so nothing is left behind by a killed
 * process.
 */
#ifndef SPILL_H
#define SPILL_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct spill {
    const char *path; /* where the file is made; borrowed */
    size_t room;      /* bytes in memory at most */
    char *memory;     /* the bytes behind those of the file */
    size_t n_memory, capacity;
    uint64_t n_file;
    int descriptor; /* -1: no file yet */
};

/** Nothing yet.  Local.  A name of this process's own must be free at `path`. */
void spill_init(struct spill *spill, const char *path, size_t room);

/**
 * Adds a block.  Local.
 *
 * @param[out] place  for spill_read and spill_write
 */
STATUS_CHECKED enum status spill_add(struct spill *spill, const void *bytes, size_t n,
                                     uint64_t *place);

/** Reads n bytes from `place` on, all of one block.  Local. */
STATUS_CHECKED enum status spill_read(const struct spill *spill, uint64_t place, void *bytes,
                                      size_t n);

/** Writes over n bytes from `place` on, all of one block.  Local. */
STATUS_CHECKED enum status spill_write(struct spill *spill, uint64_t place, const void *bytes,
                                       size_t n);

void spill_fini(struct spill *spill);

#endif
