/* BLIS's micro-kernel, chosen by CPU.  The context belongs to the process, as BLIS's own choice of
 * a kernel does, which is made at its first call. */
#define _GNU_SOURCE
#include "gemm_blis.h"

#include <blis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef REAL_DOUBLE
enum { NUMBER = BLIS_DOUBLE };
typedef dgemm_ukr_ft micro_kernel;
#else
enum { NUMBER = BLIS_FLOAT };
typedef sgemm_ukr_ft micro_kernel;
#endif

/* Terms a tile sums up: a panel of rows and one of columns then fit the nearest cache. */
enum { DEPTH = 256 };

static const char variable[] = "BLIS_ARCH_TYPE";

static cntx_t context;
static micro_kernel kernel; /* NULL before gemm_blis_init */
static bool column_major;   /* the kernel wants C's columns contiguous: it is given C^T = B^T A^T */

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

static bool cpu_runs(arch_t arch)
{
#ifdef __x86_64__
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (arch == BLIS_ARCH_SKX)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (arch == BLIS_ARCH_SANDYBRIDGE) return __builtin_cpu_supports("avx");
    return avx2 || arch == BLIS_ARCH_GENERIC;
#else
    return arch == BLIS_ARCH_GENERIC;
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
    const arch_t chosen = text ? asked(text) : fastest();
    if (text && chosen == BLIS_NUM_ARCHS)
        return status_fail(USAGE, "%s=%s: neither the number nor the name of a kernel for this CPU",
                           variable, text);
    if (chosen == BLIS_NUM_ARCHS) return OK;
    char number[16]; /* BLIS reads a name as 0 */
    snprintf(number, sizeof number, "%d", (int)chosen);
    if (setenv(variable, number, 1) != 0 || status_fault())
        return status_fail(FAILED, "cannot set %s=%s", variable, number);
    return OK;
}

enum status gemm_blis_init(struct gemm_tile_shape *shape)
{
    const num_t number = (num_t)NUMBER;
    if (!kernel) {
        const enum status status = choose();
        if (status != OK) return status;
        bli_init(); /* bli_arch_query_id aborts before it */
        context = *bli_gks_query_cntx();
        void *const found = (void *)bli_cntx_get_l3_nat_ukr_dt(number, BLIS_GEMM_UKR, &context);
        memcpy(&kernel, &found,
               sizeof kernel); /* ISO C converts no object pointer to a function's */
        column_major = bli_cntx_l3_nat_ukr_prefers_cols_dt(number, BLIS_GEMM_UKR, &context);
    }
    const size_t mr = (size_t)bli_cntx_get_blksz_def_dt(number, BLIS_MR, &context);
    const size_t nr = (size_t)bli_cntx_get_blksz_def_dt(number, BLIS_NR, &context);
    *shape = (struct gemm_tile_shape){.rows = column_major ? nr : mr,
                                      .columns = column_major ? mr : nr,
                                      .depth = DEPTH,
                                      .grain = 1,
                                      .terms_a_real = 1};
    return OK;
}

const char *gemm_blis_kernel(void)
{
    if (kernel) return bli_arch_string(bli_arch_query_id());
    const char *text = getenv(variable);
    const arch_t chosen = text ? asked(text) : fastest();
    if (chosen != BLIS_NUM_ARCHS) return bli_arch_string(chosen);
    return text ? "unknown" : bli_arch_string(bli_arch_query_id());
}

const char *gemm_blis_version(void)
{
    return bli_info_get_version_str();
}

void gemm_blis_tile(const struct gemm_tile *tile, const real *a, const real *b, real *c, size_t ldc)
{
    real alpha = tile->alpha, beta = tile->beta;
    auxinfo_t next; /* what the kernel fetches ahead */
    /* BLIS's prototypes lack const; it does not write to A and B. */
    real *rows = (real *)(uintptr_t)a, *columns = (real *)(uintptr_t)b;
    memset(&next, 0, sizeof next);
    if (column_major) {
        bli_auxinfo_set_next_ab(columns, rows, &next);
        kernel((dim_t)tile->columns, (dim_t)tile->rows, (dim_t)tile->depth, &alpha, columns, rows,
               &beta, c, 1, (inc_t)ldc, &next, &context);
    } else {
        bli_auxinfo_set_next_ab(rows, columns, &next);
        kernel((dim_t)tile->rows, (dim_t)tile->columns, (dim_t)tile->depth, &alpha, rows, columns,
               &beta, c, (inc_t)ldc, 1, &next, &context);
    }
}
