/* Verifying and loading checkpoints. */
#include "checkpoint.h"

#include "checkpoint_file.h"
#include "user_block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum status checkpoint_verify(const char *path)
{
    return user_block_verify(path);
}

enum status checkpoint_file_digest(const char *path, char digest[CHECKPOINT_DIGEST_SIZE])
{
    struct user_block block;
    const enum status status = user_block_read(path, &block);
    if (status == OK) user_block_hex(digest, block.digest);
    return status;
}

static enum status check_field(const char *path, const struct checkpoint_field *field,
                               const struct hdf5_guard_dataset *dataset)
{
    if (H5Tequal(dataset->type, checkpoint_type_stored(field->type)) <= 0)
        return status_fail(FAILED, "%s: %s: another type of numbers was expected", path,
                           field->name);
    if (dataset->n_dims != 2)
        return status_fail(FAILED, "%s: %s: %d dimensions, want 2", path, field->name,
                           dataset->n_dims);
    if (dataset->dims[0] != field->rows || dataset->dims[1] != field->columns)
        return status_fail(FAILED, "%s: %s: shape %llu x %llu, want %zu x %zu", path, field->name,
                           (unsigned long long)dataset->dims[0],
                           (unsigned long long)dataset->dims[1], field->rows, field->columns);
    return OK;
}

static enum status load_field(struct hdf5_guard_file *file, struct checkpoint_field *field)
{
    enum status status = OK;
    struct hdf5_guard_dataset dataset = {.id = H5I_INVALID_HID};
    if (!checkpoint_name_valid(field->name) || checkpoint_name_is_text(field->name))
        FAIL(FAILED, "%s: `%.95s` is no name for a dataset", file->path, field->name);
    TRY(hdf5_guard_dataset_open(file, field->name, &dataset));
    TRY(check_field(file->path, field, &dataset));
    if (dataset.bytes > 0 && H5Dread(dataset.id, checkpoint_type_native(field->type), H5S_ALL,
                                     H5S_ALL, H5P_DEFAULT, field->data) < 0)
        FAIL(FAILED, "%s: %s: cannot be read", file->path, field->name);
done:
    hdf5_guard_dataset_close(&dataset);
    return status;
}

enum status checkpoint_load(const char *path, struct checkpoint_field *fields, size_t n_fields)
{
    enum status status = OK;
    struct hdf5_guard_file file = {.id = H5I_INVALID_HID};
    TRY(checkpoint_file_open(&file, path));
    for (size_t i = 0; i < n_fields; i++) TRY(load_field(&file, &fields[i]));
done:
    hdf5_guard_close(&file);
    return status;
}

static enum status check_text(const char *path, const char *name,
                              const struct hdf5_guard_dataset *dataset)
{
    if (H5Tequal(dataset->type, H5T_STD_U8LE) <= 0 || dataset->n_dims != 1)
        return status_fail(FAILED, "%s: %s: not a text", path, name);
    if (dataset->bytes > CHECKPOINT_TEXT_LIMIT)
        return status_fail(FAILED, "%s: %s: %" PRIu64 " bytes, limit %d", path, name,
                           dataset->bytes, CHECKPOINT_TEXT_LIMIT);
    return OK;
}

enum status checkpoint_load_text(const char *path, const char *name, char **text)
{
    enum status status = OK;
    struct checkpoint_item item;
    struct hdf5_guard_file file = {.id = H5I_INVALID_HID};
    struct hdf5_guard_dataset dataset = {.id = H5I_INVALID_HID};
    *text = NULL;
    TRY(checkpoint_item_of_text(&item, &(struct checkpoint_text){.name = name, .text = ""}));
    TRY(checkpoint_file_open(&file, path));
    TRY(hdf5_guard_dataset_open(&file, item.name, &dataset));
    TRY(check_text(path, item.name, &dataset));
    *text = calloc(1, dataset.bytes + 1);
    if (!*text || status_fault()) FAIL(FAILED, "%s: %s: out of memory", path, item.name);
    if (dataset.bytes > 0 &&
        H5Dread(dataset.id, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, *text) < 0)
        FAIL(FAILED, "%s: %s: cannot be read", path, item.name);
    if (strlen(*text) != dataset.bytes) FAIL(FAILED, "%s: %s: holds a zero byte", path, item.name);
done:
    if (status != OK) {
        free(*text);
        *text = NULL;
    }
    hdf5_guard_dataset_close(&dataset);
    hdf5_guard_close(&file);
    return status;
}
