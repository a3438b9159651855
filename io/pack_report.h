/**
 * The report of a packing: CSV, one row an input, in the inputs' order.
 */
#ifndef PACK_REPORT_H
#define PACK_REPORT_H

#include "pack_plan.h"

/**
 * Writes path, outcome, reason, segments, events, damaged (0 or 1) of every input.  Collective;
 * rank 0 writes, to a temporary that is then renamed.
 */
STATUS_CHECKED enum status pack_report_write(const struct pack_plan *plan, struct group *group,
                                             const struct pack_store *store, const char *path);

#endif
