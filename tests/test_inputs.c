/* inputs: folders, files and archives, hostile ones among them, to a list and to bytes. */
#define _GNU_SOURCE
#include "inputs.h"
#include "members.h"
#include "runner.h"
#include "smf.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static void begin(void)
{
    strcpy(folder, "/tmp/affekt-inputs-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(mkdir(at("in"), 0755), 0);
}

static void end(void)
{
    char command[300];
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", folder, folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static struct inputs find_one(const char *argument)
{
    static const char *arguments[1];
    struct inputs inputs;
    arguments[0] = argument;
    CU_ASSERT_EQUAL(inputs_find(&inputs, arguments, 1), OK);
    return inputs;
}

/* What a reading saw: `name=text;` a readable input, `name!;` another. */
struct seen {
    const struct inputs *inputs;
    char text[4096];
};

static enum status see(void *context, size_t i, enum status status, const unsigned char *bytes,
                       size_t size)
{
    struct seen *seen = context;
    const size_t n = strlen(seen->text);
    if (status == OK)
        snprintf(seen->text + n, sizeof seen->text - n, "%s=%.*s;", input_name(seen->inputs, i),
                 (int)(size < 20 ? size : 20), (const char *)bytes);
    else
        snprintf(seen->text + n, sizeof seen->text - n, "%s!;", input_name(seen->inputs, i));
    return OK;
}

static void expect(const struct inputs *inputs, size_t first, size_t stride, const char *want)
{
    struct seen seen = {.inputs = inputs};
    CU_ASSERT_EQUAL(inputs_read(inputs, first, stride, see, &seen), OK);
    if (strcmp(seen.text, want) != 0) fprintf(stderr, "want %s\nsaw  %s\n", want, seen.text);
    CU_ASSERT_STRING_EQUAL(seen.text, want);
}

static void lists_folders_in_order(void)
{
    begin();
    CU_ASSERT_EQUAL(mkdir(at("in/sub"), 0755), 0);
    put("in/b.MID", "B");
    put("in/a.mid", "A");
    put("in/sub/c.kar", "C");
    put("in/magic", "MThd-x");
    put("in/note.txt", "text");
    put("in/short", "MT");
    CU_ASSERT_EQUAL(mkfifo(at("in/pipe.mid"), 0600), 0);
    struct inputs inputs = find_one(at("in"));
    expect(&inputs, 0, 1, "in/a.mid=A;in/b.MID=B;in/magic=MThd-x;in/sub/c.kar=C;");
    expect(&inputs, 1, 2, "in/b.MID=B;in/sub/c.kar=C;");
    inputs_fini(&inputs);
    inputs = find_one(at("in/sub/.."));
    expect(&inputs, 0, 3, "in/a.mid=A;in/sub/c.kar=C;");
    inputs_fini(&inputs);
    end();
}

static void takes_what_is_asked_for(void)
{
    struct inputs inputs;
    begin();
    put("in/note.txt", "text");
    CU_ASSERT_EQUAL(mkfifo(at("in/pipe.mid"), 0600), 0);
    const char *const arguments[] = {at("in/note.txt"), at("in/pipe.mid"), at("in/none.mid")};
    CU_ASSERT_EQUAL(inputs_find(&inputs, arguments, 3), OK);
    expect(&inputs, 0, 1, "note.txt=text;pipe.mid!;none.mid!;");
    CU_ASSERT_STRING_EQUAL(inputs.text + inputs.items[2].reason, "No such file or directory");
    inputs_fini(&inputs);
    end();
}

static void packs_a_file_once(void)
{
    struct inputs inputs;
    begin();
    put("in/a.mid", "A");
    CU_ASSERT_EQUAL(symlink("a.mid", at("in/b.mid")), 0);
    CU_ASSERT_EQUAL(symlink("gone.mid", at("in/c.mid")), 0);
    CU_ASSERT_EQUAL(symlink("..", at("in/circle")), 0);
    const char *const arguments[] = {at("in"), at("in/a.mid")};
    CU_ASSERT_EQUAL(inputs_find(&inputs, arguments, 2), OK);
    expect(&inputs, 0, 1, "in/a.mid=A;in/b.mid!;in/c.mid!;a.mid!;");
    CU_ASSERT_EQUAL(inputs.items[1].outcome, OUTCOME_SKIPPED);
    CU_ASSERT_EQUAL(inputs.items[2].outcome, OUTCOME_UNREADABLE);
    CU_ASSERT_STRING_EQUAL(inputs.text + inputs.items[3].reason, "the same file as in/a.mid");
    inputs_fini(&inputs);
    end();
}

/* Adds a member; a link when `link` is given. */
static void add(struct archive *archive, const char *name, const char *text, size_t size,
                const char *link)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, link ? AE_IFLNK : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (link)
        archive_entry_set_symlink(entry, link);
    else
        archive_entry_set_size(entry, (la_int64_t)size);
    CU_ASSERT_EQUAL(archive_write_header(archive, entry), ARCHIVE_OK);
    if (!link) CU_ASSERT_EQUAL(archive_write_data(archive, text, size), (la_ssize_t)size);
    archive_entry_free(entry);
}

static struct archive *open_archive(const char *path, int zip, int gzip)
{
    struct archive *archive = archive_write_new();
    if (zip)
        archive_write_set_format_zip(archive);
    else
        archive_write_set_format_pax_restricted(archive);
    if (gzip) archive_write_add_filter_gzip(archive);
    CU_ASSERT_EQUAL_FATAL(archive_write_open_filename(archive, path), ARCHIVE_OK);
    return archive;
}

static void close_archive(struct archive *archive)
{
    CU_ASSERT_EQUAL(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

static void fill_archive(const char *path, int zip, int gzip)
{
    struct archive *archive = open_archive(path, zip, gzip);
    add(archive, "z.mid", "Z", 1, NULL);
    add(archive, "../out.mid", "X", 1, NULL);
    add(archive, "/etc/root.mid", "X", 1, NULL);
    add(archive, "link.mid", "", 0, "/etc/passwd");
    add(archive, "d/read.me", "text", 4, NULL);
    add(archive, "d/a b.midi", "AB", 2, NULL);
    add(archive, "magic", "MThd!", 5, NULL);
    close_archive(archive);
}

static void check_archive(const char *name)
{
    char want[512], name_of[3][256];
    struct inputs inputs = find_one(at(name));
    snprintf(want, sizeof want,
             "%s/z.mid=Z;%s/../out.mid!;%s//etc/root.mid!;%s/link.mid!;%s/d/a b.midi=AB;"
             "%s/magic=MThd!;",
             name, name, name, name, name, name);
    expect(&inputs, 0, 1, want);
    for (int i = 1; i < 4; i++) CU_ASSERT_EQUAL(inputs.items[i].outcome, OUTCOME_SKIPPED);
    snprintf(name_of[0], sizeof name_of[0], "%s/d/a b.midi", at(name));
    CU_ASSERT_EQUAL(inputs_locate(&inputs, name_of[0]), 4);
    snprintf(name_of[1], sizeof name_of[1], "%s/gone.mid", at(name));
    CU_ASSERT_EQUAL(inputs_locate(&inputs, name_of[1]), SIZE_MAX);
    snprintf(name_of[2], sizeof name_of[2], "%s/z.mid=Z;%s//etc/root.mid!;%s/d/a b.midi=AB;", name,
             name, name);
    expect(&inputs, 0, 2, name_of[2]);
    inputs_fini(&inputs);
}

static void reads_archives(void)
{
    begin();
    fill_archive(at("a.zip"), 1, 0);
    fill_archive(at("a.tar"), 0, 0);
    fill_archive(at("a.tar.gz"), 0, 1);
    check_archive("a.zip");
    check_archive("a.tar");
    check_archive("a.tar.gz");
    fill_archive(at("in/inner.tgz"), 0, 1);
    struct inputs inputs = find_one(at("in"));
    CU_ASSERT_EQUAL_FATAL(inputs.n, 6);
    CU_ASSERT_STRING_EQUAL(input_name(&inputs, 0), "in/inner.tgz/z.mid");
    inputs_fini(&inputs);
    end();
}

static void survives_cut_archives(void)
{
    static const char *const names[] = {"a.zip", "a.tar.gz"};
    begin();
    for (int kind = 0; kind < 2; kind++) {
        fill_archive(at(names[kind]), kind == 0, kind == 1);
        struct stat about;
        CU_ASSERT_EQUAL(stat(at(names[kind]), &about), 0);
        for (off_t n = about.st_size - 1; n >= 0; n -= 1 + n / 40) {
            CU_ASSERT_EQUAL(truncate(at(names[kind]), n), 0);
            struct inputs inputs = find_one(at(names[kind]));
            struct seen seen = {.inputs = &inputs};
            CU_ASSERT_EQUAL(inputs_read(&inputs, 0, 1, see, &seen), OK);
            inputs_fini(&inputs);
        }
    }
    end();
}

/* Zeros shrink a thousandfold: the list must stop at the archive's bound. */
static void stops_at_bombs(void)
{
    static char zeros[1 << 20];
    begin();
    struct archive *archive = open_archive(at("bomb.tar.gz"), 0, 1);
    add(archive, "a.mid", "A", 1, NULL);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "zeros");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, 300LL << 20);
    CU_ASSERT_EQUAL(archive_write_header(archive, entry), ARCHIVE_OK);
    for (int i = 0; i < 300; i++) archive_write_data(archive, zeros, sizeof zeros);
    archive_entry_free(entry);
    add(archive, "b.mid", "B", 1, NULL);
    close_archive(archive);
    struct inputs inputs = find_one(at("bomb.tar.gz"));
    CU_ASSERT_EQUAL_FATAL(inputs.n, 2);
    CU_ASSERT_STRING_EQUAL(input_name(&inputs, 0), "bomb.tar.gz/a.mid");
    CU_ASSERT_PTR_NOT_NULL(strstr(inputs.text + inputs.items[1].reason, "expands to more than"));
    inputs_fini(&inputs);

    archive = open_archive(at("bomb.zip"), 1, 0);
    for (int i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "%02d.mid", i);
        add(archive, name, zeros, sizeof zeros, NULL);
    }
    close_archive(archive);
    inputs = find_one(at("bomb.zip"));
    CU_ASSERT(inputs.n > 60 && inputs.n < 90);
    CU_ASSERT_EQUAL(inputs.items[inputs.n - 1].outcome, OUTCOME_UNREADABLE);
    inputs_fini(&inputs);
    end();
}

static void refuses_large_files(void)
{
    begin();
    put("in/large.mid", "x");
    CU_ASSERT_EQUAL(truncate(at("in/large.mid"), (off_t)SMF_MAX_BYTES + 1), 0);
    struct inputs inputs = find_one(at("in"));
    expect(&inputs, 0, 1, "in/large.mid!;");
    inputs_fini(&inputs);
    end();
}

static void reports_every_fault(void)
{
    begin();
    put("in/a.mid", "A");
    fill_archive(at("in/b.zip"), 1, 0);
    const char *const arguments[] = {at("in")};
    enum status status = FAILED;
    long k = 0;
    while (status != OK && k < 100) {
        struct inputs inputs;
        status_fault_set(++k);
        status = inputs_find(&inputs, arguments, 1);
        /* An archive that cannot be opened is an outcome, not a failure. */
        if (status == OK && inputs.n < 7) status = FAILED;
        inputs_fini(&inputs);
    }
    CU_ASSERT_EQUAL(status, OK);
    CU_ASSERT(k > 5);
    status_fault_set(0);
    struct inputs inputs = find_one(arguments[0]);
    for (long f = 1; f < 20; f++) {
        struct seen seen = {.inputs = &inputs};
        status_fault_set(f);
        CU_ASSERT_EQUAL(inputs_read(&inputs, 0, 1, see, &seen), OK);
    }
    status_fault_set(0);
    inputs_fini(&inputs);
    end();
}

const char *const suite_name = "inputs";
const struct suite_test suite_tests[] = {
    {"lists folders in order", lists_folders_in_order},
    {"takes what is asked for", takes_what_is_asked_for},
    {"packs a file once", packs_a_file_once},
    {"reads archives", reads_archives},
    {"survives cut archives", survives_cut_archives},
    {"stops at bombs", stops_at_bombs},
    {"refuses large files", refuses_large_files},
    {"reports every fault", reports_every_fault},
    {NULL, NULL},
};
