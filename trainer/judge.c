/* The judge. */
#include "judge.h"

#include "sampler.h"

static bool learns_from(const struct config *config, const struct corpus_piece *piece)
{
    return piece->label != CORPUS_UNLABELLED && sampler_split(config, piece) == SPLIT_TRAIN;
}

enum status judge_init(struct judge *judge, const struct corpus *corpus,
                       const struct config *config)
{
    enum status status = OK;
    size_t n = 0;
    double *x = NULL;
    int8_t *label = NULL;
    *judge = (struct judge){0};
    for (uint64_t i = 0; i < corpus->n_pieces; i++) n += learns_from(config, &corpus->pieces[i]);
    x = malloc((n * N_ATTRIBUTES + 1) * sizeof *x);
    label = malloc(n + 1);
    if (!x || !label || status_fault())
        FAIL(FAILED, "no memory for the attributes of %zu pieces", n);
    for (uint64_t i = 0; i < corpus->n_pieces; i++) {
        const struct corpus_piece *piece = &corpus->pieces[i];
        if (!learns_from(config, piece)) continue;
        baseline_attributes(x + judge->n_known * N_ATTRIBUTES,
                            corpus->segments + piece->first_segment, piece->n_segments);
        label[judge->n_known++] = piece->label;
    }
    const struct logistic_rows rows = {x, label, n, N_ATTRIBUTES};
    TRY(logistic_fit(&judge->logistic, &rows));
done:
    free(x);
    free(label);
    return status;
}

void judge_fini(struct judge *judge)
{
    logistic_fini(&judge->logistic);
}

void judge_tell(const struct judge *judge, const double *attributes, size_t n, int8_t *told)
{
    logistic_tell(&judge->logistic, attributes, n, told);
}
