/* HDF5 types and attributes of the corpus file. */
#define _GNU_SOURCE
#include "corpus_layout.h"

#include <stdio.h>
#include <string.h>

const char *const split_names[N_SPLITS] = {"train", "validation", "test"};
const char *const corpus_part_names[N_PARTS] = {"events", "segments", "pieces", "names"};
const size_t corpus_part_sizes[N_PARTS] = {sizeof(struct event), sizeof(struct corpus_segment),
                                           sizeof(struct corpus_piece), 1};
static const char format_name[CORPUS_FORMAT_SIZE] = "affekt corpus";

_Static_assert(sizeof(struct event) == 4, "an event is 4 bytes in the file");
_Static_assert(sizeof(struct corpus_segment) == 64, "a segment is 64 bytes in the file");
_Static_assert(sizeof(struct corpus_piece) == 48, "a piece is 48 bytes in the file");

struct member {
    const char *name;
    size_t offset;
    hid_t type;
};

static hid_t compound(size_t size, const struct member *members, size_t n)
{
    const hid_t type = H5Tcreate(H5T_COMPOUND, size);
    for (size_t i = 0; type >= 0 && i < n; i++) {
        if (H5Tinsert(type, members[i].name, members[i].offset, members[i].type) >= 0) continue;
        H5Tclose(type);
        return -1;
    }
    return type;
}

static hid_t event_type(void)
{
    const struct member members[] = {
        {"position", offsetof(struct event, position), H5T_STD_U8LE},
        {"pitch", offsetof(struct event, pitch), H5T_STD_U8LE},
        {"duration", offsetof(struct event, duration), H5T_STD_U8LE},
        {"velocity", offsetof(struct event, velocity), H5T_STD_U8LE},
    };
    return compound(sizeof(struct event), members, sizeof members / sizeof *members);
}

static hid_t segment_type(void)
{
    struct member members[7 + N_ATTRIBUTES] = {
        {"first", offsetof(struct corpus_segment, first), H5T_STD_U64LE},
        {"count", offsetof(struct corpus_segment, count), H5T_STD_U32LE},
        {"piece", offsetof(struct corpus_segment, piece), H5T_STD_U32LE},
        {"bars", offsetof(struct corpus_segment, bars), H5T_STD_U16LE},
        {"tonic", offsetof(struct corpus_segment, tonic), H5T_STD_I8LE},
        {"reserved", offsetof(struct corpus_segment, reserved), H5T_STD_U8LE},
        {"pad", offsetof(struct corpus_segment, pad), H5T_STD_U32LE},
    };
    for (size_t a = 0; a < N_ATTRIBUTES; a++)
        members[7 + a] = (struct member){
            attribute_names[a],
            offsetof(struct corpus_segment, attributes) + a * sizeof(float),
            H5T_IEEE_F32LE,
        };
    return compound(sizeof(struct corpus_segment), members, sizeof members / sizeof *members);
}

static hid_t piece_type(void)
{
    const struct member members[] = {
        {"name", offsetof(struct corpus_piece, name), H5T_STD_U64LE},
        {"hash", offsetof(struct corpus_piece, hash), H5T_STD_U64LE},
        {"group", offsetof(struct corpus_piece, group), H5T_STD_U64LE},
        {"first_segment", offsetof(struct corpus_piece, first_segment), H5T_STD_U32LE},
        {"n_segments", offsetof(struct corpus_piece, n_segments), H5T_STD_U32LE},
        {"valence", offsetof(struct corpus_piece, valence), H5T_IEEE_F32LE},
        {"arousal", offsetof(struct corpus_piece, arousal), H5T_IEEE_F32LE},
        {"label", offsetof(struct corpus_piece, label), H5T_STD_I8LE},
        {"split", offsetof(struct corpus_piece, split), H5T_STD_U8LE},
        {"off_grid", offsetof(struct corpus_piece, off_grid), H5T_STD_U8LE},
        {"tempo_unknown", offsetof(struct corpus_piece, tempo_unknown), H5T_STD_U8LE},
        {"pad", offsetof(struct corpus_piece, pad), H5T_STD_U32LE},
    };
    return compound(sizeof(struct corpus_piece), members, sizeof members / sizeof *members);
}

hid_t corpus_part_type(enum corpus_part part)
{
    switch (part) {
    case PART_EVENTS: return event_type();
    case PART_SEGMENTS: return segment_type();
    case PART_PIECES: return piece_type();
    default: return H5Tcopy(H5T_STD_U8LE);
    }
}

XXH3_state_t *corpus_digest_begin(const struct corpus_head *head)
{
    XXH3_state_t *state = status_fault() ? NULL : XXH3_createState();
    if (!state || XXH3_128bits_reset(state) != XXH_OK) return NULL;
    const uint64_t settings[3] = {head->version, head->grid, head->bars};
    XXH3_128bits_update(state, settings, sizeof settings);
    XXH3_128bits_update(state, head->counts, sizeof head->counts);
    return state;
}

void corpus_digest_end(XXH3_state_t *state, char digest[CORPUS_DIGEST_SIZE])
{
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    snprintf(digest, CORPUS_DIGEST_SIZE, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    XXH3_freeState(state);
}

enum { N_NUMBERS = 3 + N_PARTS };

/* The numbers among the attributes, by name. */
static uint64_t *number(struct corpus_head *head, int i, char name[32])
{
    static const char *const names[3] = {"version", "grid", "bars"};
    uint64_t *const places[3] = {&head->version, &head->grid, &head->bars};
    if (i < 3) {
        snprintf(name, 32, "%s", names[i]);
        return places[i];
    }
    snprintf(name, 32, "n_%s", i == 3 + PART_NAMES ? "name_bytes" : corpus_part_names[i - 3]);
    return head->counts + (i - 3);
}

/* The type of a fixed-length, zero-padded text. */
static hid_t text_type(size_t size)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, size) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0)
        return type;
    H5Tclose(type);
    return -1;
}

static enum status write_attribute(hid_t file, const char *name, hid_t type, const void *value)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Aexists(file, name) > 0
                                ? H5Aopen(file, name, H5P_DEFAULT)
                                : H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const int failed = status_fault() || attribute < 0 || H5Awrite(attribute, type, value) < 0;
    if (attribute >= 0) H5Aclose(attribute);
    H5Sclose(space);
    return failed ? status_fail(FAILED, "cannot write attribute %s", name) : OK;
}

enum status corpus_head_write(hid_t file, const struct corpus_head *head)
{
    enum status status = OK;
    struct corpus_head copy = *head;
    char name[32];
    const hid_t format = text_type(CORPUS_FORMAT_SIZE), digest = text_type(CORPUS_DIGEST_SIZE);
    TRY(write_attribute(file, "format", format, format_name));
    for (int i = 0; i < N_NUMBERS; i++) {
        const uint64_t *value = number(&copy, i, name);
        TRY(write_attribute(file, name, H5T_STD_U64LE, value));
    }
    TRY(write_attribute(file, "digest", digest, head->digest));
done:
    H5Tclose(format);
    H5Tclose(digest);
    return status;
}

/* Only a scalar of exactly this type is read: nothing of variable length, nothing converted. */
static enum status read_attribute(hid_t file, const char *name, hid_t type, void *value)
{
    const hid_t attribute =
        H5Aexists(file, name) > 0 && !status_fault() ? H5Aopen(file, name, H5P_DEFAULT) : -1;
    const hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
    const hid_t found = attribute < 0 ? -1 : H5Aget_type(attribute);
    const int good = space >= 0 && found >= 0 && H5Sget_simple_extent_type(space) == H5S_SCALAR &&
                     H5Tequal(found, type) > 0 && H5Aread(attribute, type, value) >= 0;
    if (found >= 0) H5Tclose(found);
    if (space >= 0) H5Sclose(space);
    if (attribute >= 0) H5Aclose(attribute);
    return good ? OK : status_fail(FAILED, "attribute %s is missing or of another type", name);
}

enum status corpus_head_read(hid_t file, struct corpus_head *head)
{
    enum status status = OK;
    char name[32], format[CORPUS_FORMAT_SIZE] = "";
    const hid_t text = text_type(CORPUS_FORMAT_SIZE), digest = text_type(CORPUS_DIGEST_SIZE);
    memset(head, 0, sizeof *head);
    if (read_attribute(file, "format", text, format) != OK ||
        memcmp(format, format_name, sizeof format) != 0)
        FAIL(FAILED, "not an affekt corpus");
    for (int i = 0; i < N_NUMBERS; i++) {
        uint64_t *value = number(head, i, name);
        TRY(read_attribute(file, name, H5T_STD_U64LE, value));
        if (head->version > CORPUS_VERSION)
            FAIL(FAILED, "corpus format %llu, this program reads up to %d",
                 (unsigned long long)head->version, CORPUS_VERSION);
    }
    if (head->version == 0) FAIL(FAILED, "corpus format 0");
    TRY(read_attribute(file, "digest", digest, head->digest));
    if (strnlen(head->digest, sizeof head->digest) != CORPUS_DIGEST_SIZE - 1)
        FAIL(FAILED, "the digest is incomplete");
done:
    H5Tclose(text);
    H5Tclose(digest);
    return status;
}
