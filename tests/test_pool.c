/* Pooled evaluations against figures computed by hand. */
#define _GNU_SOURCE
#include "pool.h"
#include "runner.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const suite_name = "pool";

enum { ROOM = 4096 };

static char folder[] = "/tmp/affekt_pool_XXXXXX";

static void makes_a_folder(void)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0);
}

static void write_text(const char *run, const char *name, const char *text)
{
    char path[ROOM];
    (void)mkdir(run, 0777);
    snprintf(path, sizeof path, "%s/%s", run, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* A run of two pieces `a` (happy) and `b` (sad) of sources x and y, both told by the mixture and
 * the baseline `rhythm`. */
struct told {
    int mixture[2], rhythm[2];
};

static void write_config(const char *run, unsigned seed, unsigned fold)
{
    char text[ROOM];
    snprintf(text, sizeof text, "[data]\nfolds = 5\nfold = %u\n[train]\nseed = %u\n", fold, seed);
    write_text(run, "config.ini", text);
}

static void write_run(const char *run, unsigned seed, const struct told *told, const char *figures)
{
    char text[ROOM];
    snprintf(text, sizeof text,
             "{\"step\": 7, \"emotion\": {\"probe\": 1}, %s, \"labelled\": ["
             "{\"name\": \"x/a\", \"source\": \"x\", \"label\": 0, \"told\": {\"mixture\": %d, "
             "\"rhythm\": %d}},"
             "{\"name\": \"y/b\", \"source\": \"y\", \"label\": 2, \"told\": {\"mixture\": %d, "
             "\"rhythm\": %d}}]}",
             figures, told->mixture[0], told->rhythm[0], told->mixture[1], told->rhythm[1]);
    write_text(run, "evaluation.json", text);
    write_config(run, seed, 0);
}

static const char *const NO_FIGURES = "\"swap\": {}";

/* The number at a path of members. */
static double at(json_t *document, const char *first, ...)
{
    va_list rest;
    json_t *x = json_object_get(document, first);
    va_start(rest, first);
    for (const char *name; (name = va_arg(rest, const char *));) x = json_object_get(x, name);
    va_end(rest);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

#define VALUE(...) at(document, __VA_ARGS__, "value", (const char *)NULL)

static enum status pool_two(json_t **document, const char *name, const char *const *runs,
                            size_t n_runs, const char *other, const char *const *others,
                            size_t n_others)
{
    const struct pool_request requests[] = {{name, runs, n_runs}, {other, others, n_others}};
    return pool_evaluations(document, requests, other ? 2 : 1, 1);
}

/* Seed 1 tells a rightly and b as calm, seed 2 both as calm; rhythm tells both as happy. */
static void write_two_seeds(void)
{
    write_run("one", 1, &(struct told){{0, 3}, {0, 0}}, NO_FIGURES);
    write_run("two", 2, &(struct told){{3, 3}, {0, 0}}, NO_FIGURES);
}

static void a_piece_scores_its_mean_over_seeds(void)
{
    static const char *const runs[] = {"one", "two"};
    json_t *document = NULL;
    write_two_seeds();
    CU_ASSERT_EQUAL_FATAL(pool_two(&document, "gmm", runs, 2, NULL, NULL, 0), OK);
    CU_ASSERT_EQUAL(at(document, "pools", "gmm", "runs", (const char *)NULL), 2);
    CU_ASSERT_EQUAL(at(document, "pools", "gmm", "seeds", (const char *)NULL), 2);
    CU_ASSERT_EQUAL(at(document, "pieces", "all", (const char *)NULL), 2);
    /* a: half of the seeds right, b: none */
    CU_ASSERT_DOUBLE_EQUAL(VALUE("emotion", "all", "gmm", "mixture", "quadrant"), 0.25, 1e-12);
    /* calm is as low as sad, and as positive as happy */
    CU_ASSERT_DOUBLE_EQUAL(VALUE("emotion", "all", "gmm", "mixture", "arousal"), 0.75, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(VALUE("emotion", "all", "gmm", "mixture", "valence"), 0.5, 1e-12);
    /* happy: 2 x .5 / (1 + .5); sad: 0; calm, told but never true: 0; tense does not occur */
    CU_ASSERT_DOUBLE_EQUAL(VALUE("emotion", "all", "gmm", "mixture", "macro_f1"), 2.0 / 9, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(VALUE("emotion", "x", "gmm", "mixture", "quadrant"), 0.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(VALUE("emotion", "y", "gmm", "mixture", "quadrant"), 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(VALUE("less_baselines", "all", "gmm", "mixture_less_rhythm", "quadrant"),
                           -0.25, 1e-12);
    json_decref(document);
}

static void intervals_are_over_pieces_not_over_seeds(void)
{
    static const char *const runs[] = {"one", "two"};
    json_t *document = NULL;
    write_two_seeds();
    CU_ASSERT_EQUAL_FATAL(pool_two(&document, "gmm", runs, 2, NULL, NULL, 0), OK);
    /* resamples of {.5, 0}: both twice, each one time in four, are the ends */
    CU_ASSERT_EQUAL(
        at(document, "emotion", "all", "gmm", "mixture", "quadrant", "low", (const char *)NULL), 0);
    CU_ASSERT_EQUAL(
        at(document, "emotion", "all", "gmm", "mixture", "quadrant", "high", (const char *)NULL),
        0.5);
    /* a single piece, whatever its seeds say, does not vary */
    CU_ASSERT_EQUAL(
        at(document, "emotion", "x", "gmm", "mixture", "quadrant", "low", (const char *)NULL), 0.5);
    json_decref(document);
}

static void more_seeds_give_a_piece_no_weight(void)
{
    static const char *const runs[] = {"one", "half"};
    json_t *document = NULL;
    write_run("one", 1, &(struct told){{0, 3}, {0, 0}}, NO_FIGURES);
    write_config("half", 2, 0);
    write_text("half", "evaluation.json",
               "{\"labelled\": [{\"name\": \"x/a\", \"source\": \"x\", \"label\": 0, \"told\": "
               "{\"mixture\": 0, \"rhythm\": 0}}]}");
    CU_ASSERT_EQUAL_FATAL(pool_two(&document, "gmm", runs, 2, NULL, NULL, 0), OK);
    CU_ASSERT_EQUAL(VALUE("emotion", "all", "gmm", "mixture", "quadrant"), 0.5);
    json_decref(document);
}

static void variants_differ_piece_by_piece(void)
{
    static const char *const runs[] = {"one"}, *const others[] = {"other"};
    json_t *document = NULL;
    write_run("one", 1, &(struct told){{0, 3}, {0, 0}}, NO_FIGURES);
    write_run("other", 1, &(struct told){{1, 2}, {0, 0}}, NO_FIGURES);
    CU_ASSERT_EQUAL_FATAL(pool_two(&document, "gmm", runs, 1, "both", others, 1), OK);
    CU_ASSERT_EQUAL(VALUE("less_gmm", "x", "both", "mixture", "quadrant"), -1);
    CU_ASSERT_EQUAL(VALUE("less_gmm", "y", "both", "mixture", "quadrant"), 1);
    CU_ASSERT_EQUAL(VALUE("less_gmm", "all", "both", "mixture", "quadrant"), 0);
    CU_ASSERT_EQUAL(VALUE("less_gmm", "all", "both", "mixture", "valence"), 0);
    /* the pool gmm itself and the baselines have nothing there */
    CU_ASSERT(isnan(VALUE("less_gmm", "all", "gmm", "mixture", "quadrant")));
    CU_ASSERT(isnan(VALUE("less_gmm", "all", "both", "rhythm", "quadrant")));
    json_decref(document);
}

static void fewer_labels_are_paired_by_name(void)
{
    static const char *const gmm[] = {"gmm"}, *const gmm10[] = {"gmm10"};
    static const char *const both[] = {"both"}, *const both10[] = {"both10"};
    const struct pool_request requests[] = {
        {"gmm", gmm, 1}, {"gmm@10", gmm10, 1}, {"both", both, 1}, {"both@10", both10, 1}};
    json_t *document = NULL;
    write_run("gmm", 1, &(struct told){{0, 2}, {0, 2}}, NO_FIGURES);    /* 1, 1 */
    write_run("gmm10", 1, &(struct told){{1, 1}, {0, 1}}, NO_FIGURES);  /* 0, .5 */
    write_run("both", 1, &(struct told){{0, 2}, {0, 2}}, NO_FIGURES);   /* 1, 1 */
    write_run("both10", 1, &(struct told){{0, 1}, {1, 1}}, NO_FIGURES); /* .5, 0 */
    CU_ASSERT_EQUAL_FATAL(pool_evaluations(&document, requests, 4, 1), OK);
    CU_ASSERT_EQUAL(VALUE("fewer_labels", "all", "gmm", "mixture", "quadrant"), 1);
    CU_ASSERT_EQUAL(VALUE("fewer_labels", "all", "gmm", "rhythm", "quadrant"), 0.5);
    CU_ASSERT_EQUAL(VALUE("fewer_labels", "all", "both", "mixture", "quadrant"), 0.5);
    CU_ASSERT_EQUAL(VALUE("fewer_labels_less", "all", "gmm", "mixture_less_rhythm", "quadrant"),
                    0.5);
    CU_ASSERT_EQUAL(VALUE("fewer_labels_less", "all", "both", "mixture_less_rhythm", "quadrant"),
                    -0.5);
    CU_ASSERT_EQUAL(VALUE("fewer_labels_less", "all", "both", "mixture_less_gmm", "quadrant"),
                    -0.5);
    /* with fewer labels a variant is compared with gmm of as few */
    CU_ASSERT_EQUAL(VALUE("less_gmm", "all", "both@10", "mixture", "quadrant"), 0.5);
    json_decref(document);
}

static void other_figures_are_means_over_runs(void)
{
    static const char *const gmm[] = {"g1", "g2"}, *const both[] = {"b1", "b2"};
    json_t *document = NULL;
    const struct told told = {{0, 2}, {0, 2}};
    write_run("g1", 1, &told,
              "\"clusters\": {\"fisher_ratio\": {\"value\": 1, \"low\": 0, \"high\": 2}}");
    write_run("g2", 2, &told,
              "\"clusters\": {\"fisher_ratio\": {\"value\": 3, \"low\": 0, \"high\": 2}}");
    write_run("b1", 2, &told,
              "\"clusters\": {\"fisher_ratio\": {\"value\": 8, \"low\": 0, \"high\": 2}}, "
              "\"faders\": {\"mode\": {\"linearity\": 0.5, \"matrix\": [1]}}");
    write_run("b2", 1, &told,
              "\"clusters\": {\"fisher_ratio\": {\"value\": 2, \"low\": 0, \"high\": 2}}, "
              "\"faders\": {\"mode\": {\"linearity\": null}}");
    CU_ASSERT_EQUAL_FATAL(pool_two(&document, "gmm", gmm, 2, "both", both, 2), OK);
    CU_ASSERT_EQUAL(VALUE("figures", "gmm", "clusters.fisher_ratio"), 2);
    CU_ASSERT_EQUAL(VALUE("figures", "both", "clusters.fisher_ratio"), 5);
    CU_ASSERT_EQUAL(VALUE("figures", "both", "faders.mode.linearity"), 0.5);
    CU_ASSERT(isnan(VALUE("figures", "gmm", "faders.mode.linearity")));
    CU_ASSERT(isnan(VALUE("figures", "both", "faders.mode.matrix")));
    CU_ASSERT(isnan(VALUE("figures", "both", "emotion.probe")));
    CU_ASSERT(isnan(VALUE("figures", "both", "step")));
    CU_ASSERT_DOUBLE_EQUAL(VALUE("figures_over_gmm", "both", "clusters.fisher_ratio"), 2.5, 1e-12);
    /* paired by seed: 8 / 3 and 2 / 1 */
    CU_ASSERT_DOUBLE_EQUAL(at(document, "figures_over_gmm", "both", "clusters.fisher_ratio", "low",
                              (const char *)NULL),
                           2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(at(document, "figures_over_gmm", "both", "clusters.fisher_ratio", "high",
                              (const char *)NULL),
                           8.0 / 3, 1e-12);
    CU_ASSERT_EQUAL(VALUE("figures_less_gmm", "both", "clusters.fisher_ratio"), 3);
    json_decref(document);
}

static void refuse(const char *want, const char *const *runs, size_t n_runs,
                   const char *const *others, size_t n_others)
{
    json_t *document = NULL;
    const enum status status =
        pool_two(&document, "gmm", runs, n_runs, others ? "both" : NULL, others, n_others);
    CU_ASSERT_EQUAL(status, FAILED);
    CU_ASSERT_PTR_NULL(document);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), want));
    if (!strstr(status_message(), want)) printf("want '%s': %s\n", want, status_message());
}

static void damaged_evaluations_are_refused(void)
{
    static const char *const runs[] = {"bad"};
    const struct told told = {{0, 2}, {0, 2}}, wrong = {{0, 4}, {0, 2}};
    refuse("bad/evaluation.json: cannot be read", runs, 1, NULL, 0);
    write_text("bad", "evaluation.json", "{\"emotion\": {}}");
    refuse("bad/evaluation.json: has no `labelled` pieces: of an older version", runs, 1, NULL, 0);
    write_text("bad", "evaluation.json", "{\"labelled\": []}");
    refuse("`labelled` is empty", runs, 1, NULL, 0);
    write_run("bad", 1, &told, NO_FIGURES);
    CU_ASSERT_EQUAL(unlink("bad/config.ini"), 0);
    refuse("bad/config.ini", runs, 1, NULL, 0);
    write_config("bad", 1, 0);
    write_text("bad", "evaluation.json", "{\"labelled\": [{\"name\": \"x/a\"}]}");
    refuse("labelled[0]: want name, source, label, told", runs, 1, NULL, 0);
    write_run("bad", 1, &wrong, NO_FIGURES);
    refuse("piece 'y/b': told.mixture is none of 0 to 3", runs, 1, NULL, 0);
}

static void pieces_must_fit(void)
{
    static const char *const runs[] = {"one", "two"}, *const fewer[] = {"fewer"};
    const struct told told = {{0, 2}, {0, 2}};
    write_run("one", 1, &told, NO_FIGURES);
    write_run("two", 1, &told, NO_FIGURES);
    refuse("pool 'gmm': one and two both told piece 'x/a' with seed 1", runs, 2, NULL, 0);
    write_config("fewer", 1, 0);
    write_text("fewer", "evaluation.json",
               "{\"labelled\": [{\"name\": \"x/a\", \"source\": \"x\", \"label\": 0, \"told\": "
               "{\"mixture\": 0, \"rhythm\": 0}}]}");
    refuse("pool 'both': lacks piece 'y/b', which pool 'gmm' has", runs, 1, fewer, 1);
    refuse("pool 'both': has piece 'y/b', which pool 'gmm' lacks", fewer, 1, runs, 1);
    write_text("fewer", "evaluation.json",
               "{\"labelled\": [{\"name\": \"x/a\", \"source\": \"x\", \"label\": 1, \"told\": "
               "{\"mixture\": 0, \"rhythm\": 0}}]}");
    refuse("pool 'both': piece 'x/a': another label", runs, 1, fewer, 1);
    write_text("fewer", "evaluation.json",
               "{\"labelled\": [{\"name\": \"x/a\", \"source\": \"x\", \"label\": 0, \"told\": "
               "{\"mixture\": 0}}, {\"name\": \"y/b\", \"source\": \"y\", \"label\": 2, \"told\": "
               "{\"rhythm\": 0}}]}");
    refuse("piece 'y/b': other tellers", fewer, 1, NULL, 0);
}

static void failures_are_clean(void)
{
    static const char *const runs[] = {"one", "two"};
    enum status status = FAILED;
    long k = 0;
    write_two_seeds();
    while (status != OK && ++k < 1000) {
        json_t *document = NULL;
        status_fault_set(k);
        status = pool_two(&document, "gmm", runs, 2, NULL, NULL, 0);
        status_fault_set(0);
        CU_ASSERT_EQUAL(status == OK, document != NULL);
        json_decref(document);
    }
    CU_ASSERT_EQUAL(status, OK);
    CU_ASSERT(k > 5);
}

static void removes_its_files(void)
{
    char command[ROOM];
    CU_ASSERT_EQUAL(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

const struct suite_test suite_tests[] = {
    {"makes a folder", makes_a_folder},
    {"a piece scores its mean over seeds", a_piece_scores_its_mean_over_seeds},
    {"intervals are over pieces, not over seeds", intervals_are_over_pieces_not_over_seeds},
    {"more seeds give a piece no weight", more_seeds_give_a_piece_no_weight},
    {"variants differ piece by piece", variants_differ_piece_by_piece},
    {"fewer labels are paired by name", fewer_labels_are_paired_by_name},
    {"other figures are means over runs", other_figures_are_means_over_runs},
    {"damaged evaluations are refused", damaged_evaluations_are_refused},
    {"pieces must fit", pieces_must_fit},
    {"failures are clean", failures_are_clean},
    {"removes its files", removes_its_files},
    {0},
};
