/**
 * The memory that a run is expected to touch: `trainer_memory` reserves for the longest rows that
 * there can be, this looks at the rows that the run will draw.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include "trainer.h"

enum { EXPECT_STEPS = 200 }; /* looked at, at most */

/** Bytes of a rank beside its arenas. */
struct expect_rest {
    size_t program; /* resident before the run: code, libraries, MPI */
    size_t corpus;  /* pages of the mapped file, all of which a run comes to read */
    size_t panels;  /* of matrix products */
    size_t tables;  /* rows, places and the exchange of a step */
};

struct expected {
    struct trainer_memory arenas; /* bytes of the rank and step that take most of each */
    struct expect_rest rest;
    size_t total; /* of both, arenas in whole huge pages */
};

/** Bytes of this process resident now; 0 where the system does not tell.  Local. */
size_t expect_resident(void);

/**
 * What the first `steps` steps from step 0 on will take, EXPECT_STEPS of them at most, on the rank
 * that takes most.  Local, the same on every rank but for `program`.  Fails for want of memory.
 *
 * @param program  expect_resident() before the corpus was opened and the trainer made
 */
STATUS_CHECKED enum status expect_memory(struct expected *expected, struct trainer *trainer,
                                         size_t steps, size_t program);

#endif
