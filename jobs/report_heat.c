/* Small matrices as heat maps: shades by number, the number in each cell. */
#include "emotion.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CELL = 62, HEIGHT = 34, LEFT = 118, TOP = 40, MOST = 4, SHOWS_ROOM = 1024 };

/* A matrix to draw. */
struct heat {
    size_t rows, columns;
    double shade[MOST][MOST]; /* 0-1 */
    char text[MOST][MOST][16];
    const char *row[MOST], *column[MOST];
    const char *rows_are, *columns_are;
};

static void describe(char shows[SHOWS_ROOM], const struct heat *heat)
{
    int n =
        snprintf(shows, SHOWS_ROOM, "Rows: %s; columns: %s.", heat->rows_are, heat->columns_are);
    for (size_t i = 0; i < heat->rows; i++)
        for (size_t j = 0; j < heat->columns && n < SHOWS_ROOM; j++)
            n += snprintf(shows + n, (size_t)(SHOWS_ROOM - n), "%s%s, %s: %s%s", j ? "; " : " ",
                          heat->row[i], heat->column[j], heat->text[i][j],
                          j + 1 == heat->columns ? "." : "");
}

static void draw_cell(struct page *page, const struct heat *heat, size_t i, size_t j)
{
    const int x = LEFT + (int)j * CELL, y = TOP + (int)i * HEIGHT;
    page_format(page,
                "<rect class=\"grid\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
                "<rect class=\"cell\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                "fill-opacity=\"%.2f\"/><text class=\"m\" x=\"%d\" y=\"%d\">%s</text>\n",
                x, y, CELL, HEIGHT, x, y, CELL, HEIGHT, 0.55 * heat->shade[i][j], x + CELL / 2,
                y + HEIGHT / 2 + 4, heat->text[i][j]);
}

static void draw(struct page *page, const struct heat *heat, const char *name, const char *caption)
{
    char shows[SHOWS_ROOM];
    describe(shows, heat);
    page_picture_begin(page, LEFT + CELL * (int)heat->columns + 12,
                       TOP + HEIGHT * (int)heat->rows + 6, name, shows);
    page_format(page, "<text class=\"t\" x=\"%d\" y=\"14\">%s</text>", LEFT, heat->columns_are);
    page_format(page, "<text class=\"t e\" x=\"%d\" y=\"32\">%s</text>", LEFT - 8, heat->rows_are);
    for (size_t j = 0; j < heat->columns; j++)
        page_format(page, "<text class=\"m\" x=\"%d\" y=\"32\">%s</text>",
                    LEFT + (int)j * CELL + CELL / 2, heat->column[j]);
    for (size_t i = 0; i < heat->rows; i++) {
        page_format(page, "<text class=\"e\" x=\"%d\" y=\"%d\">%s</text>\n", LEFT - 8,
                    TOP + (int)i * HEIGHT + HEIGHT / 2 + 4, heat->row[i]);
        for (size_t j = 0; j < heat->columns; j++) draw_cell(page, heat, i, j);
    }
    page_picture_end(page, caption);
}

/* The run's name above its picture, where there are several. */
static void name_run(struct report *report, size_t run)
{
    page_put(&report->page, "<div>");
    if (report->n_runs < 2) return;
    page_put(&report->page, "<strong>");
    page_text(&report->page, report->runs[run].name);
    page_put(&report->page, "</strong>");
}

/* Counts as a heat map; false when they are no such matrix. */
static bool take_counts(struct heat *heat, const json_t *matrix)
{
    if (json_array_size(matrix) != N_EMOTIONS) return false;
    *heat = (struct heat){.rows = N_EMOTIONS, .columns = N_EMOTIONS};
    for (size_t i = 0; i < N_EMOTIONS; i++) {
        const json_t *row = json_array_get(matrix, i);
        double sum = 0;
        for (size_t j = 0; j < N_EMOTIONS; j++) {
            const json_t *count = json_array_get(row, j);
            if (!json_is_integer(count) || json_integer_value(count) < 0) return false;
            heat->shade[i][j] = (double)json_integer_value(count);
            sum += heat->shade[i][j];
            snprintf(heat->text[i][j], sizeof heat->text[i][j], "%.0f", heat->shade[i][j]);
        }
        for (size_t j = 0; j < N_EMOTIONS; j++) heat->shade[i][j] /= sum > 0 ? sum : 1;
        heat->row[i] = heat->column[i] = emotion_names[i];
    }
    return true;
}

void report_confusion(struct report *report, const char *const *paths, const char *rows,
                      const char *columns, const char *caption)
{
    struct heat heat;
    page_put(&report->page, "<div class=\"pair\">\n");
    for (size_t r = 0; r < report->n_runs; r++) {
        const json_t *matrix = NULL;
        for (size_t i = 0; paths[i] && !matrix; i++)
            matrix = report_at(report->runs[r].evaluation, paths[i]);
        if (!take_counts(&heat, matrix)) continue;
        heat.rows_are = rows;
        heat.columns_are = columns;
        name_run(report, r);
        draw(&report->page, &heat, "Confusion of emotions", caption);
        page_put(&report->page, "</div>\n");
    }
    page_put(&report->page, "</div>\n");
}

/* Shares of variance that each latent tells of each group of attributes. */
static bool take_leakage(struct heat *heat, const json_t *section)
{
    static const char *const FIGURES[3][2] = {
        {"rhythm_from_rhythm_latent", "tonal_from_rhythm_latent"},
        {"rhythm_from_tonal_latent", "tonal_from_tonal_latent"},
        {"rhythm_from_tonal_attributes", "tonal_from_rhythm_attributes"}};
    *heat = (struct heat){.rows = 3,
                          .columns = 2,
                          .row = {"rhythm latent", "tonal latent", "other attributes"},
                          .column = {"rhythm", "tonal"},
                          .rows_are = "known",
                          .columns_are = "attributes told, R\xC2\xB2"};
    for (size_t i = 0; i < heat->rows; i++)
        for (size_t j = 0; j < heat->columns; j++) {
            const json_t *value = json_object_get(json_object_get(section, FIGURES[i][j]), "value");
            const double x = json_number_value(value);
            if (!value && i < 2) return false;
            heat->shade[i][j] = fmin(fmax(x, 0), 1);
            if (json_is_number(value) && fabs(x) < 1e6)
                snprintf(heat->text[i][j], sizeof heat->text[i][j], "%.2f", x);
            else
                strcpy(heat->text[i][j], "\xE2\x80\x93");
        }
    return true;
}

void report_leakage(struct report *report)
{
    struct heat heat;
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++) {
        const json_t *evaluation = report->runs[r].evaluation;
        if (!evaluation) continue;
        if (!take_leakage(&heat, json_object_get(evaluation, "leakage"))) {
            report_miss(report, report->runs[r].name, "leakage", "not in evaluation.json");
            continue;
        }
        if (!any) page_put(&report->page, "<h3>Leakage</h3>\n<div class=\"pair\">\n");
        any = true;
        name_run(report, r);
        draw(
            &report->page, &heat, "Leakage between rhythm and tonality",
            "How much of rhythm and of tonal attributes can be told from each latent (R\xC2\xB2: 0 "
            "nothing, 1 all). Good: high on the diagonal of the first two rows, low beside it; the "
            "last row, what attributes of the other kind tell, is the least that could leak.");
        page_put(&report->page, "</div>\n");
    }
    if (any) page_put(&report->page, "</div>\n");
}
