/* Where the fit starts: distinct means inside each emotion. */
#include "mixture_row.h"
#include "random.h"

#include <stdbool.h>

enum { LLOYD_PASSES = 10, DRAWS = 6 };

struct seeding {
    const struct mixture_shape *shape;
    const struct mixture_rows *rows;
    real *mean; /* (K, D), the caller's */
    uint64_t seed;
    double *gap;                         /* (n) squared distance to the means placed so far */
    double *sum;                         /* (K, D) */
    bool placed[MIXTURE_MAX_COMPONENTS]; /* the mean stands at rows */
};

static double squared_distance(const real *a, const real *b, size_t n)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++) {
        const double gap = (double)a[d] - (double)b[d];
        sum += gap * gap;
    }
    return sum;
}

/* The nearest placed component of [first, first + n) to a row, n without any; *least its squared
 * distance, infinite without any. */
static size_t nearest(double *least, const struct seeding *s, size_t row, size_t first, size_t n)
{
    const size_t dimensions = s->shape->dimensions;
    size_t best = n;
    *least = HUGE_VAL;
    for (size_t k = 0; k < n; k++) {
        if (!s->placed[first + k]) continue;
        const double gap = squared_distance(s->rows->m + row * dimensions,
                                            s->mean + (first + k) * dimensions, dimensions);
        if (best < n && !(gap < *least)) continue;
        *least = gap;
        best = k;
    }
    return best;
}

/* The row at `mark` of the running sum of gap, none (n) when all gaps are zero. */
static size_t row_at(const struct seeding *s, double mark)
{
    double sum = 0;
    for (size_t row = 0; row < s->rows->n; row++) {
        sum += s->gap[row];
        if (s->gap[row] != 0 && !(sum < mark)) return row;
    }
    return s->rows->n;
}

/* What the gaps would sum to with a mean at the row `at` too. */
static double potential(const struct seeding *s, size_t at)
{
    const size_t dimensions = s->shape->dimensions;
    double sum = 0;
    for (size_t row = 0; row < s->rows->n; row++) {
        if (s->gap[row] == 0) continue;
        sum += fmin(s->gap[row], squared_distance(s->rows->m + row * dimensions,
                                                  s->rows->m + at * dimensions, dimensions));
    }
    return sum;
}

/* Puts component k's mean at a row of `label`: the best of some draws in proportion to the squared
 * distance from the means placed in [first, first + n), one even draw when there are none.  Leaves
 * it when no row differs from them. */
static void place(struct seeding *s, size_t k, int label, size_t first, size_t n)
{
    const size_t dimensions = s->shape->dimensions;
    size_t best = s->rows->n, n_draws = DRAWS;
    double total = 0, least = HUGE_VAL;
    for (size_t row = 0; row < s->rows->n; row++) {
        s->gap[row] = 0;
        if (label < 0 ? s->rows->label[row] >= 0 : s->rows->label[row] != label) continue;
        if (nearest(&s->gap[row], s, row, first, n) == n) {
            s->gap[row] = 1;
            n_draws = 1;
        }
        total += s->gap[row];
    }
    for (size_t draw = 0; draw < n_draws; draw++) {
        const size_t row =
            row_at(s, total * random_uniform(s->seed, RANDOM_FIT, k, 0, (uint32_t)draw));
        if (row == s->rows->n) return;
        const double sum = potential(s, row);
        if (best < s->rows->n && !(sum < least)) continue;
        least = sum;
        best = row;
    }
    for (size_t d = 0; d < dimensions; d++)
        s->mean[k * dimensions + d] = s->rows->m[best * dimensions + d];
    s->placed[k] = true;
}

/* One of Lloyd's passes: means of the labelled rows nearest to each component of their emotion. */
static void lloyd(struct seeding *s)
{
    const size_t dimensions = s->shape->dimensions, n = s->shape->n_components;
    double count[MIXTURE_MAX_COMPONENTS] = {0}, gap;
    for (size_t i = 0; i < n * dimensions; i++) s->sum[i] = 0;
    for (size_t row = 0; row < s->rows->n; row++) {
        if (s->rows->label[row] < 0) continue;
        const size_t first = mixture_first(s->shape, s->rows->label[row]);
        const size_t k = first + nearest(&gap, s, row, first, s->shape->per_emotion);
        count[k] += 1;
        for (size_t d = 0; d < dimensions; d++)
            s->sum[k * dimensions + d] += (double)s->rows->m[row * dimensions + d];
    }
    for (size_t i = 0; i < n * dimensions; i++) {
        if (count[i / dimensions] > 0) s->mean[i] = (real)(s->sum[i] / count[i / dimensions]);
    }
}

/* lam of every component: the pooled variance of the rows about their nearest mean. */
static void pool_variance(const struct seeding *s, real *log_variance)
{
    const size_t dimensions = s->shape->dimensions, n = s->shape->n_components;
    double *variance = s->sum, gap; /* its first D */
    for (size_t d = 0; d < dimensions; d++) variance[d] = 0;
    for (size_t row = 0; row < s->rows->n; row++) {
        const int label = s->rows->label[row];
        const size_t first = label < 0 ? 0 : mixture_first(s->shape, label);
        const size_t k =
            first + nearest(&gap, s, row, first, label < 0 ? n : s->shape->per_emotion);
        for (size_t d = 0; d < dimensions; d++) {
            const size_t at = row * dimensions + d;
            const double x = (double)s->rows->m[at] - (double)s->mean[k * dimensions + d];
            variance[d] += (x * x + exp((double)s->rows->s[at])) / (double)s->rows->n;
        }
    }
    for (size_t i = 0; i < n * dimensions; i++)
        log_variance[i] = (real)log(variance[i % dimensions]);
    mixture_project(log_variance, n * dimensions);
}

void mixture_fit_seed(const struct mixture_shape *shape, real *mean, real *log_variance,
                      real *log_weight, const struct mixture_rows *rows, uint64_t seed,
                      struct arena *scratch)
{
    const size_t n = shape->n_components, mark = arena_mark(scratch);
    struct seeding s = {.shape = shape, .rows = rows, .mean = mean, .seed = seed};
    ASSERT(n <= MIXTURE_MAX_COMPONENTS);
    if (rows->n == 0) return;
    s.gap = arena_take(scratch, rows->n * sizeof *s.gap);
    s.sum = arena_take(scratch, n * shape->dimensions * sizeof *s.sum);
    for (size_t k = 0; k < n; k++) {
        const size_t emotion = k / shape->per_emotion;
        place(&s, k, (int)emotion, emotion * shape->per_emotion, shape->per_emotion);
        log_weight[k] = (real)-log((double)n);
    }
    for (size_t k = 0; k < n; k++) {
        if (!s.placed[k]) place(&s, k, MIXTURE_UNLABELLED, 0, n);
    }
    for (int pass = 0; pass < LLOYD_PASSES; pass++) lloyd(&s);
    pool_variance(&s, log_variance);
    arena_reset(scratch, mark);
}
