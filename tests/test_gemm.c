/* gemm: against three plain loops, edges, rows that do not depend on their number, the kernel. */
#define _GNU_SOURCE
#include "gemm.h"
#include "numeric.h"

#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 700 * 700 };
static real a_data[ROOM], b_data[ROOM], c[ROOM], before[ROOM];
static double want[ROOM];

static void fill(void)
{
    numeric_normals(a_data, ROOM, 1);
    numeric_normals(b_data, ROOM, 2);
}

static void plain(size_t m, size_t n, size_t k, double alpha, struct gemm_operand a,
                  struct gemm_operand b, double beta, size_t ldc)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++) {
                const real x = a.data[a.transposed ? l * a.stride + i : i * a.stride + l];
                const real y = b.data[b.transposed ? j * b.stride + l : l * b.stride + j];
                sum += (double)x * (double)y;
            }
            const size_t place = i * ldc + j;
            want[place] = alpha * sum + (beta == 0 ? 0 : beta * (double)before[place]);
        }
}

/* One product in a padded C; what lies between the rows must stay. */
static void check_product(size_t m, size_t n, size_t k, int variant)
{
    const bool a_transposed = variant & 1, b_transposed = variant & 2;
    const size_t pad = (variant & 4) ? 3 : 0, ldc = n + pad;
    const real alpha = (variant & 8) ? REAL(-0.5) : REAL(1.0),
               beta = (variant & 16) ? REAL(1.0) : REAL(0.0);
    const struct gemm_operand a = {a_data, (a_transposed ? m : k) + pad, a_transposed};
    const struct gemm_operand b = {b_data, (b_transposed ? k : n) + pad, b_transposed};
    for (size_t i = 0; i < m * ldc; i++) {
        before[i] = beta == 0 && i % ldc < n ? (real)NAN : (real)(i % 5);
        want[i] = (double)before[i];
    }
    memcpy(c, before, m * ldc * sizeof(real));
    plain(m, n, k, (double)alpha, a, b, (double)beta, ldc);
    gemm(m, n, k, alpha, a, b, beta, c, ldc);
    const double limit = (sizeof(real) == 4 ? 2e-6 : 2e-15) * (1 + sqrt((double)k));
    const double error = numeric_error(c, want, m * ldc);
    if (!(error <= limit))
        fprintf(stderr, "m %zu n %zu k %zu variant %d: error %g\n", m, n, k, variant, error);
    CU_ASSERT(error <= limit);
}

static void matches_plain_loops(void)
{
    const size_t sizes[][3] = {{1, 1, 1},    {1, 7, 3},     {5, 1, 9},     {3, 4, 1},
                               {12, 32, 6},  {13, 33, 7},   {31, 17, 64},  {64, 100, 32},
                               {100, 3, 96}, {97, 97, 257}, {33, 65, 513}, {2, 300, 11}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int variant = 0; variant < 32; variant++)
            check_product(sizes[s][0], sizes[s][1], sizes[s][2], variant);
}

/* A product over nothing is zero: C is scaled by beta, or set without being read. */
static void takes_zero_sizes(void)
{
    for (int variant = 0; variant < 32; variant++) {
        check_product(0, 5, 4, variant);
        check_product(5, 0, 4, variant);
        check_product(5, 6, 0, variant);
        check_product(0, 0, 0, variant);
    }
}

/* Row 0 of one product and of larger ones, alone, first, in the middle, and last. */
static void rows_do_not_depend_on_their_number(void)
{
    static real all[300 * 130], part[300 * 130];
    const size_t shapes[][2] = {{1, 32}, {5, 64}, {64, 100}, {130, 300}, {128, 513}};
    const size_t counts[] = {1, 2, 5, 16, 33, 100, 299};
    for (size_t s = 0; s < 5; s++)
        for (int transposed = 0; transposed < 2; transposed++) {
            const size_t n = shapes[s][0], k = shapes[s][1], m = 300;
            const struct gemm_operand b = {b_data, transposed ? k : n, transposed};
            gemm(m, n, k, 1, (struct gemm_operand){a_data, k, false}, b, 0, all, n);
            for (size_t i = 0; i < 7; i++) {
                const size_t first = (m - counts[i]) / (i % 2 + 1);
                const struct gemm_operand a = {a_data + first * k, k, false};
                gemm(counts[i], n, k, 1, a, b, 0, part, n);
                CU_ASSERT_EQUAL(memcmp(part, all + first * n, counts[i] * n * sizeof(real)), 0);
            }
        }
}

/* What follows a product is told of every row once, with its numbers in place, on any number of
 * threads and over several blocks of terms; columns are summed up. */
struct seen {
    const real *c;
    size_t n;
    int rows[700];
    real first[700]; /* of each row, as it was then */
};

static void see(const void *context, size_t first, size_t count)
{
    struct seen *seen = (struct seen *)(uintptr_t)context;
    for (size_t i = first; i < first + count; i++) {
        seen->rows[i]++;
        seen->first[i] = seen->c[i * seen->n];
    }
}

static void then_sees_complete_rows(void)
{
    enum { M = 57, N = 50, K = 8500 }; /* terms that no kernel packs at once */
    static real sums[N], plain_c[M * N];
    const struct gemm_operand a = {a_data, K, false}, b = {b_data, N, false};
    gemm(M, N, K, 1, a, b, 0, plain_c, N);
    for (int threads = 1; threads < 4; threads++) {
        static struct seen seen;
        seen = (struct seen){.c = c, .n = N};
        for (int j = 0; j < N; j++) sums[j] = 1;
        CU_ASSERT_EQUAL(gemm_init(threads), OK);
        gemm_and(M, N, K, a, b, 0, c, N, &(struct gemm_then){see, &seen, sums});
        CU_ASSERT_EQUAL(memcmp(c, plain_c, sizeof plain_c), 0);
        for (int i = 0; i < M; i++) CU_ASSERT(seen.rows[i] == 1 && seen.first[i] == c[i * N]);
        for (int j = 0; j < N; j++) {
            double want_sum = 1;
            for (int k = 0; k < K; k++) want_sum += (double)b_data[k * N + j];
            CU_ASSERT_DOUBLE_EQUAL(sums[j], want_sum, 1e-3);
        }
    }
    CU_ASSERT_EQUAL(gemm_init(1), OK);
}

static void threads_do_not_change_bits(void)
{
    enum { N = 260 };
    static real one[N * N], two[N * N];
    const struct gemm_operand a = {a_data, N, false}, b = {b_data, N, true};
    gemm(N, N, N, 1, a, b, 0, one, N);
    CU_ASSERT_EQUAL(gemm_init(2), OK);
    gemm(N, N, N, 1, a, b, 0, two, N);
    CU_ASSERT_EQUAL(gemm_init(1), OK);
    CU_ASSERT_EQUAL(memcmp(one, two, sizeof one), 0);
}

static void refuses_bad_thread_counts(void)
{
    CU_ASSERT_EQUAL(gemm_init(0), USAGE);
    CU_ASSERT_EQUAL(gemm_init(-3), USAGE);
    CU_ASSERT_EQUAL(gemm_init(1 << 20), USAGE);
    CU_ASSERT_EQUAL(gemm_init(1), OK);
}

/* BLIS chooses once a process, so every setting is tried in a child, before the parent's first
 * product.  Returns the status of gemm_init, or 100 when the kernel is not the expected one. */
static int status_of(const char *setting, const char *kernel)
{
    const pid_t child = fork();
    if (child == 0) {
        if (setting) setenv("BLIS_ARCH_TYPE", setting, 1);
        const char *promised = gemm_kernel();
        const enum status status = gemm_init(1);
        if (status != OK) _exit((int)status);
        fill();
        check_product(40, 40, 40, 0);
        rows_do_not_depend_on_their_number();
        const bool right = strcmp(gemm_kernel(), kernel) == 0 && strcmp(promised, kernel) == 0;
        _exit(right && CU_get_number_of_failures() == 0 ? 0 : 100);
    }
    int state = 0;
    waitpid(child, &state, 0);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void chooses_by_cpu(void)
{
    unsetenv("BLIS_ARCH_TYPE");
#ifdef __x86_64__
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl");
    if (avx2) CU_ASSERT_EQUAL(status_of(NULL, avx512 ? "skx" : "haswell"), OK);
    CU_ASSERT_EQUAL(status_of("haswell", "haswell"), avx2 ? OK : USAGE);
    CU_ASSERT_EQUAL(status_of("3", "haswell"), avx2 ? OK : USAGE);
    CU_ASSERT_EQUAL(status_of("zen3", "zen3"), avx2 ? OK : USAGE);
    CU_ASSERT_EQUAL(status_of("0", "skx"), avx512 ? OK : USAGE);
#endif
    CU_ASSERT_EQUAL(status_of("generic", "generic"), OK);
}

static void refuses_unknown_kernels(void)
{
    const char *const bad[] = {"", "nonsense", "-1", "999", "3x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(status_of(bad[i], "unknown"), USAGE);
}

static void survives_faults(void)
{
    status_fault_set(1);
    CU_ASSERT_EQUAL(gemm_init(1), FAILED);
    status_fault_set(0);
    CU_ASSERT_EQUAL(gemm_init(1), OK);
    CU_ASSERT(strlen(gemm_version()) > 0);
    fill();
}

const char *const suite_name = "gemm";
const struct suite_test suite_tests[] = {
    {"chooses by CPU", chooses_by_cpu},
    {"refuses unknown kernels", refuses_unknown_kernels},
    {"survives faults", survives_faults},
    {"refuses bad thread counts", refuses_bad_thread_counts},
    {"matches plain loops", matches_plain_loops},
    {"takes zero sizes", takes_zero_sizes},
    {"rows do not depend on their number", rows_do_not_depend_on_their_number},
    {"then sees complete rows", then_sees_complete_rows},
    {"threads do not change bits", threads_do_not_change_bits},
    {NULL, NULL},
};
