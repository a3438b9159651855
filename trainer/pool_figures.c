/* Every figure of the evaluations that is no accuracy of labelled pieces: means over runs. */
#include "evaluate_parts.h"
#include "pool_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIGURE_NAME = 256, FIGURE_DEPTH = 8 };

static const char *const RATIOS[] = {"clusters.fisher_ratio", "clusters.silhouette"};

/* A figure of several runs, and of the runs they are paired with. */
struct figure {
    double *mine, *other; /* (n_runs) */
    size_t n;
};

/* measure_of: the mean of the differences. */
static double mean_difference(const void *context, const uint32_t *index, size_t n)
{
    const struct figure *figure = context;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += figure->mine[index[i]] - figure->other[index[i]];
    return n ? sum / (double)n : (double)NAN;
}

/* The number of a leaf, a number or an object with `value`; NAN where it is none or null. */
static double leaf_value(const json_t *leaf)
{
    const json_t *value = json_is_object(leaf) ? json_object_get(leaf, "value") : leaf;
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static bool is_leaf(const json_t *x)
{
    return json_is_number(x) || json_is_null(x) ||
           (json_is_object(x) && json_object_get(x, "value") && json_object_get(x, "low"));
}

/* Lists the leaves under `x` in `names`, an object used as a set; arrays and texts are left out. */
static enum status list_leaves(json_t *names, const char *prefix, json_t *x, int depth)
{
    enum status status = OK;
    const char *key;
    json_t *value;
    if (is_leaf(x)) {
        if (json_object_set_new(names, prefix, json_true()) != 0)
            FAIL(FAILED, "no memory for the figures");
        return OK;
    }
    if (!json_is_object(x)) return OK;
    if (depth == FIGURE_DEPTH) FAIL(FAILED, "%s: figures more than %d deep", prefix, FIGURE_DEPTH);
    json_object_foreach(x, key, value)
    {
        char name[FIGURE_NAME];
        const int n = snprintf(name, sizeof name, "%s.%s", prefix, key);
        if (n < 0 || (size_t)n >= sizeof name) FAIL(FAILED, "%s.%s: name too long", prefix, key);
        TRY(list_leaves(names, name, value, depth + 1));
    }
done:
    return status;
}

/* Sections of figures: the head's numbers are settings, accuracies are pooled by piece. */
static bool is_section(const char *name, const json_t *x)
{
    return json_is_object(x) && strcmp(name, "emotion") != 0 && strcmp(name, "left_out") != 0;
}

static enum status list_figures(json_t *names, const struct pool_run *run)
{
    enum status status = OK;
    const char *key;
    json_t *section;
    json_object_foreach(run->document, key, section)
    {
        if (is_section(key, section)) TRY(list_leaves(names, key, section, 0));
    }
done:
    return status;
}

/* The figure `a.b.c` of a run, NAN if it has none. */
static double figure_value(const struct pool_run *run, const char *name)
{
    char part[FIGURE_NAME];
    const json_t *at = run->document;
    for (const char *rest = name; at && *rest;) {
        const size_t n = strcspn(rest, ".");
        memcpy(part, rest, n);
        part[n] = 0;
        at = json_object_get(at, part);
        rest += n + (rest[n] == '.');
    }
    return at ? leaf_value(at) : (double)NAN;
}

static const struct pool_run *find_run(const struct pool *pool, const struct pool_run *like)
{
    for (size_t r = 0; r < pool->request->n_runs; r++)
        if (pool->runs[r].seed == like->seed && pool->runs[r].fold == like->fold)
            return &pool->runs[r];
    return NULL;
}

/* The runs that have the figure, and, with a reference, whose pair has it too. */
static void gather(struct figure *figure, const struct pool *pool, const struct pool *reference,
                   const char *name)
{
    figure->n = 0;
    for (size_t r = 0; r < pool->request->n_runs; r++) {
        const struct pool_run *pair = reference ? find_run(reference, &pool->runs[r]) : NULL;
        const double mine = figure_value(&pool->runs[r], name);
        const double other = pair ? figure_value(pair, name) : (double)NAN;
        if (isnan(mine) || (reference && isnan(other))) continue;
        figure->mine[figure->n] = mine;
        figure->other[figure->n++] = other;
    }
}

static bool has_ratio(const char *name)
{
    for (size_t i = 0; i < sizeof RATIOS / sizeof RATIOS[0]; i++)
        if (strcmp(name, RATIOS[i]) == 0) return true;
    return false;
}

/* document[section][pool][name] */
static enum status add_figure(json_t *document, const char *section, const struct pool *pool,
                              const char *name, measure_of *measure, const void *context, size_t n,
                              uint64_t seed)
{
    json_t *at = pool_section(pool_section(document, section), pool->request->name);
    if (!at) return status_fail(FAILED, "no memory for the results");
    return n == 0 ? OK : evaluate_figure(at, name, measure, context, n, seed);
}

static enum status add_name(json_t *document, const struct pooling *pooling,
                            const struct pool *pool, struct figure *figure, const char *name)
{
    enum status status = OK;
    const struct pool *reference = pooling_reference(pooling, pool);
    const struct ratio mean = {figure->mine, NULL}, ratio = {figure->mine, figure->other};
    gather(figure, pool, NULL, name);
    TRY(add_figure(document, "figures", pool, name, measures_ratio, &mean, figure->n,
                   pooling->seed));
    if (!reference) goto done;
    gather(figure, pool, reference, name);
    TRY(add_figure(document, "figures_less_" POOL_REFERENCE, pool, name, mean_difference, figure,
                   figure->n, pooling->seed));
    if (has_ratio(name))
        TRY(add_figure(document, "figures_over_" POOL_REFERENCE, pool, name, measures_ratio, &ratio,
                       figure->n, pooling->seed));
done:
    return status;
}

static enum status add_pool(json_t *document, const struct pooling *pooling,
                            const struct pool *pool)
{
    enum status status = OK;
    const size_t n = pool->request->n_runs;
    const char *name;
    json_t *unused, *names = json_object();
    struct figure figure = {.mine = malloc(n * sizeof(double)),
                            .other = malloc(n * sizeof(double))};
    if (!names || !figure.mine || !figure.other || status_fault())
        FAIL(FAILED, "no memory for the figures of pool '%s'", pool->request->name);
    for (size_t r = 0; r < n; r++) TRY(list_figures(names, &pool->runs[r]));
    json_object_foreach(names, name, unused)
    {
        TRY(add_name(document, pooling, pool, &figure, name));
    }
done:
    json_decref(names);
    free(figure.mine);
    free(figure.other);
    return status;
}

enum status pool_figures(const struct pooling *pooling, json_t *document)
{
    enum status status = OK;
    for (size_t p = 0; p < pooling->n_pools; p++)
        TRY(add_pool(document, pooling, &pooling->pools[p]));
done:
    return status;
}
