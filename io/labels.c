/* Label files: columns, values, and what two rows may not say about one input. */
#define _GNU_SOURCE
#include "labels.h"

#include "csv.h"
#include "file.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

const char *const label_names[4] = {"happy", "tense", "sad", "calm"};

enum column { PATH, LABEL, VALENCE, AROUSAL, SPLIT, GROUP, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {"path",    "label", "valence",
                                                    "arousal", "split", "group"};

/* A label file while it is read. */
struct table {
    struct csv csv;
    const char *file;
    uint32_t index;               /* of the file */
    size_t column[N_COLUMNS];     /* place of each, SIZE_MAX: absent */
    const char *value[N_COLUMNS]; /* of the current row, trimmed; "" when absent */
};

struct label label_none(void)
{
    return (struct label){
        .valence = NAN, .arousal = NAN, .label = CORPUS_UNLABELLED, .split = LABEL_NO_SPLIT};
}

enum status labels_init(struct labels *labels, size_t n)
{
    enum status status = OK;
    *labels = (struct labels){.n = n};
    labels->items = status_fault() ? NULL : calloc(n + 1, sizeof *labels->items);
    labels->sources = status_fault() ? NULL : calloc(n + 1, sizeof *labels->sources);
    if (!labels->items || !labels->sources) {
        labels_fini(labels);
        FAIL(FAILED, "out of memory for the labels");
    }
    for (size_t i = 0; i < n; i++) labels->items[i] = label_none();
done:
    return status;
}

void labels_fini(struct labels *labels)
{
    free(labels->items);
    free(labels->sources);
    *labels = (struct labels){0};
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t') text++;
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) text[--n] = 0;
    return text;
}

static enum status read_header(struct table *table)
{
    enum status status = OK;
    bool end;
    for (int c = 0; c < N_COLUMNS; c++) table->column[c] = SIZE_MAX;
    TRY(csv_next(&table->csv, &end));
    if (end) FAIL(FAILED, "no header");
    for (size_t i = 0; i < table->csv.n_fields; i++) {
        for (int c = 0; c < N_COLUMNS; c++) {
            if (strcasecmp(trim(table->csv.fields[i]), column_names[c])) continue;
            if (table->column[c] != SIZE_MAX) FAIL(FAILED, "two columns %s", column_names[c]);
            table->column[c] = i;
        }
    }
    if (table->column[PATH] == SIZE_MAX) FAIL(FAILED, "no column path");
    if ((table->column[VALENCE] == SIZE_MAX) != (table->column[AROUSAL] == SIZE_MAX))
        FAIL(FAILED, "one of the columns valence and arousal without the other");
    if (table->column[LABEL] == SIZE_MAX && table->column[VALENCE] == SIZE_MAX &&
        table->column[SPLIT] == SIZE_MAX && table->column[GROUP] == SIZE_MAX)
        FAIL(FAILED, "no column label, valence and arousal, split or group");
done:
    return status;
}

static enum status read_emotion(const char *text, int8_t *label)
{
    for (int8_t i = 0; i < 4; i++) {
        const char quadrant[] = {'Q', (char)('1' + i), 0};
        if (strcasecmp(text, label_names[i]) && strcasecmp(text, quadrant)) continue;
        *label = i;
        return OK;
    }
    return status_fail(FAILED, "label %s is none of happy, tense, sad, calm, Q1 to Q4", text);
}

static enum status read_axis(const char *text, const char *name, float *axis)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value >= -1 && value <= 1))
        return status_fail(FAILED, "%s %s is no number from -1 to 1", name, text);
    *axis = (float)value;
    return OK;
}

static enum status read_split(const char *text, int8_t *split)
{
    for (int8_t s = 0; s < N_SPLITS; s++) {
        const bool brief =
            s == SPLIT_VALIDATION && (!strcasecmp(text, "valid") || !strcasecmp(text, "val"));
        if (!brief && strcasecmp(text, split_names[s])) continue;
        *split = s;
        return OK;
    }
    return status_fail(FAILED, "split %s is none of train, validation, test", text);
}

/* The quadrant of two signs: Q1 (+, +), Q2 (-, +), Q3 (-, -), Q4 (+, -). */
static int8_t quadrant(float valence, float arousal)
{
    if (arousal >= 0) return valence >= 0 ? 0 : 1;
    return valence >= 0 ? 3 : 2;
}

static enum status read_quadrant(const struct table *table, struct label *label)
{
    enum status status = OK;
    const char *valence = table->value[VALENCE], *arousal = table->value[AROUSAL];
    if (!*valence && !*arousal) return OK;
    if (!*valence || !*arousal) FAIL(FAILED, "one of valence and arousal without the other");
    TRY(read_axis(valence, "valence", &label->valence));
    TRY(read_axis(arousal, "arousal", &label->arousal));
    const int8_t place = quadrant(label->valence, label->arousal);
    if (label->label != CORPUS_UNLABELLED && label->label != place)
        FAIL(FAILED, "label %s, but valence %s and arousal %s", label_names[label->label], valence,
             arousal);
    label->label = place;
done:
    return status;
}

/* What the current row says. */
static enum status read_row(struct table *table, struct label *label)
{
    enum status status = OK;
    *label = (struct label){
        .valence = NAN, .arousal = NAN, .label = CORPUS_UNLABELLED, .split = LABEL_NO_SPLIT};
    for (int c = 0; c < N_COLUMNS; c++) {
        const size_t place = table->column[c];
        if (place != SIZE_MAX && place >= table->csv.n_fields)
            FAIL(FAILED, "%zu columns, none for %s", table->csv.n_fields, column_names[c]);
        table->value[c] = place == SIZE_MAX ? "" : trim(table->csv.fields[place]);
    }
    if (!*table->value[PATH]) FAIL(FAILED, "no path");
    if (*table->value[LABEL]) TRY(read_emotion(table->value[LABEL], &label->label));
    TRY(read_quadrant(table, label));
    if (label->label != CORPUS_UNLABELLED && isnan(label->valence)) {
        label->valence = label->label == 0 || label->label == 3 ? 1.0F : -1.0F;
        label->arousal = label->label < 2 ? 1.0F : -1.0F;
    }
    if (*table->value[SPLIT]) TRY(read_split(table->value[SPLIT], &label->split));
    const char *group = table->value[GROUP];
    if (*group) label->group = XXH3_64bits(group, strlen(group)) | 1; /* never 0 */
done:
    return status;
}

/* Adds what a row says to what earlier rows said; a field said twice must be the same. */
static enum status merge(struct label *label, const struct label *row)
{
    if (row->label != CORPUS_UNLABELLED) {
        if (label->label != CORPUS_UNLABELLED && label->label != row->label)
            return status_fail(FAILED, "%s here, but %s", label_names[row->label],
                               label_names[label->label]);
        const float apart =
            fabsf(label->valence - row->valence) + fabsf(label->arousal - row->arousal);
        if (label->label != CORPUS_UNLABELLED && apart > 0)
            return status_fail(FAILED, "another valence or arousal than");
        label->label = row->label;
        label->valence = row->valence;
        label->arousal = row->arousal;
    }
    if (row->split != LABEL_NO_SPLIT) {
        if (label->split != LABEL_NO_SPLIT && label->split != row->split)
            return status_fail(FAILED, "%s here, but %s", split_names[row->split],
                               split_names[label->split]);
        label->split = row->split;
    }
    if (row->group) {
        if (label->group && label->group != row->group)
            return status_fail(FAILED, "another group here than");
        label->group = row->group;
    }
    return OK;
}

static enum status locate(const struct table *table, const struct inputs *inputs, size_t *i)
{
    enum status status = OK;
    const char *slash = strrchr(table->file, '/');
    const int folder = slash ? (int)(slash - table->file) + 1 : 0;
    const bool absolute = *table->value[PATH] == '/';
    char *path = NULL;
    const int n = status_fault() ? -1
                                 : asprintf(&path, "%.*s%s", absolute ? 0 : folder, table->file,
                                            table->value[PATH]);
    if (n < 0) {
        path = NULL;
        FAIL(FAILED, "out of memory for the labels");
    }
    *i = inputs_locate(inputs, path);
    if (*i == SIZE_MAX) FAIL(FAILED, "no input %s", table->value[PATH]);
done:
    free(path);
    return status;
}

static enum status read_rows(struct table *table, struct labels *labels,
                             const struct inputs *inputs, const char *const *files)
{
    enum status status = OK;
    struct label row;
    bool end;
    size_t i = 0;
    for (;;) {
        TRY(csv_next(&table->csv, &end));
        if (end) break;
        TRY(read_row(table, &row));
        TRY(locate(table, inputs, &i));
        struct label_source *source = labels->sources + i;
        if (merge(labels->items + i, &row) != OK)
            FAIL(FAILED, "%s: %s in %s:%u", input_name(inputs, i), status_message(),
                 files[source->file - 1], source->line);
        *source = (struct label_source){table->index + 1, (uint32_t)table->csv.line};
    }
done:
    return status;
}

/* A whole file with a terminating zero. */
static enum status read_text(char **text, size_t *size, const char *path)
{
    unsigned char *bytes = NULL;
    enum status status = file_read(&bytes, size, path, LABELS_MAX_BYTES);
    *text = NULL;
    if (status != OK) return status;
    *text = status_fault() ? NULL : realloc(bytes, *size + 1);
    if (!*text) {
        free(bytes);
        return status_fail(FAILED, "%s: out of memory (%zu bytes)", path, *size);
    }
    (*text)[*size] = 0;
    return OK;
}

enum status labels_read(struct labels *labels, const struct inputs *inputs,
                        const char *const *files, size_t n_files)
{
    enum status status = OK;
    char *text = NULL;
    size_t size;
    for (uint32_t f = 0; f < n_files; f++) {
        struct table table = {.file = files[f], .index = f};
        TRY(read_text(&text, &size, files[f]));
        csv_begin(&table.csv, text, size);
        status = read_header(&table);
        if (status == OK) status = read_rows(&table, labels, inputs, files);
        if (status != OK) TRY(status_prefix(FAILED, "%s:%zu", files[f], table.csv.line));
        free(text);
        text = NULL;
    }
done:
    free(text);
    return status;
}
