/* Accuracies of pools, over pieces, and their differences. */
#include "evaluate_parts.h"
#include "pool_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TERMS = 4, MAX_SOURCES = 32 };

/* A sum of one score of several tellers, each with its sign, over the same pieces. */
struct sum {
    size_t n_terms;
    const double *share[MAX_TERMS]; /* (n_pieces, N_EMOTIONS) */
    double sign[MAX_TERMS];
};

/* Pieces of one source, or of all. */
struct part {
    const struct pooling *pooling;
    const char *name;
    uint32_t *piece; /* (n) */
    size_t n;
};

/* Context of the measure. */
struct scored {
    const struct part *part;
    const struct sum *sum;
    enum emotion_score score;
};

static bool counts_as_right(enum emotion_score score, int truth, int told)
{
    switch (score) {
    case SCORE_AROUSAL: return emotion_arousal[truth] == emotion_arousal[told];
    case SCORE_VALENCE: return emotion_valence[truth] == emotion_valence[told];
    default: return truth == told;
    }
}

/* The score of a table of shares, summed over pieces, by true and told emotion. */
static double table_score(double table[N_EMOTIONS][N_EMOTIONS], enum emotion_score score)
{
    double right = 0, all = 0, f1 = 0, present = 0;
    for (int y = 0; y < N_EMOTIONS; y++) {
        double truth = 0, told = 0;
        for (int j = 0; j < N_EMOTIONS; j++) {
            truth += table[y][j];
            told += table[j][y];
            if (counts_as_right(score, y, j)) right += table[y][j];
        }
        all += truth;
        if (truth + told <= 0) continue;
        f1 += 2 * table[y][y] / (truth + told);
        present++;
    }
    if (all <= 0) return (double)NAN;
    return score == SCORE_MACRO_F1 ? f1 / present : right / all;
}

/* measure_of */
static double measure_sum(const void *context, const uint32_t *index, size_t n)
{
    const struct scored *scored = context;
    const struct part *part = scored->part;
    double value = 0;
    for (size_t t = 0; t < scored->sum->n_terms; t++) {
        double table[N_EMOTIONS][N_EMOTIONS] = {{0}};
        for (size_t i = 0; i < n; i++) {
            const uint32_t piece = part->piece[index[i]];
            const double *share = scored->sum->share[t] + (size_t)piece * N_EMOTIONS;
            double *row = table[part->pooling->pieces[piece].label];
            for (int y = 0; y < N_EMOTIONS; y++) row[y] += share[y];
        }
        value += scored->sum->sign[t] * table_score(table, scored->score);
    }
    return value;
}

/* document[section][part][pool][name], all scores. */
static enum status add_sum(json_t *document, const char *section, const struct part *part,
                           const char *const path[2], const struct sum *sum)
{
    enum status status = OK;
    json_t *at = pool_section(pool_section(document, section), part->name);
    at = pool_section(pool_section(at, path[0]), path[1]);
    if (!at) FAIL(FAILED, "no memory for the results, or a name that is not UTF-8");
    for (int s = 0; s < N_SCORES; s++) {
        const struct scored scored = {part, sum, (enum emotion_score)s};
        TRY(evaluate_figure(at, score_names[s], measure_sum, &scored, part->n,
                            part->pooling->seed));
    }
done:
    return status;
}

static const double *find_share(const struct pool *pool, const char *teller)
{
    for (size_t t = 0; pool && t < pool->n_tellers; t++)
        if (strcmp(pool->tellers[t].name, teller) == 0) return pool->tellers[t].share;
    return NULL;
}

static enum status add_accuracies(json_t *document, const struct part *part,
                                  const struct pool *pool)
{
    enum status status = OK;
    const struct pool *reference = pooling_reference(part->pooling, pool);
    for (size_t t = 0; t < pool->n_tellers; t++) {
        const struct pool_teller *teller = &pool->tellers[t];
        const char *const path[] = {pool->request->name, teller->name};
        const double *other = find_share(reference, teller->name);
        const struct sum sum = {2, {teller->share, other}, {1, -1}},
                         own = {1, {teller->share}, {1}};
        TRY(add_sum(document, "emotion", part, path, &own));
        if (other && pool_is_model(teller->name))
            TRY(add_sum(document, "less_" POOL_REFERENCE, part, path, &sum));
    }
done:
    return status;
}

static enum status add_less_baselines(json_t *document, const struct part *part,
                                      const struct pool *pool)
{
    enum status status = OK;
    for (size_t t = 0; t < pool->n_tellers; t++)
        for (size_t b = 0; b < pool->n_tellers; b++) {
            const struct pool_teller *teller = &pool->tellers[t], *baseline = &pool->tellers[b];
            char name[POOL_NAME];
            const char *const path[] = {pool->request->name, name};
            const struct sum sum = {2, {teller->share, baseline->share}, {1, -1}};
            if (!pool_is_model(teller->name) || pool_is_model(baseline->name)) continue;
            snprintf(name, sizeof name, "%s_less_%s", teller->name, baseline->name);
            TRY(add_sum(document, "less_baselines", part, path, &sum));
        }
done:
    return status;
}

/* The pool NAME of a pool NAME@SHARE, or NULL. */
static const struct pool *find_full(const struct pooling *pooling, const struct pool *few)
{
    char name[POOL_NAME];
    const char *share = strchr(few->request->name, '@');
    if (!share) return NULL;
    snprintf(name, sizeof name, "%.*s", (int)(share - few->request->name), few->request->name);
    return pooling_find(pooling, name);
}

/* What a teller loses with fewer labels, less what another does: of the same pools a baseline, of
 * the reference's the same teller. */
static enum status add_losses_less(json_t *document, const struct part *part,
                                   const struct pool *few, const struct pool_teller *teller)
{
    enum status status = OK;
    const struct pool *full = find_full(part->pooling, few);
    const struct pool *reference = pooling_reference(part->pooling, few);
    const struct pool *whole = reference ? find_full(part->pooling, reference) : NULL;
    struct sum sum = {4, {find_share(full, teller->name), teller->share}, {1, -1, -1, 1}};
    char name[POOL_NAME];
    const char *const path[] = {full->request->name, name};
    for (size_t b = 0; b < few->n_tellers; b++) {
        sum.share[2] = find_share(full, few->tellers[b].name);
        sum.share[3] = few->tellers[b].share;
        if (pool_is_model(few->tellers[b].name) || !sum.share[2]) continue;
        snprintf(name, sizeof name, "%s_less_%s", teller->name, few->tellers[b].name);
        TRY(add_sum(document, "fewer_labels_less", part, path, &sum));
    }
    sum.share[2] = find_share(whole, teller->name);
    sum.share[3] = find_share(reference, teller->name);
    if (!sum.share[2] || !sum.share[3]) goto done;
    snprintf(name, sizeof name, "%s_less_" POOL_REFERENCE, teller->name);
    TRY(add_sum(document, "fewer_labels_less", part, path, &sum));
done:
    return status;
}

static enum status add_losses(json_t *document, const struct part *part, const struct pool *few)
{
    enum status status = OK;
    const struct pool *full = find_full(part->pooling, few);
    for (size_t t = 0; full && t < few->n_tellers; t++) {
        const struct pool_teller *teller = &few->tellers[t];
        const char *const path[] = {full->request->name, teller->name};
        const struct sum loss = {2, {find_share(full, teller->name), teller->share}, {1, -1}};
        if (!loss.share[0]) continue;
        TRY(add_sum(document, "fewer_labels", part, path, &loss));
        if (pool_is_model(teller->name)) TRY(add_losses_less(document, part, few, teller));
    }
done:
    return status;
}

static enum status add_part(json_t *document, const struct part *part)
{
    enum status status = OK;
    const struct pooling *pooling = part->pooling;
    json_t *pieces = pool_section(document, "pieces");
    if (json_object_set_new(pieces, part->name, json_integer((json_int_t)part->n)) != 0)
        FAIL(FAILED, "no memory for the results");
    for (size_t p = 0; p < pooling->n_pools; p++) {
        TRY(add_accuracies(document, part, &pooling->pools[p]));
        TRY(add_less_baselines(document, part, &pooling->pools[p]));
        TRY(add_losses(document, part, &pooling->pools[p]));
    }
done:
    return status;
}

/* The sources of the pieces, in the order of their first. */
static size_t list_sources(const struct pooling *pooling, const char *source[MAX_SOURCES])
{
    size_t n = 0;
    for (size_t i = 0; i < pooling->n_pieces; i++) {
        size_t s = 0;
        while (s < n && strcmp(source[s], pooling->pieces[i].source) != 0) s++;
        if (s == n && n < MAX_SOURCES) source[n++] = pooling->pieces[i].source;
    }
    return n;
}

enum status pool_emotion(const struct pooling *pooling, json_t *document)
{
    enum status status = OK;
    const char *source[MAX_SOURCES];
    const size_t n_sources = list_sources(pooling, source);
    struct part part = {.pooling = pooling};
    part.piece = status_fault() ? NULL : malloc(pooling->n_pieces * sizeof *part.piece);
    if (!part.piece) FAIL(FAILED, "no memory for %zu pieces", pooling->n_pieces);
    for (size_t s = 0; s <= n_sources; s++) {
        part.name = s == 0 ? "all" : source[s - 1];
        part.n = 0;
        for (size_t i = 0; i < pooling->n_pieces; i++)
            if (s == 0 || strcmp(pooling->pieces[i].source, part.name) == 0)
                part.piece[part.n++] = (uint32_t)i;
        TRY(add_part(document, &part));
    }
done:
    free(part.piece);
    return status;
}
