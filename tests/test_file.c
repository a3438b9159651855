/* file: whole reads, atomic writes under every single failure. */
#define _GNU_SOURCE
#include "file.h"
#include "runner.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_file.XXXXXX";
static char path[sizeof folder + 8];

static void enter(void)
{
    memcpy(strchr(folder, '.'), ".XXXXXX", 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
}

static void leave(void)
{
    (void)unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static int n_files(void)
{
    int n = 0;
    DIR *listing = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(listing);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        n += entry->d_name[0] != '.';
    closedir(listing);
    return n;
}

static bool holds(const char *text)
{
    unsigned char *bytes;
    size_t size;
    if (file_read(&bytes, &size, path, 1000) != OK) return false;
    const bool same = size == strlen(text) && memcmp(bytes, text, size) == 0;
    free(bytes);
    return same;
}

static void reads_what_it_wrote(void)
{
    enter();
    CU_ASSERT_EQUAL(file_write(path, "first", 5), OK);
    CU_ASSERT(holds("first"));
    CU_ASSERT_EQUAL(file_write(path, "", 0), OK);
    CU_ASSERT(holds(""));
    CU_ASSERT_EQUAL(n_files(), 1);
    leave();
}

static void writes_beside_names_without_a_folder(void)
{
    char here[4096];
    enter();
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(here, sizeof here));
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0);
    CU_ASSERT_EQUAL(file_write("a", "x", 1), OK);
    CU_ASSERT_EQUAL_FATAL(chdir(here), 0);
    CU_ASSERT(holds("x"));
    leave();
}

/* Fails each fallible point in turn: the old file stays, unless only the folder's sync failed. */
static void keeps_the_old_file_on_failure(void)
{
    enter();
    CU_ASSERT_EQUAL(file_write(path, "old", 3), OK);
    int replaced = 0, k = 1;
    for (;; k++) {
        status_fault_set(k);
        const enum status status = file_write(path, "newer", 5);
        status_fault_set(0);
        if (status == OK) break;
        CU_ASSERT_EQUAL(strncmp(status_message(), path, strlen(path)), 0);
        CU_ASSERT_EQUAL(n_files(), 1);
        if (holds("newer"))
            replaced++;
        else
            CU_ASSERT(holds("old"));
    }
    CU_ASSERT(k > 6);
    CU_ASSERT_EQUAL(replaced, 2);
    CU_ASSERT(holds("newer"));
    leave();
}

static void fails_to_read_at_each_point(void)
{
    unsigned char *bytes;
    size_t size;
    int k = 1;
    enter();
    CU_ASSERT_EQUAL(file_write(path, "text", 4), OK);
    for (;; k++) {
        status_fault_set(k);
        const enum status status = file_read(&bytes, &size, path, 4);
        status_fault_set(0);
        if (status == OK) break;
        CU_ASSERT_PTR_NULL(bytes);
        CU_ASSERT_EQUAL(size, 0);
    }
    CU_ASSERT_EQUAL(k, 4);
    free(bytes);
    leave();
}

static void refuses_what_is_no_file(void)
{
    unsigned char *bytes;
    size_t size;
    enter();
    CU_ASSERT_EQUAL(file_read(&bytes, &size, path, 10), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "No such file"));
    CU_ASSERT_EQUAL(file_read(&bytes, &size, folder, 10), FAILED);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    CU_ASSERT_EQUAL(file_read(&bytes, &size, path, 10), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "not a regular file"));
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(file_write(path, "01234567890", 11), OK);
    CU_ASSERT_EQUAL(file_read(&bytes, &size, path, 10), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "11 bytes, more than 10"));
    leave();
}

static void fails_in_missing_folders(void)
{
    CU_ASSERT_EQUAL(file_write("/nonexistent/folder/a", "x", 1), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/nonexistent/folder/a: cannot create"));
}

const char *const suite_name = "file";
const struct suite_test suite_tests[] = {
    {"reads what it wrote", reads_what_it_wrote},
    {"writes beside names without a folder", writes_beside_names_without_a_folder},
    {"keeps the old file on failure", keeps_the_old_file_on_failure},
    {"fails to read at each point", fails_to_read_at_each_point},
    {"refuses what is no file", refuses_what_is_no_file},
    {"fails in missing folders", fails_in_missing_folders},
    {NULL, NULL},
};
