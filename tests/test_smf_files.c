/* smf: files made to exhaust the reader, and the shared collections where they are at hand. */
#define _GNU_SOURCE
#include "runner.h"
#include "smf.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_SIZE = 14, CHUNK_HEAD = 8 };

static const struct smf_options no_pedal;
static const struct smf_options pedal = {true};

/* A file of `n_tracks` tracks, each of `n` copies of an event of `width` bytes; malloc'ed. */
static unsigned char *bomb(size_t *size, size_t n_tracks, const char *event, size_t width, size_t n)
{
    const size_t length = n * width;
    unsigned char *bytes = malloc(HEADER_SIZE + n_tracks * (CHUNK_HEAD + length));
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, "MThd\0\0\0\6\0\1\0\2\0\1", HEADER_SIZE);
    *size = HEADER_SIZE;
    for (size_t t = 0; t < n_tracks; t++) {
        memcpy(bytes + *size, "MTrk", 4);
        for (int i = 0; i < 4; i++)
            bytes[*size + 4 + (size_t)i] = (unsigned char)(length >> (8 * (3 - i)));
        *size += CHUNK_HEAD;
        for (size_t i = 0; i < n; i++, *size += width) memcpy(bytes + *size, event, width);
    }
    return bytes;
}

static void refuses_too_many_notes(void)
{
    size_t size;
    struct score score;
    struct smf_report report;
    unsigned char *bytes = bomb(&size, 1, "\0\x90\x3c\x40", 4, (size_t)SMF_MAX_NOTES + 1);
    CU_ASSERT_EQUAL(smf_parse(&score, &report, bytes, size, &no_pedal), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "more than 1048576 notes");
    /* One less is read: all on one key, all hanging. */
    bytes[size - 1] = 0;
    CU_ASSERT_EQUAL(smf_parse(&score, &report, bytes, size, &no_pedal), OK);
    CU_ASSERT_EQUAL(score.n_notes, SMF_MAX_NOTES);
    score_fini(&score);
    free(bytes);
}

static void refuses_too_many_bytes(void)
{
    struct score score;
    struct smf_report report;
    unsigned char byte = 'M';
    CU_ASSERT_EQUAL(smf_parse(&score, &report, &byte, (size_t)SMF_MAX_BYTES + 1, &no_pedal),
                    FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "67108865 bytes, more than 67108864");
}

static void merges_many_tempi(void)
{
    size_t size;
    struct score score;
    struct smf_report report;
    unsigned char *bytes = bomb(&size, 3, "\1\xff\x51\3\1\1\1\0\x90\x3c\1", 11, 100000);
    CU_ASSERT_EQUAL(smf_parse(&score, &report, bytes, size, &no_pedal), OK);
    CU_ASSERT_EQUAL_FATAL(score.n_tempi, 300000);
    size_t wrong = 0;
    for (size_t i = 0; i < score.n_tempi; i++) wrong += score.tempi[i].tick != (int64_t)(i / 3) + 1;
    CU_ASSERT_EQUAL(wrong, 0);
    score_fini(&score);
    free(bytes);
}

/* Pedals that go down in each of many tracks, and a note under them. */
static void merges_many_pedals(void)
{
    size_t size;
    struct score score;
    struct smf_report report;
    unsigned char *bytes =
        bomb(&size, 20000, "\0\xb0\x40\x7f\1\x90\x3c\1\1\x90\x3c\0\2\xb0\x40\0", 16, 3);
    CU_ASSERT_EQUAL(smf_parse(&score, &report, bytes, size, &pedal), OK);
    CU_ASSERT_EQUAL_FATAL(score.n_notes, 60000);
    size_t wrong = 0;
    for (size_t i = 0; i < score.n_notes; i++)
        wrong += score.notes[i].end != score.notes[i].onset + 3;
    CU_ASSERT_EQUAL(wrong, 0);
    score_fini(&score);
    free(bytes);
}

static void stops_at_endless_time(void)
{
    size_t size;
    struct score score;
    struct smf_report report;
    unsigned char *bytes = bomb(&size, 1, "\0\x90\x3c\1\xff\xff\xff\x7f\x90\x3c\0", 11, 1000);
    CU_ASSERT_EQUAL(smf_parse(&score, &report, bytes, size, &no_pedal), OK);
    CU_ASSERT_TRUE(report.damaged);
    CU_ASSERT_PTR_NOT_NULL(strstr(report.warning, "too far from the start"));
    CU_ASSERT_EQUAL(score.n_notes, 1);
    CU_ASSERT_EQUAL(score.notes[0].end, 1);
    score_fini(&score);
    free(bytes);
}

static void stops_at_too_many_tracks(void)
{
    size_t size;
    struct score score;
    struct smf_report report;
    unsigned char *bytes = bomb(&size, 70000, "\0\x90\x3c\1\1\x90\x3c\0", 8, 1);
    CU_ASSERT_EQUAL(smf_parse(&score, &report, bytes, size, &no_pedal), OK);
    CU_ASSERT_TRUE(report.damaged);
    CU_ASSERT_EQUAL(score.n_notes, SMF_MAX_TRACKS);
    CU_ASSERT_EQUAL(score.notes[score.n_notes - 1].track, SMF_MAX_TRACKS - 1);
    score_fini(&score);
    free(bytes);
}

/* What became of a collection's files. */
struct tally {
    int whole, damaged, refused, without_notes;
};

static void check_score(const struct score *score)
{
    CU_ASSERT(score->division > 0 && score->n_notes > 0);
    size_t wrong = 0;
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        wrong += note->onset < 0 || note->end <= note->onset || note->channel > 15;
        wrong += note->pitch > 127 || !note->velocity || note->velocity > 127;
        wrong += i && note[-1].onset > note->onset;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void read_one(struct tally *tally, const char *path)
{
    struct score score;
    struct smf_report report;
    if (smf_read(&score, &report, path, &pedal) == OK) {
        check_score(&score);
        CU_ASSERT(!report.damaged || report.warning[0]);
        tally->damaged += report.damaged;
        tally->whole += !report.damaged;
    } else {
        CU_ASSERT_EQUAL(strncmp(status_message(), path, strlen(path)), 0);
        const char *reason = strstr(status_message(), ": no notes");
        tally->without_notes += reason && !strcmp(reason, ": no notes");
        tally->refused++;
    }
    score_fini(&score);
}

static void read_folder(struct tally *tally, const char *folder)
{
    DIR *listing = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(listing);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        char path[1024];
        if (!strstr(entry->d_name, ".mid")) continue;
        CU_ASSERT_FATAL(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) <
                        (int)sizeof path);
        read_one(tally, path);
    }
    closedir(listing);
}

/* Unpacks one collection, reads all of it, removes it; false when it is not at hand. */
static bool read_collection(struct tally *tally, const char *name)
{
    char archive[512], command[1200], folder[] = "/tmp/test_smf_files.XXXXXX", inside[64];
    memset(tally, 0, sizeof *tally);
    snprintf(archive, sizeof archive, "%s/../shared/data/%s.tar.xz", TEST_SOURCE_DIR, name);
    if (access(archive, R_OK) != 0) {
        fprintf(stderr, "SKIPPED: no %s\n", archive);
        return false;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(command, sizeof command, "tar -xJf '%s' -C '%s'", archive, folder);
    CU_ASSERT_EQUAL(system(command), 0);
    snprintf(inside, sizeof inside, "%s/%s", folder, name);
    read_folder(tally, inside);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    CU_ASSERT_EQUAL(system(command), 0);
    fprintf(stderr, "%s: %d whole, %d damaged, %d refused (%d without notes)\n", name, tally->whole,
            tally->damaged, tally->refused, tally->without_notes);
    return true;
}

static void reads_all_valid_files_with_notes(void)
{
    struct tally tally;
    if (!read_collection(&tally, "testmidi_valid")) return;
    CU_ASSERT_EQUAL(tally.refused, tally.without_notes);
    CU_ASSERT_EQUAL(tally.whole, 70);
    CU_ASSERT_EQUAL(tally.damaged, 0);
}

static void reads_all_of_vgmidi(void)
{
    struct tally tally;
    if (!read_collection(&tally, "vgmidi")) return;
    CU_ASSERT_EQUAL(tally.whole, 156);
    CU_ASSERT_EQUAL(tally.damaged + tally.refused, 0);
}

static void finds_an_outcome_for_each_bad_file(void)
{
    struct tally tally;
    if (!read_collection(&tally, "badmidi")) return;
    CU_ASSERT_EQUAL(tally.whole + tally.damaged + tally.refused, 94);
    CU_ASSERT(tally.damaged > 0 && tally.refused > tally.without_notes);
}

const char *const suite_name = "smf_files";
const struct suite_test suite_tests[] = {
    {"refuses too many notes", refuses_too_many_notes},
    {"refuses too many bytes", refuses_too_many_bytes},
    {"merges many tempi", merges_many_tempi},
    {"merges many pedals", merges_many_pedals},
    {"stops at endless time", stops_at_endless_time},
    {"stops at too many tracks", stops_at_too_many_tracks},
    {"reads all valid files with notes", reads_all_valid_files_with_notes},
    {"reads all of vgmidi", reads_all_of_vgmidi},
    {"finds an outcome for each bad file", finds_an_outcome_for_each_bad_file},
    {NULL, NULL},
};
