/* Emotion of held-out pieces, and the clusters behind it. */
#include "evaluate_told.h"
#include "measures_cluster.h"

#include <stdio.h>

/* Scores of one teller less those of another, over the same resamples. */
static enum status add_differences(json_t *all, const struct evaluation *evaluation, int a, int b)
{
    enum status status = OK;
    char name[96];
    int8_t *const *told = evaluation->told->told;
    const int8_t *truth = evaluation->asked.label;
    json_t *section = json_object();
    for (int i = 0; i < N_SCORES; i++) {
        const struct comparison comparison = {
            {truth, told[a]}, {truth, told[b]}, (enum emotion_score)i};
        TRY(evaluate_figure(section, score_names[i], measures_difference, &comparison,
                            evaluation->asked.n, evaluation->settings->seed));
    }
    snprintf(name, sizeof name, "%s_less_%s", teller_name(a), teller_name(b));
    if (json_object_set(all, name, section) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(section);
    return status;
}

static enum status add_teller(json_t *all, const struct evaluation *evaluation, int teller)
{
    enum status status = OK;
    const struct predictions predictions = {evaluation->asked.label,
                                            evaluation->told->told[teller]};
    json_t *section = json_object();
    TRY(evaluate_scores(section, &predictions, evaluation->asked.n, evaluation->settings->seed));
    if (json_object_set(all, teller_name(teller), section) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    json_decref(section);
    return status;
}

enum status evaluate_emotion(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const int first = evaluation->told->first;
    for (int t = first; t < N_TELLERS; t++) TRY(add_teller(section, evaluation, t));
    for (int t = first; t < TELLER_BASELINES; t++)
        for (int b = TELLER_BASELINES; b < N_TELLERS; b++)
            TRY(add_differences(section, evaluation, t, b));
    TRY(evaluate_sources(evaluation, section));
done:
    return status;
}

/* The least distance between components of different emotions. */
static double least_distance(const struct evaluation *evaluation)
{
    const struct mixture mixture = vae_mixture(&evaluation->model.vae, evaluation->model.theta);
    double least;
    /* no distance is below -1, so no gradient is written */
    (void)mixture_separation(NULL, NULL, &least, &mixture, -1, 0);
    return least;
}

static enum status add_agreement(json_t *section, const struct evaluation *evaluation)
{
    enum status status = OK;
    const struct evaluate_pieces *asked = &evaluation->asked;
    const struct predictions predictions = {asked->label, evaluation->told->told[TELLER_MIXTURE]};
    const uint64_t seed = evaluation->settings->seed;
    TRY(evaluate_figure(section, "nmi", cluster_nmi, &predictions, asked->n, seed));
    TRY(evaluate_figure(section, "ari", cluster_ari, &predictions, asked->n, seed));
    if (json_object_set_new(section, "least_bhattacharyya",
                            evaluate_number(least_distance(evaluation))) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    return status;
}

enum status evaluate_clusters(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_pieces *asked = &evaluation->asked, *known = &evaluation->known;
    const struct points points = {asked->coordinates, asked->label, asked->n, asked->n_coordinates};
    const struct points from = {known->coordinates, known->label, known->n, known->n_coordinates};
    const uint64_t seed = evaluation->settings->seed;
    int8_t *told = malloc(asked->n + 1);
    double *silhouette = malloc((asked->n + 1) * sizeof *silhouette);
    if (!told || !silhouette || status_fault())
        FAIL(FAILED, "no memory for the clusters of %zu pieces", asked->n);
    cluster_silhouettes(silhouette, &points);
    const struct ratio mean = {silhouette, NULL};
    TRY(evaluate_figure(section, "fisher_ratio", cluster_fisher, &points, asked->n, seed));
    TRY(evaluate_figure(section, "silhouette", measures_ratio, &mean, asked->n, seed));
    TRY(evaluate_figure(section, "davies_bouldin", cluster_davies_bouldin, &points, asked->n,
                        seed));
    cluster_neighbours(told, &from, asked->coordinates, asked->n);
    const struct predictions predictions = {asked->label, told};
    TRY(evaluate_figure(section, "neighbours_quadrant", measures_quadrant, &predictions, asked->n,
                        seed));
    if (evaluation->mixed) TRY(add_agreement(section, evaluation));
done:
    free(told);
    free(silhouette);
    return status;
}
