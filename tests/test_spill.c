/* spill: blocks in memory and in the file, written over, without a name, under every fault. */
#define _GNU_SOURCE
#include "runner.h"
#include "spill.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCKS = 200, LONGEST = 300 };

static char path[64];

static void begin(void)
{
    snprintf(path, sizeof path, "/tmp/affekt-spill-%ld", (long)getpid());
}

static size_t length(int i)
{
    return (size_t)(i * 37 % LONGEST);
}

static void fill(char *block, int i, int seed)
{
    for (size_t b = 0; b < length(i); b++) block[b] = (char)((size_t)(i + seed) * 131 + b);
}

static void check(const struct spill *spill, int i, uint64_t place, int seed)
{
    char want[LONGEST], found[LONGEST];
    fill(want, i, seed);
    CU_ASSERT_EQUAL(spill_read(spill, place, found, length(i)), OK);
    CU_ASSERT_EQUAL(memcmp(want, found, length(i)), 0);
    if (length(i) < 2) return;
    CU_ASSERT_EQUAL(spill_read(spill, place + 1, found, length(i) - 2), OK); /* a part of it */
    CU_ASSERT_EQUAL(memcmp(want + 1, found, length(i) - 2), 0);
}

static void check_room(size_t room)
{
    struct spill spill;
    uint64_t places[BLOCKS];
    char block[LONGEST];
    spill_init(&spill, path, room);
    for (int i = 0; i < BLOCKS; i++) {
        fill(block, i, 0);
        CU_ASSERT_EQUAL(spill_add(&spill, block, length(i), &places[i]), OK);
        CU_ASSERT(spill.capacity <= room);
        CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
        check(&spill, i / 2, places[i / 2], 0);
    }
    CU_ASSERT_EQUAL(spill.descriptor >= 0, room < 100000);
    for (int i = 0; i < BLOCKS; i += 3) {
        fill(block, i, 9);
        CU_ASSERT_EQUAL(spill_write(&spill, places[i], block, length(i)), OK);
    }
    for (int i = 0; i < BLOCKS; i++) check(&spill, i, places[i], i % 3 ? 0 : 9);
    spill_fini(&spill);
}

static void keeps_blocks(void)
{
    static const size_t rooms[] = {1, 100, 1000, 10000, 100000};
    begin();
    for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++) check_room(rooms[r]);
}

static void takes_no_ones_file(void)
{
    char target[80];
    struct spill spill;
    struct stat about;
    uint64_t place;
    begin();
    snprintf(target, sizeof target, "%s-target", path);
    const int descriptor = open(target, O_WRONLY | O_CREAT, 0600);
    CU_ASSERT(descriptor >= 0 && symlink(target, path) == 0);
    spill_init(&spill, path, 1);
    CU_ASSERT_EQUAL(spill_add(&spill, "abcd", 4, &place), OK);
    CU_ASSERT(fstat(descriptor, &about) == 0 && about.st_size == 0);
    spill_fini(&spill);
    close(descriptor);
    unlink(target);
}

static void reports_faults(void)
{
    struct spill spill;
    char block[LONGEST];
    int failures = 0;
    begin();
    for (long k = 1; k < 40; k++) {
        uint64_t places[4];
        enum status status = OK;
        spill_init(&spill, path, 400);
        status_fault_set(k);
        for (int i = 1; i <= 3 && status == OK; i++) {
            fill(block, i, 0);
            status = spill_add(&spill, block, 250, &places[i]);
        }
        if (status == OK) status = spill_read(&spill, places[1], block, 250);
        if (status == OK) status = spill_write(&spill, places[1], block, 250);
        status_fault_set(0);
        spill_fini(&spill);
        CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
        failures += status != OK;
    }
    CU_ASSERT(failures >= 5 && failures < 39);
    spill_init(&spill, "/proc/none/spill", 0);
    uint64_t place;
    CU_ASSERT_EQUAL(spill_add(&spill, block, 4, &place), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/proc/none/spill"));
    spill_fini(&spill);
}

const char *const suite_name = "spill";
const struct suite_test suite_tests[] = {
    {"keeps blocks, in memory and beyond", keeps_blocks},
    {"takes no one's file", takes_no_ones_file},
    {"reports faults", reports_faults},
    {NULL, NULL},
};
