/**
 * The checkpoint file: named datasets and texts in one parallel HDF5 file (v1.10 format) with a
 * digest and a completion record in its user block.
 *
 * Saving never leaves an incomplete file under the final name; loading trusts nothing: only
 * contiguous, unfiltered, local datasets of the expected name, type and shape are read.
 */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "group.h"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_DIGEST_SIZE = 33, CHECKPOINT_TEXT_LIMIT = 1 << 20 };

enum checkpoint_type { CHECKPOINT_FLOAT, CHECKPOINT_DOUBLE, CHECKPOINT_INT64 };

/** One dataset: (rows, columns) numbers, row-major; its name is a path of groups. */
struct checkpoint_field {
    char name[96];
    enum checkpoint_type type;
    size_t rows, columns;
    void *data; /* caller-owned; NULL when only described */
};

/** One text (the configuration, the tokeniser, ...), stored as a byte dataset `text/NAME`. */
struct checkpoint_text {
    const char *name;
    const char *text; /* zero-terminated */
};

/**
 * Saves to `path`: temporary file, collective contiguous writes (each rank its share of every
 * dataset's rows), digest, verification, sync, rename, folder sync.  Collective; every rank passes
 * the same full data.  On failure the file that was there before is untouched.
 */
STATUS_CHECKED enum status checkpoint_save(struct group *group, const char *path,
                                           const struct checkpoint_field *fields, size_t n_fields,
                                           const struct checkpoint_text *texts, size_t n_texts);

/** Checks the completion record, the length and the digest of the whole file.  Local. */
STATUS_CHECKED enum status checkpoint_verify(const char *path);

/**
 * Fills the data of fields that the caller has described; a missing dataset, another type or
 * another shape is a failure that names it.  Local.  Does not verify the digest.
 */
STATUS_CHECKED enum status checkpoint_load(const char *path, struct checkpoint_field *fields,
                                           size_t n_fields);

/** Reads one text; malloc'ed, owned by the caller; at most 1 MiB.  Local. */
STATUS_CHECKED enum status checkpoint_load_text(const char *path, const char *name, char **text);

/**
 * Describes every dataset in the file (texts left out), sorted by name; data stays NULL.  Local.
 *
 * @param[out] fields  malloc'ed, owned by the caller
 */
STATUS_CHECKED enum status checkpoint_list(const char *path, struct checkpoint_field **fields,
                                           size_t *n_fields);

/** The digest recorded in the user block (XXH3-128 of all after it, hex).  Local. */
STATUS_CHECKED enum status checkpoint_file_digest(const char *path,
                                                  char digest[CHECKPOINT_DIGEST_SIZE]);

/** One hash (XXH3-128, hex) over name, type, shape and bytes of every dataset under `prefix`, in
 *  order of name, independent of the file's layout.  Local. */
STATUS_CHECKED enum status checkpoint_digest(const char *path, const char *prefix,
                                             char digest[CHECKPOINT_DIGEST_SIZE]);

#endif
