/**
 * Comma-separated values (RFC 4180): a reader of records held in memory, a writer of fields.
 */
#ifndef CSV_H
#define CSV_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CSV_MAX_FIELDS = 256 };

struct csv {
    char *at;    /* what is left of the text, which the reader unquotes in place */
    char *end;   /* its terminating zero */
    size_t line; /* where the current record starts, from 1 */
    size_t next_line;
    size_t n_fields;
    char *fields[CSV_MAX_FIELDS]; /* into the text */
};

/** Starts reading `text` (size bytes and a zero), past a byte order mark.  Local. */
void csv_begin(struct csv *csv, char *text, size_t size);

/**
 * Reads the next record that is not a blank line; `*end` tells that there is none.  Local.
 *
 * @return FAILED on an open quote, a zero byte, or too many fields; csv->line tells where
 */
STATUS_CHECKED enum status csv_next(struct csv *csv, bool *end);

/** Writes a field, quoted where needed, followed by `after`.  Local. */
void csv_write(FILE *file, const char *field, char after);

#endif
