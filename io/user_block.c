/* The completion record in a checkpoint's user block. */
#define _GNU_SOURCE
#include "user_block.h"

#include "checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { MAGIC_SIZE = 16, VERSION_AT = 16, SIZE_AT = 20, LENGTH_AT = 24, DIGEST_AT = 32, END = 48 };
enum { SIGNATURE_SIZE = 8, READ_SIZE = 1 << 18 };

/* A line end and a control byte show damage by text-mode copies, as in PNG's signature. */
static const unsigned char magic[MAGIC_SIZE] = "affekt ckpt\r\n\x1a\n";
static const unsigned char hdf5_signature[SIGNATURE_SIZE + 1] = "\x89HDF\r\n\x1a\n";

static void put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | at[i];
    return value;
}

static bool all_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i]) return false;
    return true;
}

/* Reads up to n bytes at `offset`; fewer only at the end of the file; -1 with errno set. */
static ssize_t read_at(int descriptor, void *to, size_t n, off_t offset)
{
    size_t got = 0;
    while (got < n) {
        const ssize_t now =
            pread(descriptor, (unsigned char *)to + got, n - got, offset + (off_t)got);
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) return -1;
        if (now == 0) break;
        got += (size_t)now;
    }
    return (ssize_t)got;
}

static enum status fail_foreign(const char *path, const unsigned char *bytes, size_t n)
{
    if (n == 0) return status_fail(FAILED, "%s: empty file", path);
    if (memcmp(bytes, hdf5_signature, SIGNATURE_SIZE) == 0)
        return status_fail(FAILED, "%s: an HDF5 file, but no affekt checkpoint", path);
    if (n == USER_BLOCK_SIZE + SIGNATURE_SIZE && all_zero(bytes, USER_BLOCK_SIZE) &&
        memcmp(bytes + USER_BLOCK_SIZE, hdf5_signature, SIGNATURE_SIZE) == 0)
        return status_fail(FAILED, "%s: a checkpoint that was never completed", path);
    return status_fail(FAILED, "%s: neither an HDF5 file nor an affekt checkpoint", path);
}

static enum status decode(const char *path, const unsigned char *bytes, size_t n, uint64_t length,
                          struct user_block *block)
{
    if (n < MAGIC_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0)
        return fail_foreign(path, bytes, n);
    if (n < USER_BLOCK_SIZE)
        return status_fail(FAILED, "%s: truncated to %zu bytes, inside its record of %d", path, n,
                           USER_BLOCK_SIZE);
    block->version = (uint32_t)get(bytes + VERSION_AT, 4);
    block->length = get(bytes + LENGTH_AT, 8);
    memcpy(block->digest, bytes + DIGEST_AT, USER_BLOCK_DIGEST_SIZE);
    if (block->version > CHECKPOINT_VERSION)
        return status_fail(FAILED,
                           "%s: written by a newer affekt: format %" PRIu32 ", this one reads %d",
                           path, block->version, CHECKPOINT_VERSION);
    if (block->version < 1)
        return status_fail(FAILED, "%s: format %" PRIu32 " does not exist", path, block->version);
    if (get(bytes + SIZE_AT, 4) != USER_BLOCK_SIZE || !all_zero(bytes + END, USER_BLOCK_SIZE - END))
        return status_fail(FAILED, "%s: damaged completion record", path);
    if (block->length != length)
        return status_fail(FAILED,
                           "%s: truncated or extended: %" PRIu64 " bytes, its record says %" PRIu64,
                           path, length, block->length);
    return OK;
}

enum status user_block_read(const char *path, struct user_block *block)
{
    enum status status = OK;
    unsigned char bytes[USER_BLOCK_SIZE + SIGNATURE_SIZE] = {0};
    struct stat about;
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) FAIL(FAILED, "%s: %s", path, strerror(errno));
    if (fstat(descriptor, &about) != 0) FAIL(FAILED, "%s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode)) FAIL(FAILED, "%s: not a regular file", path);
    const ssize_t n = read_at(descriptor, bytes, sizeof bytes, 0);
    if (n < 0 || status_fault()) FAIL(FAILED, "%s: read failed: %s", path, strerror(errno));
    TRY(decode(path, bytes, (size_t)n, (uint64_t)about.st_size, block));
done:
    if (descriptor >= 0) close(descriptor);
    return status;
}

/* What one pass over a file needs. */
struct pass {
    int descriptor;
    const char *path;
    XXH3_state_t *state;
    unsigned char *buffer; /* (READ_SIZE) */
    user_block_visit *visit;
    void *context;
};

/* Digests from the end of the user block to the end of the file; `length` counts both. */
static enum status digest_rest(const struct pass *pass, uint64_t *length)
{
    enum status status = OK;
    *length = USER_BLOCK_SIZE;
    for (;;) {
        const ssize_t n = read_at(pass->descriptor, pass->buffer, READ_SIZE, (off_t)*length);
        if (n < 0) FAIL(FAILED, "%s: read failed: %s", pass->path, strerror(errno));
        if (n == 0) break;
        XXH3_128bits_update(pass->state, pass->buffer, (size_t)n);
        if (pass->visit) TRY(pass->visit(pass->context, *length, pass->buffer, (size_t)n));
        *length += (uint64_t)n;
    }
done:
    return status;
}

enum status user_block_measure(int descriptor, const char *path, struct user_block *block,
                               user_block_visit *visit, void *context)
{
    enum status status = OK;
    const struct pass pass = {descriptor,        path,  XXH3_createState(),
                              malloc(READ_SIZE), visit, context};
    if (!pass.buffer || !pass.state || status_fault()) FAIL(FAILED, "%s: out of memory", path);
    XXH3_128bits_reset(pass.state);
    block->version = CHECKPOINT_VERSION;
    TRY(digest_rest(&pass, &block->length));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(pass.state));
    memcpy(block->digest, canonical.digest, USER_BLOCK_DIGEST_SIZE);
done:
    XXH3_freeState(pass.state);
    free(pass.buffer);
    return status;
}

enum status user_block_verify(const char *path)
{
    enum status status = OK;
    struct user_block recorded, found;
    int descriptor = -1;
    TRY(user_block_read(path, &recorded));
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) FAIL(FAILED, "%s: %s", path, strerror(errno));
    TRY(user_block_measure(descriptor, path, &found, NULL, NULL));
    if (found.length != recorded.length ||
        memcmp(found.digest, recorded.digest, USER_BLOCK_DIGEST_SIZE) != 0)
        FAIL(FAILED, "%s: damaged: its content does not match its digest", path);
done:
    if (descriptor >= 0) close(descriptor);
    return status;
}

enum status user_block_write(int descriptor, const char *path, const struct user_block *block)
{
    unsigned char bytes[USER_BLOCK_SIZE] = {0};
    memcpy(bytes, magic, MAGIC_SIZE);
    put(bytes + VERSION_AT, block->version, 4);
    put(bytes + SIZE_AT, USER_BLOCK_SIZE, 4);
    put(bytes + LENGTH_AT, block->length, 8);
    memcpy(bytes + DIGEST_AT, block->digest, USER_BLOCK_DIGEST_SIZE);
    const ssize_t n = pwrite(descriptor, bytes, sizeof bytes, 0);
    if (n != USER_BLOCK_SIZE || status_fault())
        return status_fail(FAILED, "%s: its completion record cannot be written: %s", path,
                           strerror(errno));
    return OK;
}

void user_block_hex(char *hex, const unsigned char digest[USER_BLOCK_DIGEST_SIZE])
{
    for (int i = 0; i < USER_BLOCK_DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
