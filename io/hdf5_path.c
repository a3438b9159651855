/* A stack of open groups. */
#include "hdf5_path.h"

#include <string.h>

/* Where the innermost open group's name ends and the next step begins. */
static size_t reached(const struct hdf5_path *path)
{
    return path->n ? path->ends[path->n - 1] + 1 : 0;
}

void hdf5_path_leave(struct hdf5_path *path, const char *name)
{
    for (; path->n; path->n--) {
        const size_t end = path->ends[path->n - 1];
        if (strncmp(path->name, name, end) == 0 && name[end] == '/') return;
        H5Gclose(path->ids[path->n - 1]);
    }
}

size_t hdf5_path_next(const struct hdf5_path *path, const char *name)
{
    const char *rest = name + reached(path), *slash = strchr(rest, '/');
    return slash ? (size_t)(slash - name) : 0;
}

void hdf5_path_enter(struct hdf5_path *path, hid_t group, const char *name, size_t end)
{
    memcpy(path->name, name, end);
    path->name[end] = 0;
    path->ends[path->n] = end;
    path->ids[path->n++] = group;
}

hid_t hdf5_path_group(const struct hdf5_path *path, hid_t file)
{
    return path->n ? path->ids[path->n - 1] : file;
}

const char *hdf5_path_rest(const struct hdf5_path *path, const char *name)
{
    return name + reached(path);
}
