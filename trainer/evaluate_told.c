/* Predictions of emotion. */
#include "evaluate_told.h"

#include "discriminant.h"

#include <stdio.h>
#include <string.h>

const char *teller_name(int teller)
{
    static const char *const names[] = {"mixture", "probe", "latent_forest"};
    return teller < TELLER_BASELINES ? names[teller] : baseline_names[teller - TELLER_BASELINES];
}

void told_likeliest(int8_t *told, const double *log_p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = log_p + i * N_EMOTIONS;
        told[i] = 0;
        for (int8_t y = 1; y < N_EMOTIONS; y++)
            if (row[y] > row[told[i]]) told[i] = y;
    }
}

static enum status tell(const struct evaluation *evaluation, int teller, int8_t *told)
{
    enum status status = OK;
    const struct evaluate_pieces *known = &evaluation->known, *asked = &evaluation->asked;
    const struct baseline_pieces from = {known->attributes, known->label, known->n};
    const struct baseline_pieces to = {asked->attributes, asked->label, asked->n};
    const struct logistic_rows rows = {known->coordinates, known->label, known->n,
                                       known->n_coordinates};
    const uint64_t seed = evaluation->settings->seed;
    struct logistic probe = {0};
    struct forest forest = {0};
    switch (teller) {
    case TELLER_MIXTURE: told_likeliest(told, asked->log_p, asked->n); break;
    case TELLER_PROBE:
        TRY(logistic_fit(&probe, &rows));
        logistic_tell(&probe, asked->coordinates, asked->n, told);
        break;
    case TELLER_LATENT_FOREST:
        TRY(forest_fit(&forest, &rows, seed));
        forest_tell(&forest, asked->coordinates, asked->n, told);
        break;
    default:
        TRY(baseline_tell(told, (enum baseline_features)(teller - TELLER_BASELINES), &from, &to,
                          seed));
    }
done:
    forest_fini(&forest);
    logistic_fini(&probe);
    return status;
}

enum status evaluate_told_create(struct evaluate_told *told, const struct evaluation *evaluation)
{
    enum status status = OK;
    const size_t n = evaluation->asked.n;
    *told = (struct evaluate_told){.first = evaluation->mixed ? TELLER_MIXTURE : TELLER_PROBE};
    told->block = malloc(N_TELLERS * (n + 1));
    if (!told->block || status_fault()) FAIL(FAILED, "no memory for the emotions of %zu pieces", n);
    for (int t = 0; t < N_TELLERS; t++) told->told[t] = told->block + (size_t)t * n;
    for (int t = told->first; t < N_TELLERS; t++) TRY(tell(evaluation, t, told->told[t]));
done:
    if (status != OK) evaluate_told_fini(told);
    return status;
}

void evaluate_told_fini(struct evaluate_told *told)
{
    free(told->block);
    *told = (struct evaluate_told){0};
}

void told_source(char *source, size_t room, const char *name)
{
    const char *slash = strchr(name, '/');
    const int length = slash ? (int)(slash - name) : 1;
    snprintf(source, room, "%.*s", length, slash ? name : ".");
}

/* The piece's place on the first two axes, the mean of its segments' places: `y` has room for a
 * place along every axis; NULL where there are no axes. */
static json_t *place_json(const struct evaluation *evaluation, double *y, size_t i)
{
    const struct evaluate_pieces *asked = &evaluation->asked;
    const struct discriminant *axes = evaluation->discriminant;
    if (axes->n_axes < 2) return NULL;
    discriminant_place(y, axes, asked->coordinates + i * asked->n_coordinates);
    return json_pack("[o, o]", evaluate_number(y[0]), evaluate_number(y[1]));
}

static json_t *piece_json(const struct evaluation *evaluation, double *y, size_t i)
{
    const struct evaluate_pieces *asked = &evaluation->asked;
    const struct evaluate_told *told = evaluation->told;
    const char *name = corpus_piece_name(&evaluation->corpus, asked->piece[i]);
    char source[TOLD_SOURCE];
    json_t *all = json_object();
    for (int t = told->first; t < N_TELLERS; t++)
        json_object_set_new(all, teller_name(t), json_integer(told->told[t][i]));
    told_source(source, sizeof source, name);
    return json_pack("{s:s, s:s, s:i, s:o, s:o*}", "name", name, "source", source, "label",
                     asked->label[i], "told", all, "place", place_json(evaluation, y, i));
}

enum status evaluate_labelled(const struct evaluation *evaluation, json_t *list)
{
    enum status status = OK;
    double *y = malloc((evaluation->discriminant->n_axes + 1) * sizeof *y);
    if (!y || status_fault()) FAIL(FAILED, "no memory for a latent");
    for (size_t i = 0; i < evaluation->asked.n; i++)
        if (json_array_append_new(list, piece_json(evaluation, y, i)) != 0)
            FAIL(FAILED, "no memory for the results, or a name that is not UTF-8");
done:
    free(y);
    return status;
}

/* Labelled pieces of one source, as places among all of them. */
struct selection {
    char source[TOLD_SOURCE];
    uint32_t *index;      /* borrowed */
    int8_t *truth, *told; /* (n) borrowed */
    size_t n;
};

static void select_source(struct selection *selection, const struct evaluation *evaluation)
{
    char source[TOLD_SOURCE];
    const struct evaluate_pieces *asked = &evaluation->asked;
    selection->n = 0;
    for (uint32_t i = 0; i < asked->n; i++) {
        told_source(source, sizeof source, corpus_piece_name(&evaluation->corpus, asked->piece[i]));
        if (strcmp(source, selection->source) != 0) continue;
        selection->truth[selection->n] = asked->label[i];
        selection->index[selection->n++] = i;
    }
}

static enum status add_source(json_t *section, const struct evaluation *evaluation,
                              const struct selection *selection)
{
    enum status status = OK;
    const struct evaluate_told *told = evaluation->told;
    const struct predictions predictions = {selection->truth, selection->told};
    json_t *entry = json_pack("{s:I}", "pieces", (json_int_t)selection->n), *scores = NULL;
    for (int t = told->first; t < N_TELLERS; t++) {
        json_decref(scores);
        scores = json_object();
        for (size_t i = 0; i < selection->n; i++)
            selection->told[i] = told->told[t][selection->index[i]];
        TRY(evaluate_scores(scores, &predictions, selection->n, evaluation->settings->seed));
        if (json_object_set(entry, teller_name(t), scores) != 0)
            FAIL(FAILED, "no memory for the results");
    }
    if (json_object_set(section, selection->source, entry) != 0)
        FAIL(FAILED, "no memory for the results, or a name that is not UTF-8");
done:
    json_decref(scores);
    json_decref(entry);
    return status;
}

enum status evaluate_sources(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_pieces *asked = &evaluation->asked;
    struct selection selection = {0};
    int8_t *labels = malloc(2 * asked->n + 1);
    json_t *all = json_object();
    selection.index = malloc((asked->n + 1) * sizeof *selection.index);
    if (!labels || !selection.index || status_fault())
        FAIL(FAILED, "no memory for the sources of %zu pieces", asked->n);
    selection.truth = labels;
    selection.told = labels + asked->n;
    for (size_t i = 0; i < asked->n; i++) {
        told_source(selection.source, sizeof selection.source,
                    corpus_piece_name(&evaluation->corpus, asked->piece[i]));
        if (json_object_get(all, selection.source)) continue;
        select_source(&selection, evaluation);
        if (selection.n == asked->n) goto done; /* one source says nothing new */
        TRY(add_source(all, evaluation, &selection));
    }
    if (json_object_set(section, "by_source", all) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(all);
    free(labels);
    free(selection.index);
    return status;
}
