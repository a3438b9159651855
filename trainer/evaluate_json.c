/* What sections share: figures as JSON, and which emotions there are. */
#include "evaluate_parts.h"
#include "latent.h"

#include <math.h>

bool evaluate_can(const struct evaluation *evaluation, int emotion)
{
    return latent_check_point(&evaluation->model, latent_emotion(emotion),
                              evaluation->settings->checkpoint) == OK;
}

int8_t evaluate_label(const struct evaluation *evaluation, const struct evaluate_latents *latents,
                      size_t segment)
{
    const struct corpus *corpus = &evaluation->corpus;
    return evaluation->trainer.sampler.label[corpus->segments[latents->segment[segment]].piece];
}

json_t *evaluate_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *evaluate_interval(const struct interval *interval)
{
    return json_pack("{s:o, s:o, s:o}", "value", evaluate_number(interval->value), "low",
                     evaluate_number(interval->low), "high", evaluate_number(interval->high));
}

enum status evaluate_figure(json_t *section, const char *name, measure_of *measure,
                            const void *context, size_t n, uint64_t seed)
{
    enum status status = OK;
    struct interval interval;
    TRY(measures_bootstrap(&interval, measure, context, n, seed));
    if (json_object_set_new(section, name, evaluate_interval(&interval)) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    return status;
}

static json_t *confusion_json(const struct predictions *predictions, size_t n)
{
    size_t count[N_EMOTIONS][N_EMOTIONS];
    json_t *matrix = json_array();
    measures_confusion(count, predictions, n);
    for (int i = 0; i < N_EMOTIONS; i++)
        json_array_append_new(matrix, json_pack("[I, I, I, I]", (json_int_t)count[i][0],
                                                (json_int_t)count[i][1], (json_int_t)count[i][2],
                                                (json_int_t)count[i][3]));
    return matrix;
}

enum status evaluate_scores(json_t *section, const struct predictions *predictions, size_t n,
                            uint64_t seed)
{
    enum status status = OK;
    for (int i = 0; i < N_SCORES; i++)
        TRY(evaluate_figure(section, score_names[i], score_measures[i], predictions, n, seed));
    if (json_object_set_new(section, "confusion", confusion_json(predictions, n)) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    return status;
}
