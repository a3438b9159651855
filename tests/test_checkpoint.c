/* checkpoint, written by 1 to 4 ranks: round trips, the same bytes on any number of ranks, faults
 * at every point of a save, failing folders and disks. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "runner.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 37, COLUMNS = 5, N_FIELDS = 6, N_TEXTS = 2 };

struct content {
    float weights[ROWS * COLUMNS], few[2 * 3];
    double moments[ROWS * 2];
    int64_t state[4], step[1];
    struct checkpoint_field fields[N_FIELDS];
    struct checkpoint_text texts[N_TEXTS];
};

static struct group *world;

static struct group *get_world(void)
{
    if (!world && group_world_create(&world, NULL, NULL) != OK) abort();
    return world;
}

/* One path per number of ranks: suites at several counts may run side by side. */
static const char *test_path(const char *name)
{
    static char path[4][512];
    static int next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/checkpoint-%d-%s", TEST_BINARY_DIR, group_size(get_world()),
             name);
    return to;
}

static void content_fill(struct content *c, int seed)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < ROWS * COLUMNS; i++) c->weights[i] = (float)(seed + i) / 7;
    for (int i = 0; i < 2 * 3; i++) c->few[i] = (float)(seed - i);
    for (int i = 0; i < ROWS * 2; i++) c->moments[i] = (double)seed / (i + 1);
    for (int i = 0; i < 4; i++) c->state[i] = INT64_MIN + seed + i;
    c->step[0] = seed;
    const struct checkpoint_field fields[N_FIELDS] = {
        {"model/decoder/0/attention/weight", CHECKPOINT_FLOAT, ROWS, COLUMNS, c->weights},
        {"model/decoder/0/few", CHECKPOINT_FLOAT, 2, 3, c->few},
        {"optimiser/moments", CHECKPOINT_DOUBLE, ROWS, 2, c->moments},
        {"sampler/state", CHECKPOINT_INT64, 4, 1, c->state},
        {"step", CHECKPOINT_INT64, 1, 1, c->step},
        {"model/none", CHECKPOINT_FLOAT, 0, 8, NULL},
    };
    const struct checkpoint_text texts[N_TEXTS] = {{"config", "[model]\nwidth = 64\n"},
                                                   {"empty", ""}};
    memcpy(c->fields, fields, sizeof fields);
    memcpy(c->texts, texts, sizeof texts);
}

static enum status content_save(struct group *group, const char *path, const struct content *c)
{
    return checkpoint_save(group, path, c->fields, N_FIELDS, c->texts, N_TEXTS);
}

/* What is loaded goes to a second content; its pointers differ, its numbers must not. */
static int content_loads(const char *path, int seed)
{
    struct content expected, found;
    content_fill(&expected, seed);
    content_fill(&found, seed + 1000);
    if (checkpoint_load(path, found.fields, N_FIELDS) != OK) return 0;
    return memcmp(&expected, &found, offsetof(struct content, fields)) == 0;
}

static int exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Tests leave their files behind; what must not appear has to be gone first. */
static void remove_older(const char *path)
{
    if (group_rank(get_world()) == 0) remove(path);
    group_barrier(get_world());
}

static int temporary_exists(const char *path)
{
    char temporary[600];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    return exists(temporary);
}

static void reads_back_what_was_written(void)
{
    struct content content;
    const char *path = test_path("round.h5");
    content_fill(&content, 3);
    CU_ASSERT_EQUAL(content_save(get_world(), path, &content), OK);
    CU_ASSERT_EQUAL(checkpoint_verify(path), OK);
    CU_ASSERT_TRUE(content_loads(path, 3));
    CU_ASSERT_FALSE(temporary_exists(path));
    char *text = NULL;
    CU_ASSERT_EQUAL(checkpoint_load_text(path, "config", &text), OK);
    CU_ASSERT_TRUE(text && strcmp(text, content.texts[0].text) == 0);
    free(text);
    CU_ASSERT_EQUAL(checkpoint_load_text(path, "empty", &text), OK);
    CU_ASSERT_TRUE(text && *text == 0);
    free(text);
}

static void lists_fields_by_name(void)
{
    struct checkpoint_field *fields = NULL;
    size_t n = 0;
    const char *path = test_path("round.h5");
    CU_ASSERT_EQUAL(checkpoint_list(path, &fields, &n), OK);
    CU_ASSERT_EQUAL(n, N_FIELDS);
    if (n == N_FIELDS) {
        CU_ASSERT_STRING_EQUAL(fields[0].name, "model/decoder/0/attention/weight");
        CU_ASSERT_STRING_EQUAL(fields[2].name, "model/none");
        CU_ASSERT_TRUE(fields[2].rows == 0 && fields[2].columns == 8);
        CU_ASSERT_STRING_EQUAL(fields[3].name, "optimiser/moments");
        CU_ASSERT_EQUAL(fields[3].type, CHECKPOINT_DOUBLE);
        CU_ASSERT_TRUE(fields[3].rows == ROWS && fields[3].columns == 2);
        CU_ASSERT_EQUAL(fields[4].type, CHECKPOINT_INT64);
    }
    free(fields);
}

/* A group of one writes through another driver; the bytes must still be the same. */
static void any_number_of_ranks_writes_the_same_bytes(void)
{
    struct content content;
    char alone[CHECKPOINT_DIGEST_SIZE] = "a", together[CHECKPOINT_DIGEST_SIZE] = "b";
    const char *path = test_path("round.h5"), *single = test_path("single.h5");
    content_fill(&content, 3);
    enum status local = OK;
    if (group_rank(get_world()) == 0) local = content_save(group_self(), single, &content);
    CU_ASSERT_EQUAL(group_agree(get_world(), local), OK);
    CU_ASSERT_EQUAL(checkpoint_digest(single, "", alone), OK);
    CU_ASSERT_EQUAL(checkpoint_digest(path, "", together), OK);
    CU_ASSERT_STRING_EQUAL(alone, together);
    CU_ASSERT_EQUAL(checkpoint_file_digest(single, alone), OK);
    CU_ASSERT_EQUAL(checkpoint_file_digest(path, together), OK);
    CU_ASSERT_STRING_EQUAL(alone, together);
}

static void digests_what_lies_under_a_prefix(void)
{
    struct content content;
    char before[CHECKPOINT_DIGEST_SIZE] = "", after[CHECKPOINT_DIGEST_SIZE] = "";
    const char *path = test_path("round.h5"), *other = test_path("other.h5");
    content_fill(&content, 3);
    content.moments[5] += 1;
    CU_ASSERT_EQUAL(content_save(get_world(), other, &content), OK);
    CU_ASSERT_EQUAL(checkpoint_digest(path, "model", before), OK);
    CU_ASSERT_EQUAL(checkpoint_digest(other, "model", after), OK);
    CU_ASSERT_STRING_EQUAL(before, after);
    CU_ASSERT_EQUAL(checkpoint_digest(path, "optimiser/", before), OK);
    CU_ASSERT_EQUAL(checkpoint_digest(other, "optimiser/", after), OK);
    CU_ASSERT_STRING_NOT_EQUAL(before, after);
    CU_ASSERT_EQUAL(checkpoint_digest(path, "mod", after), FAILED);
}

/* A corner in the share-out of rows, and a dataset of many pieces. */
static void shares_large_datasets(void)
{
    enum { MANY = 700001 };
    float *data = malloc(MANY * sizeof *data), *found = calloc(MANY, sizeof *found);
    const char *path = test_path("large.h5");
    CU_ASSERT_TRUE(data && found);
    for (int i = 0; i < MANY; i++) data[i] = (float)i;
    const struct checkpoint_field field = {"x", CHECKPOINT_FLOAT, MANY, 1, data};
    struct checkpoint_field loaded = {"x", CHECKPOINT_FLOAT, MANY, 1, found};
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, &field, 1, NULL, 0), OK);
    CU_ASSERT_EQUAL(checkpoint_load(path, &loaded, 1), OK);
    CU_ASSERT_EQUAL(memcmp(data, found, MANY * sizeof *data), 0);
    free(data);
    free(found);
}

/* Replicas must agree: the file, whose last rows come from the last rank, is compared with rank 0's
 * memory. */
static void refuses_ranks_that_differ(void)
{
    struct content content;
    const char *path = test_path("differ.h5");
    const int last = group_size(get_world()) - 1;
    if (last == 0) return;
    remove_older(path);
    content_fill(&content, 3);
    if (group_rank(get_world()) == last) content.weights[ROWS * COLUMNS - 1] = -1;
    CU_ASSERT_EQUAL(content_save(get_world(), path, &content), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "model/decoder/0/attention/weight"));
    CU_ASSERT_FALSE(exists(path) || temporary_exists(path));
}

/* Datasets that lie across the pieces, of 256 KiB, in which a file is read back. */
enum { N_DATASETS = 3, N_NUMBERS = 150001, PIECE = 1 << 18, USER_BLOCK = 512 };

/* The number that comes first, or last, of a piece of the file: numbers count up from 1. */
static int number_at(const char *path, long at)
{
    float number = 0;
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, at, SEEK_SET) != 0 || fread(&number, sizeof number, 1, file) != 1)
        number = 0;
    if (file) fclose(file);
    return number >= 1 && number <= N_DATASETS * N_NUMBERS ? (int)number : 0;
}

/* Whether a save fails once the last rank's number is another than that of the others. */
static void check_odd_number(const struct checkpoint_field fields[N_DATASETS], int number)
{
    const int last = group_size(get_world()) - 1;
    const char *path = test_path("odd.h5");
    const int field = (number - 1) / N_NUMBERS, row = (number - 1) % N_NUMBERS;
    float *odd = (float *)fields[field].data + row;
    const bool own = row >= N_NUMBERS - N_NUMBERS / (last + 1);
    if (group_rank(get_world()) == last) *odd += 1;
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, fields, N_DATASETS, NULL, 0),
                    own && last > 0 ? FAILED : OK);
    if (own && last > 0) CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), fields[field].name));
    if (group_rank(get_world()) == last) *odd = (float)number;
}

static void finds_single_numbers_that_differ(void)
{
    const char *path = test_path("whole.h5");
    float *data = malloc(N_DATASETS * N_NUMBERS * sizeof *data);
    if (!data) abort();
    for (int i = 0; i < N_DATASETS * N_NUMBERS; i++) data[i] = (float)(i + 1);
    const struct checkpoint_field fields[] = {
        {"a", CHECKPOINT_FLOAT, N_NUMBERS, 1, data},
        {"b/c", CHECKPOINT_FLOAT, N_NUMBERS, 1, data + N_NUMBERS},
        {"b/d", CHECKPOINT_FLOAT, N_NUMBERS, 1, data + 2 * N_NUMBERS}};
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, fields, N_DATASETS, NULL, 0), OK);
    int n_checked = 0;
    for (long at = USER_BLOCK; at < (long)(N_DATASETS * N_NUMBERS * sizeof *data); at += PIECE)
        for (long side = -4; side <= 0; side += 4) {
            const int number = number_at(path, at + side);
            group_barrier(get_world());
            if (number) check_odd_number(fields, number);
            n_checked += number > 0;
        }
    CU_ASSERT(n_checked >= 8);
    for (int i = 0; i < N_DATASETS; i++) {
        check_odd_number(fields, i * N_NUMBERS + 1);
        check_odd_number(fields, (i + 1) * N_NUMBERS);
    }
    free(data);
}

/* The k-th fallible point fails on one rank; the old file stays, or, when only the folder's sync
 * failed, the new one is there, complete.  Returns whether the save succeeded after all. */
static int survives_fault(const char *path, int rank, long k)
{
    struct content content;
    content_fill(&content, 4);
    status_fault_set(group_rank(get_world()) == rank ? k : 0);
    const enum status status = content_save(get_world(), path, &content);
    status_fault_set(0);
    const int folder = strstr(status_message(), "folder cannot be synced") != NULL;
    CU_ASSERT_EQUAL(checkpoint_verify(path), OK);
    CU_ASSERT_TRUE(content_loads(path, status == OK || folder ? 4 : 3));
    CU_ASSERT_FALSE(temporary_exists(path));
    group_barrier(get_world());
    return status == OK;
}

static void survives_faults_everywhere(void)
{
    struct content content;
    const char *path = test_path("fault.h5");
    content_fill(&content, 3);
    for (int rank = 0; rank < group_size(get_world()); rank++) {
        CU_ASSERT_EQUAL(content_save(get_world(), path, &content), OK);
        long k = 1;
        while (k < 100 && !survives_fault(path, rank, k)) k++;
        CU_ASSERT_TRUE(k > (rank == 0 ? 12 : 3) && k < 100);
    }
}

static void refuses_bad_input_on_every_rank(void)
{
    static float one[1];
    static char long_text[CHECKPOINT_TEXT_LIMIT + 2];
    const char *path = test_path("bad.h5");
    const struct checkpoint_field bad[] = {
        {"", CHECKPOINT_FLOAT, 1, 1, one},         {"/a", CHECKPOINT_FLOAT, 1, 1, one},
        {"a//b", CHECKPOINT_FLOAT, 1, 1, one},     {"a/", CHECKPOINT_FLOAT, 1, 1, one},
        {"../a", CHECKPOINT_FLOAT, 1, 1, one},     {"a/./b", CHECKPOINT_FLOAT, 1, 1, one},
        {"a b", CHECKPOINT_FLOAT, 1, 1, one},      {"text", CHECKPOINT_FLOAT, 1, 1, one},
        {"text/a", CHECKPOINT_FLOAT, 1, 1, one},   {"a", (enum checkpoint_type)7, 1, 1, one},
        {"a", CHECKPOINT_FLOAT, SIZE_MAX, 2, one}, {"a", CHECKPOINT_FLOAT, 1, SIZE_MAX, one},
        {"a", CHECKPOINT_FLOAT, 1, 1, NULL},
    };
    remove_older(path);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, &bad[i], 1, NULL, 0), FAILED);
    const struct checkpoint_field pair[] = {{"a/b", CHECKPOINT_FLOAT, 1, 1, one},
                                            {"a-b", CHECKPOINT_FLOAT, 1, 1, one},
                                            {"a", CHECKPOINT_FLOAT, 1, 1, one}};
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, pair, 3, NULL, 0), FAILED);
    const struct checkpoint_field much[] = {
        {"a", CHECKPOINT_FLOAT, SIZE_MAX / 8, 1, one},
        {"b", CHECKPOINT_FLOAT, SIZE_MAX / 8, 1, one},
    };
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, much, 2, NULL, 0), FAILED);
    const struct checkpoint_field twice[] = {pair[0], pair[0]};
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, twice, 2, NULL, 0), FAILED);
    memset(long_text, 'x', sizeof long_text - 1);
    const struct checkpoint_text text = {"long", long_text};
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, pair, 1, &text, 1), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "limit"));
    CU_ASSERT_FALSE(exists(path) || temporary_exists(path));
}

static void fails_in_folders_that_cannot_be_written(void)
{
    struct content content;
    content_fill(&content, 3);
    CU_ASSERT_EQUAL(content_save(get_world(), "/proc/affekt.h5", &content), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/proc/affekt.h5.tmp: "));
    CU_ASSERT_EQUAL(content_save(get_world(), test_path("none/c.h5"), &content), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "No such file or directory"));
    const char *folder = test_path("folder.h5");
    if (group_rank(get_world()) == 0) mkdir(folder, 0777);
    group_barrier(get_world());
    CU_ASSERT_EQUAL(content_save(get_world(), folder, &content), FAILED);
    CU_ASSERT_FALSE(temporary_exists(folder));
}

/* Room for 1 EB is on no disk: the reservation fails before HDF5 is called. */
static void fails_when_the_disk_is_too_small(void)
{
    static float one[1];
    const char *path = test_path("huge.h5");
    const struct checkpoint_field huge = {"a", CHECKPOINT_FLOAT, (size_t)1 << 58, 1, one};
    remove_older(path);
    CU_ASSERT_EQUAL(checkpoint_save(get_world(), path, &huge, 1, NULL, 0), FAILED);
    CU_ASSERT_FALSE(exists(path) || temporary_exists(path));
}

const char *const suite_name = "checkpoint";
const struct suite_test suite_tests[] = {
    {"reads back what was written", reads_back_what_was_written},
    {"lists fields by name", lists_fields_by_name},
    {"any number of ranks writes the same bytes", any_number_of_ranks_writes_the_same_bytes},
    {"digests what lies under a prefix", digests_what_lies_under_a_prefix},
    {"shares large datasets", shares_large_datasets},
    {"refuses ranks that differ", refuses_ranks_that_differ},
    {"finds single numbers that differ", finds_single_numbers_that_differ},
    {"survives faults everywhere", survives_faults_everywhere},
    {"refuses bad input on every rank", refuses_bad_input_on_every_rank},
    {"fails in folders that cannot be written", fails_in_folders_that_cannot_be_written},
    {"fails when the disk is too small", fails_when_the_disk_is_too_small},
    {NULL, NULL},
};
