/* The fader loss and the standard normal divergence, in double. */
#include "mixture.h"
#include "random.h"
#include "runner.h"

#include <stdbool.h>
#include <string.h>

enum { N = 17, D = 4 };

struct faders {
    real z[N], a[N];
};

/* Attributes on a coarse grid: many ties. */
static struct faders faders_make(void)
{
    struct faders f;
    random_normals(f.z, N, 2, RANDOM_TEST, 0, 0);
    for (uint32_t i = 0; i < N; i++) f.a[i] = (real)random_below(5, 2, RANDOM_TEST, 1, 0, i) - 2;
    return f;
}

static double plain_fader(const struct faders *f, double s0)
{
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            const double order = f->a[i] > f->a[j] ? 1 : f->a[i] < f->a[j] ? -1 : 0;
            const double miss = tanh(s0 * (f->z[i] - f->z[j])) - order;
            sum += miss * miss / (N * N);
        }
    }
    return sum;
}

static void fader_has_its_gradient(void)
{
    const double step = 1e-5, weight = 0.6;
    struct faders f = faders_make();
    for (double s0 = 0.5; s0 < 9; s0 *= 4) {
        real dz[N] = {0};
        CU_ASSERT_DOUBLE_EQUAL(fader_loss(dz, f.z, f.a, N, 0, N, s0, weight), plain_fader(&f, s0),
                               1e-13);
        for (size_t i = 0; i < N; i++) {
            const double z = f.z[i];
            f.z[i] = z + step;
            const double above = plain_fader(&f, s0);
            f.z[i] = z - step;
            const double below = plain_fader(&f, s0);
            f.z[i] = z;
            CU_ASSERT_DOUBLE_EQUAL(dz[i], weight * (above - below) / (2 * step), 1e-8);
        }
    }
}

static void fader_shares_add_up(void)
{
    static const size_t start[] = {0, 1, 1, 12, N};
    const struct faders f = faders_make();
    real whole[N] = {0}, shares[N] = {0};
    const double loss = fader_loss(whole, f.z, f.a, N, 0, N, 2.0, 1.0);
    double sum = 0;
    for (size_t rank = 0; rank + 1 < sizeof start / sizeof *start; rank++)
        sum += fader_loss(shares + start[rank], f.z, f.a, N, start[rank],
                          start[rank + 1] - start[rank], 2.0, 1.0);
    CU_ASSERT_DOUBLE_EQUAL(sum, loss, 1e-14);
    CU_ASSERT(memcmp(whole, shares, sizeof whole) == 0);
}

static void fader_has_its_limits(void)
{
    real dz[N] = {0};
    struct faders f = {0}; /* all tied */
    CU_ASSERT_EQUAL(fader_loss(dz, f.z, f.a, N, 0, N, 2.0, 1.0), 0);
    CU_ASSERT_EQUAL(fader_loss(dz, f.z, f.a, 0, 0, 0, 2.0, 1.0), 0);
    for (size_t i = 0; i < N; i++) f.z[i] = 50 * (f.a[i] = (real)i); /* ordered, far apart */
    CU_ASSERT_DOUBLE_EQUAL(fader_loss(dz, f.z, f.a, N, 0, N, 2.0, 1.0), 0, 1e-15);
    for (size_t i = 0; i < N; i++) f.z[i] = -f.z[i];
    CU_ASSERT_DOUBLE_EQUAL(fader_loss(dz, f.z, f.a, N, 0, N, 2.0, 1.0), 4.0 * (N - 1) / N, 1e-12);
    for (size_t i = 0; i < N; i++) CU_ASSERT_DOUBLE_EQUAL(dz[i], 0, 1e-15);
}

struct latents {
    real m[N * D], s[N * D];
};

static struct latents latents_make(void)
{
    struct latents x;
    random_normals(x.m, N * D, 4, RANDOM_TEST, 0, 0);
    random_normals(x.s, N * D, 4, RANDOM_TEST, 1, 0);
    return x;
}

static double plain_row(const struct latents *x, size_t row)
{
    double sum = 0;
    for (size_t i = row * D; i < (row + 1) * D; i++)
        sum += 0.5 * (x->m[i] * x->m[i] + exp(x->s[i]) - x->s[i] - 1);
    return sum;
}

static void normal_has_its_gradient(void)
{
    const double step = 1e-5, scale = 0.3, free_nats[] = {0, 2.5};
    struct latents x = latents_make();
    for (size_t f = 0; f < 2; f++) {
        real dm[N * D] = {0}, ds[N * D] = {0};
        double want = 0;
        size_t n_free = 0;
        const double sum = normal_divergence(dm, ds, x.m, x.s, scale, free_nats[f], N, D);
        for (size_t row = 0; row < N; row++) {
            want += plain_row(&x, row);
            n_free += plain_row(&x, row) < free_nats[f];
        }
        CU_ASSERT_DOUBLE_EQUAL(sum, want, 1e-12);
        CU_ASSERT(f == 0 ? n_free == 0 : n_free > 0 && n_free < N);
        for (size_t i = 0; i < 2 * N * D; i++) {
            const size_t row = i % (N * D) / D;
            real *variable = i < N * D ? x.m + i : x.s + (i - N * D);
            const double before = *variable;
            const bool is_free = plain_row(&x, row) < free_nats[f];
            *variable = before + step;
            const double above = plain_row(&x, row);
            *variable = before - step;
            const double below = plain_row(&x, row);
            *variable = before;
            CU_ASSERT_DOUBLE_EQUAL(i < N * D ? dm[i] : ds[i - N * D],
                                   is_free ? 0 : scale * (above - below) / (2 * step), 1e-8);
        }
    }
}

static void normal_has_its_limits(void)
{
    real m[D] = {0}, s[D] = {0}, dm[D] = {0}, ds[D] = {0};
    CU_ASSERT_EQUAL(normal_divergence(dm, ds, m, s, 1, 0, 1, D), 0);
    CU_ASSERT_EQUAL(normal_divergence(dm, ds, NULL, NULL, 1, 0, 0, D), 0);
    for (size_t d = 0; d < D; d++) CU_ASSERT(dm[d] == 0 && ds[d] == 0);
}

const char *const suite_name = "fader";
const struct suite_test suite_tests[] = {
    {"fader has its gradient", fader_has_its_gradient},
    {"fader shares add up", fader_shares_add_up},
    {"fader has its limits", fader_has_its_limits},
    {"normal has its gradient", normal_has_its_gradient},
    {"normal has its limits", normal_has_its_limits},
    {NULL, NULL},
};
