/**
 * What sharing costs: the steps of a group beside those of as many ranks that share nothing.
 */
#ifndef BENCH_COPIES_H
#define BENCH_COPIES_H

#include "bench.h"
#include "trainer.h"

/**
 * Gives every rank a second trainer, over itself alone and its share of the rows, and measures
 * steps of both kinds in turn (A B B A), `rounds` of each: adds rows of the events a second that
 * the ranks reach together beside the sum of what each reaches alone, and beside what these reach
 * when each step lasts as long as its slowest.  Collective.  Fails as trainer_init and trainer_step
 * do.
 *
 * @param shared  of all ranks, warm; takes `rounds` steps
 */
STATUS_CHECKED enum status bench_copies(struct bench *bench, struct trainer *shared);

#endif
