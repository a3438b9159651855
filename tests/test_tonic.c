/* tonic: keys of known music, exact equivariance. */
#include "tonic.h"

#include "runner.h"

#include <math.h>
#include <string.h>

static void keys_of_scales(void)
{
    /* tonic triad weighted, as music does */
    const int64_t major[12] = {4, 0, 1, 0, 3, 1, 0, 3, 0, 1, 0, 1};
    const int64_t minor[12] = {4, 0, 1, 3, 0, 1, 0, 3, 1, 0, 0, 1};
    struct tonic tonic;
    tonic_estimate(&tonic, major, 0);
    CU_ASSERT_EQUAL(tonic.root, 0);
    CU_ASSERT(tonic.major > tonic.minor);
    tonic_estimate(&tonic, minor, 0);
    CU_ASSERT_EQUAL(tonic.root, 0);
    CU_ASSERT(tonic.minor > tonic.major);
}

/* The correlation with the C major profile, by the textbook formula. */
static void correlations_are_pearsons(void)
{
    const int64_t weights[12] = {9, 0, 3, 0, 7, 2, 0, 6, 0, 3, 1, 2};
    const double profile[12] = {5, 2, 3.5, 2, 4.5, 4, 2, 4.5, 2, 3.5, 1.5, 4};
    double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    for (int i = 0; i < 12; i++) {
        const double x = profile[i];
        const double y = (double)weights[i];
        sx += x;
        sy += y;
        sxx += x * x;
        syy += y * y;
        sxy += x * y;
    }
    const double r = (12 * sxy - sx * sy) / sqrt((12 * sxx - sx * sx) * (12 * syy - sy * sy));
    struct tonic tonic;
    tonic_estimate(&tonic, weights, 0);
    CU_ASSERT_EQUAL(tonic.root, 0);
    CU_ASSERT_DOUBLE_EQUAL(tonic.major, r, 1e-12);
}

static void rotations_change_no_bit(void)
{
    const int64_t cases[][12] = {
        {40, 3, 17, 0, 31, 12, 5, 38, 2, 11, 1, 13},
        {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, /* a tritone: two roots tie */
        {7, 0, 0, 7, 0, 0, 7, 0, 0, 7, 0, 0}, /* a diminished seventh: four do */
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct tonic still;
        tonic_estimate(&still, cases[c], 0);
        for (int k = 1; k < 12; k++) {
            int64_t weights[12];
            struct tonic moved;
            for (int i = 0; i < 12; i++) weights[(i + k) % 12] = cases[c][i];
            tonic_estimate(&moved, weights, k);
            CU_ASSERT_EQUAL(moved.root, (still.root + k) % 12);
            CU_ASSERT_EQUAL(memcmp(&moved.major, &still.major, sizeof moved.major), 0);
            CU_ASSERT_EQUAL(memcmp(&moved.minor, &still.minor, sizeof moved.minor), 0);
        }
    }
}

static void flat_weights_correlate_with_nothing(void)
{
    const int64_t weights[12] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    struct tonic tonic;
    tonic_estimate(&tonic, weights, 5);
    CU_ASSERT_EQUAL(tonic.root, 5);
    CU_ASSERT_EQUAL(tonic.major, 0.0);
    CU_ASSERT_EQUAL(tonic.minor, 0.0);
}

static void signed_roots(void)
{
    for (int root = 0; root < 12; root++) {
        const int value = tonic_signed(root);
        CU_ASSERT(value >= -5 && value <= 6);
        CU_ASSERT_EQUAL((value + 12) % 12, root);
    }
}

const char *const suite_name = "tonic";
const struct suite_test suite_tests[] = {
    {"keys of scales", keys_of_scales},
    {"correlations are Pearson's", correlations_are_pearsons},
    {"rotations change no bit", rotations_change_no_bit},
    {"flat weights correlate with nothing", flat_weights_correlate_with_nothing},
    {"signed roots", signed_roots},
    {NULL, NULL},
};
