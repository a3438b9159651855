/* Reading a corpus: HDF5 finds the datasets, mmap serves them, every index is checked once. */
#define _GNU_SOURCE
#include "corpus.h"

#include "corpus_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One part as a plain run of bytes in the file: local, contiguous, unfiltered, aligned. */
static enum status check_dataset(hid_t dataset, enum corpus_part part, uint64_t count,
                                 uint64_t file_bytes, uint64_t *offset)
{
    enum status status = OK;
    hsize_t n = 0;
    const char *name = corpus_part_names[part];
    const hid_t plist = H5Dget_create_plist(dataset), space = H5Dget_space(dataset),
                found = H5Dget_type(dataset), type = corpus_part_type(part);
    if (plist < 0 || space < 0 || found < 0 || type < 0) FAIL(FAILED, "%s: damaged", name);
    if (H5Pget_layout(plist) != H5D_CONTIGUOUS || H5Pget_external_count(plist) != 0 ||
        H5Pget_nfilters(plist) != 0)
        FAIL(FAILED, "%s: stored in chunks, filtered, virtual or in another file", name);
    if (H5Tequal(found, type) <= 0) FAIL(FAILED, "%s: not of the corpus's type", name);
    if (H5Sget_simple_extent_ndims(space) != 1 || H5Sget_simple_extent_dims(space, &n, NULL) != 1 ||
        n != count)
        FAIL(FAILED, "%s: %llu elements, want %llu", name, (unsigned long long)n,
             (unsigned long long)count);
    *offset = 0;
    if (n == 0) goto done;
    const haddr_t place = H5Dget_offset(dataset);
    if (place == HADDR_UNDEF || place % CORPUS_ALIGNMENT != 0 || place > file_bytes ||
        n > (file_bytes - place) / corpus_part_sizes[part])
        FAIL(FAILED, "%s: %llu elements at byte %llu do not fit %llu bytes", name,
             (unsigned long long)n, (unsigned long long)place, (unsigned long long)file_bytes);
    *offset = place;
done:
    if (plist >= 0) H5Pclose(plist);
    if (space >= 0) H5Sclose(space);
    if (found >= 0) H5Tclose(found);
    if (type >= 0) H5Tclose(type);
    return status;
}

static enum status find_part(hid_t file, enum corpus_part part, uint64_t count, uint64_t file_bytes,
                             uint64_t *offset)
{
    H5L_info_t link;
    H5O_info_t object;
    const char *name = corpus_part_names[part];
    /* Nothing is followed but a plain link to a dataset of this file. */
    if (H5Lget_info(file, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD ||
        H5Oget_info_by_name1(file, name, &object, H5P_DEFAULT) < 0 ||
        object.type != H5O_TYPE_DATASET)
        return status_fail(FAILED, "no dataset %s", name);
    const hid_t dataset = status_fault() ? -1 : H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0) return status_fail(FAILED, "%s: damaged", name);
    const enum status status = check_dataset(dataset, part, count, file_bytes, offset);
    H5Dclose(dataset);
    return status;
}

/* Reads the head and the places of the parts. */
static enum status read_layout(const char *path, uint64_t file_bytes, struct corpus_head *head,
                               uint64_t offsets[N_PARTS])
{
    enum status status = OK;
    hid_t file = -1;
    corpus_quiet_hdf5();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0 || H5Pset_fapl_sec2(access) < 0 || H5Pset_file_locking(access, 0, 1) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0)
        FAIL(FAILED, "cannot set HDF5 up");
    file = status_fault() ? -1 : H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file < 0) FAIL(FAILED, "truncated or damaged HDF5 file");
    TRY(corpus_head_read(file, head));
    for (enum corpus_part part = 0; part < N_PARTS; part++)
        TRY(find_part(file, part, head->counts[part], file_bytes, offsets + part));
done:
    if (file >= 0) H5Fclose(file);
    if (access >= 0) H5Pclose(access);
    return status;
}

static enum status check_segment(const struct corpus *corpus, uint64_t i, uint64_t first,
                                 uint64_t piece)
{
    const struct corpus_segment *segment = corpus->segments + i;
    const unsigned long long n = i;
    if (segment->first != first || segment->count == 0 || segment->count > corpus->n_events - first)
        return status_fail(FAILED, "segment %llu: events out of range", n);
    if (segment->piece != piece) return status_fail(FAILED, "segment %llu: of another piece", n);
    if (segment->bars == 0 || segment->bars > corpus->vocabulary.settings.bars)
        return status_fail(FAILED, "segment %llu: %d bars", n, segment->bars);
    if (segment->tonic < -5 || segment->tonic > 6)
        return status_fail(FAILED, "segment %llu: tonic %d", n, segment->tonic);
    for (int a = 0; a < N_ATTRIBUTES; a++)
        if (isinf(segment->attributes[a]))
            return status_fail(FAILED, "segment %llu: infinite %s", n, attribute_names[a]);
    return OK;
}

static bool in_axis(float x)
{
    return x >= -1.0F && x <= 1.0F;
}

static enum status check_piece(const struct corpus *corpus, uint64_t i, uint64_t first)
{
    const struct corpus_piece *piece = corpus->pieces + i;
    const unsigned long long n = i;
    if (piece->name >= corpus->n_name_bytes)
        return status_fail(FAILED, "piece %llu: name out of range", n);
    if (piece->first_segment != first || piece->n_segments == 0 ||
        piece->n_segments > corpus->n_segments - first)
        return status_fail(FAILED, "piece %llu: segments out of range", n);
    if (piece->split >= N_SPLITS || piece->off_grid > 1 || piece->tempo_unknown > 1)
        return status_fail(FAILED, "piece %llu: split %d or a flag out of range", n, piece->split);
    const bool labelled =
        piece->label >= 0 && piece->label < 4 && in_axis(piece->valence) && in_axis(piece->arousal);
    const bool unlabelled =
        piece->label == CORPUS_UNLABELLED && isnan(piece->valence) && isnan(piece->arousal);
    if (!labelled && !unlabelled)
        return status_fail(FAILED, "piece %llu: label %d, valence %g, arousal %g", n, piece->label,
                           (double)piece->valence, (double)piece->arousal);
    return OK;
}

/* Pieces partition the segments and segments the events, in order and without gaps. */
static enum status check_ranges(const struct corpus *corpus)
{
    enum status status = OK;
    uint64_t segment = 0, event = 0;
    if (corpus->n_name_bytes && corpus->names[corpus->n_name_bytes - 1])
        FAIL(FAILED, "the last name has no end");
    for (uint64_t p = 0; p < corpus->n_pieces; p++) {
        TRY(check_piece(corpus, p, segment));
        for (uint32_t s = 0; s < corpus->pieces[p].n_segments; s++, segment++) {
            TRY(check_segment(corpus, segment, event, p));
            event += corpus->segments[segment].count;
        }
    }
    if (segment != corpus->n_segments || event != corpus->n_events)
        FAIL(FAILED, "segments or events of no piece");
done:
    return status;
}

static enum status apply_head(struct corpus *corpus, const struct corpus_head *head)
{
    enum status status = OK;
    if (head->grid > 24 || head->bars > 32) FAIL(FAILED, "settings out of range");
    if (head->counts[PART_PIECES] > UINT32_MAX || head->counts[PART_SEGMENTS] > UINT32_MAX)
        FAIL(FAILED, "more pieces or segments than indices");
    const struct events_settings settings = {.grid = (int)head->grid, .bars = (int)head->bars};
    TRY(events_vocabulary_init(&corpus->vocabulary, &settings));
    corpus->n_events = head->counts[PART_EVENTS];
    corpus->n_segments = head->counts[PART_SEGMENTS];
    corpus->n_pieces = head->counts[PART_PIECES];
    corpus->n_name_bytes = head->counts[PART_NAMES];
    memcpy(corpus->digest, head->digest, sizeof corpus->digest);
done:
    return status == OK ? OK : FAILED;
}

static enum status map_file(struct corpus *corpus, const uint64_t offsets[N_PARTS])
{
    void *map = status_fault()
                    ? MAP_FAILED
                    : mmap(NULL, corpus->map_bytes, PROT_READ, MAP_SHARED, corpus->descriptor, 0);
    if (map == MAP_FAILED) return status_fail(FAILED, "cannot map: %s", strerror(errno));
    corpus->map = map;
    const char *bytes = map;
    corpus->events = (const void *)(bytes + offsets[PART_EVENTS]);
    corpus->segments = (const void *)(bytes + offsets[PART_SEGMENTS]);
    corpus->pieces = (const void *)(bytes + offsets[PART_PIECES]);
    corpus->names = bytes + offsets[PART_NAMES];
    return OK;
}

static enum status open_file(struct corpus *corpus, const char *path)
{
    static const char signature[8] = "\x89HDF\r\n\x1a\n";
    struct stat about;
    char start[sizeof signature];
    corpus->descriptor =
        status_fault() ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (corpus->descriptor < 0 || fstat(corpus->descriptor, &about) != 0)
        return status_fail(FAILED, "%s", strerror(errno));
    if (!S_ISREG(about.st_mode)) return status_fail(FAILED, "not a regular file");
    corpus->map_bytes = (size_t)about.st_size;
    if (pread(corpus->descriptor, start, sizeof start, 0) != (ssize_t)sizeof start ||
        memcmp(start, signature, sizeof signature) != 0)
        return status_fail(FAILED, "not an affekt corpus (no HDF5 file)");
    return OK;
}

enum status corpus_open(struct corpus *corpus, const char *path)
{
    enum status status = OK;
    struct corpus_head head;
    uint64_t offsets[N_PARTS];
    *corpus = (struct corpus){.descriptor = -1};
    TRY(open_file(corpus, path));
    TRY(read_layout(path, corpus->map_bytes, &head, offsets));
    TRY(apply_head(corpus, &head));
    TRY(map_file(corpus, offsets));
    TRY(check_ranges(corpus));
    return OK;
done:
    corpus_close(corpus);
    return status_prefix(status, "%s", path);
}

/* The events of every segment are legal, and a duplicate group has one split. */
static enum status check_events(const struct corpus *corpus)
{
    for (uint64_t s = 0; s < corpus->n_segments; s++) {
        const struct corpus_segment *segment = corpus->segments + s;
        if (events_validate(corpus->events + segment->first, segment->count, &corpus->vocabulary))
            return status_prefix(FAILED, "segment %llu", (unsigned long long)s);
    }
    return OK;
}

static int compare_groups(const void *a, const void *b)
{
    const struct corpus_piece *p = *(const struct corpus_piece *const *)a,
                              *q = *(const struct corpus_piece *const *)b;
    return (p->group > q->group) - (p->group < q->group);
}

static enum status check_groups(const struct corpus *corpus)
{
    enum status status = OK;
    const struct corpus_piece **pieces =
        status_fault() ? NULL : calloc(corpus->n_pieces + 1, sizeof *pieces);
    if (!pieces) FAIL(FAILED, "out of memory");
    for (uint64_t p = 0; p < corpus->n_pieces; p++) pieces[p] = corpus->pieces + p;
    qsort(pieces, corpus->n_pieces, sizeof *pieces, compare_groups);
    for (uint64_t p = 1; p < corpus->n_pieces; p++)
        if (pieces[p]->group == pieces[p - 1]->group && pieces[p]->split != pieces[p - 1]->split)
            FAIL(FAILED, "copies %s and %s fall in two splits", corpus->names + pieces[p - 1]->name,
                 corpus->names + pieces[p]->name);
done:
    free(pieces);
    return status;
}

enum status corpus_verify(const struct corpus *corpus)
{
    enum status status = OK;
    const struct corpus_head head = {
        .version = CORPUS_VERSION,
        .grid = (uint64_t)corpus->vocabulary.settings.grid,
        .bars = (uint64_t)corpus->vocabulary.settings.bars,
        .counts = {corpus->n_events, corpus->n_segments, corpus->n_pieces, corpus->n_name_bytes},
    };
    const void *const data[N_PARTS] = {corpus->events, corpus->segments, corpus->pieces,
                                       corpus->names};
    char digest[CORPUS_DIGEST_SIZE];
    XXH3_state_t *state = corpus_digest_begin(&head);
    if (!state) FAIL(FAILED, "out of memory");
    for (int part = 0; part < N_PARTS; part++)
        XXH3_128bits_update(state, data[part], head.counts[part] * corpus_part_sizes[part]);
    corpus_digest_end(state, digest);
    if (strcmp(digest, corpus->digest) != 0)
        FAIL(FAILED, "digest %s, the file says %s", digest, corpus->digest);
    TRY(check_events(corpus));
    TRY(check_groups(corpus));
done:
    return status;
}

void corpus_close(struct corpus *corpus)
{
    if (corpus->map) munmap(corpus->map, corpus->map_bytes);
    if (corpus->descriptor >= 0) close(corpus->descriptor);
    *corpus = (struct corpus){.descriptor = -1};
}

const char *corpus_piece_name(const struct corpus *corpus, uint64_t i)
{
    return corpus->names + corpus->pieces[i].name;
}
