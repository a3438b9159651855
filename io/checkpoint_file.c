/* Opening a checkpoint and walking its datasets. */
#include "checkpoint_file.h"

#include "user_block.h"

#include <inttypes.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 18 }; /* stays in a core's cache between reading and visiting */

/* HDF5 looks for its content at 0, 512, 1024, ...: only 512 is where ours begins. */
static enum status check_user_block(const struct hdf5_guard_file *file)
{
    hsize_t size = 0;
    const hid_t create = H5Fget_create_plist(file->id);
    const herr_t got = create < 0 ? -1 : H5Pget_userblock(create, &size);
    if (create >= 0) H5Pclose(create);
    if (got < 0 || size != USER_BLOCK_SIZE)
        return status_fail(FAILED, "%s: its HDF5 content does not start at byte %d", file->path,
                           USER_BLOCK_SIZE);
    return OK;
}

enum status checkpoint_file_open(struct hdf5_guard_file *file, const char *path)
{
    enum status status = OK;
    struct user_block block;
    *file = (struct hdf5_guard_file){.id = H5I_INVALID_HID, .path = path};
    TRY(user_block_read(path, &block));
    TRY(hdf5_guard_open(file, path));
    if (file->bytes != block.length)
        FAIL(FAILED, "%s: changed from %" PRIu64 " to %" PRIu64 " bytes while it was opened", path,
             block.length, file->bytes);
    TRY(check_user_block(file));
done:
    if (status != OK) hdf5_guard_close(file);
    return status;
}

static herr_t read_rows(const struct hdf5_guard_dataset *dataset, hid_t memory_type, hid_t space,
                        hsize_t first, hsize_t n, void *to)
{
    const hsize_t start[HDF5_GUARD_MAX_DIMS] = {first, 0};
    const hsize_t count[HDF5_GUARD_MAX_DIMS] = {n, dataset->dims[1]};
    const hid_t memory = H5Screate_simple(dataset->n_dims, count, NULL);
    if (memory < 0) return -1;
    herr_t result = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (result >= 0) result = H5Dread(dataset->id, memory_type, memory, space, H5P_DEFAULT, to);
    H5Sclose(memory);
    return result;
}

enum status checkpoint_file_walk(const struct hdf5_guard_dataset *dataset, hid_t memory_type,
                                 checkpoint_visit *visit, void *context)
{
    enum status status = OK;
    unsigned char *buffer = NULL;
    if (dataset->bytes == 0) return OK;
    ASSERT(dataset->n_dims > 0);
    const size_t rows = dataset->dims[0], row = dataset->bytes / rows;
    const size_t step = row < PIECE_BYTES ? PIECE_BYTES / row : 1;
    const hid_t space = H5Dget_space(dataset->id);
    buffer = malloc((step < rows ? step : rows) * row);
    if (space < 0 || !buffer || status_fault()) FAIL(FAILED, "out of memory");
    for (size_t first = 0; first < rows; first += step) {
        const size_t n = step < rows - first ? step : rows - first;
        if (read_rows(dataset, memory_type, space, first, n, buffer) < 0)
            FAIL(FAILED, "row %zu of %zu cannot be read", first, rows);
        TRY(visit(context, buffer, n * row));
    }
done:
    if (space >= 0) H5Sclose(space);
    free(buffer);
    return status;
}

enum status checkpoint_file_holds(struct hdf5_guard_file *file, const struct checkpoint_item *item)
{
    enum status status = OK;
    struct hdf5_guard_dataset dataset;
    TRY(hdf5_guard_dataset_open(file, item->name, &dataset));
    if (H5Tequal(dataset.type, item->stored) <= 0 || dataset.n_dims != item->n_dims ||
        dataset.dims[0] != item->dims[0] || dataset.dims[1] != item->dims[1])
        FAIL(FAILED, "%s: %s: another type or shape was stored", file->path, item->name);
    if (dataset.offset != item->offset)
        FAIL(FAILED, "%s: %s: stored at byte %" PRIu64 ", written at %" PRIu64, file->path,
             item->name, dataset.offset, item->offset);
done:
    hdf5_guard_dataset_close(&dataset);
    return status;
}
