/**
 * The members of an archive (zip, tar, tar.gz, tar.bz2, tar.xz), one after another, within bounds.
 *
 * Nothing is ever extracted to disk, so a member's name is only a name; names that would leave the
 * archive's folder are marked unsafe all the same.  What an archive may expand to is bounded by
 * MEMBERS_FREE_BYTES + MEMBERS_MAX_RATIO times its own length.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMBERS_FREE_BYTES = 64 << 20, MEMBERS_MAX_RATIO = 100 };

struct members; /* an open archive, at one of its members */

struct member {
    const char *name; /* UTF-8 where the archive says so; valid until the next call */
    uint32_t place;   /* 0, 1, ... in the archive's order */
    bool regular;     /* a file: neither a folder nor a link */
    bool safe;        /* the name is relative and has no `..` */
};

/** Whether a file of this name is read as an archive (by its extension).  Local. */
bool members_name_is_archive(const char *name);

/** Opens an archive.  Local.  The message of a failure names no file. */
STATUS_CHECKED enum status members_open(struct members **members, const char *path);

/** Goes to the next member; `*end` tells that there is none.  Local. */
STATUS_CHECKED enum status members_next(struct members *members, struct member *member, bool *end);

/**
 * Whether the member begins with `MThd`.  Local.  The member cannot be read afterwards; damage
 * counts as no.
 */
bool members_is_midi(struct members *members);

/**
 * Counts the member's declared length against the archive's bound, before it is listed.  Local.
 * Only a list needs it: a reader of some members must not depend on which ones it reads.
 */
STATUS_CHECKED enum status members_charge(struct members *members);

/**
 * Reads the current member.  Local.
 *
 * @param buffer    grown with realloc when needed; the caller frees it
 * @param capacity  bytes of the buffer
 * @return FAILED when it is longer than SMF_MAX_BYTES or than it declares, or damaged
 */
STATUS_CHECKED enum status members_read(struct members *members, unsigned char **buffer,
                                        size_t *capacity, size_t *size);

void members_close(struct members *members);

#endif
