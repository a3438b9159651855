/**
 * A file that grows by whole records, so that a reader that follows it never sees a torn one.  Only
 * one rank opens it.
 */
#ifndef TAIL_H
#define TAIL_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tail {
    int descriptor; /* -1: closed */
    off_t end;      /* of the last whole record, bytes */
    size_t lost;    /* records */
    bool failing;   /* the record before was lost */
};

/** Opens the file for appending, or creates it; tail_cut comes next.  Local.  FAILED names no file.
 */
STATUS_CHECKED enum status tail_open(struct tail *tail, const char *path);

/** Cuts off what follows `end`.  Local.  FAILED names no file. */
STATUS_CHECKED enum status tail_cut(struct tail *tail, off_t end);

/** Appends a record in one write; what a full disk took of it is cut off again.  Local.  FAILED
 *  names no file. */
STATUS_CHECKED enum status tail_append(struct tail *tail, const void *record, size_t size);

/**
 * What to say of record `step`, which came to `status`: a full disk is told once, not a line each.
 * Local.
 *
 * @return FAILED with `path: step N lost: reason` for the first record lost in a row, else OK
 */
STATUS_CHECKED enum status tail_tell(struct tail *tail, enum status status, const char *path,
                                     int64_t step);

/** Local. */
void tail_close(struct tail *tail);

#endif
