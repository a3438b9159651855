/* gemm in bf16: against plain loops over rounded numbers, edges, bits of rows and threads, refusal.
 */
#define _GNU_SOURCE
#include "gemm.h"
#include "numeric.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 700 * 1100 };
static real a_data[ROOM], b_data[ROOM], c[ROOM], before[ROOM], other[ROOM];
static double want[ROOM];
static bool available;

/* To the nearest number of 8 bits, ties to even. */
static double rounded(real x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000;
    memcpy(&x, &bits, sizeof bits);
    return (double)x;
}

static void plain(size_t m, size_t n, size_t k, double alpha, struct gemm_operand a,
                  struct gemm_operand b, double beta, size_t ldc)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += rounded(a.data[a.transposed ? l * a.stride + i : i * a.stride + l]) *
                       rounded(b.data[b.transposed ? j * b.stride + l : l * b.stride + j]);
            const size_t place = i * ldc + j;
            want[place] = alpha * sum + (beta == 0 ? 0 : beta * (double)before[place]);
        }
}

/* One product in a padded C; what lies between the rows must stay.  The plain loops round as the
 * kernel must, so that only float's own error is left. */
static void check_product(size_t m, size_t n, size_t k, int variant)
{
    const bool a_transposed = variant & 1, b_transposed = variant & 2;
    const size_t pad = (variant & 4) ? 3 : 0, ldc = n + pad;
    const real alpha = (variant & 8) ? REAL(-0.5) : REAL(1.0);
    const real beta = (variant & 16) ? (k % 2 ? REAL(1.0) : REAL(0.5)) : REAL(0.0);
    const struct gemm_operand a = {a_data, (a_transposed ? m : k) + pad, a_transposed};
    const struct gemm_operand b = {b_data, (b_transposed ? k : n) + pad, b_transposed};
    for (size_t i = 0; i < m * ldc; i++) {
        before[i] = beta == 0 && i % ldc < n ? (real)NAN : (real)(i % 5);
        want[i] = (double)before[i];
    }
    memcpy(c, before, m * ldc * sizeof(real));
    plain(m, n, k, (double)alpha, a, b, (double)beta, ldc);
    gemm(m, n, k, alpha, a, b, beta, c, ldc);
    const double error = numeric_error(c, want, m * ldc);
    if (!(error <= 2e-6 * (1 + sqrt((double)k))))
        fprintf(stderr, "m %zu n %zu k %zu variant %d: error %g\n", m, n, k, variant, error);
    CU_ASSERT(error <= 2e-6 * (1 + sqrt((double)k)));
}

static void matches_plain_loops(void)
{
    const size_t sizes[][3] = {{1, 1, 1},    {1, 7, 3},     {5, 1, 9},      {16, 17, 31},
                               {17, 16, 33}, {13, 33, 7},   {31, 15, 64},   {32, 64, 32},
                               {100, 3, 96}, {97, 97, 257}, {33, 65, 1027}, {2, 300, 11},
                               {64, 32, 512}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int variant = 0; variant < 32; variant++)
            check_product(sizes[s][0], sizes[s][1], sizes[s][2], variant);
    for (int variant = 0; variant < 32; variant++) check_product(5, 6, 0, variant);
}

/* Several blocks of columns and of terms. */
static void takes_wide_products(void)
{
    for (int variant = 0; variant < 4; variant++) check_product(3, 4200, 150, variant);
    check_product(40, 520, 1400, 0);
}

/* Ties go to even numbers, which truncation and rounding upwards both miss. */
static void rounds_to_the_nearest(void)
{
    const real tie = 1.0f / 256; /* half of bf16's last place at 1 */
    const real x[] = {1 + tie, 1 + 3 * tie, 1 + 1.01f * tie, 1 + 0.99f * tie};
    const real rounds_to[] = {1, 1 + 4 * tie, 1 + 2 * tie, 1};
    const real one = 1;
    for (size_t i = 0; i < 4; i++)
        for (int swap = 0; swap < 2; swap++) {
            const struct gemm_operand a = {swap ? &one : &x[i], 1, false};
            const struct gemm_operand b = {swap ? &x[i] : &one, 1, false};
            gemm(1, 1, 1, 1, a, b, 0, c, 1);
            CU_ASSERT_EQUAL(c[0], rounds_to[i]);
        }
}

/* Rows of one product and of smaller ones, first, in the middle, and last. */
static void rows_do_not_depend_on_their_number(void)
{
    const size_t shapes[][2] = {{1, 32}, {5, 64}, {64, 100}, {130, 300}, {128, 1030}};
    const size_t counts[] = {1, 2, 5, 16, 33, 100, 299};
    for (size_t s = 0; s < 5; s++)
        for (int variant = 0; variant < 4; variant++) {
            const size_t n = shapes[s][0], k = shapes[s][1], m = 300;
            const bool transposed = variant & 1;
            const real beta = (variant & 2) ? REAL(1.0) : REAL(0.0);
            const struct gemm_operand b = {b_data, transposed ? k : n, transposed};
            for (size_t i = 0; i < m * n; i++) c[i] = (real)(i / n);
            gemm(m, n, k, 1, (struct gemm_operand){a_data, k, false}, b, beta, c, n);
            for (size_t i = 0; i < 7; i++) {
                const size_t first = (m - counts[i]) / (i % 2 + 1);
                const struct gemm_operand a = {a_data + first * k, k, false};
                for (size_t j = 0; j < counts[i] * n; j++) other[j] = (real)(first + j / n);
                gemm(counts[i], n, k, 1, a, b, beta, other, n);
                CU_ASSERT_EQUAL(memcmp(other, c + first * n, counts[i] * n * sizeof(real)), 0);
            }
        }
}

static void count_rows(const void *context, size_t first, size_t count)
{
    int *rows = (int *)(uintptr_t)context;
    for (size_t i = first; i < first + count; i++) rows[i]++;
}

/* The same bits on any number of threads; each row announced once; columns summed up unrounded. */
static void threads_do_not_change_bits(void)
{
    enum { M = 500, N = 70, K = 1100 };
    for (int variant = 0; variant < 4; variant++) {
        const bool transposed = variant & 1;
        const struct gemm_operand a = {a_data, variant & 2 ? M : K, variant & 2};
        const struct gemm_operand b = {b_data, transposed ? K : N, transposed};
        gemm(M, N, K, 1, a, b, 0, other, N);
        for (int threads = 1; threads < 4; threads++) {
            int rows[M] = {0};
            real sums[N];
            for (int j = 0; j < N; j++) sums[j] = 1;
            CU_ASSERT_EQUAL(gemm_init(threads), OK);
            gemm_and(M, N, K, a, b, 0, c, N, &(struct gemm_then){count_rows, rows, sums});
            CU_ASSERT_EQUAL(memcmp(c, other, M * N * sizeof(real)), 0);
            for (int i = 0; i < M; i++) CU_ASSERT_EQUAL(rows[i], 1);
            for (int j = 0; j < N; j++) {
                double sum = 1;
                for (int k = 0; k < K; k++)
                    sum += (double)b_data[transposed ? j * K + k : k * N + j];
                CU_ASSERT_DOUBLE_EQUAL(sums[j], sum, 2e-4);
            }
        }
    }
    CU_ASSERT_EQUAL(gemm_init(1), OK);
}

static void carries_infinities_and_nan(void)
{
    const real x[] = {INFINITY, NAN, 3e38f};
    const real one = 1;
    for (size_t i = 0; i < 3; i++) {
        gemm(1, 1, 1, 1, (struct gemm_operand){&x[i], 1, false},
             (struct gemm_operand){&one, 1, false}, 0, c, 1);
        CU_ASSERT(i == 1 ? isnan(c[0]) : c[0] >= 2.9e38f);
    }
}

/* Float's products are what they were, before and after. */
static void switches_back(void)
{
    const struct gemm_operand a = {a_data, 64, false}, b = {b_data, 64, false};
    gemm_set_precision(GEMM_FLOAT);
    gemm(64, 64, 64, 1, a, b, 0, c, 64);
    gemm_set_precision(GEMM_BF16);
    gemm(64, 64, 64, 1, a, b, 0, other, 64);
    CU_ASSERT(memcmp(c, other, 64 * 64 * sizeof(real)) != 0);
    gemm_set_precision(GEMM_FLOAT);
    gemm(64, 64, 64, 1, a, b, 0, other, 64);
    CU_ASSERT_EQUAL(memcmp(c, other, 64 * 64 * sizeof(real)), 0);
    gemm_set_precision(GEMM_BF16);
}

static void is_named(void)
{
    CU_ASSERT(strstr(gemm_kernel(), ", bf16 (amx)") != NULL);
    CU_ASSERT_EQUAL(gemm_ready(GEMM_FLOAT), OK);
    CU_ASSERT(strstr(gemm_kernel(), "bf16") == NULL);
    CU_ASSERT_EQUAL(gemm_ready(GEMM_BF16), OK);
    gemm_set_precision(GEMM_BF16);
}

/* The system grants no tiles to a process whose stack for signals has no room for them. */
static int refused_in_child(void)
{
    const pid_t child = fork();
    if (child == 0) {
        const stack_t small = {.ss_sp = malloc(4096), .ss_size = 4096};
        if (sigaltstack(&small, NULL) != 0 || gemm_init(1) != OK) _exit(100);
        const bool refused = gemm_ready(GEMM_BF16) == USAGE &&
                             strstr(status_message(), "matrix products in bf16") != NULL &&
                             strchr(status_message(), '\n') == NULL;
        _exit(refused && strstr(gemm_kernel(), "bf16") == NULL ? 0 : 1);
    }
    int state = 0;
    waitpid(child, &state, 0);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* Comes first: what is granted to a process, its children have. */
static void refuses_where_unsupported(void)
{
    CU_ASSERT_EQUAL(refused_in_child(), 0);
    CU_ASSERT_EQUAL_FATAL(gemm_init(1), OK);
    numeric_normals(a_data, ROOM, 1);
    numeric_normals(b_data, ROOM, 2);
    available = gemm_ready(GEMM_BF16) == OK;
    if (available) gemm_set_precision(GEMM_BF16);
    if (!available) fprintf(stderr, "SKIPPED: products in bf16: %s\n", status_message());
}

#define WHERE_AVAILABLE(name)                                                                      \
    static void try_##name(void)                                                                   \
    {                                                                                              \
        if (available) name();                                                                     \
    }
WHERE_AVAILABLE(matches_plain_loops)
WHERE_AVAILABLE(takes_wide_products)
WHERE_AVAILABLE(rounds_to_the_nearest)
WHERE_AVAILABLE(rows_do_not_depend_on_their_number)
WHERE_AVAILABLE(threads_do_not_change_bits)
WHERE_AVAILABLE(carries_infinities_and_nan)
WHERE_AVAILABLE(switches_back)
WHERE_AVAILABLE(is_named)

const char *const suite_name = "gemm in bf16";
const struct suite_test suite_tests[] = {
    {"refuses where unsupported", refuses_where_unsupported},
    {"matches plain loops", try_matches_plain_loops},
    {"takes wide products", try_takes_wide_products},
    {"rounds to the nearest", try_rounds_to_the_nearest},
    {"rows do not depend on their number", try_rows_do_not_depend_on_their_number},
    {"threads do not change bits", try_threads_do_not_change_bits},
    {"carries infinities and NaN", try_carries_infinities_and_nan},
    {"switches back", try_switches_back},
    {"is named", try_is_named},
    {NULL, NULL},
};
