/**
 * How a corpus lies in its HDF5 file: four one-dimensional datasets and the attributes of the root
 * group.  Shared by the reader and the writer; no other file sees HDF5.
 *
 * All numbers are little-endian.  The digest covers the settings, the counts and the datasets in
 * the order of enum corpus_part.
 */
#ifndef CORPUS_LAYOUT_H
#define CORPUS_LAYOUT_H

#include "corpus.h"

#include <hdf5.h>
#include <xxhash.h>

enum corpus_part { PART_EVENTS, PART_SEGMENTS, PART_PIECES, PART_NAMES, N_PARTS };
enum {
    CORPUS_ALIGNMENT = 64,
    CORPUS_DIGEST_SIZE = 33,
    CORPUS_FORMAT_SIZE = 16,
};
extern const char *const corpus_part_names[N_PARTS]; /* also the datasets' names */
extern const size_t corpus_part_sizes[N_PARTS];      /* bytes an element */

/** What the attributes say, but for the format's name. */
struct corpus_head {
    uint64_t version;
    uint64_t grid;
    uint64_t bars;
    uint64_t counts[N_PARTS]; /* elements */
    char digest[CORPUS_DIGEST_SIZE];
};

/** The HDF5 type of a part's elements; negative on failure; closed by the caller.  Local. */
hid_t corpus_part_type(enum corpus_part part);

/** Creates, or where they exist rewrites, all attributes of an open file.  Local. */
STATUS_CHECKED enum status corpus_head_write(hid_t file, const struct corpus_head *head);

/** Reads the attributes; trusts none of them.  Local.  The message names no file. */
STATUS_CHECKED enum status corpus_head_read(hid_t file, struct corpus_head *head);

/**
 * Starts a digest with the settings and counts; the caller adds the datasets in order.  Local.
 *
 * @return NULL when memory is short; freed by corpus_digest_end
 */
XXH3_state_t *corpus_digest_begin(const struct corpus_head *head);

/** The digest as 32 hexadecimal digits.  Local. */
void corpus_digest_end(XXH3_state_t *state, char digest[CORPUS_DIGEST_SIZE]);

#endif
