/* A folder of its own for a measurement. */
#define _GNU_SOURCE
#include "bench_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

static enum status make(char path[FOLDER_PATH_BYTES], const char *parent)
{
    enum status status = OK;
    TRY(folder_make(parent));
    TRY(folder_join(path, parent, "bench-XXXXXX"));
    if (!mkdtemp(path)) FAIL(FAILED, "%s: cannot make a folder in it: %s", parent, strerror(errno));
done:
    if (status != OK) path[0] = 0;
    return status;
}

enum status bench_folder_make(char path[FOLDER_PATH_BYTES], struct group *group, const char *parent)
{
    path[0] = 0;
    const enum status local = group_rank(group) == 0 ? make(path, parent) : OK;
    const enum status status = group_agree(group, local);
    group_broadcast(group, path, FOLDER_PATH_BYTES, 0);
    return status;
}

static int forget(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

void bench_folder_remove(const char *path, struct group *group)
{
    enum { DESCRIPTORS = 16 };
    if (!path[0]) return;
    group_barrier(group);
    if (group_rank(group) == 0) nftw(path, forget, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
