/**
 * `affekt evaluate --pool`: what its arguments ask for, and the tables it prints.
 */
#ifndef POOLED_H
#define POOLED_H

#include "pool.h"

#include <jansson.h>

enum { POOLED_MAX = 64 };

/** The pools of a command line; zeroed at first. */
struct pooled {
    struct pool_request pools[POOLED_MAX]; /* (n) each one's runs owned */
    size_t n;
};

/** Adds the pool of `NAME=RUN,RUN,...`, which it cuts into its parts.  USAGE when it is not one.
 *  Local. */
STATUS_CHECKED enum status pooled_add(struct pooled *pooled, char *text);
void pooled_fini(struct pooled *pooled);

/** Prints a document of pool_evaluations on stdout as tables in Markdown.  Local. */
void pooled_print(json_t *document);

#endif
