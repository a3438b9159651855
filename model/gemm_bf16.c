/* Whether products in bf16 can be had here. */
#define _GNU_SOURCE
#include "gemm_bf16.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* of arch_prctl; a part of the CPU's state */

static bool cpu_has_tiles(void)
{
    enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AVX512_BF16 = 1 << 5 };
    unsigned a, b, c, d, more;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || a < 1) return false;
    if (!(d & AMX_BF16) || !(d & AMX_TILE)) return false;
    if (!__get_cpuid_count(7, 1, &more, &b, &c, &d) || !(more & AVX512_BF16)) return false;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

static bool system_grants_tiles(void)
{
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
static bool cpu_has_tiles(void)
{
    return false;
}

static bool system_grants_tiles(void)
{
    return false;
}
#endif

enum status gemm_bf16_init(struct gemm_micro *micro)
{
    struct gemm_micro found;
    if (!gemm_amx(&found))
        return status_fail(USAGE, "matrix products in bf16: this build has no kernel for them");
    if (!cpu_has_tiles())
        return status_fail(USAGE, "matrix products in bf16: this CPU has no AMX with bf16");
    if (!system_grants_tiles())
        return status_fail(USAGE, "matrix products in bf16: the system does not grant AMX's tiles");
    *micro = found;
    return OK;
}

const char *gemm_bf16_kernel(void)
{
    return "bf16 (amx)";
}
