/* decorrelation: its value against plain formulas, its gradient, what it leaves alone; in double.
 */
#include "decorrelation.h"

#include "numeric.h"

enum { N = 9, COORDINATES = 3, ATTRIBUTES = 4 };

struct bench {
    real m[N * COORDINATES], a[N * ATTRIBUTES], dm[N * COORDINATES];
    struct arena scratch;
};

static struct bench bench;

static void bench_make(void)
{
    numeric_normals(bench.m, N * COORDINATES, 1);
    numeric_normals(bench.a, N * ATTRIBUTES, 2);
    numeric_arena(&bench.scratch, N * (ATTRIBUTES + 1) * sizeof(double) + 256);
}

static void bench_end(void)
{
    arena_fini(&bench.scratch);
}

static double loss_of(double weight)
{
    const struct decorrelation call = {.n = N,
                                       .coordinates = COORDINATES,
                                       .attributes = ATTRIBUTES,
                                       .m = bench.m,
                                       .a = bench.a,
                                       .dm = bench.dm,
                                       .weight = weight};
    memset(bench.dm, 0, sizeof bench.dm);
    return decorrelation_loss(&call, &bench.scratch);
}

static double loss(void *context)
{
    (void)context;
    return loss_of(0);
}

/* Pearson's r by its definition, but that a coordinate's variance has .01 more. */
static double correlation(size_t d, size_t a)
{
    double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < N; i++) {
        const double u = bench.m[i * COORDINATES + d], v = bench.a[i * ATTRIBUTES + a];
        x += u / N, y += v / N, xx += u * u / N, yy += v * v / N, xy += u * v / N;
    }
    return (xy - x * y) / sqrt((xx - x * x + 0.01) * (yy - y * y));
}

static void is_the_sum_of_squared_correlations(void)
{
    double want = 0;
    bench_make();
    for (size_t d = 0; d < COORDINATES; d++)
        for (size_t a = 0; a < ATTRIBUTES; a++) want += pow(correlation(d, a), 2);
    CU_ASSERT_DOUBLE_EQUAL(loss_of(0), want, 1e-9);
    CU_ASSERT(want > 0.1);
    bench_end();
}

static void has_its_gradient(void)
{
    real gradient[N * COORDINATES];
    bench_make();
    bench.a[2 * ATTRIBUTES + 1] = (real)NAN; /* unknown here and there */
    bench.a[5 * ATTRIBUTES + 1] = (real)NAN;
    (void)loss_of(1);
    memcpy(gradient, bench.dm, sizeof gradient);
    numeric_differences("m", bench.m, gradient, N * COORDINATES, loss, NULL);
    (void)loss_of(0.25);
    for (size_t i = 0; i < N * COORDINATES; i++)
        CU_ASSERT_DOUBLE_EQUAL(bench.dm[i], 0.25 * gradient[i], 1e-15);
    bench_end();
}

/* A coordinate's place does not matter, and its scale next to nothing, so that nothing is gained by
 * shrinking it. */
static void nothing_is_gained_by_shrinking(void)
{
    bench_make();
    const double before = loss_of(1);
    double along = 0;
    for (size_t d = 0; d < COORDINATES; d++) {
        double sum = 0;
        for (size_t i = 0; i < N; i++) {
            along += bench.dm[i * COORDINATES + d] * bench.m[i * COORDINATES + d];
            sum += bench.dm[i * COORDINATES + d];
        }
        CU_ASSERT_DOUBLE_EQUAL(sum, 0, 1e-9);
    }
    CU_ASSERT(fabs(along) < 0.05 * before);
    for (size_t i = 0; i < N * COORDINATES; i++) bench.m[i] = 7 + bench.m[i] * 50;
    CU_ASSERT_DOUBLE_EQUAL(loss_of(1), before, 0.03 * before);
    bench_end();
}

/* What rounding leaves of a coordinate pulls at nothing. */
static void silent_coordinates_have_no_say(void)
{
    bench_make();
    for (size_t i = 0; i < N * COORDINATES; i++) bench.m[i] = 1 + 1e-7 * bench.m[i];
    CU_ASSERT(loss_of(1) < 1e-9);
    for (size_t i = 0; i < N * COORDINATES; i++) CU_ASSERT(fabs(bench.dm[i]) < 1e-4);
    bench_end();
}

/* Constant columns and unknown ones tell nothing: no loss, no gradient, nothing that is no number.
 */
static void what_does_not_vary_costs_nothing(void)
{
    bench_make();
    for (size_t i = 0; i < N; i++) {
        bench.a[i * ATTRIBUTES] = 3;
        bench.a[i * ATTRIBUTES + 1] = (real)NAN;
        bench.m[i * COORDINATES] = 2;
    }
    double want = 0;
    for (size_t d = 1; d < COORDINATES; d++)
        for (size_t a = 2; a < ATTRIBUTES; a++) want += pow(correlation(d, a), 2);
    CU_ASSERT_DOUBLE_EQUAL(loss_of(1), want, 1e-9);
    for (size_t i = 0; i < N; i++) CU_ASSERT_EQUAL(bench.dm[i * COORDINATES], 0);
    for (size_t i = 0; i < N * COORDINATES; i++) CU_ASSERT(isfinite(bench.dm[i]));
    bench_end();
}

const char *const suite_name = "decorrelation";
const struct suite_test suite_tests[] = {
    {"is the sum of squared correlations", is_the_sum_of_squared_correlations},
    {"has its gradient", has_its_gradient},
    {"nothing is gained by shrinking", nothing_is_gained_by_shrinking},
    {"silent coordinates have no say", silent_coordinates_have_no_say},
    {"what does not vary costs nothing", what_does_not_vary_costs_nothing},
    {NULL, NULL},
};
