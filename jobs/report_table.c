/* Tables. */
#include "report_table.h"

#include <math.h>

static void write_number(struct page *page, const json_t *x, enum table_unit unit)
{
    const double value = json_number_value(x);
    if (!json_is_number(x) || !(fabs(value) < 1e15))
        page_put(page, "\xE2\x80\x93");
    else if (unit == UNIT_SHARE)
        page_format(page, "%.0f\xC2\xA0%%", 100 * value);
    else if (unit == UNIT_COUNT && value == floor(value))
        page_count(page, (long long)value);
    else
        page_format(page, fabs(value) < 10 ? "%.3f" : "%.1f", value);
}

void table_cell(struct page *page, const json_t *figure, enum table_unit unit)
{
    const bool whole = json_is_object(figure);
    const json_t *low = json_object_get(figure, "low"), *high = json_object_get(figure, "high");
    write_number(page, whole ? json_object_get(figure, "value") : figure, unit);
    if (!json_is_number(low) || !json_is_number(high)) return;
    page_put(page, " <span class=\"i\">[");
    write_number(page, low, unit);
    page_put(page, ", ");
    write_number(page, high, unit);
    page_put(page, "]</span>");
}

static bool any_has(const struct report *report, const char *path)
{
    for (size_t r = 0; r < report->n_runs; r++)
        if (report_at(report->runs[r].evaluation, path)) return true;
    return false;
}

static void begin(struct page *page, const char *caption)
{
    page_put(page, "<div class=\"wide\"><table><caption>");
    page_text(page, caption);
    page_put(page, "</caption>\n<thead><tr>");
}

static void figure_row(struct report *report, const struct table_figure *figure)
{
    static const char *const BETTER[] = {"\xE2\x86\x91 higher", "\xE2\x86\x93 lower",
                                         "\xE2\x80\x93"};
    struct page *page = &report->page;
    page_format(page, "<tr><th scope=\"row\">%s<small>%s</small></th><td>%s</td>", figure->name,
                figure->means, BETTER[figure->better]);
    for (size_t r = 0; r < report->n_runs; r++) {
        if (!report->runs[r].evaluation) continue;
        page_put(page, "<td>");
        table_cell(page, report_at(report->runs[r].evaluation, figure->path), figure->unit);
        page_put(page, "</td>");
    }
    page_put(page, "</tr>\n");
}

bool table_figures(struct report *report, const char *caption, const struct table_figure *figures,
                   size_t n)
{
    struct page *page = &report->page;
    bool any = false;
    for (size_t i = 0; i < n; i++) any = any || any_has(report, figures[i].path);
    if (!any) return false;
    begin(page, caption);
    page_put(page, "<th scope=\"col\">figure</th><th scope=\"col\">better</th>");
    for (size_t r = 0; r < report->n_runs; r++) {
        if (!report->runs[r].evaluation) continue;
        page_put(page, "<th scope=\"col\">");
        page_text(page, report->n_runs > 1 ? report->runs[r].name : "value");
        page_put(page, "</th>");
    }
    page_put(page, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++)
        if (any_has(report, figures[i].path)) figure_row(report, &figures[i]);
    table_grid_end(report);
    return true;
}

bool table_has(const struct report *report, const struct table_row *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++)
        if (any_has(report, rows[i].path)) return true;
    return false;
}

void table_grid_begin(struct report *report, const char *caption,
                      const struct table_column *columns, size_t n_columns)
{
    struct page *page = &report->page;
    begin(page, caption);
    page_put(page, "<td></td>");
    if (report->n_runs > 1) page_put(page, "<th scope=\"col\">run</th>");
    for (size_t c = 0; c < n_columns; c++)
        page_format(page, "<th scope=\"col\">%s</th>", columns[c].name);
    page_put(page, "</tr></thead>\n<tbody>\n");
}

void table_grid_row(struct report *report, size_t run, const char *name, const json_t *scores,
                    const struct table_column *columns, size_t n_columns)
{
    struct page *page = &report->page;
    page_put(page, "<tr><th scope=\"row\">");
    page_text(page, name);
    page_put(page, "</th>");
    if (report->n_runs > 1) {
        page_put(page, "<td class=\"run\">");
        page_text(page, report->runs[run].name);
        page_put(page, "</td>");
    }
    for (size_t c = 0; c < n_columns; c++) {
        page_put(page, "<td>");
        table_cell(page, json_object_get(scores, columns[c].key), columns[c].unit);
        page_put(page, "</td>");
    }
    page_put(page, "</tr>\n");
}

void table_grid_end(struct report *report)
{
    page_put(&report->page, "</tbody></table></div>\n");
}

bool table_grid(struct report *report, const char *caption, const struct table_row *rows,
                size_t n_rows, const struct table_column *columns, size_t n_columns)
{
    if (!table_has(report, rows, n_rows)) return false;
    table_grid_begin(report, caption, columns, n_columns);
    for (size_t i = 0; i < n_rows; i++)
        for (size_t r = 0; r < report->n_runs; r++) {
            const json_t *scores = report_at(report->runs[r].evaluation, rows[i].path);
            if (scores) table_grid_row(report, r, rows[i].name, scores, columns, n_columns);
        }
    table_grid_end(report);
    return true;
}
