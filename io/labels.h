/**
 * Label files: CSV tables that give pieces an emotion, a split or a group.
 *
 * The first row names the columns, in any order and case: `path` and at least one of `label`,
 * `valence` with `arousal`, `split`, `group`; others are ignored.  Paths are relative to the label
 * file's folder.  `label` is happy, tense, sad, calm or Q1 ... Q4 (plain numbers are refused: 1 may
 * mean the first or the second).  `valence` and `arousal` lie in [-1, 1] and their signs give the
 * quadrant; 0 counts as positive, as everywhere in the program.  `split` is train, validation (or
 * valid, val) or test.  Pieces of one `group` fall in one split, across label files too.  An empty
 * field says nothing.  Byte order mark, CRLF, quotes and quoted line ends are read.
 */
#ifndef LABELS_H
#define LABELS_H

#include "corpus.h"
#include "inputs.h"

enum { LABEL_NO_SPLIT = -1, LABELS_MAX_BYTES = 1 << 30 };
extern const char *const label_names[4]; /* "happy", "tense", "sad", "calm" */

/** What label files say about one input. */
struct label {
    uint64_t group; /* hash of the group's name; 0: none */
    float valence;  /* NAN when unlabelled; +-1 where only the emotion is given */
    float arousal;
    int8_t label; /* 0-3, or CORPUS_UNLABELLED */
    int8_t split; /* enum split, or LABEL_NO_SPLIT */
};

/** The labels of all inputs, and which row gave each. */
struct labels {
    struct label *items; /* (n) */
    size_t n;
    struct label_source {
        uint32_t file; /* index of the label file + 1; 0: no row */
        uint32_t line;
    } * sources; /* (n) */
};

/** What an input without a row has.  Local. */
struct label label_none(void);

/** No labels for any input.  Local. */
STATUS_CHECKED enum status labels_init(struct labels *labels, size_t n);

/**
 * Reads label files into the labels of the inputs they name.  Local.
 *
 * @param files  (n_files) paths
 * @return FAILED, `file:line: what is wrong`: a bad value, a path that is no input, or a row that
 * says otherwise than an earlier one about the same input
 */
STATUS_CHECKED enum status labels_read(struct labels *labels, const struct inputs *inputs,
                                       const char *const *files, size_t n_files);

void labels_fini(struct labels *labels);

#endif
