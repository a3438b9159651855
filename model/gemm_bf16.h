/**
 * A micro-kernel that rounds what it multiplies to bf16 (float's range, 8 bits of precision) and
 * sums the products up in float: AMX, on the CPUs that have it.
 *
 * Each number of C is summed in the order of the terms wherever its tile lies.  Numbers are rounded
 * to the nearest, ties to even; denormals count as zero, whatever the thread's modes.
 */
#ifndef GEMM_BF16_H
#define GEMM_BF16_H

#include "gemm_micro.h"
#include "status.h"

#include <stdbool.h>

/**
 * Asks the system for the CPU's tile registers, once a process.  Local.
 *
 * @param[out] micro  the kernel; unchanged on failure
 * @return USAGE: this CPU, system or build has none
 */
STATUS_CHECKED enum status gemm_bf16_init(struct gemm_micro *micro);

/** The kernel's name.  Local. */
const char *gemm_bf16_kernel(void);

/** Private to gemm_bf16.c: the kernel of gemm_amx.c, which the build compiles for AMX; false where
 *  it cannot. */
bool gemm_amx(struct gemm_micro *micro);

#endif
