/* The judge. */
#include "judge.h"

#include "collate.h"

#include <math.h>
#include <string.h>

const char *const judge_names[N_JUDGES] = {"logistic", "forest"};

/* Labelled pieces to learn from. */
struct lessons {
    double *x;      /* owned; (n, N_ATTRIBUTES) */
    int8_t *label;  /* owned; (n) */
    uint32_t *fold; /* owned; (n) */
    size_t n;
};

static bool learns_from(const struct config *config, const struct corpus_piece *piece)
{
    return piece->label != CORPUS_UNLABELLED && sampler_split(config, piece) == SPLIT_TRAIN;
}

static enum status lessons_make_room(struct lessons *lessons, size_t n)
{
    lessons->x = malloc((n * N_ATTRIBUTES + 1) * sizeof *lessons->x);
    lessons->label = malloc(n + 1);
    lessons->fold = malloc((n + 1) * sizeof *lessons->fold);
    if (!lessons->x || !lessons->label || !lessons->fold || status_fault())
        return status_fail(FAILED, "no memory for the attributes of %zu pieces", n);
    return OK;
}

static void lessons_fini(struct lessons *lessons)
{
    free(lessons->x);
    free(lessons->label);
    free(lessons->fold);
}

/* The fold of a duplicate group: by other digits than those that make the folds of the corpus. */
static uint32_t fold_of(uint64_t group)
{
    return (uint32_t)((group * UINT64_C(0x9e3779b97f4a7c15) >> 32) % JUDGE_FOLDS);
}

static enum status lessons_init(struct lessons *lessons, const struct corpus *corpus,
                                const struct config *config)
{
    enum status status = OK;
    size_t n = 0;
    for (uint64_t i = 0; i < corpus->n_pieces; i++) n += learns_from(config, &corpus->pieces[i]);
    TRY(lessons_make_room(lessons, n));
    for (uint64_t i = 0; i < corpus->n_pieces; i++) {
        const struct corpus_piece *piece = &corpus->pieces[i];
        if (!learns_from(config, piece)) continue;
        baseline_attributes(lessons->x + lessons->n * N_ATTRIBUTES,
                            corpus->segments + piece->first_segment, piece->n_segments);
        lessons->fold[lessons->n] = fold_of(piece->group);
        lessons->label[lessons->n++] = piece->label;
    }
done:
    return status;
}

/* The pieces of one fold (or all others), packed. */
static void select_fold(struct lessons *to, const struct lessons *from, uint32_t fold, bool inside)
{
    to->n = 0;
    for (size_t i = 0; i < from->n; i++) {
        if ((from->fold[i] == fold) != inside) continue;
        memcpy(to->x + to->n * N_ATTRIBUTES, from->x + i * N_ATTRIBUTES,
               N_ATTRIBUTES * sizeof *to->x);
        to->label[to->n++] = from->label[i];
    }
}

static enum status learn(struct judge *judge, enum judge_kind kind, const struct lessons *lessons,
                         uint64_t seed)
{
    const struct logistic_rows rows = {lessons->x, lessons->label, lessons->n, N_ATTRIBUTES};
    judge->kind = kind;
    judge->n_known = lessons->n;
    return kind == JUDGE_FOREST ? forest_fit(&judge->forest, &rows, seed)
                                : logistic_fit(&judge->logistic, &rows);
}

/* Pieces of `away` that a judge who learned from `home` is right about. */
static enum status count_right(size_t *right, enum judge_kind kind, const struct lessons *home,
                               const struct lessons *away, uint64_t seed)
{
    enum status status = OK;
    struct judge judge = {0};
    int8_t *told = malloc(away->n + 1);
    if (!told || status_fault()) FAIL(FAILED, "no memory for %zu pieces", away->n);
    TRY(learn(&judge, kind, home, seed));
    judge_tell(&judge, away->x, away->n, told);
    for (size_t i = 0; i < away->n; i++) *right += told[i] == away->label[i];
done:
    judge_fini(&judge);
    free(told);
    return status;
}

static enum status cross_validate(double accuracy[N_JUDGES], const struct lessons *lessons,
                                  uint64_t seed)
{
    enum status status = OK;
    struct lessons home = {0}, away = {0};
    size_t right[N_JUDGES] = {0}, n = 0;
    TRY(lessons_make_room(&home, lessons->n));
    TRY(lessons_make_room(&away, lessons->n));
    for (uint32_t fold = 0; fold < JUDGE_FOLDS; fold++) {
        select_fold(&home, lessons, fold, false);
        select_fold(&away, lessons, fold, true);
        if (home.n == 0 || away.n == 0) continue;
        n += away.n;
        for (int k = 0; k < N_JUDGES; k++)
            TRY(count_right(&right[k], (enum judge_kind)k, &home, &away, seed));
    }
    for (int k = 0; k < N_JUDGES; k++)
        accuracy[k] = n > 0 ? (double)right[k] / (double)n : (double)NAN;
done:
    lessons_fini(&home);
    lessons_fini(&away);
    return status;
}

enum status judge_init(struct judge *judge, const struct corpus *corpus,
                       const struct config *config, uint64_t seed)
{
    enum status status = OK;
    struct lessons lessons = {0};
    *judge = (struct judge){0};
    TRY(lessons_init(&lessons, corpus, config));
    TRY(cross_validate(judge->accuracy, &lessons, seed));
    const bool forest = judge->accuracy[JUDGE_FOREST] > judge->accuracy[JUDGE_LOGISTIC];
    TRY(learn(judge, forest ? JUDGE_FOREST : JUDGE_LOGISTIC, &lessons, seed));
done:
    lessons_fini(&lessons);
    if (status != OK) judge_fini(judge);
    return status;
}

void judge_fini(struct judge *judge)
{
    logistic_fini(&judge->logistic);
    forest_fini(&judge->forest);
}

enum status judge_attributes(double out[N_ATTRIBUTES], const struct piece *piece)
{
    struct corpus_segment *segments =
        status_fault() ? NULL : malloc(piece->n_segments * sizeof *segments);
    if (!segments) return status_fail(FAILED, "no memory for %zu segments", piece->n_segments);
    for (size_t s = 0; s < piece->n_segments; s++)
        segments[s] = collate_segment(&piece->segments[s]);
    baseline_attributes(out, segments, piece->n_segments);
    free(segments);
    return OK;
}

void judge_tell(const struct judge *judge, const double *attributes, size_t n, int8_t *told)
{
    if (judge->kind == JUDGE_FOREST)
        forest_tell(&judge->forest, attributes, n, told);
    else
        logistic_tell(&judge->logistic, attributes, n, told);
}
