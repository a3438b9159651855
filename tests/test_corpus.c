/* corpus: writing on any number of ranks, reading, and files that are not what they say. */
#define _GNU_SOURCE
#include "corpus.h"
#include "corpus_content.h"
#include "runner.h"

#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct group *world;
static char folder[64];

static void begin(void)
{
    CU_ASSERT_EQUAL(group_world_create(&world, NULL, NULL), OK);
    strcpy(folder, "/tmp/affekt-corpus-XXXXXX");
    if (group_rank(world) == 0 && !mkdtemp(folder)) abort();
    group_broadcast(world, folder, sizeof folder, 0);
}

static void end(void)
{
    char command[128];
    group_barrier(world);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (group_rank(world) == 0 && system(command) != 0) abort();
    group_world_destroy(world);
}

static const char *at(const char *name)
{
    static char paths[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static int files_equal(const char *a, const char *b)
{
    char command[300];
    snprintf(command, sizeof command, "cmp %s %s", a, b);
    return system(command) == 0;
}

/* Writes on all ranks to `name`, and on rank 0 alone to `alone`. */
static void write_both(size_t n, size_t notes)
{
    char digest[33] = "";
    struct made made = make(n, notes, group_rank(world), group_size(world));
    CU_ASSERT_EQUAL(write_made(world, at("all.h5"), &made, digest), OK);
    CU_ASSERT_EQUAL(strlen(digest), 32);
    drop(&made);
    if (group_rank(world) != 0) return;
    char same[33] = "";
    made = make(n, notes, 0, 1);
    CU_ASSERT_EQUAL(write_made(group_self(), at("one.h5"), &made, same), OK);
    drop(&made);
    CU_ASSERT_STRING_EQUAL(digest, same);
    CU_ASSERT(files_equal(at("all.h5"), at("one.h5")));
    CU_ASSERT_NOT_EQUAL(access(at("all.h5.tmp"), F_OK), 0);
}

static void writes_equal_bytes_on_any_ranks(void)
{
    begin();
    write_both(0, 5);
    write_both(1, 5);
    write_both(50, 40);
    write_both(30, 40000); /* several windows */
    end();
}

static void reads_what_was_written(void)
{
    struct corpus corpus;
    begin();
    struct made made = make(20, 10, group_rank(world), group_size(world));
    CU_ASSERT_EQUAL(write_made(world, at("c.h5"), &made, NULL), OK);
    const enum status status = corpus_open(&corpus, at("c.h5"));
    CU_ASSERT_EQUAL(status, OK);
    if (status == OK) {
        CU_ASSERT_EQUAL(corpus_verify(&corpus), OK);
        CU_ASSERT_EQUAL(corpus.vocabulary.settings.bars, 8);
        CU_ASSERT_EQUAL(corpus.n_pieces, 20);
        CU_ASSERT_EQUAL(corpus.n_events, made.first_event[20]);
        CU_ASSERT_EQUAL(memcmp(corpus.pieces, made.pieces, 20 * sizeof *made.pieces), 0);
        CU_ASSERT_STRING_EQUAL(corpus_piece_name(&corpus, 7), "piece 00007");
        CU_ASSERT_EQUAL((uintptr_t)corpus.events % 64, 0);
        CU_ASSERT_EQUAL((uintptr_t)corpus.segments % 64, 0);
        for (size_t i = 0; i < 20; i++) {
            if (made.owner[i] != group_rank(world)) continue;
            const uint64_t first = made.first_event[i], n = made.first_event[i + 1] - first;
            CU_ASSERT_EQUAL(memcmp(corpus.events + first, made.events[i], n * 4), 0);
            CU_ASSERT_EQUAL(memcmp(corpus.segments + made.pieces[i].first_segment, made.segments[i],
                                   made.pieces[i].n_segments * sizeof **made.segments),
                            0);
        }
        corpus_close(&corpus);
    }
    drop(&made);
    end();
}

/* Rank 0 alone writes a small corpus; the tests of the reader need no other rank. */
static void write_small(const char *path)
{
    struct made made = make(4, 10, 0, 1);
    CU_ASSERT_EQUAL(write_made(group_self(), path, &made, NULL), OK);
    drop(&made);
}

static void refuse(const char *path, const char *want)
{
    struct corpus corpus;
    const enum status status = corpus_open(&corpus, path);
    CU_ASSERT_EQUAL(status, FAILED);
    if (status == OK) corpus_close(&corpus);
    if (!strstr(status_message(), want) || strncmp(status_message(), path, strlen(path)) != 0)
        fprintf(stderr, "want '%s: %s', found '%s'\n", path, want, status_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), want));
    CU_ASSERT_EQUAL(strncmp(status_message(), path, strlen(path)), 0);
}

static void put(const char *path, off_t offset, const void *bytes, size_t n)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT, 0644);
    CU_ASSERT_EQUAL(pwrite(descriptor, bytes, n, offset), (ssize_t)n);
    close(descriptor);
}

static void refuse_other_files(void)
{
    refuse(at("none.h5"), "No such file");
    refuse(folder, "not a regular file");
    put(at("text.h5"), 0, "hello, world", 12);
    refuse(at("text.h5"), "not a readable HDF5 file");
    const hid_t file = H5Fcreate(at("foreign.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    refuse(at("foreign.h5"), "not an affekt corpus");
    CU_ASSERT_EQUAL(mkfifo(at("pipe.h5"), 0600), 0);
    refuse(at("pipe.h5"), "not a regular file");
}

static void refuse_newer_versions(void)
{
    const uint64_t version = CORPUS_VERSION + 1;
    write_small(at("new.h5"));
    const hid_t file = H5Fopen(at("new.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(file, "version", H5P_DEFAULT);
    CU_ASSERT(H5Awrite(attribute, H5T_NATIVE_UINT64, &version) >= 0);
    H5Aclose(attribute);
    H5Fclose(file);
    refuse(at("new.h5"), "corpus format 2, this program reads up to 1");
}

/* Replaces one dataset by another of the same name. */
static void swap(const char *path, const char *name, hid_t type, hsize_t n, hid_t plist,
                 const char *link)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    CU_ASSERT(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    if (link) {
        CU_ASSERT(H5Lcreate_external(link, "/events", file, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    } else if (type >= 0) {
        const hid_t space = H5Screate_simple(1, &n, NULL);
        const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        CU_ASSERT(dataset >= 0);
        H5Dclose(dataset);
        H5Sclose(space);
    }
    H5Fclose(file);
}

static hid_t type_of(const char *path, const char *name, hsize_t *n)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(dataset);
    const hid_t stored = H5Dget_type(dataset), type = H5Tcopy(stored);
    H5Sget_simple_extent_dims(space, n, NULL);
    H5Tclose(stored);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
    return type;
}

static void refuse_hostile_storage(void)
{
    hsize_t n = 0;
    write_small(at("good.h5"));
    const hid_t type = type_of(at("good.h5"), "events", &n);
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE), outside = H5Pcreate(H5P_DATASET_CREATE),
                plain = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunked, 1, &n);
    H5Pset_external(outside, "/etc/passwd", 0, n * 4);
    H5Pset_alloc_time(plain, H5D_ALLOC_TIME_EARLY);
    write_small(at("h.h5"));
    swap(at("h.h5"), "events", type, n, chunked, NULL);
    refuse(at("h.h5"), "events");
    write_small(at("h.h5"));
    swap(at("h.h5"), "events", type, n, outside, NULL);
    refuse(at("h.h5"), "external storage, refused");
    write_small(at("h.h5"));
    swap(at("h.h5"), "events", type, 0, H5P_DEFAULT, at("good.h5"));
    refuse(at("h.h5"), "a link to elsewhere");
    write_small(at("h.h5"));
    swap(at("h.h5"), "names", -1, 0, H5P_DEFAULT, NULL);
    refuse(at("h.h5"), "names: missing");
    write_small(at("h.h5"));
    swap(at("h.h5"), "events", H5T_NATIVE_INT, n, plain, NULL);
    refuse(at("h.h5"), "not of the corpus's type");
    write_small(at("h.h5"));
    swap(at("h.h5"), "events", type, n + 1, plain, NULL);
    refuse(at("h.h5"), "the head says");
    H5Pclose(chunked);
    H5Pclose(outside);
    H5Pclose(plain);
    H5Tclose(type);
}

/* Changes one field of the mapped file; the reader must name what is wrong. */
static void refuse_field(const void *field, const struct corpus *good, const void *value, size_t n,
                         const char *want)
{
    const off_t offset = (const char *)field - (const char *)good->map;
    write_small(at("f.h5"));
    put(at("f.h5"), offset, value, n);
    refuse(at("f.h5"), want);
}

static void refuse_ranges(void)
{
    struct corpus good;
    write_small(at("good.h5"));
    CU_ASSERT_EQUAL_FATAL(corpus_open(&good, at("good.h5")), OK);
    const struct corpus_segment *s = good.segments + 2;
    const struct corpus_piece *p = good.pieces + 1;
    const uint64_t far = 1ULL << 60;
    const uint32_t large = UINT32_MAX, zero = 0;
    const float infinite = INFINITY, two = 2;
    const uint8_t nine = 9;
    refuse_field(&s->first, &good, &far, 8, "segment 2: events out of range");
    refuse_field(&s->count, &good, &large, 4, "segment 2: events out of range");
    refuse_field(&s->count, &good, &zero, 4, "segment 2: events out of range");
    refuse_field(&s->piece, &good, &large, 4, "segment 2: of another piece");
    refuse_field(&s->bars, &good, &nine, 1, "segment 2: 9 bars");
    refuse_field(&s->tonic, &good, &nine, 1, "segment 2: tonic 9");
    refuse_field(&s->attributes[1], &good, &infinite, 4, "segment 2: infinite note_density");
    refuse_field(&p->name, &good, &far, 8, "piece 1: name out of range");
    refuse_field(&p->first_segment, &good, &large, 4, "piece 1: segments out of range");
    refuse_field(&p->n_segments, &good, &large, 4, "piece 1: segments out of range");
    refuse_field(&p->n_segments, &good, &zero, 4, "piece 1: segments out of range");
    refuse_field(&p->split, &good, &nine, 1, "piece 1: split 9");
    refuse_field(&p->label, &good, &nine, 1, "piece 1: label 9");
    refuse_field(&p->valence, &good, &two, 4, "piece 1: label 1, valence 2");
    refuse_field(good.names + good.n_name_bytes - 1, &good, "x", 1, "the last name has no end");
    corpus_close(&good);
}

/* Every cut is refused; a changed byte is refused or, in the datasets, found by the digest. */
static void survive_damage(void)
{
    struct corpus good, bad;
    write_small(at("good.h5"));
    CU_ASSERT_EQUAL_FATAL(corpus_open(&good, at("good.h5")), OK);
    unsigned char *bytes = malloc(good.map_bytes);
    memcpy(bytes, good.map, good.map_bytes);
    for (size_t n = 0; n < good.map_bytes; n += 61) {
        unlink(at("d.h5"));
        put(at("d.h5"), 0, bytes, n);
        const enum status status = corpus_open(&bad, at("d.h5"));
        CU_ASSERT_EQUAL(status, FAILED);
        if (status == OK) corpus_close(&bad);
    }
    const size_t events = (size_t)((const char *)good.events - (const char *)good.map);
    unsigned undetected = 0;
    put(at("d.h5"), 0, bytes, good.map_bytes);
    for (size_t i = 0; i < good.map_bytes; i += 3) {
        const unsigned char changed = bytes[i] ^ 0x10;
        put(at("d.h5"), (off_t)i, &changed, 1);
        if (corpus_open(&bad, at("d.h5")) == OK) {
            const int inside = i >= events && i < events + good.n_events * sizeof *good.events;
            undetected += corpus_verify(&bad) == OK && inside;
            corpus_close(&bad);
        }
        put(at("d.h5"), (off_t)i, bytes + i, 1);
    }
    CU_ASSERT_EQUAL(undetected, 0);
    free(bytes);
    corpus_close(&good);
}

static void refuses_hostile_files(void)
{
    begin();
    if (group_rank(world) == 0) {
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        refuse_other_files();
        refuse_newer_versions();
        refuse_hostile_storage();
        refuse_ranges();
        survive_damage();
    }
    end();
}

static void verifies_more_than_the_digest(void)
{
    begin();
    struct made made = make(4, 10, group_rank(world), group_size(world));
    made.pieces[1].split = SPLIT_TEST; /* its copy stays in train */
    CU_ASSERT_EQUAL(write_made(world, at("c.h5"), &made, NULL), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "copies piece 00000 and piece 00001"));
    made.pieces[1].split = SPLIT_TRAIN;
    if (made.owner[2] == group_rank(world)) ((struct event *)made.events[2])[1].pitch = 5;
    CU_ASSERT_EQUAL(write_made(world, at("c.h5"), &made, NULL), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "pitch 5"));
    if (group_rank(world) == 0) {
        CU_ASSERT_NOT_EQUAL(access(at("c.h5"), F_OK), 0);
        CU_ASSERT_NOT_EQUAL(access(at("c.h5.tmp"), F_OK), 0);
    }
    drop(&made);
    end();
}

static uint64_t pieces_at(const char *path)
{
    struct corpus corpus;
    if (corpus_open(&corpus, path) != OK) return 0;
    const uint64_t n = corpus.n_pieces;
    corpus_close(&corpus);
    return n;
}

/* Fails every fallible point of every rank in turn: all ranks fail, the old file stays. */
static void leaves_the_old_file_on_any_fault(void)
{
    begin();
    struct made made = make(9, 10, group_rank(world), group_size(world));
    for (int rank = 0; rank < group_size(world); rank++) {
        enum status status = FAILED;
        int k;
        for (k = 1; status != OK && k < 200; k++) {
            if (group_rank(world) == 0) write_small(at("c.h5"));
            if (group_rank(world) == rank) status_fault_set(k);
            status = write_made(world, at("c.h5"), &made, NULL);
            status_fault_set(0);
            group_barrier(world);
            /* Only the sync of the folder comes after the rename. */
            const int renamed =
                status == OK || strstr(status_message(), "folder cannot be synced") != NULL;
            CU_ASSERT_EQUAL(pieces_at(at("c.h5")), renamed ? 9 : 4);
            group_barrier(world);
        }
        CU_ASSERT_EQUAL(status, OK);
        CU_ASSERT(k > 3);
    }
    drop(&made);
    end();
}

static void says_that_the_folder_is_missing(void)
{
    begin();
    struct made made = make(4, 10, group_rank(world), group_size(world));
    CU_ASSERT_EQUAL(write_made(world, at("none/c.h5"), &made, NULL), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "No such file or directory"));
    drop(&made);
    end();
}

const char *const suite_name = "corpus";
const struct suite_test suite_tests[] = {
    {"writes equal bytes on any ranks", writes_equal_bytes_on_any_ranks},
    {"reads what was written", reads_what_was_written},
    {"refuses hostile files", refuses_hostile_files},
    {"verifies more than the digest", verifies_more_than_the_digest},
    {"leaves the old file on any fault", leaves_the_old_file_on_any_fault},
    {"says that the folder is missing", says_that_the_folder_is_missing},
    {NULL, NULL},
};
