/* Whether attributes have latent coordinates of their own. */
#include "evaluate_parts.h"
#include "measures_disentangle.h"

#include <stdio.h>

/* Columns over the segments of the measured split: coordinates of both factors, attributes. */
static void fill(double *code, double *factor, const struct evaluation *evaluation)
{
    const struct evaluate_latents *held = &evaluation->held;
    const size_t n = held->n_segments, latent = held->latent;
    for (size_t s = 0; s < n; s++) {
        const float *attributes = evaluation->corpus.segments[held->segment[s]].attributes;
        for (size_t g = 0; g < N_FACTORS; g++)
            for (size_t d = 0; d < latent; d++)
                code[(g * latent + d) * n + s] = held->z[g][s * latent + d];
        for (size_t a = 0; a < N_ATTRIBUTES; a++) factor[a * n + s] = (double)attributes[a];
    }
}

static json_t *factor_json(const struct disentangle_factor *factor, size_t latent)
{
    static const char *const FACTORS[N_FACTORS] = {"rhythm", "tonal"};
    char best[64];
    snprintf(best, sizeof best, "%s.%zu", FACTORS[factor->best / latent], factor->best % latent);
    return json_pack("{s:o, s:o, s:s}", "mig", evaluate_number(factor->information), "sap",
                     evaluate_number(factor->r2), "best_coordinate", best);
}

enum status evaluate_disentanglement(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const size_t n = evaluation->held.n_segments, latent = evaluation->held.latent;
    const size_t codes = N_FACTORS * latent;
    struct disentanglement whole;
    struct disentangle_factor factors[N_ATTRIBUTES];
    json_t *all = json_object();
    double *columns = malloc((n * (codes + N_ATTRIBUTES) + 1) * sizeof *columns);
    if (!columns || status_fault()) FAIL(FAILED, "no memory for the latents of %zu segments", n);
    fill(columns, columns + n * codes, evaluation);
    const struct disentangle_rows rows = {columns, columns + n * codes, n, codes, N_ATTRIBUTES};
    TRY(disentangle_measure(&whole, factors, &rows));
    for (size_t a = 0; a < N_ATTRIBUTES; a++)
        if (json_object_set_new(all, attribute_names[a], factor_json(&factors[a], latent)) != 0)
            FAIL(FAILED, "no memory for the results");
    json_object_set_new(section, "segments", json_integer((json_int_t)n));
    json_object_set_new(section, "coordinates", json_integer((json_int_t)codes));
    json_object_set_new(section, "mig", evaluate_number(whole.mig));
    json_object_set_new(section, "sap", evaluate_number(whole.sap));
    json_object_set_new(section, "modularity", evaluate_number(whole.modularity));
    if (json_object_set(section, "by_attribute", all) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    json_decref(all);
    free(columns);
    return status;
}
