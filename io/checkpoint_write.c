/* Saving a checkpoint: collective writes under a temporary name, then verification and renaming by
 * rank 0.  Whatever can fail on one rank alone is agreed on before the next collective call; a
 * collective HDF5 call that fails in a group of several ranks ends the job, since MPI-IO may hang
 * or crash afterwards. */
#define _GNU_SOURCE
#include "checkpoint.h"

#include "checkpoint_file.h"
#include "replace.h"
#include "user_block.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct save {
    struct group *group;
    const char *path;
    char temporary[PATH_MAX];
    struct checkpoint_item *items; /* owned */
    size_t n_items;
    uint64_t bytes; /* room to reserve: a little more than the file will take */
    hid_t file, access, file_create, dataset_create, group_create, transfer; /* < 0: not open */
    struct hdf5_path groups; /* on the way to the dataset written last */
    int descriptor;          /* rank 0's, to set the disk to work; -1: none */
    uint64_t waiting;        /* bytes written since the disk was last set to work */
};

/* Metadata: 2.5 KiB a file, 440 to 670 bytes a dataset with a group of its own (measured). */
enum { BYTES_PER_FILE = 1 << 16, BYTES_PER_DATASET = 1 << 10 };

enum { DISK_BYTES = 4 << 20 }; /* are worth setting the disk to work */

static uint64_t item_bytes(const struct checkpoint_item *item)
{
    return item->dims[0] * item->row_bytes;
}

static enum status plan_items(struct save *save, const struct checkpoint_field *fields,
                              size_t n_fields, const struct checkpoint_text *texts, size_t n_texts)
{
    save->n_items = n_fields + n_texts;
    save->items = calloc(save->n_items + 1, sizeof *save->items);
    if (!save->items || status_fault())
        return status_fail(FAILED, "checkpoint: out of memory for %zu datasets", save->n_items);
    enum status status = OK;
    for (size_t i = 0; i < n_fields && status == OK; i++)
        status = checkpoint_item_of_field(&save->items[i], &fields[i]);
    for (size_t i = 0; i < n_texts && status == OK; i++)
        status = checkpoint_item_of_text(&save->items[n_fields + i], &texts[i]);
    if (status == OK) status = checkpoint_items_distinct(save->items, save->n_items);
    return status;
}

static enum status plan_path_and_room(struct save *save)
{
    const size_t length = strlen(save->path);
    if (length + sizeof ".tmp" > sizeof save->temporary)
        return status_fail(FAILED, "checkpoint: a path of %zu bytes, limit %zu", length,
                           sizeof save->temporary - sizeof ".tmp");
    snprintf(save->temporary, sizeof save->temporary, "%s.tmp", save->path);
    save->bytes = BYTES_PER_FILE;
    for (size_t i = 0; i < save->n_items; i++) {
        save->bytes += item_bytes(&save->items[i]) + BYTES_PER_DATASET;
        if (save->bytes > INT64_MAX)
            return status_fail(FAILED, "%s: more than %lld bytes", save->path,
                               (long long)INT64_MAX);
    }
    return OK;
}

/* Object timestamps stay off: the same data give the same bytes at any time.  Early allocation and
 * no fill values are what MPI-IO gets anyway; set, they make the POSIX driver's files the same. */
static enum status plan_properties(struct save *save)
{
    save->access = hdf5_guard_access();
    save->file_create = H5Pcreate(H5P_FILE_CREATE);
    save->dataset_create = H5Pcreate(H5P_DATASET_CREATE);
    save->group_create = H5Pcreate(H5P_GROUP_CREATE);
    save->transfer = H5Pcreate(H5P_DATASET_XFER);
    if (save->access < 0 || save->transfer < 0 ||
        H5Pset_userblock(save->file_create, USER_BLOCK_SIZE) < 0 ||
        H5Pset_obj_track_times(save->file_create, false) < 0 ||
        H5Pset_obj_track_times(save->dataset_create, false) < 0 ||
        H5Pset_obj_track_times(save->group_create, false) < 0 ||
        H5Pset_layout(save->dataset_create, H5D_CONTIGUOUS) < 0 ||
        H5Pset_alloc_time(save->dataset_create, H5D_ALLOC_TIME_EARLY) < 0 ||
        H5Pset_fill_time(save->dataset_create, H5D_FILL_TIME_NEVER) < 0 || status_fault())
        return status_fail(FAILED, "%s: out of memory for HDF5", save->path);
    if (group_size(save->group) > 1 && H5Pset_dxpl_mpio(save->transfer, H5FD_MPIO_COLLECTIVE) < 0)
        return status_fail(FAILED, "%s: this HDF5 has no MPI-IO", save->path);
    return OK;
}

/* Ends the job.  Higher ranks wait a moment, so that when all failed only one line appears. */
_Noreturn static void end_job(const struct save *save)
{
    enum { TENTHS_PER_RANK = 3, MAX_RANKS_WAITED = 5 };
    const int rank = group_rank(save->group);
    const long tenths = TENTHS_PER_RANK * (rank < MAX_RANKS_WAITED ? rank : MAX_RANKS_WAITED);
    unlink(save->temporary);
    nanosleep(&(struct timespec){tenths / 10, tenths % 10 * 100000000}, NULL);
    group_abort(save->group, status_message());
}

/* To be called right after the HDF5 call that failed.  One of several ranks must not go on, since
 * the others may wait for it for ever, and none may finalize. */
static enum status fail_collective(const struct save *save, const char *what)
{
    char reason[HDF5_GUARD_REASON_SIZE];
    hdf5_guard_reason(reason);
    const enum status status = status_fail(FAILED, "%s: %s: %s", save->temporary, what, reason);
    if (group_size(save->group) > 1) end_job(save);
    return status;
}

/* A group of one needs no MPI-IO: the POSIX driver writes the same file.  Collective. */
static enum status create_file(struct save *save)
{
    const MPI_Comm *comm = group_communicator(save->group);
    if (group_size(save->group) > 1 && H5Pset_fapl_mpio(save->access, *comm, MPI_INFO_NULL) < 0)
        return fail_collective(save, "MPI-IO");
    save->file = H5Fcreate(save->temporary, H5F_ACC_TRUNC, save->file_create, save->access);
    return save->file < 0 ? fail_collective(save, "cannot be created") : OK;
}

/* Opens the groups on the way to `name`, and makes those that are not there yet.  Collective. */
static int make_groups(struct save *save, const char *name)
{
    char part[CHECKPOINT_NAME_SIZE];
    hdf5_path_leave(&save->groups, name);
    for (size_t end; (end = hdf5_path_next(&save->groups, name)) != 0;) {
        const hid_t parent = hdf5_path_group(&save->groups, save->file);
        memcpy(part, name, end);
        part[end] = 0;
        const char *step = hdf5_path_rest(&save->groups, part);
        const htri_t exists = H5Lexists(parent, step, H5P_DEFAULT);
        hid_t group = H5I_INVALID_HID;
        if (exists > 0) group = H5Gopen2(parent, step, H5P_DEFAULT);
        if (exists == 0)
            group = H5Gcreate2(parent, step, H5P_DEFAULT, save->group_create, H5P_DEFAULT);
        if (group < 0) return -1;
        hdf5_path_enter(&save->groups, group, name, end);
    }
    return 0;
}

/* Narrows both dataspaces to this rank's rows, or to nothing. */
static herr_t select_rows(hid_t space, hsize_t first, const hsize_t count[HDF5_GUARD_MAX_DIMS])
{
    const hsize_t start[HDF5_GUARD_MAX_DIMS] = {first, 0};
    if (count[0] == 0) return H5Sselect_none(space);
    return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
}

/* Writes this rank's share of the rows.  Collective. */
static enum status write_share(const struct save *save, const struct checkpoint_item *item,
                               hid_t dataset, hid_t space)
{
    enum status status = OK;
    const hsize_t size = (hsize_t)group_size(save->group);
    const hsize_t rank = (hsize_t)group_rank(save->group);
    const hsize_t rows = item->dims[0], each = rows / size, more = rows % size;
    const hsize_t first = rank * each + (rank < more ? rank : more);
    const hsize_t count[HDF5_GUARD_MAX_DIMS] = {each + (rank < more), item->dims[1]};
    const hid_t memory = H5Screate_simple(item->n_dims, count, NULL);
    if (memory < 0 || select_rows(space, first, count) < 0 ||
        (count[0] == 0 && H5Sselect_none(memory) < 0))
        TRY(fail_collective(save, item->name));
    const unsigned char *data = item->data;
    if (H5Dwrite(dataset, item->native, memory, space, save->transfer,
                 data + first * item->row_bytes) < 0)
        TRY(fail_collective(save, item->name));
    /* Only a group of one survives a failed write, so only there can one be tried out. */
    if (size == 1 && status_fault()) FAIL(FAILED, "%s: %s: fault", save->path, item->name);
done:
    if (memory >= 0) H5Sclose(memory);
    return status;
}

/* Collective. */
static enum status write_item(struct save *save, struct checkpoint_item *item)
{
    enum status status = OK;
    hid_t dataset = H5I_INVALID_HID;
    const hid_t space = H5Screate_simple(item->n_dims, item->dims, NULL);
    if (space < 0 || make_groups(save, item->name) < 0) TRY(fail_collective(save, item->name));
    dataset = H5Dcreate2(hdf5_path_group(&save->groups, save->file),
                         hdf5_path_rest(&save->groups, item->name), item->stored, space,
                         H5P_DEFAULT, save->dataset_create, H5P_DEFAULT);
    if (dataset < 0) TRY(fail_collective(save, item->name));
    if (item_bytes(item) > 0) item->offset = H5Dget_offset(dataset);
    if (item_bytes(item) > 0) TRY(write_share(save, item, dataset, space));
done:
    if (dataset >= 0 && H5Dclose(dataset) < 0 && status == OK)
        status = fail_collective(save, item->name);
    if (space >= 0) H5Sclose(space);
    return status;
}

/* Lets the disk write what it has been given while more is coming, so that the sync at the end has
 * little to wait for.  Only a hint: what fails here fails again in that sync.  Rank 0. */
static void hurry_disk(struct save *save, uint64_t more)
{
    save->waiting += more;
    if (save->descriptor < 0 || save->waiting < DISK_BYTES) return;
    sync_file_range(save->descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
    save->waiting = 0;
}

/* A file whose H5Fclose failed crashes HDF5 later, at the latest when it finalizes. */
static void close_file(struct save *save)
{
    const hid_t file = save->file;
    hdf5_path_leave(&save->groups, "");
    save->file = H5I_INVALID_HID;
    if (H5Fclose(file) >= 0) return;
    (void)fail_collective(save, "close");
    end_job(save);
}

/* Gives up a file that cannot be written: its descriptor is pointed at memory, so that the little
 * that HDF5 still writes on closing meets no full disk.  For a group of one. */
static void detach_file(const struct save *save)
{
    void *handle;
    if (H5Fget_vfd_handle(save->file, H5P_DEFAULT, &handle) < 0) return;
    const int memory = memfd_create("checkpoint", MFD_CLOEXEC);
    if (memory < 0) return;
    dup2(memory, *(int *)handle);
    close(memory);
}

/* Flushing syncs what every node has cached, so that rank 0 may read all of it.  Collective. */
static enum status write_and_close(struct save *save)
{
    enum status status = OK;
    for (size_t i = 0; i < save->n_items; i++) {
        TRY(write_item(save, &save->items[i]));
        hurry_disk(save, item_bytes(&save->items[i]));
    }
    if (H5Fflush(save->file, H5F_SCOPE_GLOBAL) < 0) TRY(fail_collective(save, "flush"));
    close_file(save);
done:
    return status;
}

/* The items in the file's order, while its bytes go by. */
struct comparison {
    const char *path;
    const struct checkpoint_item *items;
    size_t n_items, next;
};

static int compare_offsets(const void *left, const void *right)
{
    const struct checkpoint_item *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* The stored numbers are those of memory bit by bit: both are little-endian, as in the corpus. */
static enum status compare_piece(void *context, uint64_t offset, const unsigned char *bytes,
                                 size_t n)
{
    struct comparison *c = context;
    for (; c->next < c->n_items; c->next++) {
        const struct checkpoint_item *item = &c->items[c->next];
        const uint64_t end = item->offset + item_bytes(item);
        const uint64_t from = item->offset > offset ? item->offset : offset;
        const uint64_t to = end < offset + n ? end : offset + n;
        if (from < to && memcmp((const unsigned char *)item->data + (from - item->offset),
                                bytes + (from - offset), to - from) != 0)
            return status_fail(FAILED, "%s: %s: what was read back is not what was written",
                               c->path, item->name);
        if (end > offset + n) break;
    }
    return OK;
}

/* Sorts the items for the comparison; no two may share bytes, or one would be passed over. */
static enum status order_items(struct save *save)
{
    qsort(save->items, save->n_items, sizeof *save->items, compare_offsets);
    for (size_t i = 1; i < save->n_items; i++)
        if (save->items[i].offset < save->items[i - 1].offset + item_bytes(&save->items[i - 1]))
            return status_fail(FAILED, "%s: %s: stored in the bytes of %s", save->temporary,
                               save->items[i].name, save->items[i - 1].name);
    return OK;
}

/* Reads the content back once, digests it and compares every number with this rank's memory. */
static enum status measure_content(struct save *save, int descriptor, struct user_block *block)
{
    enum status status = OK;
    struct comparison comparison = {save->temporary, save->items, save->n_items, 0};
    TRY(order_items(save));
    TRY(user_block_measure(descriptor, save->temporary, block, compare_piece, &comparison));
    if (comparison.next < save->n_items)
        FAIL(FAILED, "%s: %s: its bytes lie outside the file", save->temporary,
             save->items[comparison.next].name);
done:
    return status;
}

/* Records the digest of the finished content in the user block; gives back unused room.  The file
 * is opened anew: only that makes NFS look at what other nodes wrote. */
static enum status record_completion(struct save *save, struct user_block *block)
{
    enum status status = OK;
    hurry_disk(save, DISK_BYTES);
    const int descriptor = open(save->temporary, O_RDWR | O_CLOEXEC);
    if (descriptor < 0 || status_fault())
        FAIL(FAILED, "%s: cannot be reopened: %s", save->temporary, strerror(errno));
    TRY(measure_content(save, descriptor, block));
    if (ftruncate(descriptor, (off_t)block->length) != 0)
        FAIL(FAILED, "%s: cannot be truncated: %s", save->temporary, strerror(errno));
    TRY(user_block_write(descriptor, save->temporary, block));
done:
    if (descriptor >= 0 && close(descriptor) != 0 && status == OK)
        status = status_fail(FAILED, "%s: close: %s", save->temporary, strerror(errno));
    return status;
}

/* Opens the complete file as any reader would: the record is the one just made, and each dataset
 * is found where its numbers are. */
static enum status verify_completion(struct save *save, const struct user_block *block)
{
    enum status status = OK;
    struct hdf5_guard_file file = {.id = H5I_INVALID_HID};
    struct user_block found;
    TRY(user_block_read(save->temporary, &found));
    if (found.version != block->version || found.length != block->length ||
        memcmp(found.digest, block->digest, USER_BLOCK_DIGEST_SIZE) != 0)
        FAIL(FAILED, "%s: its record is not the one that was written", save->temporary);
    TRY(checkpoint_file_open(&file, save->temporary));
    for (size_t i = 0; i < save->n_items; i++) TRY(checkpoint_file_holds(&file, &save->items[i]));
done:
    hdf5_guard_close(&file);
    return status;
}

static enum status publish(struct save *save)
{
    enum status status = OK;
    struct user_block block;
    TRY(record_completion(save, &block));
    TRY(verify_completion(save, &block));
    TRY(replace_finish(save->temporary, save->path));
done:
    return status;
}

/* No rank returns before the file is gone: the next attempt may be another rank's.  Collective. */
static void remove_temporary(const struct save *save)
{
    if (group_rank(save->group) == 0) unlink(save->temporary);
    group_barrier(save->group);
}

/* Collective. */
static void save_close(struct save *save, enum status status)
{
    if (save->file >= 0 && group_size(save->group) == 1) detach_file(save);
    if (save->file >= 0) close_file(save);
    if (save->descriptor >= 0) close(save->descriptor);
    if (status != OK) remove_temporary(save);
    const hid_t lists[] = {save->access, save->file_create, save->dataset_create,
                           save->group_create, save->transfer};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i] >= 0) H5Pclose(lists[i]);
    free(save->items);
}

enum status checkpoint_save(struct group *group, const char *path,
                            const struct checkpoint_field *fields, size_t n_fields,
                            const struct checkpoint_text *texts, size_t n_texts)
{
    struct save save = {.group = group,
                        .path = path,
                        .descriptor = -1,
                        .file = H5I_INVALID_HID,
                        .access = H5I_INVALID_HID,
                        .file_create = H5I_INVALID_HID,
                        .dataset_create = H5I_INVALID_HID,
                        .group_create = H5I_INVALID_HID,
                        .transfer = H5I_INVALID_HID};
    const bool root = group_rank(group) == 0;
    hdf5_guard_init();
    enum status status = plan_items(&save, fields, n_fields, texts, n_texts);
    if (status == OK) status = plan_path_and_room(&save);
    if (status == OK) status = plan_properties(&save);
    TRY(group_agree(group, status));
    TRY(group_agree(group, root ? replace_begin(save.temporary, save.bytes) : OK));
    TRY(create_file(&save));
    TRY(group_agree(group, root ? replace_reserve(save.temporary, save.bytes) : OK));
    if (root) save.descriptor = open(save.temporary, O_RDWR | O_CLOEXEC);
    TRY(write_and_close(&save));
    TRY(group_agree(group, root ? publish(&save) : OK));
done:
    save_close(&save, status);
    return status;
}
