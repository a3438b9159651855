/**
 * What the parallel suites of the trainer share: the world, a temporary folder, a corpus, and
 * comparisons over ranks.
 */
#ifndef TRAIN_GROUP_H
#define TRAIN_GROUP_H

#include "make_corpus.h"
#include "model_file.h"

/** The world group, made at the first call.  Collective. */
struct group *train_world(void);

/** A path in the suite's folder, which is removed at exit; the same on every rank.  Valid for three
 *  more calls.  Collective at the first call. */
const char *train_path(const char *name);

/** Labelled and unlabelled pieces of all splits; never freed before exit.  Local. */
const struct corpus *train_corpus(void);

/** Whether all ranks pass the same bytes.  Collective. */
int train_equal(const void *bytes, size_t n);

/** Takes `n` steps, or until one fails.  Collective over the trainer's group. */
enum status train_steps(struct trainer *trainer, size_t n, struct step_report *last);

/** Saves the trainer and digests what the file holds.  Collective over the trainer's group; "" on
 *  failure. */
void train_digest(struct trainer *trainer, const char *name, char digest[CHECKPOINT_DIGEST_SIZE]);

#endif
