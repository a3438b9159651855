/**
 * Tables of the figures that evaluations hold, several runs side by side.  All functions are Local.
 */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "report.h"

enum table_unit { UNIT_NUMBER, UNIT_SHARE, UNIT_COUNT };
enum table_better { BETTER_HIGHER, BETTER_LOWER, BETTER_NEITHER };

/** A figure of an evaluation, `a.b.c`, and what to say of it. */
struct table_figure {
    const char *path, *name, *means;
    enum table_unit unit;
    enum table_better better;
};

/** A column of a grid: a member of each row's object. */
struct table_column {
    const char *key, *name;
    enum table_unit unit;
};

/** A row of a grid: the member `path` of each evaluation; a row for each run that has it. */
struct table_row {
    const char *path, *name;
};

/** The cell of a figure: its value, and its interval where it has one. */
void table_cell(struct page *page, const json_t *figure, enum table_unit unit);

/** A row a figure that some run has, a column a run.  False, and nothing drawn, without any. */
bool table_figures(struct report *report, const char *caption, const struct table_figure *figures,
                   size_t n);

/** Whether some run has one of the rows. */
bool table_has(const struct report *report, const struct table_row *rows, size_t n_rows);

/** A row for each of `rows` and each run that has it. */
bool table_grid(struct report *report, const char *caption, const struct table_row *rows,
                size_t n_rows, const struct table_column *columns, size_t n_columns);

/** Of a grid whose rows were not known beforehand: its head, a row, its end. */
void table_grid_begin(struct report *report, const char *caption,
                      const struct table_column *columns, size_t n_columns);
void table_grid_row(struct report *report, size_t run, const char *name, const json_t *scores,
                    const struct table_column *columns, size_t n_columns);
void table_grid_end(struct report *report);

#endif
