/* Safe access to untrusted HDF5 files. */
#define _GNU_SOURCE
#include "hdf5_guard.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void hdf5_guard_init(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
}

hid_t hdf5_guard_access(void)
{
    hdf5_guard_init();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0) return access;
    if (H5Pset_fapl_sec2(access) < 0 || H5Pset_file_locking(access, false, true) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0) {
        H5Pclose(access);
        return H5I_INVALID_HID;
    }
    return access;
}

/* The POSIX driver's words are long; what the system said is quoted in them. */
static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *reason)
{
    static const char key[] = "error message = '";
    if (depth > 0 || !error->desc) return 0;
    const char *quoted = strstr(error->desc, key);
    const char *from = quoted ? quoted + sizeof key - 1 : error->desc;
    const size_t length = quoted ? strcspn(from, "'") : strlen(from);
    snprintf(reason, HDF5_GUARD_REASON_SIZE, "%.*s", (int)length, from);
    return 0;
}

void hdf5_guard_reason(char reason[HDF5_GUARD_REASON_SIZE])
{
    snprintf(reason, HDF5_GUARD_REASON_SIZE, "HDF5 gives no reason");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, reason);
}

static enum status fail_with_reason(const char *path, const char *what)
{
    char reason[HDF5_GUARD_REASON_SIZE];
    hdf5_guard_reason(reason);
    return status_fail(FAILED, "%s: %s: %s", path, what, reason);
}

/* The length of the very file that HDF5 holds: its name may by now mean another file. */
static enum status measure(struct hdf5_guard_file *file, hid_t access)
{
    void *handle;
    struct stat about;
    if (H5Fget_vfd_handle(file->id, access, &handle) < 0 || fstat(*(int *)handle, &about) != 0)
        return status_fail(FAILED, "%s: its length cannot be read", file->path);
    file->bytes = (uint64_t)about.st_size;
    return OK;
}

enum status hdf5_guard_open(struct hdf5_guard_file *file, const char *path)
{
    enum status status = OK;
    struct stat about;
    *file = (struct hdf5_guard_file){.id = H5I_INVALID_HID, .path = path};
    const hid_t access = hdf5_guard_access();
    if (access < 0 || status_fault()) FAIL(FAILED, "%s: out of memory for HDF5", path);
    /* A pipe or a device would block or never end. */
    if (stat(path, &about) != 0) FAIL(FAILED, "%s: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode)) FAIL(FAILED, "%s: not a regular file", path);
    file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file->id < 0) TRY(fail_with_reason(path, "not a readable HDF5 file"));
    TRY(measure(file, access));
done:
    if (access >= 0) H5Pclose(access);
    if (status != OK) hdf5_guard_close(file);
    return status;
}

void hdf5_guard_close(struct hdf5_guard_file *file)
{
    if (file->id > 0) {
        hdf5_path_leave(&file->groups, "");
        H5Fclose(file->id);
    }
    file->id = H5I_INVALID_HID;
}

/* The link that leads from an open group to the part of `name` that ends at `end`. */
static enum status check_link(const struct hdf5_guard_file *file, const char *name, size_t end)
{
    H5L_info_t link;
    char part[HDF5_PATH_SIZE];
    memcpy(part, name, end);
    part[end] = 0;
    if (H5Lget_info(hdf5_path_group(&file->groups, file->id), hdf5_path_rest(&file->groups, part),
                    &link, H5P_DEFAULT) < 0)
        return status_fail(FAILED, "%s: %s: missing", file->path, part);
    if (link.type != H5L_TYPE_HARD)
        return status_fail(FAILED, "%s: %s: a link to elsewhere, refused", file->path, part);
    return OK;
}

enum status hdf5_guard_link(struct hdf5_guard_file *file, const char *name)
{
    enum status status = OK;
    const size_t length = strlen(name);
    if (length == 0 || length >= HDF5_PATH_SIZE)
        return status_fail(FAILED, "%s: a name of %zu bytes, limit %d", file->path, length,
                           HDF5_PATH_SIZE - 1);
    hdf5_path_leave(&file->groups, name);
    for (size_t end; (end = hdf5_path_next(&file->groups, name)) != 0;) {
        TRY(check_link(file, name, end));
        char part[HDF5_PATH_SIZE];
        memcpy(part, name, end);
        part[end] = 0;
        const hid_t group = H5Gopen2(hdf5_path_group(&file->groups, file->id),
                                     hdf5_path_rest(&file->groups, part), H5P_DEFAULT);
        if (group < 0) FAIL(FAILED, "%s: %s: missing", file->path, name);
        hdf5_path_enter(&file->groups, group, name, end);
    }
    TRY(check_link(file, name, length));
done:
    return status;
}

/* Storage comes first: asking a virtual dataset for its shape already opens other files. */
static const char *refuse_storage(hid_t dataset)
{
    const hid_t create = H5Dget_create_plist(dataset);
    if (create < 0) return "unreadable creation properties";
    const H5D_layout_t layout = H5Pget_layout(create);
    const int n_external = H5Pget_external_count(create), n_filters = H5Pget_nfilters(create);
    H5Pclose(create);
    if (layout == H5D_VIRTUAL) return "a virtual dataset, refused";
    if (n_external != 0) return "external storage, refused";
    if (n_filters != 0) return "filtered storage, refused";
    if (layout != H5D_CONTIGUOUS) return "storage that is not contiguous, refused";
    return NULL;
}

static const char *refuse_type(struct hdf5_guard_dataset *dataset)
{
    dataset->type = H5Dget_type(dataset->id);
    if (dataset->type < 0) return "unreadable type";
    if (H5Tcommitted(dataset->type) != 0) return "a named type, refused";
    return NULL;
}

static const char *read_shape(struct hdf5_guard_dataset *dataset)
{
    const hid_t space = H5Dget_space(dataset->id);
    if (space < 0) return "unreadable shape";
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    const int n_dims = H5Sget_simple_extent_ndims(space);
    if (n_dims >= 0 && n_dims <= HDF5_GUARD_MAX_DIMS)
        dataset->n_dims = H5Sget_simple_extent_dims(space, dataset->dims, NULL);
    H5Sclose(space);
    if (kind != H5S_SIMPLE && kind != H5S_SCALAR) return "no shape";
    if (n_dims < 0 || n_dims > HDF5_GUARD_MAX_DIMS) return "more than 2 dimensions";
    return NULL;
}

/* Each dimension is bounded on its own too: a huge one beside a zero would pass as no bytes. */
static const char *refuse_size(const struct hdf5_guard_file *file,
                               struct hdf5_guard_dataset *dataset)
{
    uint64_t bytes = H5Tget_size(dataset->type);
    if (bytes == 0) return "unreadable type";
    for (int i = 0; i < dataset->n_dims; i++)
        if (dataset->dims[i] > file->bytes ||
            __builtin_mul_overflow(bytes, (uint64_t)dataset->dims[i], &bytes))
            return "a shape larger than the file";
    if (bytes > file->bytes) return "a shape larger than the file";
    if (H5Dget_storage_size(dataset->id) != bytes) return "storage that does not match its shape";
    dataset->bytes = bytes;
    if (bytes == 0) return NULL;
    const haddr_t offset = H5Dget_offset(dataset->id);
    if (offset == HADDR_UNDEF || offset > file->bytes - bytes) return "bytes outside the file";
    dataset->offset = offset;
    return NULL;
}

enum status hdf5_guard_dataset_open(struct hdf5_guard_file *file, const char *name,
                                    struct hdf5_guard_dataset *dataset)
{
    enum status status = OK;
    *dataset = (struct hdf5_guard_dataset){.id = H5I_INVALID_HID, .type = H5I_INVALID_HID};
    TRY(hdf5_guard_link(file, name));
    dataset->id = H5Dopen2(hdf5_path_group(&file->groups, file->id),
                           hdf5_path_rest(&file->groups, name), H5P_DEFAULT);
    if (dataset->id < 0) FAIL(FAILED, "%s: %s: not a readable dataset", file->path, name);
    const char *refusal = refuse_storage(dataset->id);
    if (!refusal) refusal = refuse_type(dataset);
    if (!refusal) refusal = read_shape(dataset);
    if (!refusal) refusal = refuse_size(file, dataset);
    if (refusal) FAIL(FAILED, "%s: %s: %s", file->path, name, refusal);
done:
    if (status != OK) hdf5_guard_dataset_close(dataset);
    return status;
}

void hdf5_guard_dataset_close(struct hdf5_guard_dataset *dataset)
{
    if (dataset->type > 0) H5Tclose(dataset->type);
    if (dataset->id > 0) H5Dclose(dataset->id);
    dataset->id = dataset->type = H5I_INVALID_HID;
}
