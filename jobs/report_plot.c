/* Plots. */
#include "report_plot.h"

#include "report.h"

enum { LEFT = 62, RIGHT = 16, TOP = 34, BOTTOM = 42, FEW = 24, SOME = 6 };

double plot_x(const struct plot *plot, double x)
{
    return LEFT + (plot->width - LEFT - RIGHT) * axis_place(&plot->x, x);
}

double plot_y(const struct plot *plot, double y)
{
    return plot->height - BOTTOM - (plot->height - TOP - BOTTOM) * axis_place(&plot->y, y);
}

static void draw_ticks(const struct plot *plot)
{
    struct page *page = plot->page;
    for (size_t i = 0; i < plot->y.n_ticks; i++) {
        const double at = plot_y(plot, plot->y.tick[i]);
        page_format(page, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, at,
                    plot->width - RIGHT);
        page_format(page, "<text class=\"t e\" x=\"%d\" y=\"%.1f\">", LEFT - 7, at + 4);
        if (plot->share)
            page_format(page, "%.0f %%</text>\n", 100 * plot->y.tick[i]);
        else
            page_format(page, "%g</text>\n", plot->y.tick[i]);
    }
    for (size_t i = 0; i < plot->x.n_ticks; i++) {
        const double at = plot_x(plot, plot->x.tick[i]);
        page_format(page, "<path class=\"grid\" d=\"M%.1f %dv4\"/>", at, plot->height - BOTTOM);
        page_format(page, "<text class=\"t m\" x=\"%.1f\" y=\"%d\">%g</text>\n", at,
                    plot->height - BOTTOM + 17, plot->x.tick[i]);
    }
}

void plot_begin(struct plot *plot, const struct plot_words *words)
{
    struct page *page = plot->page;
    page_picture_begin(page, plot->width, plot->height, words->name, words->shows);
    draw_ticks(plot);
    page_format(page, "<text class=\"t e\" x=\"%d\" y=\"%d\">%s</text>", plot->width - RIGHT,
                plot->height - 8, words->x);
    page_format(page, "<text class=\"t\" x=\"4\" y=\"12\">%s</text>\n", words->y);
}

void plot_end(struct plot *plot, const char *caption)
{
    page_picture_end(plot->page, caption);
}

static void draw_mark(struct page *page, double x, double y, size_t series)
{
    page_format(page, "<path class=\"mark s%zu\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>\n",
                series % REPORT_COLOURS, x, y, plot_shape(series));
}

void plot_line(struct plot *plot, const double *x, const double *y, size_t n, size_t series,
               int dash)
{
    struct page *page = plot->page;
    const size_t stride = n <= FEW ? 1 : n / SOME;
    page_format(page, "<path class=\"line s%zu dash%d\" d=\"", series % REPORT_COLOURS, dash);
    for (size_t i = 0; i < n; i++)
        page_format(page, "%s%.1f %.1f",
                    i == 0   ? "M"
                    : i == 1 ? "L"
                             : " ",
                    plot_x(plot, x[i]), plot_y(plot, y[i]));
    page_put(page, "\"/>\n");
    for (size_t i = stride / 2; i < n && dash == 0; i += stride)
        draw_mark(page, plot_x(plot, x[i]), plot_y(plot, y[i]), series);
}

void plot_rule(struct plot *plot, double x, size_t series, const char *word)
{
    const double at = plot_x(plot, x);
    page_format(plot->page, "<path class=\"rule s%zu\" d=\"M%.1f %dV%d\"/>",
                series % REPORT_COLOURS, at, TOP, plot->height - BOTTOM);
    page_format(plot->page, "<text class=\"t\" x=\"%.1f\" y=\"%d\">%s</text>\n", at, TOP - 6, word);
}

const char *plot_shape(size_t series)
{
    static const char *const SHAPES[REPORT_COLOURS] = {
        "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
        "M-3.2-3.2h6.4v6.4h-6.4z",
        "M0-4.4L4.2 3.2H-4.2z",
        "M0-4.8L4.8 0L0 4.8L-4.8 0z",
        "M0 4.4L4.2-3.2H-4.2z",
        "M-1.3-4.5h2.6v3.2h3.2v2.6h-3.2v3.2h-2.6v-3.2h-3.2v-2.6h3.2z",
        "M-4-4H4L-4 4H4z",
        "M-4-4L4 4V-4L-4 4z",
    };
    return SHAPES[(series + series / REPORT_COLOURS) % REPORT_COLOURS];
}

void plot_key(struct page *page, size_t series, int dash)
{
    page_format(page,
                "<svg viewBox=\"0 0 36 16\" aria-hidden=\"true\" class=\"s%zu\">"
                "<path class=\"line dash%d\" d=\"M1 8H35\"/>",
                series % REPORT_COLOURS, dash);
    if (dash == 0) draw_mark(page, 18, 8, series);
    page_put(page, "</svg>");
}
