/*
 * Writing a corpus.  HDF5 makes the file with its datasets allocated and empty; their bytes are
 * written in place, in order, window by window, so that a full disk is an ordinary error.
 */
#define _GNU_SOURCE
#include "corpus_write.h"

#include "corpus_layout.h"
#include "hdf5_guard.h"
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BYTES = 8 << 20, PIECE_BYTES = 64 << 10 };

struct writer {
    struct group *group;
    const struct corpus_content *content;
    struct corpus_head head;
    const char *path;
    char *temporary;
    uint64_t offsets[N_PARTS];
    int descriptor;       /* rank 0 */
    XXH3_state_t *digest; /* rank 0 */
    char *mine;           /* (WINDOW_BYTES) this rank's bytes of the window */
    char *gathered;       /* (WINDOW_BYTES) rank 0: all ranks' bytes, by rank */
    char *window;         /* (WINDOW_BYTES) rank 0: in the file's order */
    char *piece;          /* (piece_room) one piece's events or segments */
    size_t piece_room;
    int *counts; /* (size) bytes of each rank in the window */
    int *places; /* (size) where they lie in `gathered` */
};

static enum status make_dataset(hid_t file, enum corpus_part part, uint64_t n, uint64_t *offset)
{
    enum status status = OK;
    const hsize_t count = n;
    const hid_t type = corpus_part_type(part), space = H5Screate_simple(1, &count, NULL),
                plist = H5Pcreate(H5P_DATASET_CREATE);
    hid_t dataset = -1;
    if (H5Pset_layout(plist, H5D_CONTIGUOUS) < 0 || H5Pset_obj_track_times(plist, 0) < 0 ||
        H5Pset_alloc_time(plist, H5D_ALLOC_TIME_EARLY) < 0 ||
        H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER) < 0)
        FAIL(FAILED, "cannot set HDF5 up");
    dataset = status_fault() ? -1
                             : H5Dcreate2(file, corpus_part_names[part], type, space, H5P_DEFAULT,
                                          plist, H5P_DEFAULT);
    if (dataset < 0) FAIL(FAILED, "cannot create dataset %s", corpus_part_names[part]);
    *offset = n ? H5Dget_offset(dataset) : 0;
    if (*offset == HADDR_UNDEF) FAIL(FAILED, "dataset %s has no place", corpus_part_names[part]);
done:
    if (dataset >= 0) H5Dclose(dataset);
    H5Pclose(plist);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

static hid_t file_access(void)
{
    const hid_t access = hdf5_guard_access();
    if (access >= 0 && H5Pset_alignment(access, 1, CORPUS_ALIGNMENT) >= 0 &&
        H5Pset_small_data_block_size(access, 0) >= 0)
        return access;
    if (access >= 0) H5Pclose(access);
    return -1;
}

static enum status fail_with_reason(const char *what)
{
    char reason[HDF5_GUARD_REASON_SIZE];
    hdf5_guard_reason(reason);
    return status_fail(FAILED, "%s: %s", what, reason);
}

/* Makes the file with all but the datasets' contents and the digest. */
static enum status make_file(struct writer *writer)
{
    enum status status = OK;
    hid_t file = -1;
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = file_access();
    if (creation < 0 || access < 0 || H5Pset_obj_track_times(creation, 0) < 0)
        FAIL(FAILED, "cannot set HDF5 up");
    file = status_fault() ? -1 : H5Fcreate(writer->temporary, H5F_ACC_TRUNC, creation, access);
    if (file < 0) TRY(fail_with_reason("cannot create it"));
    for (enum corpus_part part = 0; part < N_PARTS; part++)
        TRY(make_dataset(file, part, writer->head.counts[part], writer->offsets + part));
    TRY(corpus_head_write(file, &writer->head));
done:
    if (file >= 0 && H5Fclose(file) < 0 && status == OK)
        status = fail_with_reason("cannot write it");
    if (creation >= 0) H5Pclose(creation);
    if (access >= 0) H5Pclose(access);
    return status;
}

static enum status set_digest(struct writer *writer)
{
    enum status status = OK;
    const hid_t access = file_access();
    const hid_t file = access < 0 ? -1 : H5Fopen(writer->temporary, H5F_ACC_RDWR, access);
    if (file < 0) TRY(fail_with_reason("cannot open it again"));
    TRY(corpus_head_write(file, &writer->head));
done:
    if (file >= 0 && H5Fclose(file) < 0 && status == OK)
        status = fail_with_reason("cannot write it");
    if (access >= 0) H5Pclose(access);
    return status;
}

/* Takes the disk space at once: a full disk shows before the work. */
static enum status open_data(struct writer *writer)
{
    enum status status = OK;
    struct stat about;
    writer->descriptor =
        status_fault() ? (errno = EIO, -1) : open(writer->temporary, O_RDWR | O_CLOEXEC);
    if (writer->descriptor < 0 || fstat(writer->descriptor, &about) != 0)
        FAIL(FAILED, "%s", strerror(errno));
    TRY(replace_reserve(writer->temporary, (uint64_t)about.st_size));
done:
    return status;
}

static enum status put(struct writer *writer, uint64_t offset, const char *bytes, size_t n)
{
    XXH3_128bits_update(writer->digest, bytes, n);
    while (n > 0) {
        const ssize_t put = status_fault() ? (errno = EIO, -1)
                                           : pwrite(writer->descriptor, bytes, n, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return status_fail(FAILED, "cannot write: %s", strerror(errno));
        bytes += put;
        offset += (uint64_t)put;
        n -= (size_t)put;
    }
    return OK;
}

/* A piece and what lies before it in the file. */
struct cursor {
    uint64_t piece;
    uint64_t n_events, n_segments;
};

static struct cursor after(const struct cursor *at, const struct corpus_extent *extent)
{
    return (struct cursor){at->piece + 1, at->n_events + extent->n_events,
                           at->n_segments + extent->n_segments};
}

/* Where the piece's events or segments start in their dataset, bytes. */
static uint64_t part_start(enum corpus_part part, const struct cursor *at)
{
    return (part == PART_EVENTS ? at->n_events : at->n_segments) * corpus_part_sizes[part];
}

/* A window's share of one piece: from byte `from` of the piece, `n` bytes. */
struct share {
    struct corpus_extent extent;
    struct cursor next; /* the piece after it */
    uint64_t from;
    size_t n, whole; /* bytes of the share, of the piece */
};

static struct share share_of(const struct corpus_content *content, enum corpus_part part,
                             const struct cursor *at, uint64_t start, uint64_t end)
{
    struct share share = {.extent = content->extent(content->context, at->piece)};
    share.next = after(at, &share.extent);
    const uint64_t a = part_start(part, at), b = part_start(part, &share.next);
    const uint64_t low = a > start ? a : start, high = b < end ? b : end;
    share.from = low - a;
    share.n = (size_t)(high - low);
    share.whole = (size_t)(b - a);
    return share;
}

/* Reads a whole piece of this rank as it stands in the file. */
static enum status read_piece(struct writer *writer, enum corpus_part part, const struct cursor *at,
                              const struct share *share)
{
    const struct corpus_content *content = writer->content;
    if (share->whole > writer->piece_room) {
        char *grown = status_fault() ? NULL : realloc(writer->piece, share->whole);
        if (!grown) return status_fail(FAILED, "out of memory for %zu bytes", share->whole);
        writer->piece = grown;
        writer->piece_room = share->whole;
    }
    if (part == PART_EVENTS)
        return content->events(content->context, at->piece, (void *)writer->piece);
    struct corpus_segment *segments = (void *)writer->piece;
    const enum status status = content->segments(content->context, at->piece, segments);
    for (uint32_t s = 0; status == OK && s < share->extent.n_segments; s++) {
        segments[s].first += at->n_events;
        segments[s].piece = (uint32_t)at->piece;
    }
    return status;
}

/* Sends each rank's bytes of the window to rank 0. */
static void gather_window(struct writer *writer, int n_mine)
{
    const MPI_Comm *communicator = group_communicator(writer->group);
    if (!communicator) {
        ASSERT(writer->gathered); /* the only rank is rank 0 */
        memcpy(writer->gathered, writer->mine, (size_t)n_mine);
        return;
    }
    MPI_Gatherv(writer->mine, n_mine, MPI_BYTE, writer->gathered, writer->counts, writer->places,
                MPI_BYTE, 0, *communicator);
}

/* Collects this rank's bytes of the window [start, end), and how many each rank has. */
static enum status fill_mine(struct writer *writer, enum corpus_part part, struct cursor at,
                             uint64_t start, uint64_t end, int *n_mine)
{
    const struct corpus_content *content = writer->content;
    const int rank = group_rank(writer->group), size = group_size(writer->group);
    enum status status = OK;
    *n_mine = 0;
    memset(writer->counts, 0, (size_t)size * sizeof *writer->counts);
    while (at.piece < content->n_pieces && part_start(part, &at) < end) {
        const struct share share = share_of(content, part, &at, start, end);
        writer->counts[share.extent.owner] += (int)share.n;
        if (share.extent.owner == rank) {
            if (status == OK) status = read_piece(writer, part, &at, &share);
            if (status == OK) memcpy(writer->mine + *n_mine, writer->piece + share.from, share.n);
            *n_mine += (int)share.n;
        }
        at = share.next;
    }
    writer->places[0] = 0;
    for (int r = 1; r < size; r++)
        writer->places[r] = writer->places[r - 1] + writer->counts[r - 1];
    return status;
}

/* Brings what was gathered into the file's order (rank 0); moves `at` to the piece it ends in. */
static void order_window(struct writer *writer, enum corpus_part part, struct cursor *at,
                         uint64_t start, uint64_t end)
{
    const struct corpus_content *content = writer->content;
    char *to = writer->window;
    while (at->piece < content->n_pieces && part_start(part, at) < end) {
        const struct share share = share_of(content, part, at, start, end);
        if (to) {
            int *place = writer->places + share.extent.owner;
            memcpy(to, writer->gathered + *place, share.n);
            *place += (int)share.n;
            to += share.n;
        }
        if (part_start(part, &share.next) > end) break;
        *at = share.next;
    }
}

/* Collective; a rank that failed goes on gathering, so that no other is left waiting. */
static enum status stream_part(struct writer *writer, enum corpus_part part)
{
    enum status status = OK;
    const uint64_t bytes = writer->head.counts[part] * corpus_part_sizes[part];
    struct cursor at = {0};
    for (uint64_t start = 0; start < bytes; start += WINDOW_BYTES) {
        const uint64_t end = bytes - start > WINDOW_BYTES ? start + WINDOW_BYTES : bytes;
        int n_mine;
        const enum status filled = fill_mine(writer, part, at, start, end, &n_mine);
        if (status == OK) status = filled;
        gather_window(writer, n_mine);
        order_window(writer, part, &at, start, end);
        if (status == OK && group_rank(writer->group) == 0)
            status =
                put(writer, writer->offsets[part] + start, writer->window, (size_t)(end - start));
    }
    return group_agree(writer->group, status);
}

/* What is written piece by piece on rank 0: bytes in the window, and where they go. */
struct stream {
    struct writer *writer;
    uint64_t offset;
    size_t n;
};

static enum status stream_put(struct stream *stream, const void *bytes, size_t n)
{
    enum status status = OK;
    if (n > WINDOW_BYTES - stream->n) {
        TRY(put(stream->writer, stream->offset, stream->writer->window, stream->n));
        stream->offset += stream->n;
        stream->n = 0;
    }
    if (n > WINDOW_BYTES) FAIL(FAILED, "a name of %zu bytes", n);
    ASSERT(stream->writer->window); /* of rank 0 */
    memcpy(stream->writer->window + stream->n, bytes, n);
    stream->n += n;
done:
    return status;
}

/* Rank 0. */
static enum status write_pieces(struct writer *writer)
{
    const struct corpus_content *content = writer->content;
    struct stream stream = {writer, writer->offsets[PART_PIECES], 0};
    enum status status = OK;
    uint64_t name = 0, segment = 0;
    for (uint64_t i = 0; i < content->n_pieces; i++) {
        struct corpus_piece piece = {0};
        content->piece(content->context, i, &piece);
        piece.name = name;
        piece.first_segment = (uint32_t)segment;
        piece.n_segments = content->extent(content->context, i).n_segments;
        name += strlen(content->name(content->context, i)) + 1;
        segment += piece.n_segments;
        TRY(stream_put(&stream, &piece, sizeof piece));
    }
    TRY(put(writer, stream.offset, writer->window, stream.n));
    stream = (struct stream){writer, writer->offsets[PART_NAMES], 0};
    for (uint64_t i = 0; i < content->n_pieces; i++) {
        const char *text = content->name(content->context, i);
        TRY(stream_put(&stream, text, strlen(text) + 1));
    }
    TRY(put(writer, stream.offset, writer->window, stream.n));
done:
    return status;
}

static enum status begin(struct writer *writer)
{
    enum status status = OK;
    const int rank = group_rank(writer->group);
    const size_t size = (size_t)group_size(writer->group);
    writer->mine = status_fault() ? NULL : malloc(WINDOW_BYTES);
    writer->piece = status_fault() ? NULL : malloc(PIECE_BYTES);
    writer->piece_room = PIECE_BYTES;
    writer->counts = status_fault() ? NULL : calloc(size, sizeof *writer->counts);
    writer->places = status_fault() ? NULL : calloc(size, sizeof *writer->places);
    if (!writer->mine || !writer->piece || !writer->counts || !writer->places)
        FAIL(FAILED, "out of memory");
    if (rank != 0) goto done;
    writer->gathered = status_fault() ? NULL : malloc(WINDOW_BYTES);
    writer->window = status_fault() ? NULL : malloc(WINDOW_BYTES);
    writer->digest = corpus_digest_begin(&writer->head);
    if (status_fault() || asprintf(&writer->temporary, "%s.tmp", writer->path) < 0)
        writer->temporary = NULL;
    if (!writer->gathered || !writer->window || !writer->digest || !writer->temporary)
        FAIL(FAILED, "out of memory");
    TRY(replace_begin(writer->temporary, 0));
    TRY(make_file(writer));
    TRY(open_data(writer));
done:
    return status;
}

/* Rank 0, when all bytes are there: the digest, a reading as any reader would, the rename. */
static enum status finish(struct writer *writer)
{
    enum status status = OK;
    struct corpus corpus = {.descriptor = -1};
    corpus_digest_end(writer->digest, writer->head.digest);
    writer->digest = NULL;
    if (close(writer->descriptor) != 0) FAIL(FAILED, "cannot close it: %s", strerror(errno));
    writer->descriptor = -1;
    TRY(set_digest(writer));
    TRY(corpus_open(&corpus, writer->temporary));
    TRY(corpus_verify(&corpus));
    TRY(replace_finish(writer->temporary, writer->path));
done:
    corpus_close(&corpus);
    return status;
}

static enum status write_all(struct writer *writer)
{
    enum status status = OK;
    const int rank = group_rank(writer->group);
    TRY(group_agree(writer->group, begin(writer)));
    TRY(stream_part(writer, PART_EVENTS));
    TRY(stream_part(writer, PART_SEGMENTS));
    if (rank == 0) {
        status = write_pieces(writer);
        if (status == OK) status = finish(writer);
    }
    TRY(group_agree(writer->group, status));
done:
    return status;
}

enum status corpus_write(struct group *group, const char *path,
                         const struct corpus_content *content, char *digest)
{
    struct writer writer = {
        .group = group,
        .content = content,
        .path = path,
        .descriptor = -1,
        .head = {.version = CORPUS_VERSION,
                 .grid = (uint64_t)content->settings.grid,
                 .bars = (uint64_t)content->settings.bars,
                 .counts = {[PART_EVENTS] = content->n_events,
                            [PART_SEGMENTS] = content->n_segments,
                            [PART_PIECES] = content->n_pieces,
                            [PART_NAMES] = content->n_name_bytes}},
    };
    enum status status = write_all(&writer);
    if (status == OK) group_broadcast(group, writer.head.digest, CORPUS_DIGEST_SIZE, 0);
    if (status == OK && digest) memcpy(digest, writer.head.digest, CORPUS_DIGEST_SIZE);
    if (status != OK) status = status_prefix(status, "%s", path);
    if (writer.descriptor >= 0) close(writer.descriptor);
    if (status != OK && writer.temporary) unlink(writer.temporary);
    XXH3_freeState(writer.digest);
    free(writer.temporary);
    free(writer.mine);
    free(writer.gathered);
    free(writer.window);
    free(writer.piece);
    free(writer.counts);
    free(writer.places);
    return status;
}
