/* What the judge is worth, and what it hears. */
#include "evaluate_judge.h"

enum status evaluate_hearing(json_t *section, const char *name, const struct judge *judge,
                             const struct baseline_pieces *pieces, uint64_t seed)
{
    enum status status = OK;
    json_t *scores = json_object();
    int8_t *told = malloc(pieces->n + 1);
    if (!told || status_fault()) FAIL(FAILED, "no memory for %zu pieces", pieces->n);
    judge_tell(judge, pieces->attributes, pieces->n, told);
    const struct predictions predictions = {pieces->label, told};
    TRY(evaluate_scores(scores, &predictions, pieces->n, seed));
    if (json_object_set(section, name, scores) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(scores);
    free(told);
    return status;
}

enum status evaluate_judge(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct judge *judge = evaluation->judge;
    const struct evaluate_pieces *asked = &evaluation->asked;
    const struct baseline_pieces heard = {asked->attributes, asked->label, asked->n};
    json_t *both = json_object();
    for (int k = 0; k < N_JUDGES; k++)
        if (json_object_set_new(both, judge_names[k], evaluate_number(judge->accuracy[k])) != 0)
            FAIL(FAILED, "no memory for the results");
    if (json_object_set_new(section, "kind", json_string(judge_names[judge->kind])) != 0 ||
        json_object_set_new(section, "learned_from", json_integer((json_int_t)judge->n_known)) !=
            0 ||
        json_object_set(section, "cross_validated", both) != 0)
        FAIL(FAILED, "no memory for the results");
    TRY(evaluate_hearing(section, "on_real", judge, &heard, evaluation->settings->seed));
done:
    json_decref(both);
    return status;
}
