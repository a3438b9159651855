/* adam: the formula in plain steps, decay only where it applies, padding, norm, clipping. */
#include "adam.h"
#include "numeric.h"

enum { REALS = 10240, WEIGHT = 2003 };

static struct parameters table;
static real theta[REALS], first[REALS], second[REALS], gradient[REALS];
static const struct adam_state state = {theta, first, second, gradient};

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(parameters_init(&table), OK);
    parameters_add(&table, 1, WEIGHT, INITIALIZE_NORMAL, 1, "weight");
    parameters_add(&table, 1, 5, INITIALIZE_ONE, 0, "gain");
    numeric_normals(theta, REALS, 1);
    numeric_normals(gradient, REALS, 2);
    memset(first, 0, sizeof first);
    memset(second, 0, sizeof second);
}

/* One number through `steps` updates with a constant gradient, in double. */
static double plain(double x, double g, double decay, int steps)
{
    double m = 0, v = 0;
    for (int t = 1; t <= steps; t++) {
        m = 0.9 * m + 0.1 * g;
        v = 0.98 * v + 0.02 * g * g;
        x -= 0.01 * decay * x;
        x -= 0.01 * (m / (1 - pow(0.9, t))) / (sqrt(v / (1 - pow(0.98, t))) + 1e-8);
    }
    return x;
}

static void follows_the_formula(void)
{
    begin();
    static real start[REALS];
    memcpy(start, theta, sizeof start);
    const struct adam adam = adam_defaults(0.1);
    for (uint64_t t = 1; t <= 20; t++) adam_step(&adam, &table, &state, 0.01, 0.5, t);
    for (size_t i = 0; i < table.count; i++) {
        const bool weight = i < WEIGHT, gain = i >= 2016 && i < 2021;
        const double want =
            plain((double)start[i], 0.5 * (double)gradient[i], weight ? 0.1 : 0, 20);
        if (weight || gain) CU_ASSERT_DOUBLE_EQUAL(theta[i], want, 4e-6);
        if (!weight && !gain) CU_ASSERT(theta[i] == start[i] && first[i] == 0 && second[i] == 0);
    }
    parameters_fini(&table);
}

static void zero_gradients_only_decay(void)
{
    begin();
    memset(gradient, 0, sizeof gradient);
    const double weight = (double)theta[0], gain = (double)theta[2016];
    const struct adam adam = adam_defaults(0.5);
    adam_step(&adam, &table, &state, 0.1, 1, 1);
    CU_ASSERT_DOUBLE_EQUAL(theta[0], 0.95 * weight, 1e-6);
    CU_ASSERT_EQUAL((double)theta[2016], gain);
    parameters_fini(&table);
}

static void norm_is_exact(void)
{
    double want = 0;
    numeric_normals(gradient, REALS, 3);
    for (size_t i = 0; i < REALS; i++) want += (double)gradient[i] * (double)gradient[i];
    CU_ASSERT_DOUBLE_EQUAL(adam_gradient_norm(gradient, REALS), sqrt(want), 1e-10);
    gradient[0] = 3;
    gradient[1] = 4;
    CU_ASSERT_EQUAL(adam_gradient_norm(gradient, 2), 5);
    CU_ASSERT_EQUAL(adam_gradient_norm(gradient, 0), 0);
    gradient[0] = REAL(1e30); /* its square is beyond float */
    CU_ASSERT_DOUBLE_EQUAL(adam_gradient_norm(gradient, 1) / 1e30, 1, 1e-6);
    gradient[5000] = (real)NAN;
    CU_ASSERT(isnan(adam_gradient_norm(gradient, REALS)));
}

static void clips_only_above(void)
{
    CU_ASSERT_EQUAL(adam_clip_scale(4, 1), 0.25);
    CU_ASSERT_EQUAL(adam_clip_scale(0.5, 1), 1);
    CU_ASSERT_EQUAL(adam_clip_scale(0, 1), 1);
    CU_ASSERT_EQUAL(adam_clip_scale(1e9, 0), 1);
}

const char *const suite_name = "adam";
const struct suite_test suite_tests[] = {
    {"follows the formula", follows_the_formula},
    {"zero gradients only decay", zero_gradients_only_decay},
    {"norm is exact", norm_is_exact},
    {"clips only above", clips_only_above},
    {NULL, NULL},
};
