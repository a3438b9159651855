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

enum { WINDOW_BYTES = 8 << 20 };

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
    int *counts;          /* (size) bytes of each rank in the window */
    int *places;          /* (size) where they lie in `gathered` */
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

/* Where the events or segments of piece i start in their dataset, bytes. */
static uint64_t part_start(const struct corpus_content *content, enum corpus_part part, uint64_t i)
{
    const size_t size = corpus_part_sizes[part];
    if (part == PART_EVENTS) return content->first_event[i] * size;
    if (i == 0) return 0;
    const struct corpus_piece *before = content->pieces + i - 1;
    return ((uint64_t)before->first_segment + before->n_segments) * size;
}

/* A window's share of one piece: from byte `from` of the piece, `n` bytes. */
struct share {
    uint64_t from;
    size_t n;
};

static struct share share_of(const struct corpus_content *content, enum corpus_part part,
                             uint64_t i, uint64_t start, uint64_t end)
{
    const uint64_t a = part_start(content, part, i), b = part_start(content, part, i + 1);
    const uint64_t low = a > start ? a : start, high = b < end ? b : end;
    return (struct share){low - a, (size_t)(high - low)};
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

/* Fills the window [start, end) on rank 0, from piece `first` on; returns the piece it ends in. */
static uint64_t fill_window(struct writer *writer, enum corpus_part part, uint64_t first,
                            uint64_t start, uint64_t end)
{
    const struct corpus_content *content = writer->content;
    const int rank = group_rank(writer->group), size = group_size(writer->group);
    uint64_t last = first;
    int n_mine = 0;
    memset(writer->counts, 0, (size_t)size * sizeof *writer->counts);
    for (uint64_t i = first; i < content->n_pieces && part_start(content, part, i) < end; i++) {
        const struct share share = share_of(content, part, i, start, end);
        writer->counts[content->owner[i]] += (int)share.n;
        last = i;
        if (content->owner[i] != rank) continue;
        const char *data = part == PART_EVENTS ? (const char *)content->events[i]
                                               : (const char *)content->segments[i];
        memcpy(writer->mine + n_mine, data + share.from, share.n);
        n_mine += (int)share.n;
    }
    writer->places[0] = 0;
    for (int r = 1; r < size; r++)
        writer->places[r] = writer->places[r - 1] + writer->counts[r - 1];
    gather_window(writer, n_mine);
    if (rank != 0) return last;
    char *to = writer->window;
    for (uint64_t i = first; i <= last && i < content->n_pieces; i++) {
        const size_t n = share_of(content, part, i, start, end).n;
        int *place = writer->places + content->owner[i];
        memcpy(to, writer->gathered + *place, n);
        *place += (int)n;
        to += n;
    }
    return last;
}

/* Collective; a failed write on rank 0 goes on gathering, so that no rank is left waiting. */
static enum status stream_part(struct writer *writer, enum corpus_part part)
{
    enum status status = OK;
    const uint64_t bytes = writer->head.counts[part] * corpus_part_sizes[part];
    uint64_t piece = 0;
    for (uint64_t start = 0; start < bytes; start += WINDOW_BYTES) {
        const uint64_t end = bytes - start > WINDOW_BYTES ? start + WINDOW_BYTES : bytes;
        piece = fill_window(writer, part, piece, start, end);
        if (status == OK && group_rank(writer->group) == 0)
            status =
                put(writer, writer->offsets[part] + start, writer->window, (size_t)(end - start));
    }
    return group_agree(writer->group, status);
}

static enum status begin(struct writer *writer)
{
    enum status status = OK;
    const int rank = group_rank(writer->group);
    const size_t size = (size_t)group_size(writer->group);
    writer->mine = status_fault() ? NULL : malloc(WINDOW_BYTES);
    writer->counts = status_fault() ? NULL : calloc(size, sizeof *writer->counts);
    writer->places = status_fault() ? NULL : calloc(size, sizeof *writer->places);
    if (!writer->mine || !writer->counts || !writer->places) FAIL(FAILED, "out of memory");
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
    const struct corpus_content *content = writer->content;
    const int rank = group_rank(writer->group);
    TRY(group_agree(writer->group, begin(writer)));
    TRY(stream_part(writer, PART_EVENTS));
    TRY(stream_part(writer, PART_SEGMENTS));
    if (rank == 0) {
        status = put(writer, writer->offsets[PART_PIECES], (const char *)content->pieces,
                     content->n_pieces * sizeof *content->pieces);
        if (status == OK)
            status =
                put(writer, writer->offsets[PART_NAMES], content->names, content->n_name_bytes);
        if (status == OK) status = finish(writer);
    }
    TRY(group_agree(writer->group, status));
done:
    return status;
}

enum status corpus_write(struct group *group, const char *path,
                         const struct corpus_content *content, char *digest)
{
    const uint64_t n = content->n_pieces;
    const struct corpus_piece *last = n ? content->pieces + n - 1 : NULL;
    struct writer writer = {
        .group = group,
        .content = content,
        .path = path,
        .descriptor = -1,
        .head = {.version = CORPUS_VERSION,
                 .grid = (uint64_t)content->settings.grid,
                 .bars = (uint64_t)content->settings.bars,
                 .counts = {[PART_EVENTS] = content->first_event[n],
                            [PART_SEGMENTS] =
                                last ? (uint64_t)last->first_segment + last->n_segments : 0,
                            [PART_PIECES] = n,
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
    free(writer.counts);
    free(writer.places);
    return status;
}
