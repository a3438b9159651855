/* run_folder: the lock, temporaries, the newest checkpoint that verifies, latest, what is kept. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "run_folder.h"
#include "runner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];
static struct run_folder folder;

static void begin(void)
{
    strcpy(base, "/tmp/affekt-run-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
    strcat(base, "/run");
    CU_ASSERT_EQUAL_FATAL(run_folder_open(&folder, base), OK);
}

static void end(void)
{
    char command[128];
    run_folder_close(&folder);
    snprintf(command, sizeof command, "rm -rf %.*s", (int)(strlen(base) - 4), base);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void save(uint64_t step)
{
    char path[RUN_FOLDER_PATH];
    double value[4] = {1, 2, 3, (double)step};
    const struct checkpoint_field field = {"x", CHECKPOINT_DOUBLE, 4, 1, value};
    run_folder_checkpoint(&folder, path, step);
    CU_ASSERT_EQUAL(checkpoint_save(group_self(), path, &field, 1, NULL, 0), OK);
}

static int exists(uint64_t step)
{
    char path[RUN_FOLDER_PATH];
    run_folder_checkpoint(&folder, path, step);
    return access(path, F_OK) == 0;
}

/* Spoils a checkpoint: cuts it (a torn write), or flips a bit in its middle. */
static void spoil(uint64_t step, int cut)
{
    char path[RUN_FOLDER_PATH];
    struct stat info;
    unsigned char byte;
    run_folder_checkpoint(&folder, path, step);
    CU_ASSERT_EQUAL_FATAL(stat(path, &info), 0);
    if (cut) {
        CU_ASSERT_EQUAL(truncate(path, info.st_size - 7), 0);
        return;
    }
    const int file = open(path, O_RDWR);
    CU_ASSERT_EQUAL(pread(file, &byte, 1, info.st_size / 2), 1);
    byte ^= 4;
    CU_ASSERT_EQUAL(pwrite(file, &byte, 1, info.st_size / 2), 1);
    close(file);
}

static void make_file(const char *name)
{
    char path[RUN_FOLDER_PATH];
    run_folder_file(&folder, path, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("x", file);
    fclose(file);
}

static int has(const char *name)
{
    char path[RUN_FOLDER_PATH];
    run_folder_file(&folder, path, name);
    return access(path, F_OK) == 0;
}

static uint64_t newest(void)
{
    char path[RUN_FOLDER_PATH];
    unsigned long long step = 0;
    CU_ASSERT_EQUAL(run_folder_newest(&folder, path), OK);
    if (path[0]) CU_ASSERT_EQUAL(sscanf(strrchr(path, '/'), "/step-%llu.h5", &step), 1);
    return step;
}

static void names_files(void)
{
    char path[RUN_FOLDER_PATH];
    begin();
    run_folder_checkpoint(&folder, path, 1000);
    CU_ASSERT_PTR_NOT_NULL(strstr(path, "/run/checkpoints/step-00001000.h5"));
    run_folder_checkpoint(&folder, path, 1234567890123);
    CU_ASSERT_PTR_NOT_NULL(strstr(path, "/step-1234567890123.h5"));
    end();
}

static void one_run_at_a_time(void)
{
    struct run_folder second;
    begin();
    CU_ASSERT_EQUAL(run_folder_open(&second, base), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "another run is using this folder"));
    CU_ASSERT_EQUAL(second.lock, -1);
    run_folder_close(&folder);
    CU_ASSERT_EQUAL(run_folder_open(&second, base), OK);
    run_folder_close(&second);
    end();
}

static void refuses_folders_it_cannot_make(void)
{
    static char long_path[RUN_FOLDER_PATH + 10];
    static const char *const PATHS[] = {"/dev/null/run", "/proc/affekt/run", "/dev/null", ""};
    struct run_folder other;
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        CU_ASSERT_EQUAL(run_folder_open(&other, PATHS[i]), FAILED);
        CU_ASSERT_EQUAL(other.lock, -1);
    }
    memset(long_path, 'x', sizeof long_path - 1);
    CU_ASSERT_EQUAL(run_folder_open(&other, long_path), FAILED);
}

static void removes_orphaned_temporaries_only(void)
{
    begin();
    make_file("checkpoints/step-00000003.h5.tmp");
    make_file("checkpoints/latest.tmp");
    make_file("checkpoints/notes.txt");
    make_file("checkpoints/.tmpfile");
    make_file("keep.tmp");
    run_folder_close(&folder);
    CU_ASSERT_EQUAL(run_folder_open(&folder, base), OK);
    CU_ASSERT(!has("checkpoints/step-00000003.h5.tmp") && !has("checkpoints/latest.tmp"));
    CU_ASSERT(has("checkpoints/notes.txt") && has("checkpoints/.tmpfile") && has("keep.tmp"));
    end();
}

/* A second run that is refused takes nothing from the first. */
static void a_refused_run_removes_nothing(void)
{
    struct run_folder second;
    begin();
    make_file("checkpoints/step-00000003.h5.tmp");
    CU_ASSERT_EQUAL(run_folder_open(&second, base), FAILED);
    CU_ASSERT(has("checkpoints/step-00000003.h5.tmp"));
    end();
}

static void finds_the_newest_that_verifies(void)
{
    char path[RUN_FOLDER_PATH];
    begin();
    CU_ASSERT_EQUAL(newest(), 0);
    save(7);
    save(20);
    save(100); /* by number, not by name */
    make_file("checkpoints/step-00000300.h5.bak");
    make_file("checkpoints/step-x.h5");
    CU_ASSERT_EQUAL(newest(), 100);
    spoil(100, 1);
    CU_ASSERT_EQUAL(newest(), 20);
    spoil(20, 0);
    CU_ASSERT_EQUAL(newest(), 7);
    make_file("checkpoints/step-00000400.h5"); /* not HDF5 at all */
    CU_ASSERT_EQUAL(newest(), 7);
    spoil(7, 0);
    CU_ASSERT_EQUAL(run_folder_newest(&folder, path), FAILED); /* never silently from the start */
    end();
}

static void latest_points_to_the_committed_one(void)
{
    char path[RUN_FOLDER_PATH], target[128] = "";
    begin();
    for (uint64_t step = 10; step <= 30; step += 10) {
        save(step);
        CU_ASSERT_EQUAL(run_folder_commit(&folder, step, 5), OK);
        run_folder_file(&folder, path, "checkpoints/latest");
        const ssize_t n = readlink(path, target, sizeof target - 1);
        CU_ASSERT(n == 16 && checkpoint_verify(path) == OK);
    }
    CU_ASSERT_EQUAL(strncmp(target, "step-00000030.h5", 16), 0);
    CU_ASSERT_FALSE(has("checkpoints/latest.tmp"));
    end();
}

static void keeps_so_many_that_verify(void)
{
    begin();
    for (uint64_t step = 1; step <= 5; step++) {
        save(step);
        CU_ASSERT_EQUAL(run_folder_commit(&folder, step, 2), OK);
    }
    CU_ASSERT(!exists(1) && !exists(2) && !exists(3) && exists(4) && exists(5));
    spoil(5, 0); /* counts no longer: the older two stay */
    save(6);
    CU_ASSERT_EQUAL(run_folder_commit(&folder, 6, 2), OK);
    CU_ASSERT(exists(4) && exists(6));
    save(3); /* a run resumed from an older one: what it has just saved stays */
    CU_ASSERT_EQUAL(run_folder_commit(&folder, 3, 1), OK);
    CU_ASSERT(exists(3) && exists(6) && !exists(4));
    end();
}

const char *const suite_name = "run_folder";
static void keeps_the_best(void)
{
    begin();
    for (uint64_t step = 1; step <= 5; step++) {
        save(step);
        if (step == 2) CU_ASSERT_EQUAL(run_folder_point_best(&folder, step), OK);
        CU_ASSERT_EQUAL(run_folder_commit(&folder, step, 2), OK);
        CU_ASSERT_EQUAL(exists(2), step >= 2);
    }
    CU_ASSERT(!exists(1) && !exists(3) && exists(4) && exists(5));
    CU_ASSERT_EQUAL(run_folder_point_best(&folder, 5), OK);
    save(6);
    CU_ASSERT_EQUAL(run_folder_commit(&folder, 6, 1), OK);
    CU_ASSERT(!exists(2) && !exists(4) && exists(5) && exists(6));
    CU_ASSERT_EQUAL(run_folder_forget_best(&folder), OK);
    CU_ASSERT_EQUAL(run_folder_forget_best(&folder), OK);
    save(7);
    CU_ASSERT_EQUAL(run_folder_commit(&folder, 7, 1), OK);
    CU_ASSERT(!exists(5) && exists(7));
    end();
}

const struct suite_test suite_tests[] = {
    {"keeps the best", keeps_the_best},
    {"names files", names_files},
    {"one run at a time", one_run_at_a_time},
    {"refuses folders it cannot make", refuses_folders_it_cannot_make},
    {"removes orphaned temporaries only", removes_orphaned_temporaries_only},
    {"a refused run removes nothing", a_refused_run_removes_nothing},
    {"finds the newest that verifies", finds_the_newest_that_verifies},
    {"latest points to the committed one", latest_points_to_the_committed_one},
    {"keeps so many that verify", keeps_so_many_that_verify},
    {NULL, NULL},
};
