/**
 * The frame of every verb: command lines, help, results on stdout, progress on stderr.
 *
 * A verb is a function `enum status VERB_run(struct group *world, int argc, char **argv)` with
 * argv[0] the verb; one line in verbs.h makes it known.  It parses its command line here, returns
 * OK at once when help was asked for, and leaves the printing of errors to main.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "group.h"
#include "progress.h"

#include <argp.h>
#include <jansson.h>

/** What a verb's argp parser returns after status_fail(USAGE, ...). */
#define COMMAND_REFUSED ECANCELED

/** A command line to parse, and what it said. */
struct command_line {
    const struct argp *argp; /* the verb's own options, arguments and text, without --help */
    void *input;             /* passed to the verb's parser */
    bool json;               /* --json: results as one JSON document */
    bool help;               /* --help was given and, on rank 0, answered */
};

/**
 * Parses a verb's command line and the flags that every verb has.  Local; the same on every rank.
 *
 * @return USAGE with one line that names the argument
 */
STATUS_CHECKED enum status command_parse(struct command_line *line, const struct group *world,
                                         int argc, char **argv);

/** Reads a whole number in [low, high].  USAGE names the option, value and limits.  Local. */
STATUS_CHECKED enum status command_size(size_t *value, const char *option, const char *text,
                                        size_t low, size_t high);

/** Reads a number in [low, high].  USAGE names the option, value and limits.  Local. */
STATUS_CHECKED enum status command_real(double *value, const char *option, const char *text,
                                        double low, double high);

/**
 * Prints a result document on rank 0's stdout and drops the reference to it on every rank.  Local.
 *
 * @param result  NULL (what jansson returns when memory is short) fails
 */
STATUS_CHECKED enum status command_result(const struct group *world, json_t *result);

/** Progress on stderr for rank 0, silent elsewhere.  Local. */
void command_progress(struct progress *progress, const struct group *world);

/** Prints the versions of the program and its libraries.  Local. */
void version_print(FILE *stream);

#endif
