/**
 * Safe access to HDF5 files that anyone may have written.
 *
 * HDF5 follows external storage, links and virtual datasets to other files and loads filter plugins
 * while it reads.  Everything here opens read-only files of one's own content only: contiguous,
 * unfiltered datasets, reached by hard links, whose bytes lie inside the file.  The library stays
 * silent and its plugins off.  No function here needs MPI; all are Local.
 */
#ifndef HDF5_GUARD_H
#define HDF5_GUARD_H

#include "hdf5_path.h"
#include "status.h"

#include <hdf5.h>
#include <stdint.h>

enum { HDF5_GUARD_MAX_DIMS = 2, HDF5_GUARD_REASON_SIZE = 128 };

/** A file open for reading. */
struct hdf5_guard_file {
    hid_t id;
    uint64_t bytes;          /* length of the whole file, user block included */
    const char *path;        /* caller-owned; names the file in messages */
    struct hdf5_path groups; /* checked, on the way to the dataset opened last */
};

/** A dataset that passed every rule; type, shape and meaning are the caller's to check. */
struct hdf5_guard_dataset {
    hid_t id;
    hid_t type; /* as stored; owned */
    int n_dims; /* 0 (one element) to HDF5_GUARD_MAX_DIMS */
    hsize_t dims[HDF5_GUARD_MAX_DIMS];
    uint64_t offset; /* bytes from the start of the file; 0 when empty */
    uint64_t bytes;
};

/** Silences HDF5's own messages and turns its dynamic plugins off; repeatable.  Cannot fail. */
void hdf5_guard_init(void);

/**
 * Access properties for both reading and writing: v1.10 format, no file locks (files are complete
 * or under a temporary name; NFS and Lustre refuse locks), the plain POSIX driver.
 *
 * @return a property list to be closed with H5Pclose, or < 0
 */
hid_t hdf5_guard_access(void);

/** Opens a regular file for reading.  Fails when it is missing, no HDF5 file, or cut short. */
STATUS_CHECKED enum status hdf5_guard_open(struct hdf5_guard_file *file, const char *path);

/** Closes the file and all that is open in it; a file never opened (id <= 0) is left alone. */
void hdf5_guard_close(struct hdf5_guard_file *file);

/** Fails unless every step of `name`, a path from the root, is a hard link. */
STATUS_CHECKED enum status hdf5_guard_link(struct hdf5_guard_file *file, const char *name);

/**
 * Opens the dataset at `name`, a path of groups and hard links from the root.  Refuses links to
 * elsewhere, chunked, compact, virtual and external storage, filters, named types, and storage that
 * is not all inside the file or does not match the shape.
 */
STATUS_CHECKED enum status hdf5_guard_dataset_open(struct hdf5_guard_file *file, const char *name,
                                                   struct hdf5_guard_dataset *dataset);

/** Closes what hdf5_guard_dataset_open opened; a dataset never opened (id <= 0) is left alone. */
void hdf5_guard_dataset_close(struct hdf5_guard_dataset *dataset);

/** Why the last HDF5 call failed, in HDF5's innermost words; to be asked before any other call. */
void hdf5_guard_reason(char reason[HDF5_GUARD_REASON_SIZE]);

#endif
