/* Bootstrap intervals and scores of predictions. */
#include "measures.h"

#include "random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double share)
{
    const double place = share * (double)(n - 1);
    const size_t below = (size_t)place;
    const size_t above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static void resample(uint32_t *index, size_t n, uint64_t seed, uint64_t replicate)
{
    for (size_t i = 0; i < n; i++)
        index[i] = random_below((uint32_t)n, seed, RANDOM_EVALUATE, replicate, 0, (uint32_t)i);
}

enum status measures_bootstrap(struct interval *interval, measure_of *measure, const void *context,
                               size_t n, uint64_t seed)
{
    enum status status = OK;
    size_t defined = 0;
    uint32_t *index = malloc((n + 1) * sizeof *index);
    double *replicate = malloc(MEASURES_REPLICATES * sizeof *replicate);
    *interval = (struct interval){NAN, NAN, NAN};
    if (!index || !replicate || status_fault()) FAIL(FAILED, "no memory to resample %zu pieces", n);
    if (n == 0) goto done;
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)i;
    interval->value = measure(context, index, n);
    for (uint64_t r = 0; r < MEASURES_REPLICATES; r++) {
        resample(index, n, seed, r);
        const double value = measure(context, index, n);
        if (isfinite(value)) replicate[defined++] = value;
    }
    if (defined == 0) goto done;
    qsort(replicate, defined, sizeof *replicate, ascending);
    interval->low = percentile(replicate, defined, 0.025);
    interval->high = percentile(replicate, defined, 0.975);
done:
    free(index);
    free(replicate);
    return status;
}

static void count_pairs(size_t count[N_EMOTIONS][N_EMOTIONS], const struct predictions *predictions,
                        const uint32_t *index, size_t n)
{
    for (int i = 0; i < N_EMOTIONS; i++)
        for (int j = 0; j < N_EMOTIONS; j++) count[i][j] = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t at = index ? index[i] : i;
        count[predictions->truth[at]][predictions->told[at]]++;
    }
}

void measures_confusion(size_t count[N_EMOTIONS][N_EMOTIONS], const struct predictions *predictions,
                        size_t n)
{
    count_pairs(count, predictions, NULL, n);
}

/* Share of pieces whose true and told emotion have the same sign; signs NULL: are the same. */
static double share_equal(const void *context, const uint32_t *index, size_t n, const int *signs)
{
    const struct predictions *predictions = context;
    size_t equal = 0;
    for (size_t i = 0; i < n; i++) {
        const int truth = predictions->truth[index[i]], told = predictions->told[index[i]];
        equal += signs ? signs[truth] == signs[told] : truth == told;
    }
    return n ? (double)equal / (double)n : (double)NAN;
}

double measures_quadrant(const void *context, const uint32_t *index, size_t n)
{
    return share_equal(context, index, n, NULL);
}

double measures_arousal(const void *context, const uint32_t *index, size_t n)
{
    return share_equal(context, index, n, emotion_arousal);
}

double measures_valence(const void *context, const uint32_t *index, size_t n)
{
    return share_equal(context, index, n, emotion_valence);
}

double measures_macro_f1(const void *context, const uint32_t *index, size_t n)
{
    size_t count[N_EMOTIONS][N_EMOTIONS], present = 0;
    double sum = 0;
    count_pairs(count, context, index, n);
    for (int y = 0; y < N_EMOTIONS; y++) {
        size_t truth = 0, told = 0;
        for (int j = 0; j < N_EMOTIONS; j++) {
            truth += count[y][j];
            told += count[j][y];
        }
        if (truth + told == 0) continue;
        sum += 2 * (double)count[y][y] / (double)(truth + told);
        present++;
    }
    return present ? sum / (double)present : (double)NAN;
}

const char *const score_names[N_SCORES] = {"quadrant", "arousal", "valence", "macro_f1"};
measure_of *const score_measures[N_SCORES] = {measures_quadrant, measures_arousal, measures_valence,
                                              measures_macro_f1};

double measures_difference(const void *context, const uint32_t *index, size_t n)
{
    const struct comparison *comparison = context;
    measure_of *score = score_measures[comparison->score];
    return score(&comparison->a, index, n) - score(&comparison->b, index, n);
}

double measures_ratio(const void *context, const uint32_t *index, size_t n)
{
    const struct ratio *ratio = context;
    double above = 0, below = 0;
    for (size_t i = 0; i < n; i++) {
        above += ratio->above[index[i]];
        below += ratio->below ? ratio->below[index[i]] : 1;
    }
    return below > 0 ? above / below : (double)NAN;
}

double measures_correlation(const void *context, const uint32_t *index, size_t n)
{
    const struct correlated *pair = context;
    double known = 0, mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = pair->x[index[i]], y = pair->y[index[i]];
        if (isnan(x) || isnan(y)) continue;
        known++;
        mean_x += (x - mean_x) / known;
        mean_y += (y - mean_y) / known;
    }
    for (size_t i = 0; i < n; i++) {
        const double x = pair->x[index[i]] - mean_x, y = pair->y[index[i]] - mean_y;
        if (isnan(x) || isnan(y)) continue;
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    const double least = 1e-24 * (1 + known * (mean_x * mean_x + mean_y * mean_y));
    return xx > least && yy > least ? xy * xy / (xx * yy) : (double)NAN;
}
