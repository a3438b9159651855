/**
 * A plot of lines and marks over two axes, as a picture of a page.  All functions are Local.
 */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include "axis.h"
#include "report_page.h"

enum { PLOT_WIDTH = 720, PLOT_HEIGHT = 260, PLOT_DASHES = 3 };

struct plot {
    struct page *page;
    struct axis x, y;
    int width, height;
    bool share; /* y is a share, shown in per cent */
};

/** What a plot is called, what it shows to those who cannot see it, and its axes' names. */
struct plot_words {
    const char *name, *shows, *x, *y;
};

/** Draws ticks and names of the axes, which are fitted.  `plot_end` ends the picture. */
void plot_begin(struct plot *plot, const struct plot_words *words);
void plot_end(struct plot *plot, const char *caption);

/** Where a value lies in the picture. */
double plot_x(const struct plot *plot, double x);
double plot_y(const struct plot *plot, double y);

/** A line through n points in the colour of a series, with a dash of 0 (none) to 2; marks in the
 *  shape of the series on all points when they are few, else on some. */
void plot_line(struct plot *plot, const double *x, const double *y, size_t n, size_t series,
               int dash);

/** A dotted vertical line in the colour of a series, with a word above it. */
void plot_rule(struct plot *plot, double x, size_t series, const char *word);

/** The outline of a series' mark about (0, 0), for the `d` of a path; eight differ. */
const char *plot_shape(size_t series);

/** A small picture of a series' line and mark, for a legend. */
void plot_key(struct page *page, size_t series, int dash);

#endif
