/**
 * How often an emotion was told as which: the confusion matrix and what it says.
 */
#ifndef TALLY_H
#define TALLY_H

#include "emotion.h"

#include <jansson.h>
#include <stddef.h>

struct tally {
    size_t count[N_EMOTIONS][N_EMOTIONS]; /* [true][told] */
};

/** Counts one file.  Local. */
void tally_add(struct tally *tally, int truth, int told);

/** Files counted.  Local. */
size_t tally_total(const struct tally *tally);

/** Shares of files with the right quadrant, arousal, valence; NAN without files.  Local. */
struct accuracy {
    double quadrant, arousal, valence;
};
struct accuracy tally_accuracy(const struct tally *tally);

/** Prints accuracies and the matrix on stdout.  Local. */
void tally_print(const struct tally *tally);

/** {labelled, quadrant, arousal, valence, confusion}; the caller owns it; NULL: no memory.  Local.
 */
json_t *tally_json(const struct tally *tally);

#endif
