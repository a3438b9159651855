/* Making a folder, naming a file in it. */
#define _GNU_SOURCE
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum status folder_make(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0) return OK;
    const int reason = errno;
    if (reason == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return OK;
    return status_fail(FAILED, "%s: cannot make the folder: %s", path, strerror(reason));
}

enum status folder_join(char path[FOLDER_PATH_BYTES], const char *folder, const char *name)
{
    const int length = snprintf(path, FOLDER_PATH_BYTES, "%s/%s", folder, name);
    if (length < 0 || length >= FOLDER_PATH_BYTES)
        return status_fail(FAILED, "%.80s...: the path is too long", folder);
    return OK;
}
