/* What moved pieces became. */
#include "evaluate_transfer.h"
#include "judge.h"
#include "measures_music.h"

#include <math.h>
#include <stdio.h>

/* What the judge hears, and columns over the pieces. */
struct heard {
    const struct evaluation *evaluation;
    const struct evaluate_transfers *transfers;
    int8_t *source, *made; /* (n), (n, N_EMOTIONS) */
    double *above, *below; /* (n) */
};

static int own_emotion(const struct heard *heard, size_t k)
{
    return heard->evaluation->asked.label[heard->transfers->place[k]];
}

static bool was_moved(const struct heard *heard, size_t k, int target)
{
    return heard->transfers->can[target] && own_emotion(heard, k) != target;
}

/* Whether a piece is heard as a target, or has its sign. */
static bool agrees(int told, int target, const int *signs)
{
    return signs ? signs[told] == signs[target] : told == target;
}

static enum status add_ratio(json_t *section, const char *name, const struct heard *heard)
{
    const struct ratio ratio = {heard->above, heard->below};
    return evaluate_figure(section, name, measures_ratio, &ratio, heard->transfers->n,
                           heard->evaluation->settings->seed);
}

/* The share of moves (to one target, or to all: -1) after which the piece is heard as the target;
 * before: of those that it was heard as already. */
static enum status add_reached(json_t *section, const char *name, const struct heard *heard,
                               int target, const int *signs, bool before)
{
    for (size_t k = 0; k < heard->transfers->n; k++) {
        heard->above[k] = heard->below[k] = 0;
        for (int y = 0; y < N_EMOTIONS; y++) {
            if (!was_moved(heard, k, y) || (target >= 0 && y != target)) continue;
            const int told = before ? heard->source[k] : heard->made[k * N_EMOTIONS + (size_t)y];
            heard->above[k] += agrees(told, y, signs);
            heard->below[k]++;
        }
    }
    return add_ratio(section, name, heard);
}

/* The mean of a measure over moves, or over pieces decoded in place. */
static enum status add_mean(json_t *section, const char *name, const struct heard *heard,
                            enum transfer_measure measure, bool moved)
{
    for (size_t k = 0; k < heard->transfers->n; k++) {
        heard->above[k] = heard->below[k] = 0;
        for (int y = 0; y < N_EMOTIONS; y++) {
            if (moved ? !was_moved(heard, k, y) : own_emotion(heard, k) != y) continue;
            const double x =
                heard->transfers
                    ->made[(k * N_EMOTIONS + (size_t)y) * N_TRANSFER_MEASURES + (size_t)measure];
            if (isnan(x)) continue;
            heard->above[k] += x;
            heard->below[k]++;
        }
    }
    return add_ratio(section, name, heard);
}

static enum status add_targets(json_t *section, const struct heard *heard)
{
    enum status status = OK;
    json_t *all = json_object();
    for (int y = 0; y < N_EMOTIONS; y++)
        if (heard->transfers->can[y])
            TRY(add_reached(all, emotion_names[y], heard, y, NULL, false));
    if (json_object_set(section, "reached_by_target", all) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    json_decref(all);
    return status;
}

/* What decoding in place leaves: the most that a move could keep. */
static enum status add_in_place(json_t *section, const struct heard *heard)
{
    enum status status = OK;
    json_t *entry = json_object();
    for (size_t k = 0; k < heard->transfers->n; k++) {
        const int own = own_emotion(heard, k);
        heard->above[k] = heard->made[k * N_EMOTIONS + (size_t)own] == own;
        heard->below[k] = 1;
    }
    TRY(add_ratio(entry, "heard_as_own", heard));
    TRY(add_mean(entry, "chroma_cosine", heard, TRANSFER_CHROMA, false));
    TRY(add_mean(entry, "groove_similarity", heard, TRANSFER_GROOVE, false));
    if (json_object_set(section, "in_place", entry) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(entry);
    return status;
}

static void listen(const struct heard *heard)
{
    const struct judge *judge = heard->evaluation->judge;
    const struct evaluate_transfers *transfers = heard->transfers;
    judge_tell(judge, transfers->source, transfers->n, heard->source);
    for (size_t i = 0; i < transfers->n * N_EMOTIONS; i++)
        judge_tell(judge, transfers->made + i * N_TRANSFER_MEASURES, 1, &heard->made[i]);
}

enum status evaluate_transfer(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_transfers *transfers = evaluation->transfers;
    const size_t n = transfers->n;
    int8_t *told = malloc((1 + N_EMOTIONS) * n + 1);
    double *columns = malloc((2 * n + 1) * sizeof *columns);
    if (!told || !columns || status_fault()) FAIL(FAILED, "no memory for %zu pieces", n);
    const struct heard heard = {evaluation, transfers, told, told + n, columns, columns + n};
    listen(&heard);
    json_object_set_new(section, "pieces", json_integer((json_int_t)n));
    TRY(add_reached(section, "reached", &heard, -1, NULL, false));
    TRY(add_reached(section, "reached_arousal", &heard, -1, emotion_arousal, false));
    TRY(add_reached(section, "reached_valence", &heard, -1, emotion_valence, false));
    TRY(add_reached(section, "heard_so_before", &heard, -1, NULL, true));
    TRY(add_targets(section, &heard));
    TRY(add_mean(section, "chroma_cosine", &heard, TRANSFER_CHROMA, true));
    TRY(add_mean(section, "groove_similarity", &heard, TRANSFER_GROOVE, true));
    TRY(add_in_place(section, &heard));
done:
    free(told);
    free(columns);
    return status;
}
