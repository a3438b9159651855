/**
 * The completion record of a checkpoint: the 512 bytes before its HDF5 content.
 *
 * Magic (16 bytes), format version (4), record size (4), length of the whole file (8), XXH3-128 of
 * all after the user block (16), zeros; numbers little-endian, the digest in its canonical order.
 * Written last, so a file without it was never completed.  All functions are Local.
 */
#ifndef USER_BLOCK_H
#define USER_BLOCK_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum { USER_BLOCK_SIZE = 512, USER_BLOCK_DIGEST_SIZE = 16 };

struct user_block {
    uint32_t version;
    uint64_t length; /* bytes of the whole file, this block included */
    unsigned char digest[USER_BLOCK_DIGEST_SIZE];
};

/**
 * Reads and checks the record of the file at `path`: magic, version, and the length against the
 * file's.  A missing, foreign, unfinished, truncated, newer or damaged file each fails with its own
 * message.
 */
STATUS_CHECKED enum status user_block_read(const char *path, struct user_block *block);

/** Receives what is digested, in order: n bytes from `offset` of the file on. */
typedef enum status user_block_visit(void *context, uint64_t offset, const unsigned char *bytes,
                                     size_t n);

/**
 * Fills `block` for the file open as `descriptor`: reads and digests all of it.
 *
 * @param visit  sees every byte on the way, and may fail; NULL: nobody does
 */
STATUS_CHECKED enum status user_block_measure(int descriptor, const char *path,
                                              struct user_block *block, user_block_visit *visit,
                                              void *context);

/** Measures the file at `path` as above and compares with its record. */
STATUS_CHECKED enum status user_block_verify(const char *path);

/** Writes the record to the start of the file open as `descriptor`. */
STATUS_CHECKED enum status user_block_write(int descriptor, const char *path,
                                            const struct user_block *block);

/** Writes a digest as 32 lower-case hex digits and a zero. */
void user_block_hex(char *hex, const unsigned char digest[USER_BLOCK_DIGEST_SIZE]);

#endif
