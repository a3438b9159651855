/* Pools on the command line, and as tables. */
#define _GNU_SOURCE
#include "pooled.h"

#include "measures.h"

#include <stdio.h>
#include <string.h>

/* A table of accuracies or of their differences. */
struct table {
    const char *section, *title;
};

static const struct table SCORES[] = {
    {"emotion", "Emotion told"},
    {"less_baselines", "Less the baselines, same pieces"},
    {"less_" POOL_REFERENCE, "Less " POOL_REFERENCE ", same pieces"},
    {"fewer_labels", "Lost with fewer labels"},
    {"fewer_labels_less", "Lost with fewer labels, less what another loses"},
};

static const struct table FIGURES[] = {
    {"figures", "Other figures, mean over runs"},
    {"figures_over_" POOL_REFERENCE, "Over " POOL_REFERENCE ", same fold and seed"},
    {"figures_less_" POOL_REFERENCE, "Less " POOL_REFERENCE ", same fold and seed"},
};

enum status pooled_add(struct pooled *pooled, char *text)
{
    char *equals = strchr(text, '=');
    size_t n = 1;
    if (!equals || equals == text || !equals[1])
        return status_fail(USAGE, "--pool %.60s: want NAME=RUN,RUN,...", text);
    if (pooled->n == POOLED_MAX)
        return status_fail(USAGE, "--pool: more than %d pools", POOLED_MAX);
    for (const char *at = equals; *at; at++) n += *at == ',';
    const char **runs = calloc(n, sizeof *runs);
    if (!runs) return status_fail(FAILED, "no memory for %zu runs", n);
    struct pool_request *pool = &pooled->pools[pooled->n++];
    *equals = 0;
    *pool = (struct pool_request){.name = text, .runs = runs};
    char *rest = NULL;
    for (char *run = strtok_r(equals + 1, ",", &rest); run; run = strtok_r(NULL, ",", &rest))
        runs[pool->n_runs++] = run;
    return OK;
}

void pooled_fini(struct pooled *pooled)
{
    for (size_t p = 0; p < pooled->n; p++) free((void *)pooled->pools[p].runs);
    *pooled = (struct pooled){0};
}

static void print_cell(const json_t *interval)
{
    const json_t *value = json_object_get(interval, "value");
    if (json_is_number(value))
        printf(" %.3f [%.3f, %.3f] |", json_number_value(value),
               json_number_value(json_object_get(interval, "low")),
               json_number_value(json_object_get(interval, "high")));
    else
        printf(" - |");
}

static void print_scores_head(const char *title, const char *group, const json_t *pieces)
{
    printf("\n### %s: %s, %lld pieces\n\n| | |", title, group,
           (long long)json_integer_value(pieces));
    for (int s = 0; s < N_SCORES; s++) printf(" %s |", score_names[s]);
    printf("\n|---|---|");
    for (int s = 0; s < N_SCORES; s++) printf("---|");
    putchar('\n');
}

static void print_score_rows(const char *pool, json_t *entries)
{
    const char *entry;
    json_t *scores;
    json_object_foreach(entries, entry, scores)
    {
        printf("| %s | %s |", pool, entry);
        for (int s = 0; s < N_SCORES; s++) print_cell(json_object_get(scores, score_names[s]));
        putchar('\n');
    }
}

static void print_scores(const struct table *table, json_t *document)
{
    const char *group, *pool;
    json_t *pools, *entries, *pieces = json_object_get(document, "pieces");
    json_object_foreach(json_object_get(document, table->section), group, pools)
    {
        print_scores_head(table->title, group, json_object_get(pieces, group));
        json_object_foreach(pools, pool, entries)
        {
            print_score_rows(pool, entries);
        }
    }
}

/* Every figure that any pool has, as an object used as a set. */
static json_t *all_figures(json_t *pools)
{
    const char *pool;
    json_t *figures, *names = json_object();
    json_object_foreach(pools, pool, figures)
    {
        json_object_update_missing(names, figures);
    }
    return names;
}

static void print_figures(const struct table *table, json_t *document)
{
    const char *pool, *name;
    json_t *figures, *unused, *pools = json_object_get(document, table->section);
    if (json_object_size(pools) == 0) return;
    json_t *names = all_figures(pools);
    printf("\n### %s\n\n| |", table->title);
    json_object_foreach(pools, pool, figures)
    {
        printf(" %s |", pool);
    }
    printf("\n|---|");
    for (size_t p = 0; p < json_object_size(pools); p++) printf("---|");
    putchar('\n');
    json_object_foreach(names, name, unused)
    {
        printf("| %s |", name);
        json_object_foreach(pools, pool, figures)
        {
            print_cell(json_object_get(figures, name));
        }
        putchar('\n');
    }
    json_decref(names);
}

void pooled_print(json_t *document)
{
    const char *pool;
    json_t *counts;
    printf("| | runs | seeds |\n|---|---|---|\n");
    json_object_foreach(json_object_get(document, "pools"), pool, counts)
    {
        printf("| %s | %lld | %lld |\n", pool,
               (long long)json_integer_value(json_object_get(counts, "runs")),
               (long long)json_integer_value(json_object_get(counts, "seeds")));
    }
    for (size_t t = 0; t < sizeof SCORES / sizeof SCORES[0]; t++)
        print_scores(&SCORES[t], document);
    for (size_t t = 0; t < sizeof FIGURES / sizeof FIGURES[0]; t++)
        print_figures(&FIGURES[t], document);
}
