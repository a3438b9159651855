/* tensorboard: records and checksums byte by byte, what a resumed run keeps, a full disk. */
#define _GNU_SOURCE
#include "tensorboard.h"

#include "file.h"
#include "full_disk.h"
#include "runner.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { VERSION_RECORD = 12 + 26 + 4, TIME = 12 + 1 };

static const char *const path = TEST_BINARY_DIR "/test_tensorboard";
static const struct metric loss[] = {{"loss", 0.5}};

static size_t size_of(void)
{
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(file_read(&bytes, &size, path, 1 << 20), OK);
    free(bytes);
    return size;
}

static void open_board(struct tensorboard **board, int64_t last_step)
{
    CU_ASSERT_EQUAL_FATAL(tensorboard_open(board, path, last_step), OK);
}

/* CRC-32C bit by bit, masked. */
static uint32_t masked(const unsigned char *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 8 * n; i++) {
        const uint32_t bit = ((uint32_t)bytes[i / 8] >> i % 8 ^ crc) & 1;
        crc = crc >> 1 ^ (bit ? 0x82f63b78 : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static uint32_t little(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void writes_records(void)
{
    /* step 300 in two bytes of a varint, NaN left out, `train_` taken off */
    static const unsigned char WANT[] = {
        0x10, 0xac, 0x02, 0x2a, 2 + 17 + 2 + 15, /* step, summary */
        0x0a, 17,   0x0a, 10,   't',
        'r',  'a',  'i',  'n',  '/',
        'l',  'o',  's',  's',  0x15,
        0,    0,    0,    0x3f, /* 0.5 */
        0x0a, 15,   0x0a, 8,    't',
        'r',  'a',  'i',  'n',  '/',
        'k',  'l',  0x15, 0,    0,
        0x80, 0xbf, /* -1 */
    };
    const struct metric values[] = {{"loss", 0.5}, {"gap", (double)NAN}, {"train_kl", -1}};
    const unsigned char check[] = "123456789";
    struct tensorboard *board;
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL(masked(check, 9), ((0xe3069283u >> 15 | 0xe3069283u << 17) + 0xa282ead8));
    unlink(path);
    open_board(&board, -1);
    CU_ASSERT_EQUAL(tensorboard_write(board, "train", 300, values, 3), OK);
    tensorboard_close(board);
    CU_ASSERT_EQUAL_FATAL(file_read(&bytes, &size, path, 1 << 20), OK);
    CU_ASSERT_EQUAL_FATAL(size, VERSION_RECORD + 12 + 9 + sizeof WANT + 4);
    CU_ASSERT_EQUAL(memcmp(bytes + TIME + 8,
                           "\x10\0\x1a\x0d"
                           "brain.Event:2",
                           17),
                    0);
    const unsigned char *event = bytes + VERSION_RECORD + 12;
    CU_ASSERT_EQUAL(little(event - 12), 9 + sizeof WANT);
    CU_ASSERT_EQUAL(little(event - 8), 0);
    CU_ASSERT_EQUAL(little(event - 4), masked(event - 12, 8));
    CU_ASSERT_EQUAL(event[0], 0x09);
    CU_ASSERT_EQUAL(memcmp(event + 9, WANT, sizeof WANT), 0);
    CU_ASSERT_EQUAL(little(event + 9 + sizeof WANT), masked(event, 9 + sizeof WANT));
    free(bytes);
}

/* Steps 1, 200 and 5000 are there; opened at `last_step`, `kept` of them stay. */
static void resume(int64_t last_step, size_t kept)
{
    static const int64_t STEPS[] = {1, 200, 5000};
    size_t sizes[4] = {VERSION_RECORD};
    struct tensorboard *board;
    unlink(path);
    open_board(&board, -1);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(tensorboard_write(board, "train", STEPS[i], loss, 1), OK);
        sizes[i + 1] = size_of();
    }
    tensorboard_close(board);
    open_board(&board, last_step);
    tensorboard_close(board);
    CU_ASSERT_EQUAL(size_of(), sizes[kept]);
}

static void cuts_on_resume(void)
{
    resume(-1, 0);
    resume(0, 0);
    resume(1, 1);
    resume(4999, 2);
    resume(5000, 3);
    resume(INT64_MAX, 3);
}

/* Whatever byte of the second event is damaged, the first one stays and the file goes on. */
static void cuts_what_is_damaged(void)
{
    struct tensorboard *board;
    unlink(path);
    open_board(&board, -1);
    CU_ASSERT_EQUAL(tensorboard_write(board, "train", 1, loss, 1), OK);
    const size_t one = size_of();
    CU_ASSERT_EQUAL(tensorboard_write(board, "train", 2, loss, 1), OK);
    tensorboard_close(board);
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(file_read(&bytes, &size, path, 1 << 20), OK);
    for (size_t at = one; at < size; at++) {
        bytes[at] ^= 0x41;
        CU_ASSERT_EQUAL_FATAL(file_write(path, bytes, size), OK);
        bytes[at] ^= 0x41;
        open_board(&board, 9);
        CU_ASSERT_EQUAL(size_of(), one);
        CU_ASSERT_EQUAL(tensorboard_write(board, "train", 2, loss, 1), OK);
        tensorboard_close(board);
        CU_ASSERT_EQUAL(size_of(), size);
    }
    for (size_t length = 0; length < size; length++) { /* torn by a crash */
        CU_ASSERT_EQUAL_FATAL(file_write(path, bytes, length), OK);
        open_board(&board, 9);
        tensorboard_close(board);
        CU_ASSERT_EQUAL(size_of(), length < one ? VERSION_RECORD : one);
    }
    free(bytes);
}

static void reports_a_full_disk_once(void)
{
    struct tensorboard *board;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    unlink(path);
    open_board(&board, -1);
    full_disk_at(VERSION_RECORD + 20);
    CU_ASSERT_EQUAL(tensorboard_write(board, "train", 1, loss, 1), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "test_tensorboard: step 1 lost: cannot write"));
    CU_ASSERT_EQUAL(tensorboard_write(board, "train", 2, loss, 1), OK);
    CU_ASSERT_EQUAL(size_of(), VERSION_RECORD);
    full_disk_at(RLIM_INFINITY);
    CU_ASSERT_EQUAL(tensorboard_write(board, "train", 3, loss, 1), OK);
    CU_ASSERT(size_of() > VERSION_RECORD);
    tensorboard_close(board);
    signal(SIGXFSZ, old);
    unlink(path);
}

static void survives_faults(void)
{
    struct tensorboard *board;
    unsigned failures = 0;
    unlink(path);
    for (long place = 1; place < 9; place++) {
        status_fault_set(place);
        const enum status status = tensorboard_open(&board, path, 0);
        status_fault_set(0);
        CU_ASSERT((status == OK) == (board != NULL));
        failures += status != OK;
        tensorboard_close(board);
        if (status == OK) break;
    }
    CU_ASSERT_EQUAL(failures, 3);
    tensorboard_close(NULL);
    CU_ASSERT_EQUAL(tensorboard_open(&board, "/no/such/folder/t", 0), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/no/such/folder/t: cannot open"));
    unlink(path);
}

const char *const suite_name = "tensorboard";
const struct suite_test suite_tests[] = {
    {"writes records", writes_records},
    {"cuts on resume", cuts_on_resume},
    {"cuts what is damaged", cuts_what_is_damaged},
    {"reports a full disk once", reports_a_full_disk_once},
    {"survives faults", survives_faults},
    {NULL, NULL},
};
