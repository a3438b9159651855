/* Logistic regression by Newton's method. */
#include "measures_logistic.h"

#include "measures_solve.h"

#include <math.h>
#include <string.h>

enum { MAX_ITERATIONS = 100, MAX_HALVINGS = 40 };

/* Only sums of biases are free without it, and along them the loss has no slope. */
static const double BIAS_RIDGE = 1e-9;
static const double TOLERANCE = 1e-10; /* of the largest slope */

/* The emotions that have rows are the classes; parameters are (n_classes, width). */
struct fit {
    const struct logistic_rows *rows;
    double *scaled; /* (n, width): standardised, then a 1 */
    size_t width, n_classes, n_parameters;
    size_t class_of[N_EMOTIONS];
    double *weight, *trial, *step, *hessian;
};

/* p (n_classes) of a scaled row; returns log sum exp. */
static double softmax(double *p, const double *weight, const double *x, size_t n_classes,
                      size_t width)
{
    double most = -HUGE_VAL, total = 0;
    for (size_t c = 0; c < n_classes; c++) {
        p[c] = 0;
        for (size_t f = 0; f < width; f++) p[c] += weight[c * width + f] * x[f];
        most = fmax(most, p[c]);
    }
    for (size_t c = 0; c < n_classes; c++) total += exp(p[c] - most);
    const double log_total = most + log(total);
    for (size_t c = 0; c < n_classes; c++) p[c] = exp(p[c] - log_total);
    return log_total;
}

static double ridge_of(const struct fit *fit, size_t parameter)
{
    const size_t width = fit->width > 0 ? fit->width : 1; /* a width of 0 has no parameter */
    return (parameter + 1) % width == 0 ? BIAS_RIDGE : 1;
}

static double loss_of(const struct fit *fit, const double *weight)
{
    double loss = 0, p[N_EMOTIONS];
    for (size_t i = 0; i < fit->rows->n; i++) {
        const double *x = fit->scaled + i * fit->width;
        const double *own = weight + fit->class_of[fit->rows->label[i]] * fit->width;
        loss += softmax(p, weight, x, fit->n_classes, fit->width);
        for (size_t f = 0; f < fit->width; f++) loss -= own[f] * x[f];
    }
    for (size_t i = 0; i < fit->n_parameters; i++)
        loss += 0.5 * ridge_of(fit, i) * weight[i] * weight[i];
    return loss;
}

/* Adds the lower blocks of one row's curvature, (p_a [a = b] - p_a p_b) x x'. */
static void add_curvature(struct fit *fit, const double *x, const double *p)
{
    const size_t width = fit->width, n = fit->n_parameters;
    for (size_t a = 0; a < fit->n_classes; a++)
        for (size_t b = 0; b <= a; b++) {
            const double scale = (a == b ? p[a] : 0) - p[a] * p[b];
            for (size_t f = 0; f < width; f++) {
                double *row = fit->hessian + (a * width + f) * n + b * width;
                const double factor = scale * x[f];
                for (size_t g = 0; g < width; g++) row[g] += factor * x[g];
            }
        }
}

/* The slope, negative, in `step`, and the curvature; returns the largest slope. */
static double differentiate(struct fit *fit)
{
    double p[N_EMOTIONS], most = 0;
    const size_t n = fit->n_parameters;
    memset(fit->hessian, 0, n * n * sizeof *fit->hessian);
    for (size_t i = 0; i < n; i++) {
        fit->step[i] = -ridge_of(fit, i) * fit->weight[i];
        fit->hessian[i * n + i] = ridge_of(fit, i);
    }
    for (size_t i = 0; i < fit->rows->n; i++) {
        const double *x = fit->scaled + i * fit->width;
        (void)softmax(p, fit->weight, x, fit->n_classes, fit->width);
        add_curvature(fit, x, p);
        for (size_t c = 0; c < fit->n_classes; c++) {
            const double gap = (c == fit->class_of[fit->rows->label[i]] ? 1 : 0) - p[c];
            for (size_t f = 0; f < fit->width; f++) fit->step[c * fit->width + f] += gap * x[f];
        }
    }
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(fit->step[i]));
    return most;
}

/* Goes the step, or so much of it that the loss falls; false: nothing to gain. */
static bool descend(struct fit *fit, double *loss)
{
    double length = 1;
    for (int h = 0; h < MAX_HALVINGS; h++, length /= 2) {
        for (size_t i = 0; i < fit->n_parameters; i++)
            fit->trial[i] = fit->weight[i] + length * fit->step[i];
        const double reached = loss_of(fit, fit->trial);
        if (!(reached < *loss)) continue;
        *loss = reached;
        memcpy(fit->weight, fit->trial, fit->n_parameters * sizeof *fit->weight);
        return true;
    }
    return false;
}

static void minimise(struct fit *fit)
{
    double loss = loss_of(fit, fit->weight);
    for (int i = 0; i < MAX_ITERATIONS; i++) {
        if (differentiate(fit) < TOLERANCE) return;
        if (!measures_solve(fit->hessian, fit->step, fit->n_parameters, 1)) return;
        if (!descend(fit, &loss)) return;
    }
}

static enum status fit_init(struct fit *fit, const struct logistic *logistic)
{
    size_t n_classes = 0;
    const size_t n = fit->rows->n, features = fit->rows->n_features, width = features + 1;
    for (int y = 0; y < N_EMOTIONS; y++)
        if (logistic->present[y]) fit->class_of[y] = n_classes++;
    fit->width = width;
    fit->n_classes = n_classes;
    fit->n_parameters = n_classes * width;
    fit->scaled = malloc(n * width * sizeof *fit->scaled);
    fit->weight = calloc(fit->n_parameters, sizeof *fit->weight);
    fit->trial = calloc(fit->n_parameters, sizeof *fit->trial);
    fit->step = calloc(fit->n_parameters, sizeof *fit->step);
    fit->hessian = calloc(fit->n_parameters * fit->n_parameters, sizeof *fit->hessian);
    if (!fit->scaled || !fit->weight || !fit->trial || !fit->step || !fit->hessian ||
        status_fault())
        return status_fail(FAILED, "no memory for a regression of %zu features", features);
    for (size_t i = 0; i < n; i++) {
        scale_row(&logistic->scale, fit->rows->x + i * features, fit->scaled + i * width);
        fit->scaled[i * width + features] = 1;
    }
    return OK;
}

static void fit_fini(struct fit *fit)
{
    free(fit->scaled);
    free(fit->weight);
    free(fit->trial);
    free(fit->step);
    free(fit->hessian);
}

static enum status logistic_init(struct logistic *logistic, const struct logistic_rows *rows)
{
    const size_t n = rows->n_features;
    *logistic = (struct logistic){0};
    if (rows->n == 0) return status_fail(FAILED, "no labelled piece to learn from");
    logistic->weight = calloc(N_EMOTIONS * (n + 1) + 2 * n, sizeof *logistic->weight);
    if (!logistic->weight || status_fault())
        return status_fail(FAILED, "no memory for a regression of %zu features", n);
    logistic->scale = (struct scale){n, logistic->weight + N_EMOTIONS * (n + 1),
                                     logistic->weight + N_EMOTIONS * (n + 1) + n};
    for (size_t i = 0; i < rows->n; i++) logistic->present[rows->label[i]] = true;
    scale_measure(&logistic->scale, rows->x, rows->n);
    return OK;
}

enum status logistic_fit(struct logistic *logistic, const struct logistic_rows *rows)
{
    enum status status = OK;
    struct fit fit = {.rows = rows};
    TRY(logistic_init(logistic, rows));
    TRY(fit_init(&fit, logistic));
    minimise(&fit);
    for (int y = 0; y < N_EMOTIONS; y++)
        if (logistic->present[y])
            memcpy(logistic->weight + (size_t)y * fit.width,
                   fit.weight + fit.class_of[y] * fit.width, fit.width * sizeof *fit.weight);
done:
    fit_fini(&fit);
    if (status != OK) logistic_fini(logistic);
    return status;
}

void logistic_fini(struct logistic *logistic)
{
    free(logistic->weight);
    *logistic = (struct logistic){0};
}

void logistic_log_p(const struct logistic *logistic, const double *x, double log_p[N_EMOTIONS])
{
    const struct scale *scale = &logistic->scale;
    const size_t n = scale->n_features;
    double most = -HUGE_VAL, total = 0;
    for (size_t y = 0; y < N_EMOTIONS; y++) {
        const double *weight = logistic->weight + y * (n + 1);
        log_p[y] = logistic->present[y] ? weight[n] : -HUGE_VAL;
        for (size_t f = 0; f < n; f++)
            if (!isnan(x[f])) log_p[y] += weight[f] * (x[f] - scale->mean[f]) / scale->deviation[f];
        most = fmax(most, log_p[y]);
    }
    for (int y = 0; y < N_EMOTIONS; y++) total += exp(log_p[y] - most);
    for (int y = 0; y < N_EMOTIONS; y++) log_p[y] -= most + log(total);
}

void logistic_tell(const struct logistic *logistic, const double *x, size_t n, int8_t *told)
{
    for (size_t i = 0; i < n; i++) {
        double log_p[N_EMOTIONS];
        logistic_log_p(logistic, x + i * logistic->scale.n_features, log_p);
        told[i] = 0;
        for (int8_t y = 1; y < N_EMOTIONS; y++)
            if (log_p[y] > log_p[told[i]]) told[i] = y;
    }
}
