/* labels: the columns and values of label files, and how rows find inputs. */
#define _GNU_SOURCE
#include "labels.h"
#include "runner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/affekt-labels-XXXXXX";
static struct inputs inputs;
static const char *const arguments[] = {folder};

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

/* Four inputs, found once for the suite: a.mid, b.mid, c.mid, "d,\" e.mid". */
static void begin(void)
{
    if (inputs.n) return;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    put("a.mid", "MThd");
    put("b.mid", "MThd");
    put("c.mid", "MThd");
    put("d,\" e.mid", "MThd");
    CU_ASSERT_EQUAL_FATAL(inputs_find(&inputs, arguments, 1), OK);
    CU_ASSERT_EQUAL_FATAL(inputs.n, 4);
}

/* Reads up to two label files with these contents. */
static enum status read_texts(struct labels *labels, const char *text, const char *second)
{
    char one[256], two[256];
    begin();
    put("one.csv", text);
    put("two.csv", second ? second : "");
    snprintf(one, sizeof one, "%s/one.csv", folder);
    snprintf(two, sizeof two, "%s/two.csv", folder);
    const char *const files[] = {one, two};
    CU_ASSERT_EQUAL_FATAL(labels_init(labels, inputs.n), OK);
    const enum status status = labels_read(labels, &inputs, files, second ? 2 : 1);
    if (status != OK) labels_fini(labels);
    return status;
}

/* Expects a failure whose message is FOLDER/FILE:LINE: text. */
static void refuse(const char *text, const char *second, const char *where, const char *want)
{
    struct labels labels;
    char whole[512];
    const enum status status = read_texts(&labels, text, second);
    CU_ASSERT_EQUAL(status, FAILED);
    if (status == OK) labels_fini(&labels);
    snprintf(whole, sizeof whole, "%s/%s: %s", folder, where, want);
    if (strncmp(status_message(), whole, strlen(whole)) != 0)
        fprintf(stderr, "want '%s', found '%s'\n", whole, status_message());
    CU_ASSERT_EQUAL(strncmp(status_message(), whole, strlen(whole)), 0);
}

static void reads_emotions(void)
{
    struct labels labels;
    CU_ASSERT_EQUAL_FATAL(
        read_texts(&labels, "path,label\na.mid,happy\nb.mid,Q2\nc.mid,SAD\n", NULL), OK);
    const int8_t want[] = {0, 1, 2, CORPUS_UNLABELLED};
    for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(labels.items[i].label, want[i]);
    CU_ASSERT_EQUAL(labels.items[1].valence, -1.0F);
    CU_ASSERT_EQUAL(labels.items[1].arousal, 1.0F);
    CU_ASSERT(isnan(labels.items[3].valence));
    CU_ASSERT_EQUAL(labels.items[0].split, LABEL_NO_SPLIT);
    CU_ASSERT_EQUAL(labels.items[0].group, 0);
    labels_fini(&labels);
}

static void reads_valence_and_arousal(void)
{
    struct labels labels;
    CU_ASSERT_EQUAL_FATAL(
        read_texts(&labels, "arousal,valence,path\n.5,-1,a.mid\n-0.25,1,b.mid\n0,0,c.mid\n", NULL),
        OK);
    CU_ASSERT_EQUAL(labels.items[0].label, 1);
    CU_ASSERT_EQUAL(labels.items[1].label, 3);
    CU_ASSERT_EQUAL(labels.items[2].label, 0);
    CU_ASSERT_EQUAL(labels.items[1].arousal, -0.25F);
    labels_fini(&labels);
}

static void reads_what_spreadsheets_write(void)
{
    struct labels labels;
    CU_ASSERT_EQUAL_FATAL(read_texts(&labels,
                                     "\xEF\xBB\xBFPath , LABEL,comment,Split,group\r\n"
                                     "\"d,\"\" e.mid\", calm ,\"two\r\nlines\",valid,\"g 1\"\r\n"
                                     "\r\n./a.mid,,,test,g 1",
                                     NULL),
                          OK);
    CU_ASSERT_EQUAL(labels.items[3].label, 3);
    CU_ASSERT_EQUAL(labels.items[3].split, SPLIT_VALIDATION);
    CU_ASSERT_EQUAL(labels.items[0].label, CORPUS_UNLABELLED);
    CU_ASSERT_EQUAL(labels.items[0].split, SPLIT_TEST);
    CU_ASSERT_NOT_EQUAL(labels.items[0].group, 0);
    CU_ASSERT_EQUAL(labels.items[0].group, labels.items[3].group);
    CU_ASSERT_EQUAL(labels.sources[0].line, 5);
    labels_fini(&labels);
}

static void finds_inputs_by_their_real_path(void)
{
    struct labels labels;
    char text[512], link[256];
    begin();
    snprintf(link, sizeof link, "%s/elsewhere", folder);
    unlink(link);
    CU_ASSERT_EQUAL(symlink(folder, link), 0);
    snprintf(text, sizeof text, "path,label\nelsewhere/../%s/elsewhere/a.mid,sad\n%s/b.mid,calm\n",
             strrchr(folder, '/') + 1, folder);
    const enum status status = read_texts(&labels, text, NULL);
    CU_ASSERT_EQUAL(status, OK);
    if (status == OK) {
        CU_ASSERT_EQUAL(labels.items[0].label, 2);
        CU_ASSERT_EQUAL(labels.items[1].label, 3);
        labels_fini(&labels);
    }
    unlink(link);
}

static void names_file_and_line_of_bad_rows(void)
{
    refuse("", NULL, "one.csv:1", "no header");
    refuse("file,label\n", NULL, "one.csv:1", "no column path");
    refuse("path\n", NULL, "one.csv:1", "no column label");
    refuse("path,valence\n", NULL, "one.csv:1", "one of the columns valence and arousal");
    refuse("path,label,label\n", NULL, "one.csv:1", "two columns label");
    refuse("path,label\na.mid,happy\n\nx.mid,sad\n", NULL, "one.csv:4", "no input x.mid");
    refuse("path,label\na.mid,1\n", NULL, "one.csv:2", "label 1 is none of");
    refuse("path,label\na.mid\n", NULL, "one.csv:2", "1 columns, none for label");
    refuse("path,label\n,sad\n", NULL, "one.csv:2", "no path");
    refuse("path,valence,arousal\na.mid,1.01,0\n", NULL, "one.csv:2", "valence 1.01 is no number");
    refuse("path,valence,arousal\na.mid,0,nan\n", NULL, "one.csv:2", "arousal nan is no number");
    refuse("path,valence,arousal\na.mid,1x,1\n", NULL, "one.csv:2", "valence 1x is no number");
    refuse("path,valence,arousal\na.mid,1,\n", NULL, "one.csv:2", "one of valence and arousal");
    refuse("path,label,valence,arousal\na.mid,sad,1,1\n", NULL, "one.csv:2", "label sad, but");
    refuse("path,split\na.mid,dev\n", NULL, "one.csv:2", "split dev is none of");
    refuse("path,label\n\"a.mid,sad\n", NULL, "one.csv:2", "a quote is never closed");
}

static void refuses_contradictions(void)
{
    refuse("path,label\na.mid,sad\n./a.mid,calm\n", NULL, "one.csv:3", "");
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "calm here, but sad in"));
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "one.csv:2"));
    refuse("path,label\na.mid,sad\n", "path,label\nb.mid,sad\na.mid,calm\n", "two.csv:3", "");
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "one.csv:2"));
    refuse("path,split\na.mid,test\na.mid,train\n", NULL, "one.csv:3", "");
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "train here, but test in"));
    refuse("path,group\na.mid,x\na.mid,y\n", NULL, "one.csv:3", "");
}

static void merges_what_agrees(void)
{
    struct labels labels;
    CU_ASSERT_EQUAL_FATAL(read_texts(&labels, "path,label\na.mid,sad\na.mid,Q3\n",
                                     "path,split,group\na.mid,test,one\n"),
                          OK);
    CU_ASSERT_EQUAL(labels.items[0].label, 2);
    CU_ASSERT_EQUAL(labels.items[0].split, SPLIT_TEST);
    CU_ASSERT_NOT_EQUAL(labels.items[0].group, 0);
    labels_fini(&labels);
}

static void survives_any_cut(void)
{
    static const char text[] =
        "\xEF\xBB\xBFpath,label,split\r\n\"a.mid\",sad,\"test\"\r\nb.mid,Q1,\n";
    for (size_t n = 0; n < sizeof text; n++) {
        struct labels labels;
        char *part = strndup(text, n);
        if (read_texts(&labels, part, NULL) == OK) labels_fini(&labels);
        free(part);
    }
}

static void reports_missing_files_and_memory(void)
{
    struct labels labels;
    const char *const missing[] = {"/nonexistent/l.csv"};
    begin();
    CU_ASSERT_EQUAL_FATAL(labels_init(&labels, inputs.n), OK);
    CU_ASSERT_EQUAL(labels_read(&labels, &inputs, missing, 1), FAILED);
    CU_ASSERT_EQUAL(strncmp(status_message(), "/nonexistent/l.csv: ", 20), 0);
    labels_fini(&labels);
    char path[256];
    put("one.csv", "path,label\na.mid,happy\n");
    snprintf(path, sizeof path, "%s/one.csv", folder);
    const char *const files[] = {path};
    enum status status = FAILED;
    long k = 0;
    while (status != OK && k < 20) {
        status_fault_set(++k);
        status = labels_init(&labels, inputs.n);
        if (status != OK) continue;
        status = labels_read(&labels, &inputs, files, 1);
        labels_fini(&labels);
    }
    status_fault_set(0);
    CU_ASSERT_EQUAL(status, OK);
    CU_ASSERT(k > 3);
}

static void cleans_up(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
    inputs_fini(&inputs);
}

const char *const suite_name = "labels";
const struct suite_test suite_tests[] = {
    {"reads emotions", reads_emotions},
    {"reads valence and arousal", reads_valence_and_arousal},
    {"reads what spreadsheets write", reads_what_spreadsheets_write},
    {"finds inputs by their real path", finds_inputs_by_their_real_path},
    {"names file and line of bad rows", names_file_and_line_of_bad_rows},
    {"refuses contradictions", refuses_contradictions},
    {"merges what agrees", merges_what_agrees},
    {"survives any cut", survives_any_cut},
    {"reports missing files and memory", reports_missing_files_and_memory},
    {"cleans up", cleans_up},
    {NULL, NULL},
};
