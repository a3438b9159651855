/* Reading a corpus: HDF5 finds the datasets, mmap serves them, every index is checked once. */
#define _GNU_SOURCE
#include "corpus.h"

#include "corpus_layout.h"
#include "hdf5_guard.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One part as a plain run of bytes in the file, of the corpus's own type. */
static enum status find_part(struct hdf5_guard_file *file, enum corpus_part part, uint64_t count,
                             uint64_t *offset)
{
    enum status status = OK;
    struct hdf5_guard_dataset dataset;
    const char *name = corpus_part_names[part];
    const hid_t type = corpus_part_type(part);
    TRY(hdf5_guard_dataset_open(file, name, &dataset));
    if (type < 0 || H5Tequal(dataset.type, type) <= 0 || dataset.n_dims != 1 ||
        dataset.bytes != dataset.dims[0] * corpus_part_sizes[part])
        FAIL(FAILED, "%s: %s: not of the corpus's type", file->path, name);
    if (dataset.dims[0] != count)
        FAIL(FAILED, "%s: %s: %llu elements, the head says %llu", file->path, name,
             (unsigned long long)dataset.dims[0], (unsigned long long)count);
    if (dataset.offset % CORPUS_ALIGNMENT != 0)
        FAIL(FAILED, "%s: %s: at byte %llu, want a multiple of %d", file->path, name,
             (unsigned long long)dataset.offset, CORPUS_ALIGNMENT);
    *offset = dataset.offset;
done:
    hdf5_guard_dataset_close(&dataset);
    if (type >= 0) H5Tclose(type);
    return status;
}

/* HDF5's own descriptor is copied: the path may by now mean another file. */
static enum status map_file(struct corpus *corpus, const struct hdf5_guard_file *file,
                            const uint64_t offsets[N_PARTS])
{
    void *handle;
    if (!status_fault() && H5Fget_vfd_handle(file->id, H5P_DEFAULT, &handle) >= 0)
        corpus->descriptor = fcntl(*(int *)handle, F_DUPFD_CLOEXEC, 0);
    if (corpus->descriptor < 0)
        return status_fail(FAILED, "%s: cannot copy its descriptor", file->path);
    void *map = status_fault()
                    ? MAP_FAILED
                    : mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, corpus->descriptor, 0);
    if (map == MAP_FAILED)
        return status_fail(FAILED, "%s: cannot map %llu bytes", file->path,
                           (unsigned long long)file->bytes);
    const char *bytes = map;
    corpus->map = map;
    corpus->map_bytes = file->bytes;
    corpus->events = (const void *)(bytes + offsets[PART_EVENTS]);
    corpus->segments = (const void *)(bytes + offsets[PART_SEGMENTS]);
    corpus->pieces = (const void *)(bytes + offsets[PART_PIECES]);
    corpus->names = bytes + offsets[PART_NAMES];
    return OK;
}

/* Reads the head and the places of the parts, and maps the very file they were read from. */
static enum status read_layout(struct corpus *corpus, const char *path, struct corpus_head *head,
                               uint64_t offsets[N_PARTS])
{
    enum status status = OK;
    struct hdf5_guard_file file;
    TRY(hdf5_guard_open(&file, path));
    if (corpus_head_read(file.id, head) != OK) TRY(status_prefix(FAILED, "%s", path));
    for (enum corpus_part part = 0; part < N_PARTS; part++)
        TRY(find_part(&file, part, head->counts[part], offsets + part));
    TRY(map_file(corpus, &file, offsets));
done:
    hdf5_guard_close(&file);
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

/*
 * What was looked at goes on being counted as this process's memory.  A reader that runs through a
 * whole corpus calls this after every STRETCH_BYTES: the pages are mapped again when they are
 * needed.
 */
enum { STRETCH_BYTES = 16 << 20 };

static void forget_pages(const struct corpus *corpus)
{
    if (corpus->map) madvise(corpus->map, corpus->map_bytes, MADV_DONTNEED);
}

/* Calls forget_pages as `bytes` more have been looked at since. */
static void count_bytes(const struct corpus *corpus, uint64_t *seen, uint64_t bytes)
{
    *seen += bytes;
    if (*seen < STRETCH_BYTES) return;
    forget_pages(corpus);
    *seen = 0;
}

/* Pieces partition the segments and segments the events, in order and without gaps. */
static enum status check_ranges(const struct corpus *corpus)
{
    enum status status = OK;
    uint64_t segment = 0, event = 0, seen = 0;
    if (corpus->n_name_bytes && corpus->names[corpus->n_name_bytes - 1])
        FAIL(FAILED, "the last name has no end");
    for (uint64_t p = 0; p < corpus->n_pieces; p++) {
        TRY(check_piece(corpus, p, segment));
        for (uint32_t s = 0; s < corpus->pieces[p].n_segments; s++, segment++) {
            TRY(check_segment(corpus, segment, event, p));
            event += corpus->segments[segment].count;
        }
        count_bytes(corpus, &seen,
                    sizeof *corpus->pieces +
                        corpus->pieces[p].n_segments * sizeof *corpus->segments);
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
    return status;
}

enum status corpus_open(struct corpus *corpus, const char *path)
{
    enum status status = OK;
    struct corpus_head head;
    uint64_t offsets[N_PARTS];
    *corpus = (struct corpus){.descriptor = -1};
    TRY(read_layout(corpus, path, &head, offsets));
    if (apply_head(corpus, &head) != OK || check_ranges(corpus) != OK)
        status = status_prefix(FAILED, "%s", path);
done:
    if (status != OK) corpus_close(corpus);
    return status;
}

/* The events of every segment are legal, and a duplicate group has one split. */
static enum status check_events(const struct corpus *corpus)
{
    uint64_t seen = 0;
    for (uint64_t s = 0; s < corpus->n_segments; s++) {
        const struct corpus_segment *segment = corpus->segments + s;
        if (events_validate(corpus->events + segment->first, segment->count, &corpus->vocabulary))
            return status_prefix(FAILED, "segment %llu", (unsigned long long)s);
        count_bytes(corpus, &seen, sizeof *segment + segment->count * sizeof *corpus->events);
    }
    return OK;
}

/* A piece's group while the pieces are sorted by it. */
struct grouped {
    uint64_t group;
    uint32_t piece;
    uint32_t split;
};

static int compare_groups(const void *a, const void *b)
{
    const struct grouped *p = a, *q = b;
    return (p->group > q->group) - (p->group < q->group);
}

static enum status check_groups(const struct corpus *corpus)
{
    enum status status = OK;
    uint64_t seen = 0;
    struct grouped *pieces =
        status_fault() ? NULL : malloc((corpus->n_pieces + 1) * sizeof *pieces);
    if (!pieces) FAIL(FAILED, "out of memory");
    for (uint64_t p = 0; p < corpus->n_pieces; p++) {
        pieces[p] = (struct grouped){corpus->pieces[p].group, (uint32_t)p, corpus->pieces[p].split};
        count_bytes(corpus, &seen, sizeof *corpus->pieces);
    }
    qsort(pieces, corpus->n_pieces, sizeof *pieces, compare_groups);
    for (uint64_t p = 1; p < corpus->n_pieces; p++)
        if (pieces[p].group == pieces[p - 1].group && pieces[p].split != pieces[p - 1].split)
            FAIL(FAILED, "copies %s and %s fall in two splits",
                 corpus_piece_name(corpus, pieces[p - 1].piece),
                 corpus_piece_name(corpus, pieces[p].piece));
done:
    free(pieces);
    return status;
}

/* Adds a part's bytes to the digest. */
static void digest_part(const struct corpus *corpus, XXH3_state_t *state, const char *bytes,
                        uint64_t n)
{
    for (uint64_t at = 0; at < n; at += STRETCH_BYTES) {
        XXH3_128bits_update(state, bytes + at, n - at < STRETCH_BYTES ? n - at : STRETCH_BYTES);
        if (n - at > STRETCH_BYTES) forget_pages(corpus);
    }
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
        digest_part(corpus, state, data[part], head.counts[part] * corpus_part_sizes[part]);
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
