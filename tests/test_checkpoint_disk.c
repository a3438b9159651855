/* checkpoint on a disk that fills up although room was reserved, in one process without MPI. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER TEST_BINARY_DIR "/"
static const char kept[] = FOLDER "disk.h5", temporary[] = FOLDER "disk.h5.tmp",
                  errors[] = FOLDER "disk-errors";

/* HDF5 1.10.8 loses some memory of its own on each failed create.  The name is the leak checker's.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* Stands before the C library's, in HDF5 too: a disk that is full from byte `disk_room` of the
 * temporary file on; < 0 for a sound disk. */
static off_t disk_room = -1;

ssize_t pwrite(int descriptor, const void *bytes, size_t n, off_t offset)
{
    struct stat written, watched;
    if (disk_room >= 0 && offset + (off_t)n > disk_room && stat(temporary, &watched) == 0 &&
        fstat(descriptor, &written) == 0 && written.st_ino == watched.st_ino &&
        written.st_dev == watched.st_dev) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, descriptor, bytes, n, offset);
}

static enum status save_seed(int64_t seed)
{
    static float weights[2500];
    const struct checkpoint_field fields[] = {
        {"deep/in/groups/weights", CHECKPOINT_FLOAT, 500, 5, weights},
        {"step", CHECKPOINT_INT64, 1, 1, &seed}};
    return checkpoint_save(group_self(), kept, fields, 2, NULL, 0);
}

static int holds_seed(int64_t seed)
{
    int64_t step = -1;
    struct checkpoint_field field = {"step", CHECKPOINT_INT64, 1, 1, &step};
    return checkpoint_verify(kept) == OK && checkpoint_load(kept, &field, 1) == OK && step == seed;
}

/* Training goes on after a full disk: the save fails, HDF5 lets go, and the next save succeeds. */
static void goes_on_after_a_full_disk(void)
{
    CU_ASSERT_EQUAL(save_seed(5), OK);
    for (off_t room = 0; room < 10000; room += 700) {
        disk_room = room;
        CU_ASSERT_EQUAL(save_seed(6), FAILED);
        disk_room = -1;
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "No space left on device"));
        CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
        CU_ASSERT_TRUE(holds_seed(5));
        CU_ASSERT_NOT_EQUAL(access(temporary, F_OK), 0);
    }
    CU_ASSERT_EQUAL(save_seed(6), OK);
    CU_ASSERT_TRUE(holds_seed(6));
}

/* Runs a save in a process none of whose files can grow past `limit` bytes, so that even giving up
 * fails; its stderr goes to a file. */
static int save_with_limit(rlim_t limit)
{
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit files = {limit, limit}, cores = {0, 0};
        const int descriptor = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(descriptor, STDERR_FILENO);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_CORE, &cores);
        setrlimit(RLIMIT_FSIZE, &files);
        exit(save_seed(6));
    }
    int how = -1;
    waitpid(child, &how, 0);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void ends_in_order_when_hdf5_cannot_give_up(void)
{
    char line[1024];
    CU_ASSERT_EQUAL(save_seed(5), OK);
    CU_ASSERT_EQUAL(save_with_limit(2000), FAILED);
    CU_ASSERT_TRUE(holds_seed(5));
    CU_ASSERT_NOT_EQUAL(access(temporary, F_OK), 0);
    FILE *file = fopen(errors, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const size_t n = fread(line, 1, sizeof line, file);
    fclose(file);
    CU_ASSERT_TRUE(n > 0 && memchr(line, '\n', n) == line + n - 1);
}

const char *const suite_name = "checkpoint_disk";
const struct suite_test suite_tests[] = {
    {"goes on after a full disk", goes_on_after_a_full_disk},
    {"ends in order when HDF5 cannot give up", ends_in_order_when_hdf5_cannot_give_up},
    {NULL, NULL},
};
