/**
 * Every measure of a checkpoint on a corpus: model.md section 7.
 *
 * Ranks share the encoding, decoding and generation; what they found meets in fixed order, and rank
 * 0 turns it into one JSON document, so any number of ranks gives the same numbers.  A figure is a
 * number, or an object {value, low, high} with its 95 % interval by bootstrap over pieces; null
 * where it is undefined.  The document's `labelled` keeps, of each labelled piece measured, its
 * name, its source, its label and what each teller said, so that evaluations of several folds and
 * seeds can be pooled with paired intervals.
 */
#ifndef EVALUATE_H
#define EVALUATE_H

#include "corpus.h"
#include "progress.h"

struct json_t; /* jansson's */

enum { EVALUATE_MAX_COUNT = 10000, EVALUATE_MAX_SWEEPS = 1000, EVALUATE_MAX_TRANSFERS = 10000 };

struct evaluate_settings {
    const char *checkpoint; /* a file, or a run folder: its best or latest */
    const char *corpus;
    enum split split; /* what is measured; regressions always learn from the training split */
    size_t sweeps;    /* segments whose faders are swept, 0..EVALUATE_MAX_SWEEPS; four times as many
                         pairs are swapped */
    size_t count;     /* pieces to generate, 0..EVALUATE_MAX_COUNT */
    size_t transfers; /* labelled pieces to move to other emotions, 0..EVALUATE_MAX_TRANSFERS */
    size_t drafts;    /* of each segment written, 1..WRITER_MAX_DRAFTS */
    uint64_t seed;    /* of resamples, choices and generated music */
};

/**
 * Measures.  Collective.  A model without a fitted mixture and a corpus without labels are measured
 * as far as it goes, and the document's `left_out` says what is not there and why.  A run folder
 * gets RUN/evaluation.json and RUN/latents.h5 (evaluate_write.h).
 *
 * @param[out] document  on rank 0 owned by the caller, elsewhere NULL
 * @return FAILED on every rank: no such checkpoint or corpus, a corpus of another tokeniser, no
 *         piece in the split or the training split
 */
STATUS_CHECKED enum status evaluate_checkpoint(struct group *group,
                                               const struct evaluate_settings *settings,
                                               struct progress *progress, struct json_t **document);

#endif
