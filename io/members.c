/* Archives through libarchive: a few formats, no helper programs, bounded expansion. */
#include "members.h"

#include "smf.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct members {
    struct archive *archive;
    struct archive_entry *entry; /* the current one, owned by archive */
    uint64_t bound;              /* bytes the whole archive may expand to */
    uint64_t charged;            /* declared bytes of the members listed so far */
    uint32_t n_seen;
    bool streamed; /* compressed as a whole: skipping means expanding */
    bool consumed; /* the current member's data was read */
    char name[32]; /* for a member whose name cannot be told */
};

bool members_name_is_archive(const char *name)
{
    static const char *const endings[] = {".zip",     ".tar",  ".tar.gz", ".tgz",
                                          ".tar.bz2", ".tbz2", ".tar.xz", ".txz"};
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t n = strlen(endings[i]);
        if (length > n && strcasecmp(name + length - n, endings[i]) == 0) return true;
    }
    return false;
}

static enum status archive_failure(struct members *members)
{
    const char *text = archive_error_string(members->archive);
    return status_fail(FAILED, "damaged archive: %s", text ? text : "unknown error");
}

enum status members_open(struct members **members, const char *path)
{
    enum status status = OK;
    struct stat about;
    struct members *m = status_fault() ? NULL : calloc(1, sizeof *m);
    *members = NULL;
    if (!m) return status_fail(FAILED, "out of memory");
    m->archive = status_fault() ? NULL : archive_read_new();
    if (!m->archive) FAIL(FAILED, "out of memory");
    /* Only what is linked into the library: other filters start programs. */
    archive_read_support_format_zip(m->archive);
    archive_read_support_format_tar(m->archive);
    archive_read_support_filter_gzip(m->archive);
    archive_read_support_filter_bzip2(m->archive);
    archive_read_support_filter_xz(m->archive);
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) FAIL(FAILED, "not a regular file");
    if (archive_read_open_filename(m->archive, path, 1 << 16) != ARCHIVE_OK)
        TRY(archive_failure(m));
    m->bound = MEMBERS_FREE_BYTES + MEMBERS_MAX_RATIO * (uint64_t)about.st_size;
    m->consumed = true;
    *members = m;
    return OK;
done:
    members_close(m);
    return status;
}

static enum status check_stream(struct members *m)
{
    if (m->streamed && (uint64_t)archive_filter_bytes(m->archive, 0) > m->bound)
        return status_fail(FAILED, "archive expands to more than %llu bytes",
                           (unsigned long long)m->bound);
    return OK;
}

/* A member of a compressed stream is skipped block by block, so that a bomb is noticed in time. */
static enum status skip_data(struct members *m)
{
    const void *block;
    size_t n;
    la_int64_t offset;
    if (m->consumed || !m->streamed) return OK;
    int code;
    while ((code = archive_read_data_block(m->archive, &block, &n, &offset)) == ARCHIVE_OK) {
        const enum status status = check_stream(m);
        if (status != OK) return status;
    }
    return code == ARCHIVE_EOF || code == ARCHIVE_WARN ? OK : archive_failure(m);
}

static bool name_is_safe(const char *name)
{
    if (*name == '/' || *name == '\\' || (*name && name[1] == ':')) return false;
    for (const char *part = name; part; part = strpbrk(part, "/\\")) {
        if (*part == '/' || *part == '\\') part++;
        if (strncmp(part, "..", 2) == 0 && (!part[2] || strchr("/\\", part[2]))) return false;
    }
    return true;
}

static const char *member_name(struct members *m)
{
    const char *name = archive_entry_pathname_utf8(m->entry);
    if (!name) name = archive_entry_pathname(m->entry);
    if (!name) {
        snprintf(m->name, sizeof m->name, "member-%u", (unsigned)m->n_seen);
        name = m->name;
    }
    while (strncmp(name, "./", 2) == 0) name += 2;
    return name;
}

enum status members_next(struct members *m, struct member *member, bool *end)
{
    enum status status = OK;
    *end = false;
    TRY(skip_data(m));
    const int code = archive_read_next_header(m->archive, &m->entry);
    *end = code == ARCHIVE_EOF;
    if (*end) return OK;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) TRY(archive_failure(m));
    m->streamed = archive_filter_code(m->archive, 0) != ARCHIVE_FILTER_NONE;
    TRY(check_stream(m));
    m->consumed = false;
    *member = (struct member){
        .name = member_name(m),
        .place = m->n_seen++,
        .regular = archive_entry_filetype(m->entry) == AE_IFREG &&
                   !archive_entry_hardlink(m->entry) && !archive_entry_symlink(m->entry),
    };
    member->safe = name_is_safe(member->name);
done:
    return status;
}

bool members_is_midi(struct members *m)
{
    char start[4] = "";
    const la_ssize_t n = archive_read_data(m->archive, start, sizeof start);
    return n == (la_ssize_t)sizeof start && memcmp(start, "MThd", sizeof start) == 0;
}

static uint64_t declared_bytes(const struct members *m)
{
    if (!archive_entry_size_is_set(m->entry)) return SMF_MAX_BYTES;
    const la_int64_t size = archive_entry_size(m->entry);
    return size < 0 ? SMF_MAX_BYTES : (uint64_t)size;
}

enum status members_charge(struct members *m)
{
    m->charged += declared_bytes(m) < SMF_MAX_BYTES ? declared_bytes(m) : SMF_MAX_BYTES;
    if (m->charged > m->bound)
        return status_fail(FAILED, "archive expands to more than %llu bytes",
                           (unsigned long long)m->bound);
    return OK;
}

enum status members_read(struct members *m, unsigned char **buffer, size_t *capacity, size_t *size)
{
    const uint64_t declared = declared_bytes(m);
    if (declared > SMF_MAX_BYTES)
        return status_fail(FAILED, "%llu bytes, limit %d", (unsigned long long)declared,
                           SMF_MAX_BYTES);
    m->consumed = true;
    *size = 0;
    for (;;) {
        if (*size == *capacity) {
            const size_t larger = *capacity ? 2 * *capacity : 1 << 16;
            unsigned char *grown = status_fault() ? NULL : realloc(*buffer, larger);
            if (!grown) return status_fail(FAILED, "out of memory");
            *buffer = grown;
            *capacity = larger;
        }
        const la_ssize_t n = archive_read_data(m->archive, *buffer + *size, *capacity - *size);
        if (n < 0) return archive_failure(m);
        if (n == 0) return OK;
        *size += (size_t)n;
        if (*size > declared) return status_fail(FAILED, "member is longer than it declares");
    }
}

void members_close(struct members *m)
{
    if (!m) return;
    if (m->archive) archive_read_free(m->archive);
    free(m);
}
