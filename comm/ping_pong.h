/**
 * How fast messages travel between ranks, measured.
 */
#ifndef PING_PONG_H
#define PING_PONG_H

#include "group.h"

/**
 * Seconds that a message takes one way between rank 0 and the last rank: half of the mean round
 * trip, the same figure on every rank; 0 in a group of one.  The other ranks wait.  Collective.
 *
 * @param message  (bytes) scratch, of any content
 * @param bytes    up to 2^30, the same on every rank
 * @param trips    round trips to measure, after one that is not; at least 1
 */
double ping_pong(struct group *group, void *message, size_t bytes, size_t trips);

#endif
