/* Matrix products on BLIS.  The context and the thread count belong to the process, as BLIS's own
 * choice of a kernel does, which is made at its first call. */
#define _GNU_SOURCE
#include "gemm.h"

#include <blis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef REAL_DOUBLE
#define blis_gemm bli_dgemm_ex
#else
#define blis_gemm bli_sgemm_ex
#endif

enum {
    THREADS_MAX = 1024,
    /* Multiplications from which waking the threads pays. */
    THREADED_PRODUCT = 1 << 21,
};

static const char variable[] = "BLIS_ARCH_TYPE";

static cntx_t context;
static dim_t n_threads; /* 0 before gemm_init */

/* The kernels offered, best first; Debian's BLIS has them all on x86-64. */
static const arch_t kernels[] = {
#ifdef BLIS_CONFIG_SKX
    BLIS_ARCH_SKX,
#endif
#ifdef BLIS_CONFIG_HASWELL
    BLIS_ARCH_HASWELL,
#endif
#ifdef BLIS_CONFIG_ZEN3
    BLIS_ARCH_ZEN3,
#endif
#ifdef BLIS_CONFIG_ZEN2
    BLIS_ARCH_ZEN2,
#endif
#ifdef BLIS_CONFIG_ZEN
    BLIS_ARCH_ZEN,
#endif
#ifdef BLIS_CONFIG_SANDYBRIDGE
    BLIS_ARCH_SANDYBRIDGE,
#endif
#ifdef BLIS_CONFIG_GENERIC
    BLIS_ARCH_GENERIC,
#endif
};
enum { N_KERNELS = sizeof kernels / sizeof kernels[0] };

/* Cache blocks of float products, where others than BLIS's own were measured to be faster. */
static const struct {
    arch_t kernel;
    dim_t mc, kc;
} blocks[] = {{BLIS_ARCH_SKX, 96, 256}};

static bool cpu_runs(arch_t kernel)
{
#ifdef __x86_64__
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (kernel == BLIS_ARCH_SKX)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (kernel == BLIS_ARCH_SANDYBRIDGE) return __builtin_cpu_supports("avx");
    return avx2 || kernel == BLIS_ARCH_GENERIC;
#else
    return kernel == BLIS_ARCH_GENERIC;
#endif
}

/* What the user asked for by number or by name; BLIS_NUM_ARCHS if it is not to be had here. */
static arch_t asked(const char *text)
{
    char *end;
    const long number = strtol(text, &end, 10);
    const bool numeric = end != text && *end == '\0';
    for (size_t i = 0; i < N_KERNELS; i++) {
        const bool same =
            numeric ? number == (long)kernels[i] : strcmp(text, bli_arch_string(kernels[i])) == 0;
        if (same && cpu_runs(kernels[i])) return kernels[i];
    }
    return BLIS_NUM_ARCHS;
}

/* The fastest kernel this CPU runs, if it is one that BLIS may overlook; otherwise BLIS_NUM_ARCHS:
 * BLIS chooses. */
static arch_t fastest(void)
{
    for (size_t i = 0; i < N_KERNELS; i++)
        if (kernels[i] != BLIS_ARCH_GENERIC && cpu_runs(kernels[i])) return kernels[i];
    return BLIS_NUM_ARCHS;
}

static enum status choose(void)
{
    const char *text = getenv(variable);
    const arch_t kernel = text ? asked(text) : fastest();
    if (text && kernel == BLIS_NUM_ARCHS)
        return status_fail(USAGE, "%s=%s: neither the number nor the name of a kernel for this CPU",
                           variable, text);
    if (kernel == BLIS_NUM_ARCHS) return OK;
    char number[16]; /* BLIS reads a name as 0 */
    snprintf(number, sizeof number, "%d", (int)kernel);
    if (setenv(variable, number, 1) != 0 || status_fault())
        return status_fail(FAILED, "cannot set %s=%s", variable, number);
    return OK;
}

static void set_blocks(arch_t kernel)
{
    context = *bli_gks_query_cntx();
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        if (blocks[i].kernel != kernel) continue;
        bli_cntx_set_blksz_def_dt(BLIS_FLOAT, BLIS_MC, blocks[i].mc, &context);
        bli_cntx_set_blksz_max_dt(BLIS_FLOAT, BLIS_MC, blocks[i].mc, &context);
        bli_cntx_set_blksz_def_dt(BLIS_FLOAT, BLIS_KC, blocks[i].kc, &context);
        bli_cntx_set_blksz_max_dt(BLIS_FLOAT, BLIS_KC, blocks[i].kc, &context);
    }
}

enum status gemm_init(int threads)
{
    if (threads < 1 || threads > THREADS_MAX)
        return status_fail(USAGE, "%d threads a rank: want 1 to %d", threads, THREADS_MAX);
    if (n_threads == 0) {
        const enum status status = choose();
        if (status != OK) return status;
        bli_init(); /* bli_arch_query_id aborts before it */
        set_blocks(bli_arch_query_id());
    }
    n_threads = threads;
    return OK;
}

const char *gemm_kernel(void)
{
    if (n_threads > 0) return bli_arch_string(bli_arch_query_id());
    const char *text = getenv(variable);
    const arch_t kernel = text ? asked(text) : fastest();
    if (kernel != BLIS_NUM_ARCHS) return bli_arch_string(kernel);
    return text ? "unknown" : bli_arch_string(bli_arch_query_id());
}

const char *gemm_version(void)
{
    return bli_info_get_version_str();
}

void gemm(size_t m, size_t n, size_t k, real alpha, struct gemm_operand a, struct gemm_operand b,
          real beta, real *c, size_t ldc)
{
    ASSERT(n_threads > 0);
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    const bool large = (double)m * (double)n * (double)k >= (double)THREADED_PRODUCT;
    bli_rntm_set_num_threads(large ? n_threads : 1, &runtime);
    /* The kernels for small products sum in another order: a row's bits would depend on how many
     * rows there are. */
    bli_rntm_disable_l3_sup(&runtime);
    /* BLIS's prototypes lack const; it does not write to A and B. */
    blis_gemm(a.transposed ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
              b.transposed ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, (dim_t)m, (dim_t)n, (dim_t)k,
              &alpha, (real *)(uintptr_t)a.data, (inc_t)a.stride, 1, (real *)(uintptr_t)b.data,
              (inc_t)b.stride, 1, &beta, c, (inc_t)ldc, 1, &context, &runtime);
}
