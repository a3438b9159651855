/* Listing a checkpoint's datasets, and hashing them apart from the file's layout. */
#include "checkpoint_file.h"
#include "user_block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* Hard links can make a small file look endless: groups within themselves, or many names for one
 * dataset.  Names bound the depth, and these the rest. */
enum { MAX_LINKS = 1 << 16 };

struct listing {
    struct hdf5_guard_file *file;
    char name[CHECKPOINT_NAME_SIZE]; /* path of the group being listed, "" the root */
    struct checkpoint_field *fields; /* owned until handed out */
    size_t n, room, n_links;
    uint64_t bytes; /* of all listed datasets */
    enum status status;
};

static enum status field_describe(struct checkpoint_field *field, const char *path,
                                  const struct hdf5_guard_dataset *dataset)
{
    static const enum checkpoint_type types[] = {CHECKPOINT_FLOAT, CHECKPOINT_DOUBLE,
                                                 CHECKPOINT_INT64};
    if (dataset->n_dims != 2)
        return status_fail(FAILED, "%s: %s: %d dimensions, want 2", path, field->name,
                           dataset->n_dims);
    field->rows = dataset->dims[0];
    field->columns = dataset->dims[1];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        field->type = types[i];
        if (H5Tequal(dataset->type, checkpoint_type_stored(types[i])) > 0) return OK;
    }
    return status_fail(FAILED, "%s: %s: numbers of an unknown type", path, field->name);
}

static enum status make_room(struct listing *listing)
{
    if (listing->n < listing->room) return OK;
    const size_t room = listing->room ? 2 * listing->room : 64;
    void *grown = status_fault() ? NULL : realloc(listing->fields, room * sizeof *listing->fields);
    if (!grown)
        return status_fail(FAILED, "%s: out of memory for %zu datasets", listing->file->path, room);
    listing->fields = grown;
    listing->room = room;
    return OK;
}

static enum status list_dataset(struct listing *listing)
{
    enum status status = OK;
    struct hdf5_guard_dataset dataset = {.id = H5I_INVALID_HID};
    TRY(make_room(listing));
    struct checkpoint_field *field = &listing->fields[listing->n];
    *field = (struct checkpoint_field){.data = NULL};
    memcpy(field->name, listing->name, sizeof field->name);
    TRY(hdf5_guard_dataset_open(listing->file, field->name, &dataset));
    TRY(field_describe(field, listing->file->path, &dataset));
    listing->n++;
    listing->bytes += dataset.bytes;
    if (listing->bytes > listing->file->bytes)
        FAIL(FAILED, "%s: %s: shares its bytes with other datasets", listing->file->path,
             field->name);
done:
    hdf5_guard_dataset_close(&dataset);
    return status;
}

static herr_t list_link(hid_t parent, const char *name, const H5L_info_t *info, void *context);

static enum status list_object(struct listing *listing)
{
    enum status status = hdf5_guard_link(listing->file, listing->name);
    if (status != OK) return status;
    const hid_t object = H5Oopen(listing->file->id, listing->name, H5P_DEFAULT);
    const H5I_type_t kind = object < 0 ? H5I_BADID : H5Iget_type(object);
    if (kind == H5I_DATASET)
        status = list_dataset(listing);
    else if (kind != H5I_GROUP)
        status = status_fail(FAILED, "%s: %s: neither a dataset nor a group", listing->file->path,
                             listing->name);
    else if (H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, list_link, listing) < 0)
        status = listing->status != OK ? listing->status
                                       : status_fail(FAILED, "%s: %s: cannot be listed",
                                                     listing->file->path, listing->name);
    if (object >= 0) H5Oclose(object);
    return status;
}

/* Appends a link's name to the path; fails when the whole is no name of ours. */
static enum status extend_name(struct listing *listing, const char *name)
{
    const size_t length = strlen(listing->name), room = sizeof listing->name - length;
    const int added = snprintf(listing->name + length, room, "%s%s", length ? "/" : "", name);
    if (added < 0 || (size_t)added >= room || strchr(name, '/') ||
        !checkpoint_name_valid(listing->name))
        return status_fail(FAILED, "%s: a name that is not affekt's", listing->file->path);
    if (++listing->n_links > MAX_LINKS)
        return status_fail(FAILED, "%s: more than %d names", listing->file->path, MAX_LINKS);
    return OK;
}

static herr_t list_link(hid_t parent, const char *name, const H5L_info_t *info, void *context)
{
    struct listing *listing = context;
    (void)parent, (void)info;
    const size_t length = strlen(listing->name);
    listing->status = extend_name(listing, name);
    if (listing->status == OK && !checkpoint_name_is_text(listing->name))
        listing->status = list_object(listing);
    listing->name[length] = 0;
    return listing->status == OK ? 0 : -1;
}

static int compare_fields(const void *a, const void *b)
{
    const struct checkpoint_field *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static enum status list_file(struct hdf5_guard_file *file, struct checkpoint_field **fields,
                             size_t *n_fields)
{
    enum status status = OK;
    struct listing listing = {.file = file};
    TRY(make_room(&listing));
    if (H5Literate(file->id, H5_INDEX_NAME, H5_ITER_INC, NULL, list_link, &listing) < 0) {
        if (listing.status != OK) TRY(listing.status);
        FAIL(FAILED, "%s: cannot be listed", file->path);
    }
    qsort(listing.fields, listing.n, sizeof *listing.fields, compare_fields);
    *fields = listing.fields;
    *n_fields = listing.n;
done:
    if (status != OK) free(listing.fields);
    return status;
}

enum status checkpoint_list(const char *path, struct checkpoint_field **fields, size_t *n_fields)
{
    enum status status = OK;
    struct hdf5_guard_file file = {.id = H5I_INVALID_HID};
    *fields = NULL;
    *n_fields = 0;
    TRY(checkpoint_file_open(&file, path));
    TRY(list_file(&file, fields, n_fields));
done:
    hdf5_guard_close(&file);
    return status;
}

static enum status hash_piece(void *state, const void *bytes, size_t n)
{
    XXH3_128bits_update(state, bytes, n);
    return OK;
}

/* Name with its zero byte, then type, rows and columns, each as 8 bytes, then the stored bytes. */
static enum status hash_field(struct hdf5_guard_file *file, const struct checkpoint_field *field,
                              XXH3_state_t *state)
{
    enum status status = OK;
    struct hdf5_guard_dataset dataset;
    const uint64_t about[] = {field->type, field->rows, field->columns};
    XXH3_128bits_update(state, field->name, strlen(field->name) + 1);
    XXH3_128bits_update(state, about, sizeof about);
    TRY(hdf5_guard_dataset_open(file, field->name, &dataset));
    status = checkpoint_file_walk(&dataset, dataset.type, hash_piece, state);
    if (status != OK) status_prefix(status, "%s: %s", file->path, field->name);
done:
    hdf5_guard_dataset_close(&dataset);
    return status;
}

static bool lies_under(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (length == 0) return true;
    if (strncmp(name, prefix, length) != 0) return false;
    return prefix[length - 1] == '/' || name[length] == '/' || name[length] == 0;
}

enum status checkpoint_digest(const char *path, const char *prefix,
                              char digest[CHECKPOINT_DIGEST_SIZE])
{
    enum status status = OK;
    struct hdf5_guard_file file = {.id = H5I_INVALID_HID};
    struct checkpoint_field *fields = NULL;
    size_t n_fields = 0, n_hashed = 0;
    XXH3_state_t *state = XXH3_createState();
    if (!state || status_fault()) FAIL(FAILED, "%s: out of memory", path);
    XXH3_128bits_reset(state);
    TRY(checkpoint_file_open(&file, path));
    TRY(list_file(&file, &fields, &n_fields));
    for (size_t i = 0; i < n_fields; i++) {
        if (!lies_under(fields[i].name, prefix)) continue;
        TRY(hash_field(&file, &fields[i], state));
        n_hashed++;
    }
    if (n_hashed == 0) FAIL(FAILED, "%s: no dataset under `%s`", path, prefix);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    user_block_hex(digest, canonical.digest);
done:
    free(fields);
    XXH3_freeState(state);
    hdf5_guard_close(&file);
    return status;
}
