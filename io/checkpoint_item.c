/* Names, types and shapes of what a checkpoint stores. */
#define _GNU_SOURCE
#include "checkpoint_item.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TEXT_GROUP "text"

hid_t checkpoint_type_stored(enum checkpoint_type type)
{
    switch (type) {
    case CHECKPOINT_FLOAT: return H5T_IEEE_F32LE;
    case CHECKPOINT_DOUBLE: return H5T_IEEE_F64LE;
    case CHECKPOINT_INT64: return H5T_STD_I64LE;
    }
    return H5I_INVALID_HID;
}

hid_t checkpoint_type_native(enum checkpoint_type type)
{
    switch (type) {
    case CHECKPOINT_FLOAT: return H5T_NATIVE_FLOAT;
    case CHECKPOINT_DOUBLE: return H5T_NATIVE_DOUBLE;
    case CHECKPOINT_INT64: return H5T_NATIVE_INT64;
    }
    return H5I_INVALID_HID;
}

size_t checkpoint_type_bytes(enum checkpoint_type type)
{
    return type == CHECKPOINT_FLOAT ? 4 : 8;
}

static bool part_valid(const char *part, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)part[i]) && !strchr("._-", part[i])) return false;
    const bool dots = strspn(part, ".") >= length && length <= 2;
    return length > 0 && !dots;
}

bool checkpoint_name_valid(const char *name)
{
    if (strnlen(name, CHECKPOINT_NAME_SIZE) == CHECKPOINT_NAME_SIZE) return false;
    for (;; name++) {
        const size_t length = strcspn(name, "/");
        if (!part_valid(name, length)) return false;
        name += length;
        if (*name == 0) return true;
    }
}

bool checkpoint_name_is_text(const char *name)
{
    const size_t n = strlen(TEXT_GROUP);
    return strncmp(name, TEXT_GROUP, n) == 0 && (name[n] == 0 || name[n] == '/');
}

enum status checkpoint_item_of_field(struct checkpoint_item *item,
                                     const struct checkpoint_field *field)
{
    if (!checkpoint_name_valid(field->name) || checkpoint_name_is_text(field->name))
        return status_fail(FAILED, "checkpoint: `%.95s` is no name for a dataset", field->name);
    const hid_t stored = checkpoint_type_stored(field->type);
    if (stored < 0)
        return status_fail(FAILED, "checkpoint: %s: unknown type %d", field->name,
                           (int)field->type);
    size_t row_bytes, bytes;
    if (__builtin_mul_overflow(field->columns, checkpoint_type_bytes(field->type), &row_bytes) ||
        __builtin_mul_overflow(field->rows, row_bytes, &bytes) || bytes > INT64_MAX)
        return status_fail(FAILED, "checkpoint: %s: %zu x %zu numbers are too many", field->name,
                           field->rows, field->columns);
    if (bytes > 0 && !field->data)
        return status_fail(FAILED, "checkpoint: %s: no data", field->name);
    *item = (struct checkpoint_item){.stored = stored,
                                     .native = checkpoint_type_native(field->type),
                                     .n_dims = 2,
                                     .dims = {field->rows, field->columns},
                                     .row_bytes = row_bytes,
                                     .data = field->data};
    memcpy(item->name, field->name, sizeof item->name);
    return OK;
}

enum status checkpoint_item_of_text(struct checkpoint_item *item,
                                    const struct checkpoint_text *text)
{
    const size_t limit = CHECKPOINT_TEXT_LIMIT;
    *item = (struct checkpoint_item){.stored = H5T_STD_U8LE,
                                     .native = H5T_NATIVE_UINT8,
                                     .n_dims = 1,
                                     .row_bytes = 1,
                                     .data = text->text};
    const int n = snprintf(item->name, sizeof item->name, TEXT_GROUP "/%s", text->name);
    if (n < 0 || n >= CHECKPOINT_NAME_SIZE || !checkpoint_name_valid(item->name))
        return status_fail(FAILED, "checkpoint: `%.95s` is no name for a text", text->name);
    item->dims[0] = strnlen(text->text, limit + 1);
    if (item->dims[0] > limit)
        return status_fail(FAILED, "checkpoint: %s: longer than the limit of %zu bytes", item->name,
                           limit);
    return OK;
}

/* A slash sorts before all else, so that whatever lies in a group follows the group's own name. */
static int compare_names(const void *left, const void *right)
{
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    while (*a && *a == *b) a++, b++;
    const int x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;
    return x - y;
}

static enum status check_neighbours(const char *const *names, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        const size_t length = strlen(names[i]);
        if (strncmp(names[i], names[i + 1], length) != 0) continue;
        if (names[i + 1][length] == 0)
            return status_fail(FAILED, "checkpoint: %s: two datasets of one name", names[i]);
        if (names[i + 1][length] == '/')
            return status_fail(FAILED, "checkpoint: %s: both a dataset and a group", names[i]);
    }
    return OK;
}

enum status checkpoint_items_distinct(const struct checkpoint_item *items, size_t n)
{
    const char **names = malloc((n + 1) * sizeof *names);
    if (!names || status_fault()) {
        free(names);
        return status_fail(FAILED, "checkpoint: out of memory for %zu names", n);
    }
    for (size_t i = 0; i < n; i++) names[i] = items[i].name;
    qsort(names, n, sizeof *names, compare_names);
    const enum status status = check_neighbours(names, n);
    free(names);
    return status;
}
