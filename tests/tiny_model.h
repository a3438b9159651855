/**
 * Small corpora and checkpoints made on the spot, for suites of what uses a trained model.
 */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

/** Composes `count` labelled pieces an emotion of 16 bars into FOLDER/music and packs them as
 *  FOLDER/corpus.h5.  Local. */
STATUS_CHECKED enum status tiny_corpus_make(const char *folder, size_t count);

struct tiny_training {
    const char *corpus, *out;
    size_t steps;                /* to take; train.steps may say more */
    const char *const *settings; /* (n_settings) `section.key=value` over the preset tiny */
    size_t n_settings;
    bool not_finite; /* one weight becomes NaN before the save */
};

/** Trains and saves the checkpoint.  Local. */
STATUS_CHECKED enum status tiny_model_make(const struct tiny_training *training);

#endif
