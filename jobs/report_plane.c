/* Held-out pieces on the first two discriminant axes. */
#include "emotion.h"
#include "report.h"
#include "report_plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 496, MOST_PIECES = 1500, SHOWS_ROOM = 1024 };

/* A place on the plane; false where there is none. */
static bool take_place(double place[2], const json_t *entry)
{
    const json_t *list = json_object_get(entry, "place");
    if (json_array_size(list) != 2) return false;
    for (size_t a = 0; a < 2; a++) {
        const json_t *x = json_array_get(list, a);
        place[a] = json_number_value(x);
        if (!json_is_number(x) || !(fabs(place[a]) < 1e9)) return false;
    }
    return true;
}

static int take_emotion(const json_t *x)
{
    if (json_is_string(x)) return emotion_parse(json_string_value(x));
    const bool known =
        json_is_integer(x) && json_integer_value(x) >= 0 && json_integer_value(x) < N_EMOTIONS;
    return known ? (int)json_integer_value(x) : -1;
}

struct extent {
    double low[2], high[2];
    size_t n;
};

static void widen(struct extent *extent, const json_t *list)
{
    double place[2];
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!take_place(place, json_array_get(list, i))) continue;
        for (int a = 0; a < 2; a++) {
            extent->low[a] = extent->n ? fmin(extent->low[a], place[a]) : place[a];
            extent->high[a] = extent->n ? fmax(extent->high[a], place[a]) : place[a];
        }
        extent->n++;
    }
}

/* The same length stands for the same distance on both axes, in which pieces of one emotion have
 * unit variance. */
static void fit(struct plot *plot, const struct extent *extent)
{
    static const double INNER[2] = {WIDTH - 78, HEIGHT - 76};
    double unit = 0;
    for (int a = 0; a < 2; a++)
        unit = fmax(unit, 1.08 * (extent->high[a] - extent->low[a]) / INNER[a]);
    if (!(unit > 0)) unit = 0.01;
    struct axis *const axes[2] = {&plot->x, &plot->y};
    for (int a = 0; a < 2; a++) {
        const double middle = (extent->low[a] + extent->high[a]) / 2;
        axis_exact(axes[a], middle - unit * INNER[a] / 2, middle + unit * INNER[a] / 2);
    }
}

static void draw_piece(struct plot *plot, const json_t *piece)
{
    struct page *page = plot->page;
    double place[2];
    const int label = take_emotion(json_object_get(piece, "label"));
    const json_t *answers = json_object_get(piece, "told");
    const int told = take_emotion(json_object_get(answers, "mixture"));
    const char *name = json_string_value(json_object_get(piece, "name"));
    if (label < 0 || !take_place(place, piece)) return;
    page_format(page, "<path class=\"%s %s\" transform=\"translate(%.1f %.1f)\" d=\"%s\"><title>",
                told >= 0 && told != label ? "wrong" : "mark", emotion_names[label],
                plot_x(plot, place[0]), plot_y(plot, place[1]), plot_shape((size_t)label));
    page_text(page, name ? name : "a piece");
    page_format(page, ": %s", emotion_names[label]);
    if (told >= 0) page_format(page, ", told %s", emotion_names[told]);
    page_put(page, "</title></path>\n");
}

static void draw_centre(struct plot *plot, const json_t *centre)
{
    double place[2];
    const int emotion = take_emotion(json_object_get(centre, "emotion"));
    if (emotion < 0 || !take_place(place, centre)) return;
    const double x = plot_x(plot, place[0]), y = plot_y(plot, place[1]);
    page_format(plot->page,
                "<path class=\"mark %s\" transform=\"translate(%.1f %.1f) scale(2.4)\" d=\"%s\"/>"
                "<text x=\"%.1f\" y=\"%.1f\" font-weight=\"700\">%s</text>\n",
                emotion_names[emotion], x, y, plot_shape((size_t)emotion), x + 13, y + 4,
                emotion_names[emotion]);
}

static void draw_keys(struct page *page)
{
    page_put(page, "<ul class=\"key\">");
    for (size_t y = 0; y < N_EMOTIONS; y++)
        page_format(page,
                    "<li><svg viewBox=\"0 0 36 16\" aria-hidden=\"true\"><path class=\"mark %s\" "
                    "transform=\"translate(18 8)\" d=\"%s\"/></svg>%s</li>",
                    emotion_names[y], plot_shape(y), emotion_names[y]);
    page_put(page, "</ul>\n");
}

static void describe(char shows[SHOWS_ROOM], const json_t *centres, size_t n_pieces)
{
    int n =
        snprintf(shows, SHOWS_ROOM, "%zu labelled pieces. Centres of training pieces:", n_pieces);
    for (size_t i = 0; i < json_array_size(centres) && n < SHOWS_ROOM; i++) {
        double place[2];
        const json_t *centre = json_array_get(centres, i);
        const int emotion = take_emotion(json_object_get(centre, "emotion"));
        if (emotion < 0 || !take_place(place, centre)) continue;
        n += snprintf(shows + n, (size_t)(SHOWS_ROOM - n), " %s at %.2f, %.2f;",
                      emotion_names[emotion], place[0], place[1]);
    }
}

static void draw_run(struct report *report, const struct report_run *run)
{
    static const char CAPTION[] =
        "Labelled held-out pieces where the model's latents put them, on the two axes that part "
        "the "
        "emotions of the training pieces best (distances count the spread within an emotion). "
        "Large "
        "marks are the centres of the training pieces. Good: marks of one emotion about their own "
        "centre, centres far apart. Hollow: the mixture told another emotion.";
    struct extent extent = {.n = 0};
    struct plot plot = {.page = &report->page, .width = WIDTH, .height = HEIGHT};
    const struct plot_words words = {"Pieces in the plane of the emotions", NULL, "first axis",
                                     "second axis"};
    const json_t *pieces = report_at(run->evaluation, "labelled");
    const json_t *centres = report_at(run->evaluation, "discriminant.centres");
    const size_t n = json_array_size(pieces), shown = n < MOST_PIECES ? n : MOST_PIECES;
    char shows[SHOWS_ROOM];
    widen(&extent, pieces);
    widen(&extent, centres);
    fit(&plot, &extent);
    describe(shows, centres, n);
    struct plot_words told = words;
    told.shows = shows;
    plot_begin(&plot, &told);
    for (size_t i = 0; i < shown; i++) draw_piece(&plot, json_array_get(pieces, i * n / shown));
    for (size_t i = 0; i < json_array_size(centres) && i < N_EMOTIONS; i++)
        draw_centre(&plot, json_array_get(centres, i));
    plot_end(&plot, CAPTION);
    if (shown < n)
        page_format(&report->page, "<p class=\"soft\">%zu of %zu pieces shown.</p>\n", shown, n);
}

static bool has_places(const struct report_run *run)
{
    struct extent extent = {.n = 0};
    widen(&extent, report_at(run->evaluation, "labelled"));
    return extent.n > 0;
}

void report_plane(struct report *report)
{
    struct page *page = &report->page;
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++) {
        const struct report_run *run = &report->runs[r];
        if (!run->evaluation) continue;
        if (!has_places(run)) {
            report_miss(report, run->name, "plane",
                        report_left_out(
                            run, "no places of pieces in evaluation.json: of an older version"));
            continue;
        }
        if (!any) {
            page_put(page, "<h2>Pieces in the plane</h2>\n");
            draw_keys(page);
        }
        any = true;
        if (report->n_runs > 1) {
            page_put(page, "<h3>");
            page_text(page, run->name);
            page_put(page, "</h3>\n");
        }
        draw_run(report, run);
    }
}
