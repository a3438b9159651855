/**
 * What a checkpoint stores, one item a dataset: a field, or a text as bytes.  Shared by its writer
 * and its reader, so that both follow the same rules of names, types and shapes.  All functions are
 * Local.
 */
#ifndef CHECKPOINT_ITEM_H
#define CHECKPOINT_ITEM_H

#include "checkpoint.h"
#include "hdf5_guard.h"

#include <stdbool.h>

enum { CHECKPOINT_NAME_SIZE = sizeof(((struct checkpoint_field *)0)->name) };

/** One dataset to be written or compared. */
struct checkpoint_item {
    char name[CHECKPOINT_NAME_SIZE];
    hid_t stored, native; /* types in the file and in memory; HDF5's own, not to be closed */
    int n_dims;           /* 2 for a field, 1 for a text */
    hsize_t dims[HDF5_GUARD_MAX_DIMS];
    size_t row_bytes;
    const void *data; /* (dims[0]) rows; borrowed */
    uint64_t offset;  /* in the file once it is written; 0 when empty */
};

/** Type in the file and in memory, and size of one number in bytes. */
hid_t checkpoint_type_stored(enum checkpoint_type type);
hid_t checkpoint_type_native(enum checkpoint_type type);
size_t checkpoint_type_bytes(enum checkpoint_type type);

/** True for 1 to 95 bytes of letters, digits and `._-`, in non-empty parts between slashes; no
 *  part is `.` or `..`. */
bool checkpoint_name_valid(const char *name);

/** True for `text` and all under it. */
bool checkpoint_name_is_text(const char *name);

/** Makes an item of a field that has data.  Fails on a bad name, type or size, or missing data. */
STATUS_CHECKED enum status checkpoint_item_of_field(struct checkpoint_item *item,
                                                    const struct checkpoint_field *field);

/** Makes an item of a text.  Fails on a bad name or more than CHECKPOINT_TEXT_LIMIT bytes. */
STATUS_CHECKED enum status checkpoint_item_of_text(struct checkpoint_item *item,
                                                   const struct checkpoint_text *text);

/** Fails when two items share a name, or one's name is a group of another's. */
STATUS_CHECKED enum status checkpoint_items_distinct(const struct checkpoint_item *items, size_t n);

#endif
