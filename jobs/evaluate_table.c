/* Laying out figures. */
#include "evaluate_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CELL_ROOM = 1024, NAME_ROOM = 256, CELL_WIDTH = 24 };

static bool is_figure(const json_t *entry)
{
    return json_object_get(entry, "value") != NULL;
}

static bool is_cell(const json_t *entry)
{
    return !json_is_array(entry) && (!json_is_object(entry) || is_figure(entry));
}

static bool is_matrix(const json_t *entry)
{
    return json_is_array(entry) && !json_is_string(json_array_get(entry, 0));
}

/* Whether all that an object has are cells, and matrices to leave out. */
static bool is_row(json_t *entry)
{
    const char *key;
    json_t *member;
    if (!json_is_object(entry) || is_figure(entry)) return false;
    json_object_foreach(entry, key, member)
    {
        if (!is_cell(member) && !is_matrix(member)) return false;
    }
    return true;
}

static bool same_columns(json_t *a, json_t *b)
{
    const char *key;
    json_t *member;
    if (json_object_size(a) != json_object_size(b)) return false;
    json_object_foreach(a, key, member)
    {
        if (!json_object_get(b, key)) return false;
    }
    return true;
}

static void write_number(char *text, size_t room, const json_t *x)
{
    if (json_is_real(x))
        snprintf(text, room, "%.4f", json_real_value(x));
    else if (json_is_integer(x))
        snprintf(text, room, "%lld", (long long)json_integer_value(x));
    else if (json_is_string(x))
        snprintf(text, room, "%s", json_string_value(x));
    else
        snprintf(text, room, "-");
}

static void write_figure(char cell[CELL_ROOM], const json_t *figure)
{
    static const char *const PARTS[] = {"value", "low", "high"};
    char part[3][CELL_ROOM / 4];
    for (int i = 0; i < 3; i++) {
        const json_t *x = json_object_get(figure, PARTS[i]);
        if (json_is_real(x))
            snprintf(part[i], sizeof part[i], "%.3f", json_real_value(x));
        else
            snprintf(part[i], sizeof part[i], "-");
    }
    snprintf(cell, CELL_ROOM, "%s [%s, %s]", part[0], part[1], part[2]);
}

static void write_list(char cell[CELL_ROOM], const json_t *list)
{
    size_t at = 0;
    cell[0] = 0;
    for (size_t i = 0; i < json_array_size(list) && at < CELL_ROOM; i++)
        at += (size_t)snprintf(cell + at, CELL_ROOM - at, "%s%s", i ? ", " : "",
                               json_string_value(json_array_get(list, i)));
}

static void write_cell(char cell[CELL_ROOM], const json_t *entry)
{
    if (is_figure(entry))
        write_figure(cell, entry);
    else if (json_is_array(entry))
        write_list(cell, entry);
    else
        write_number(cell, CELL_ROOM, entry);
}

/* A cell of a row, `*pad` blanks after the last one. */
static void print_cell(int *pad, const char *cell)
{
    printf("%*s  %s", *pad, "", cell);
    *pad = CELL_WIDTH - (int)strlen(cell);
    if (*pad < 0) *pad = 0;
}

static void print_columns(int name_width, json_t *row)
{
    const char *key;
    json_t *member;
    int pad = 0;
    printf("  %*s", name_width, "");
    json_object_foreach(row, key, member)
    {
        if (is_cell(member)) print_cell(&pad, key);
    }
    putchar('\n');
}

/* `row` has the columns of `first`, in whatever order. */
static void print_row(int name_width, const char *name, json_t *first, const json_t *row)
{
    const char *key;
    json_t *member;
    int pad = 0;
    printf("  %-*s", name_width, name);
    json_object_foreach(first, key, member)
    {
        char cell[CELL_ROOM];
        if (!is_cell(member)) continue;
        write_cell(cell, json_object_get(row, key));
        print_cell(&pad, cell);
    }
    putchar('\n');
}

/* Where the rows end that begin at `first` and have its columns. */
static void *end_of_rows(json_t *object, void *first, int *name_width)
{
    json_t *head = json_object_iter_value(first);
    void *end = first;
    *name_width = 0;
    for (; end; end = json_object_iter_next(object, end)) {
        json_t *entry = json_object_iter_value(end);
        const int length = (int)strlen(json_object_iter_key(end));
        if (!is_row(entry) || !same_columns(head, entry)) break;
        if (length > *name_width) *name_width = length;
    }
    return end;
}

static void print_rows(json_t *section)
{
    for (void *at = json_object_iter(section); at;) {
        json_t *head = json_object_iter_value(at);
        int width;
        if (!is_row(head)) {
            at = json_object_iter_next(section, at);
            continue;
        }
        void *end = end_of_rows(section, at, &width);
        print_columns(width, head);
        for (; at != end; at = json_object_iter_next(section, at))
            print_row(width, json_object_iter_key(at), head, json_object_iter_value(at));
    }
}

static bool is_line(const json_t *entry)
{
    return is_cell(entry) || (json_is_array(entry) && !is_matrix(entry));
}

static void print_lines(json_t *section)
{
    const char *key;
    json_t *entry;
    int width = 0;
    json_object_foreach(section, key, entry)
    {
        if (is_line(entry) && (int)strlen(key) > width) width = (int)strlen(key);
    }
    json_object_foreach(section, key, entry)
    {
        char cell[CELL_ROOM];
        if (!is_line(entry)) continue;
        write_cell(cell, entry);
        printf("  %-*s  %s\n", width, key, cell);
    }
}

/* An object that is no row of its parent's tables. */
static bool is_section(json_t *entry, bool top)
{
    return json_object_size(entry) > 0 && !is_figure(entry) && (top || !is_row(entry));
}

static void print_section(const char *name, json_t *section)
{
    const char *key;
    json_t *entry;
    const bool top = !*name;
    bool bare = true;
    json_object_foreach(section, key, entry)
    {
        if (!is_section(entry, top)) bare = false;
    }
    if (!top && !bare) printf("\n%s\n", name);
    print_lines(section);
    if (!top) print_rows(section);
    json_object_foreach(section, key, entry)
    {
        char longer[NAME_ROOM];
        if (!is_section(entry, top)) continue;
        snprintf(longer, sizeof longer, "%s%s%s", name, top ? "" : ".", key);
        print_section(longer, entry);
    }
}

void evaluate_table_print(json_t *document)
{
    print_section("", document);
}
