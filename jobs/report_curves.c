/* Learning curves. */
#include "report.h"
#include "report_plot.h"

#include <math.h>
#include <stdio.h>

enum { POINTS = 120, SHOWS_ROOM = 2048, KINDS = 3, MANY = 3, WORD_WIDTH = 50 };

/* A plot: up to three curves a run, the first solid, the others dashed and dotted. */
struct panel {
    const char *name, *y, *caption;
    const char *kind[KINDS];
    enum curve_name curve[KINDS];
    int n_kinds;
    bool logarithmic, share, from_zero;
};

static const struct panel PANELS[] = {
    {.name = "Training loss",
     .y = "nats a row",
     .caption = "Training loss, all its parts together, each point a mean over some steps. Lower "
                "is better; it jumps where a stage begins, since the stages minimise different "
                "things.",
     .curve = {CURVE_LOSS},
     .n_kinds = 1,
     .logarithmic = true},
    {.name = "Validation",
     .y = "nats an event",
     .caption = "What an event of held-out music costs. Lower is better; below the bigram baseline "
                "the model knows more than which event follows which.",
     .kind = {"whole loss", "events alone", "bigram baseline"},
     .curve = {CURVE_VALIDATION, CURVE_VALIDATION_EVENTS, CURVE_BIGRAM},
     .n_kinds = 3},
    {.name = "KL divergence",
     .y = "nats a row",
     .caption = "How far the latents lie from their prior, in training. Near 0 the decoder ignores "
                "them; it should settle above.",
     .curve = {CURVE_KL},
     .n_kinds = 1,
     .logarithmic = true},
    {.name = "Emotion at validations",
     .y = "share heard aright",
     .caption = "Share of the labelled validation pieces whose emotion is heard aright. Higher is "
                "better; by chance about 25 % of the four emotions, 50 % of arousal and valence.",
     .kind = {"four emotions", "arousal", "valence"},
     .curve = {CURVE_EMOTION, CURVE_AROUSAL, CURVE_VALENCE},
     .n_kinds = 3,
     .share = true},
    {.name = "Learning rate",
     .y = "learning rate",
     .caption = "Size of the steps that the optimiser takes: a cosine a stage.",
     .curve = {CURVE_RATE},
     .n_kinds = 1,
     .from_zero = true},
};
enum { N_PANELS = sizeof PANELS / sizeof *PANELS };

/* With many runs the first kind alone, or nothing could be told apart. */
static int kinds_of(const struct report *report, const struct panel *panel)
{
    return report->n_runs >= MANY ? 1 : panel->n_kinds;
}

static const struct curve *curve_of(const struct report *report, const struct panel *panel,
                                    size_t run, int kind)
{
    return &report->runs[run].curves.curve[panel->curve[kind]];
}

static void widen(double range[2], bool *any, double value)
{
    if (!*any || value < range[0]) range[0] = value;
    if (!*any || value > range[1]) range[1] = value;
    *any = true;
}

/* The points to draw. */
struct points {
    double step[POINTS], value[POINTS];
    size_t n;
};

static void thin(struct points *points, const struct curve *curve)
{
    points->n = curve_thin(points->step, points->value, curve, POINTS);
}

/* The steps of all curves of all runs: the plots' common axis. */
static void fit_steps(struct axis *axis, const struct report *report)
{
    double x[2] = {0, 1};
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++)
        for (int c = 0; c < N_CURVES; c++) {
            const struct curve *curve = &report->runs[r].curves.curve[c];
            for (size_t i = 0; i < curve->n; i++) widen(x, &any, curve->step[i]);
        }
    axis_exact(axis, x[0], x[1]);
}

/* Fits the other axis to the thinned curves; false when there is nothing to draw. */
static bool fit_values(struct plot *plot, const struct report *report, const struct panel *panel)
{
    struct points points;
    double y[2] = {0, 1};
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++)
        for (int k = 0; k < kinds_of(report, panel); k++) {
            thin(&points, curve_of(report, panel, r, k));
            for (size_t i = 0; i < points.n; i++) widen(y, &any, points.value[i]);
        }
    if (!any) return false;
    if (panel->from_zero) widen(y, &any, 0);
    if (panel->share)
        axis_fit(&plot->y, 0, 1, false);
    else
        axis_fit(&plot->y, y[0], y[1], panel->logarithmic);
    return true;
}

/* In words: where each run's first curve begins and ends. */
static void describe(char shows[SHOWS_ROOM], const struct report *report, const struct panel *panel)
{
    int n = snprintf(shows, SHOWS_ROOM, "%s by step.", panel->name);
    for (size_t r = 0; r < report->n_runs && n < SHOWS_ROOM; r++) {
        const struct curve *curve = curve_of(report, panel, r, 0);
        if (curve->n == 0) continue;
        const size_t last = curve->n - 1;
        n += snprintf(shows + n, (size_t)(SHOWS_ROOM - n),
                      " %.120s: from %.4g at step %.0f to %.4g at step %.0f.", report->runs[r].name,
                      curve->value[0], curve->step[0], curve->value[last], curve->step[last]);
    }
}

/* A rule where each stage begins; runs that change together share it, and of words that would lie
 * on one another only the first is written. */
static void mark_stages(struct plot *plot, const struct report *report)
{
    double seen[REPORT_RUNS * CURVES_STAGES];
    size_t n = 0;
    for (size_t r = 0; r < report->n_runs; r++) {
        const struct curves *curves = &report->runs[r].curves;
        for (size_t s = 0; s < curves->n_stages; s++) {
            char word[32] = "";
            const double step = curves->stage[s].step;
            bool apart = true, known = false;
            for (size_t i = 0; i < n; i++) {
                known = known || seen[i] == step;
                apart = apart && fabs(plot_x(plot, seen[i]) - plot_x(plot, step)) > WORD_WIDTH;
            }
            if (known) continue;
            seen[n++] = step;
            if (apart) snprintf(word, sizeof word, "stage %d", curves->stage[s].stage);
            plot_rule(plot, step, r, word);
        }
    }
}

static void draw_legend(struct page *page, const struct panel *panel, int n_kinds)
{
    if (n_kinds < 2) return;
    page_put(page, "<ul class=\"key\">");
    for (int k = 0; k < n_kinds; k++) {
        page_put(page, "<li>");
        plot_key(page, 0, k);
        page_format(page, " %s</li>", panel->kind[k]);
    }
    page_put(page, "</ul>\n");
}

static void draw_panel(struct report *report, const struct panel *panel)
{
    struct plot plot = {
        .page = &report->page, .width = PLOT_WIDTH, .height = PLOT_HEIGHT, .share = panel->share};
    char shows[SHOWS_ROOM];
    struct points points;
    fit_steps(&plot.x, report);
    if (!fit_values(&plot, report, panel)) {
        report_miss(report, NULL, panel->name, "no run has such metrics");
        return;
    }
    const int n_kinds = kinds_of(report, panel);
    describe(shows, report, panel);
    page_format(&report->page, "<h3>%s</h3>\n", panel->name);
    draw_legend(&report->page, panel, n_kinds);
    const struct plot_words words = {panel->name, shows, "step", panel->y};
    plot_begin(&plot, &words);
    mark_stages(&plot, report);
    for (size_t r = 0; r < report->n_runs; r++)
        for (int k = n_kinds - 1; k >= 0; k--) {
            thin(&points, curve_of(report, panel, r, k));
            if (points.n > 0) plot_line(&plot, points.step, points.value, points.n, r, k);
        }
    plot_end(&plot, panel->caption);
}

void report_curves(struct report *report)
{
    struct page *page = &report->page;
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++) any = any || report->runs[r].curves.n_lines > 0;
    if (!any) return; /* each run's metrics are named as missing */
    page_put(page, "<h2>Learning curves</h2>\n");
    if (report->n_runs > 1) {
        page_put(page, "<ul class=\"key\">");
        for (size_t r = 0; r < report->n_runs; r++) {
            page_put(page, "<li>");
            plot_key(page, r, 0);
            page_put(page, " ");
            page_text(page, report->runs[r].name);
            page_put(page, "</li>");
        }
        page_put(page, "</ul>\n");
    }
    for (int p = 0; p < N_PANELS; p++) draw_panel(report, &PANELS[p]);
}
