/**
 * panel_product for one level of x86-64 each, private to panel*.c: the build compiles each file for
 * its level.  In double there is only the tile of any CPU.
 */
#ifndef PANEL_CPU_H
#define PANEL_CPU_H

#include "panel.h"

#if defined(__x86_64__) && !defined(REAL_DOUBLE)
#define PANEL_X86
#endif

typedef void panel_product_cpu(real *c, size_t ldc, const struct panel_left *left,
                               const struct panel_right *right, struct panel_size size, bool add);

panel_product_cpu panel_product_v3; /* AVX2, FMA */
panel_product_cpu panel_product_v4; /* AVX-512 */

#endif
