/**
 * The open groups on the way to a dataset.
 *
 * Datasets follow one another in order of their names, so most of the way to the next is open
 * already: what remains is looked up from there, not from the root.  All functions are Local.
 */
#ifndef HDF5_PATH_H
#define HDF5_PATH_H

#include <hdf5.h>
#include <stddef.h>

enum { HDF5_PATH_SIZE = 256, HDF5_PATH_DEPTH = HDF5_PATH_SIZE / 2 };

/** Zeroed: at the root. */
struct hdf5_path {
    char name[HDF5_PATH_SIZE];    /* of the innermost open group */
    size_t n;                     /* open groups */
    size_t ends[HDF5_PATH_DEPTH]; /* of their names */
    hid_t ids[HDF5_PATH_DEPTH];   /* owned */
};

/** Closes the groups that `name` (shorter than HDF5_PATH_SIZE) does not lie in; "": all. */
void hdf5_path_leave(struct hdf5_path *path, const char *name);

/** Where in `name` the next group to open ends, or 0 when only the last step is left. */
size_t hdf5_path_next(const struct hdf5_path *path, const char *name);

/** Notes that this group, which ends at `end` of `name`, is open now; the path closes it. */
void hdf5_path_enter(struct hdf5_path *path, hid_t group, const char *name, size_t end);

/** The innermost open group, or the file itself. */
hid_t hdf5_path_group(const struct hdf5_path *path, hid_t file);

/** What remains of `name` from there. */
const char *hdf5_path_rest(const struct hdf5_path *path, const char *name);

#endif
