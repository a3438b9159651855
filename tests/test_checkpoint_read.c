/* checkpoint, read in one process that never begins MPI: damage, truncation, foreign and hostile
 * files, failing allocations. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "runner.h"
#include "user_block.h"

#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 4, MANY = 300, MUTATIONS = 1500 };

#define FOLDER TEST_BINARY_DIR "/"
static const char sound[] = FOLDER "read-sound.h5", copy[] = FOLDER "read-copy.h5",
                  hostile[] = FOLDER "read-hostile.h5", other[] = FOLDER "read-other.h5";

/* HDF5 1.10.8 loses some memory of its own on each damaged object header and failed create; what we
 * open is counted by all_closed.  The name is the leak checker's. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

static enum status save_sound(const char *path, int seed)
{
    static float x[ROWS], y[MANY * 8];
    static int64_t step[1];
    for (int i = 0; i < ROWS; i++) x[i] = (float)(seed + i);
    for (int i = 0; i < MANY * 8; i++) y[i] = (float)(seed - i);
    step[0] = seed;
    const struct checkpoint_field fields[] = {{"x", CHECKPOINT_FLOAT, ROWS, 1, x},
                                              {"deep/in/groups/y", CHECKPOINT_FLOAT, MANY, 8, y},
                                              {"step", CHECKPOINT_INT64, 1, 1, step}};
    const struct checkpoint_text text = {"config", "width = 64\n"};
    return checkpoint_save(group_self(), path, fields, 3, &text, 1);
}

static int loads_seed(const char *path, int seed)
{
    int64_t step = -1;
    struct checkpoint_field field = {"step", CHECKPOINT_INT64, 1, 1, &step};
    return checkpoint_verify(path) == OK && checkpoint_load(path, &field, 1) == OK && step == seed;
}

static size_t read_file(const char *path, unsigned char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    const size_t n = file ? fread(bytes, 1, room, file) : 0;
    if (file) fclose(file);
    return n;
}

/* In place: a file emptied and rewritten is flushed to disk by ext4, which takes its time. */
static void write_file(const char *path, const void *bytes, size_t n)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    CU_ASSERT_EQUAL(pwrite(descriptor, bytes, n, 0), (ssize_t)n);
    CU_ASSERT_EQUAL(ftruncate(descriptor, (off_t)n), 0);
    close(descriptor);
}

/* Makes a file's completion record right again, as somebody who tampers with it would. */
static void seal(const char *path)
{
    struct user_block block;
    const int descriptor = open(path, O_RDWR);
    CU_ASSERT_EQUAL(user_block_measure(descriptor, path, &block, NULL, NULL), OK);
    CU_ASSERT_EQUAL(user_block_write(descriptor, path, &block), OK);
    close(descriptor);
}

static int all_closed(void)
{
    return H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0;
}

/* Every reader at once: none may crash, and none may leave anything open. */
static int any_accepts(const char *path)
{
    float x[ROWS];
    struct checkpoint_field field = {"x", CHECKPOINT_FLOAT, ROWS, 1, x}, *fields = NULL;
    size_t n = 0;
    char *text = NULL, digest[CHECKPOINT_DIGEST_SIZE];
    int accepts = checkpoint_load(path, &field, 1) == OK;
    accepts += checkpoint_load_text(path, "config", &text) == OK;
    accepts += checkpoint_list(path, &fields, &n) == OK;
    accepts += checkpoint_digest(path, "", digest) == OK;
    CU_ASSERT_TRUE(all_closed());
    free(text);
    free(fields);
    return accepts;
}

static void accepts_a_sound_file(void)
{
    CU_ASSERT_EQUAL(save_sound(sound, 5), OK);
    CU_ASSERT_TRUE(loads_seed(sound, 5));
    CU_ASSERT_EQUAL(any_accepts(sound), 4);
}

static void saves_the_same_bytes_at_any_time(void)
{
    char first[CHECKPOINT_DIGEST_SIZE] = "", second[CHECKPOINT_DIGEST_SIZE] = "";
    CU_ASSERT_EQUAL(checkpoint_file_digest(sound, first), OK);
    sleep(1);
    CU_ASSERT_EQUAL(save_sound(copy, 5), OK);
    CU_ASSERT_EQUAL(checkpoint_file_digest(copy, second), OK);
    CU_ASSERT_STRING_EQUAL(first, second);
}

static void detects_every_flipped_byte(void)
{
    static unsigned char bytes[1 << 16];
    const size_t n = read_file(sound, bytes, sizeof bytes);
    CU_ASSERT_TRUE(n > 10000 && n < sizeof bytes);
    write_file(copy, bytes, n);
    const int descriptor = open(copy, O_RDWR);
    size_t undetected = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char flipped = bytes[i] ^ (unsigned char)(1 << i % 8);
        CU_ASSERT_EQUAL(pwrite(descriptor, &flipped, 1, (off_t)i), 1);
        undetected += checkpoint_verify(copy) == OK;
        CU_ASSERT_EQUAL(pwrite(descriptor, &bytes[i], 1, (off_t)i), 1);
    }
    close(descriptor);
    CU_ASSERT_EQUAL(undetected, 0);
    CU_ASSERT_EQUAL(checkpoint_verify(copy), OK);
}

static void refuses_every_other_length(void)
{
    static unsigned char bytes[1 << 16];
    const size_t n = read_file(sound, bytes, sizeof bytes - 1);
    for (size_t length = 0; length < n + 2; length += length < 1100 || length + 3 > n ? 1 : 97) {
        if (length == n) continue;
        write_file(copy, bytes, length);
        CU_ASSERT_EQUAL(checkpoint_verify(copy), FAILED);
        CU_ASSERT_EQUAL(any_accepts(copy), 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), copy));
    }
}

/* Tampering that the digest cannot show: HDF5 itself reads the damage. */
static void survives_mutations(void)
{
    static unsigned char bytes[1 << 16], mutated[1 << 16];
    const size_t n = read_file(sound, bytes, sizeof bytes);
    uint32_t random = 1;
    for (int i = 0; i < MUTATIONS; i++) {
        memcpy(mutated, bytes, n);
        for (int j = 0; j <= i % 3; j++) {
            random = random * 1664525 + 1013904223;
            const size_t at = USER_BLOCK_SIZE + (random >> 8) % (n - USER_BLOCK_SIZE);
            mutated[at] = (unsigned char)(random >> 24 ^ random);
        }
        write_file(copy, mutated, n);
        seal(copy);
        (void)any_accepts(copy);
    }
}

static void expect_refused(const char *path, const char *reason)
{
    CU_ASSERT_EQUAL(checkpoint_verify(path), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), path));
    if (!strstr(status_message(), reason)) fprintf(stderr, "got: %s\n", status_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), reason));
    CU_ASSERT_EQUAL(any_accepts(path), 0);
}

static hid_t create_hdf5(const char *path, hsize_t user_block)
{
    const hid_t create = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_userblock(create, user_block);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    H5Pclose(access);
    H5Pclose(create);
    CU_ASSERT_TRUE_FATAL(file >= 0);
    return file;
}

static void names_what_is_wrong(void)
{
    static const unsigned char zeros[4096];
    static unsigned char bytes[1 << 16];
    const size_t n = read_file(sound, bytes, sizeof bytes);
    unlink(copy);
    expect_refused(copy, "No such file");
    expect_refused(TEST_BINARY_DIR, "not a regular file");
    expect_refused("/dev/zero", "not a regular file");
    write_file(copy, zeros, 0);
    expect_refused(copy, "empty file");
    write_file(copy, zeros, sizeof zeros);
    expect_refused(copy, "neither an HDF5 file nor");
    write_file(copy, bytes, n - 1);
    expect_refused(copy, "truncated");
    H5Fclose(create_hdf5(copy, 0));
    expect_refused(copy, "an HDF5 file, but no affekt checkpoint");
    H5Fclose(create_hdf5(copy, USER_BLOCK_SIZE));
    expect_refused(copy, "never completed");
    H5Fclose(create_hdf5(copy, 2 * USER_BLOCK_SIZE));
    seal(copy);
    CU_ASSERT_EQUAL(any_accepts(copy), 0);
    bytes[16] = 2;
    write_file(copy, bytes, n);
    expect_refused(copy, "written by a newer affekt: format 2, this one reads 1");
}

static void does_not_wait_for_a_pipe(void)
{
    unlink(copy);
    CU_ASSERT_EQUAL(mkfifo(copy, 0600), 0);
    expect_refused(copy, "not a regular file");
    unlink(copy);
}

/* One dataset `name` of the given type, shape and creation properties, filled when `data`. */
static void add_dataset(hid_t file, const char *name, hid_t type, int n_dims, const hsize_t *dims,
                        hid_t create, const void *data)
{
    const hid_t space = H5Screate_simple(n_dims, dims, NULL);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    CU_ASSERT_TRUE(dataset >= 0);
    if (data) CU_ASSERT_TRUE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
}

static const float four[ROWS] = {1, 2, 3, 4};
static const hsize_t shape[3] = {ROWS, 1, 1};

static void add_external_storage(hid_t file)
{
    const hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(create, "/etc/passwd", 0, sizeof four);
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, shape, create, NULL);
    H5Pclose(create);
}

static void add_soft_link(hid_t file)
{
    add_dataset(file, "y", H5T_IEEE_F32LE, 2, shape, H5P_DEFAULT, four);
    H5Lcreate_soft("/y", file, "x", H5P_DEFAULT, H5P_DEFAULT);
}

static void add_external_link(hid_t file)
{
    H5Lcreate_external(other, "/x", file, "x", H5P_DEFAULT, H5P_DEFAULT);
}

static void add_virtual(hid_t file)
{
    const hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, shape, NULL);
    H5Pset_virtual(create, space, other, "/x", space);
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, shape, create, NULL);
    H5Sclose(space);
    H5Pclose(create);
}

static void add_layout(hid_t file, H5D_layout_t layout, int deflate)
{
    const hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(create, layout);
    if (layout == H5D_CHUNKED) H5Pset_chunk(create, 2, shape);
    if (deflate) H5Pset_deflate(create, 6);
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, shape, create, four);
    H5Pclose(create);
}

static void add_deflated(hid_t file)
{
    add_layout(file, H5D_CHUNKED, 1);
}

static void add_chunked(hid_t file)
{
    add_layout(file, H5D_CHUNKED, 0);
}

static void add_compact(hid_t file)
{
    add_layout(file, H5D_COMPACT, 0);
}

static void add_named_type(hid_t file)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tcommit2(file, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    add_dataset(file, "x", type, 2, shape, H5P_DEFAULT, four);
    H5Tclose(type);
}

static void add_other_byte_order(hid_t file)
{
    add_dataset(file, "x", H5T_IEEE_F32BE, 2, shape, H5P_DEFAULT, four);
}

static void add_one_dimension(hid_t file)
{
    add_dataset(file, "x", H5T_IEEE_F32LE, 1, shape, H5P_DEFAULT, four);
}

static void add_three_dimensions(hid_t file)
{
    add_dataset(file, "x", H5T_IEEE_F32LE, 3, shape, H5P_DEFAULT, four);
}

static void add_shape_bomb(hid_t file)
{
    const hsize_t huge[2] = {(hsize_t)1 << 40, 1};
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, huge, H5P_DEFAULT, NULL);
}

static void add_empty_shape_bomb(hid_t file)
{
    const hsize_t huge[2] = {(hsize_t)1 << 60, 0};
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, huge, H5P_DEFAULT, NULL);
}

static void add_unwritten(hid_t file)
{
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, shape, H5P_DEFAULT, NULL);
}

static void add_group(hid_t file)
{
    const hid_t group = H5Gcreate2(file, "x", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", group, "again", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", group, "anew", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
}

static void add_shared_bytes(hid_t file)
{
    char name[16];
    static const float much[4096];
    const hsize_t many[2] = {4096, 1};
    add_dataset(file, "x", H5T_IEEE_F32LE, 2, many, H5P_DEFAULT, much);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "y%d", i);
        H5Lcreate_hard(file, "x", file, name, H5P_DEFAULT, H5P_DEFAULT);
    }
}

static void refuses_hostile_content(void)
{
    static const struct {
        void (*add)(hid_t file);
        const char *reason; /* of checkpoint_load */
    } cases[] = {
        {add_external_storage, "external storage"},
        {add_soft_link, "a link to elsewhere"},
        {add_external_link, "a link to elsewhere"},
        {add_virtual, "virtual"},
        {add_deflated, "filtered"},
        {add_chunked, "not contiguous"},
        {add_compact, "not contiguous"},
        {add_named_type, "a named type"},
        {add_other_byte_order, "another type"},
        {add_one_dimension, "1 dimensions"},
        {add_three_dimensions, "more than 2"},
        {add_shape_bomb, "larger than the file"},
        {add_empty_shape_bomb, "larger than"},
        {add_unwritten, "match its shape"},
        {add_group, "not a readable dataset"},
        {add_shared_bytes, "shape 4096 x 1"},
    };
    CU_ASSERT_EQUAL(save_sound(other, 5), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x[ROWS] = {-1, -1, -1, -1};
        const hid_t file = create_hdf5(hostile, USER_BLOCK_SIZE);
        cases[i].add(file);
        H5Fclose(file);
        seal(hostile);
        struct checkpoint_field field = {"x", CHECKPOINT_FLOAT, ROWS, 1, x};
        CU_ASSERT_EQUAL(checkpoint_load(hostile, &field, 1), FAILED);
        if (!strstr(status_message(), cases[i].reason))
            fprintf(stderr, "case %zu: %s\n", i, status_message());
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), cases[i].reason));
        CU_ASSERT_TRUE(x[0] == -1 && x[ROWS - 1] == -1);
        CU_ASSERT_EQUAL(any_accepts(hostile), 0);
    }
}

/* A link on the way is as bad as one at the end. */
static void refuses_links_on_the_way(void)
{
    float x[ROWS];
    const hid_t file = create_hdf5(hostile, USER_BLOCK_SIZE);
    H5Lcreate_external(other, "/", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    seal(hostile);
    struct checkpoint_field field = {"soft/x", CHECKPOINT_FLOAT, ROWS, 1, x};
    CU_ASSERT_EQUAL(checkpoint_load(hostile, &field, 1), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "soft: a link to elsewhere"));
}

static void refuses_hostile_texts(void)
{
    static char bytes[CHECKPOINT_TEXT_LIMIT + 1];
    static const hsize_t longer[1] = {sizeof bytes}, few[1] = {3};
    char *text = NULL;
    memset(bytes, 'x', sizeof bytes);
    const hid_t file = create_hdf5(hostile, USER_BLOCK_SIZE);
    H5Gclose(H5Gcreate2(file, "text", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    add_dataset(file, "text/long", H5T_STD_U8LE, 1, longer, H5P_DEFAULT, bytes);
    add_dataset(file, "text/zero", H5T_STD_U8LE, 1, few, H5P_DEFAULT, "a\0b");
    add_dataset(file, "text/number", H5T_IEEE_F32LE, 2, shape, H5P_DEFAULT, four);
    H5Fclose(file);
    seal(hostile);
    CU_ASSERT_EQUAL(checkpoint_load_text(hostile, "long", &text), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "limit 1048576"));
    CU_ASSERT_EQUAL(checkpoint_load_text(hostile, "zero", &text), FAILED);
    CU_ASSERT_EQUAL(checkpoint_load_text(hostile, "number", &text), FAILED);
    CU_ASSERT_EQUAL(checkpoint_load_text(hostile, "none", &text), FAILED);
    CU_ASSERT_EQUAL(checkpoint_load_text(hostile, "../text/long", &text), FAILED);
    CU_ASSERT_PTR_NULL(text);
}

static void refuses_what_was_not_described(void)
{
    float x[ROWS * 2];
    struct checkpoint_field wrong[] = {
        {"x", CHECKPOINT_FLOAT, ROWS + 1, 1, x}, {"x", CHECKPOINT_FLOAT, ROWS, 2, x},
        {"x", CHECKPOINT_DOUBLE, ROWS, 1, x},    {"x", CHECKPOINT_INT64, ROWS, 1, x},
        {"z", CHECKPOINT_FLOAT, ROWS, 1, x},     {"deep", CHECKPOINT_FLOAT, ROWS, 1, x},
        {"x/x", CHECKPOINT_FLOAT, ROWS, 1, x},   {"./x", CHECKPOINT_FLOAT, ROWS, 1, x},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CU_ASSERT_EQUAL(checkpoint_load(sound, &wrong[i], 1), FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), wrong[i].name));
    }
    CU_ASSERT_TRUE(all_closed());
}

static void survives_faults(void)
{
    long k = 1;
    for (int accepted = 0; accepted < 4 && k < 100; k++) {
        status_fault_set(k);
        accepted = any_accepts(sound);
    }
    status_fault_set(0);
    CU_ASSERT_TRUE(k > 8 && k < 100);
}

const char *const suite_name = "checkpoint_read";
const struct suite_test suite_tests[] = {
    {"accepts a sound file", accepts_a_sound_file},
    {"saves the same bytes at any time", saves_the_same_bytes_at_any_time},
    {"detects every flipped byte", detects_every_flipped_byte},
    {"refuses every other length", refuses_every_other_length},
    {"survives mutations", survives_mutations},
    {"names what is wrong", names_what_is_wrong},
    {"does not wait for a pipe", does_not_wait_for_a_pipe},
    {"refuses hostile content", refuses_hostile_content},
    {"refuses links on the way", refuses_links_on_the_way},
    {"refuses hostile texts", refuses_hostile_texts},
    {"refuses what was not described", refuses_what_was_not_described},
    {"survives faults", survives_faults},
    {NULL, NULL},
};
