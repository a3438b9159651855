/* The run folder. */
#define _GNU_SOURCE
#include "run_folder.h"

#include "checkpoint.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0) return OK;
    if (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return OK;
    return status_fail(FAILED, "%s: cannot make the folder: %s", path, strerror(errno));
}

void run_folder_file(const struct run_folder *folder, char out[RUN_FOLDER_PATH], const char *name)
{
    snprintf(out, RUN_FOLDER_PATH, "%s/%s", folder->path, name);
}

void run_folder_checkpoint(const struct run_folder *folder, char out[RUN_FOLDER_PATH],
                           uint64_t step)
{
    snprintf(out, RUN_FOLDER_PATH, "%s/checkpoints/step-%08llu.h5", folder->path,
             (unsigned long long)step);
}

/* The step in the name of a checkpoint; false for any other name. */
static bool checkpoint_step(const char *name, uint64_t *step)
{
    unsigned long long value;
    int used = 0;
    if (sscanf(name, "step-%llu.h5%n", &value, &used) != 1 || used == 0 || name[used]) return false;
    *step = value;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* Steps of all checkpoint files, newest first; malloc'ed. */
static enum status list_steps(const struct run_folder *folder, uint64_t **steps, size_t *n)
{
    enum status status = OK;
    char path[RUN_FOLDER_PATH];
    size_t room = 64;
    run_folder_file(folder, path, "checkpoints");
    DIR *dir = opendir(path);
    *n = 0;
    *steps = malloc(room * sizeof **steps);
    if (!dir) FAIL(FAILED, "%s: cannot list the folder: %s", path, strerror(errno));
    if (!*steps) FAIL(FAILED, "no memory to list %s", path);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        uint64_t step;
        if (!checkpoint_step(entry->d_name, &step)) continue;
        if (*n == room) {
            uint64_t *more = realloc(*steps, (room *= 2) * sizeof **steps);
            if (!more) FAIL(FAILED, "no memory to list %s", path);
            *steps = more;
        }
        (*steps)[(*n)++] = step;
    }
    qsort(*steps, *n, sizeof **steps, newest_first);
done:
    if (dir) closedir(dir);
    return status;
}

/* Temporaries of a run that was killed while it saved. */
static void remove_temporaries(const struct run_folder *folder)
{
    char path[RUN_FOLDER_PATH];
    run_folder_file(folder, path, "checkpoints");
    DIR *dir = opendir(path);
    if (!dir) return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".tmp") == 0) (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

enum status run_folder_open(struct run_folder *folder, const char *path)
{
    enum status status = OK;
    char file[RUN_FOLDER_PATH];
    *folder = (struct run_folder){.lock = -1};
    const int n = snprintf(folder->path, sizeof folder->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof folder->path) FAIL(FAILED, "%s: path too long", path);
    TRY(make_folder(path));
    run_folder_file(folder, file, "checkpoints");
    TRY(make_folder(file));
    run_folder_file(folder, file, ".lock");
    folder->lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (folder->lock < 0) FAIL(FAILED, "%s: cannot open: %s", file, strerror(errno));
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        FAIL(FAILED, "%s: another run is using this folder", path);
    remove_temporaries(folder);
done:
    if (status != OK) run_folder_close(folder);
    return status;
}

static enum status forget(const struct run_folder *folder, const char *name)
{
    char path[RUN_FOLDER_PATH];
    run_folder_file(folder, path, name);
    if (unlink(path) == 0 || errno == ENOENT) return OK;
    return status_fail(FAILED, "%s: cannot remove: %s", path, strerror(errno));
}

enum status run_folder_unmark(const struct run_folder *folder)
{
    return forget(folder, "complete");
}

enum status run_folder_forget_best(const struct run_folder *folder)
{
    return forget(folder, "checkpoints/best");
}

enum status run_folder_mark(const struct run_folder *folder, uint64_t step)
{
    char path[RUN_FOLDER_PATH], text[32];
    run_folder_file(folder, path, "complete");
    const int n = snprintf(text, sizeof text, "{\"step\":%llu}\n", (unsigned long long)step);
    return file_write(path, text, (size_t)n);
}

void run_folder_close(struct run_folder *folder)
{
    if (folder->lock >= 0) close(folder->lock);
    folder->lock = -1;
}

enum status run_folder_newest(const struct run_folder *folder, char out[RUN_FOLDER_PATH])
{
    enum status status = OK;
    uint64_t *steps = NULL;
    size_t n = 0;
    out[0] = 0;
    TRY(list_steps(folder, &steps, &n));
    for (size_t i = 0; i < n; i++) {
        run_folder_checkpoint(folder, out, steps[i]);
        status = checkpoint_verify(out);
        if (status == OK) goto done;
    }
    if (n == 0) out[0] = 0;
done:
    free(steps);
    return status;
}

static enum status point(const struct run_folder *folder, const char *name, uint64_t step)
{
    char link[RUN_FOLDER_PATH], temporary[RUN_FOLDER_PATH], target[64];
    snprintf(target, sizeof target, "step-%08llu.h5", (unsigned long long)step);
    run_folder_file(folder, link, name);
    run_folder_file(folder, temporary, "checkpoints/link.tmp");
    (void)unlink(temporary);
    if (symlink(target, temporary) != 0 || rename(temporary, link) != 0)
        return status_fail(FAILED, "%s: cannot point to %s: %s", link, target, strerror(errno));
    return OK;
}

enum status run_folder_point_best(const struct run_folder *folder, uint64_t step)
{
    return point(folder, "checkpoints/best", step);
}

/* The step that checkpoints/best points to; UINT64_MAX: there is none. */
static uint64_t best_step(const struct run_folder *folder)
{
    char link[RUN_FOLDER_PATH], target[64];
    uint64_t step = UINT64_MAX;
    run_folder_file(folder, link, "checkpoints/best");
    const ssize_t n = readlink(link, target, sizeof target - 1);
    if (n < 0) return UINT64_MAX;
    target[n] = 0;
    return checkpoint_step(target, &step) ? step : UINT64_MAX;
}

enum status run_folder_commit(const struct run_folder *folder, uint64_t step, size_t keep)
{
    enum status status = OK;
    uint64_t *steps = NULL;
    size_t n = 0, kept = 0;
    const uint64_t best = best_step(folder);
    TRY(point(folder, "checkpoints/latest", step));
    TRY(list_steps(folder, &steps, &n));
    for (size_t i = 0; i < n; i++) {
        char path[RUN_FOLDER_PATH];
        run_folder_checkpoint(folder, path, steps[i]);
        if (kept < keep && checkpoint_verify(path) == OK)
            kept++;
        else if (kept >= keep && steps[i] != step && steps[i] != best)
            (void)unlink(path);
    }
done:
    free(steps);
    return status;
}
