/* The choice of a tile by CPU, and the tile of any CPU. */
#include "panel_tile.h"

#include "panel_cpu.h"

static void plain_product(real *c, size_t ldc, const struct panel_left *left,
                          const struct panel_right *right, struct panel_size size, bool add)
{
    product(c, ldc, left, right, size, add);
}

void panel_product(real *c, size_t ldc, const struct panel_left *left,
                   const struct panel_right *right, struct panel_size size, bool add)
{
    static panel_product_cpu *chosen;
    panel_product_cpu *run;
#pragma omp atomic read
    run = chosen;
    if (!run) {
        run = plain_product;
#ifdef PANEL_X86
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) run = panel_product_v3;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            run = panel_product_v4;
#endif
#pragma omp atomic write
        chosen = run;
    }
    run(c, ldc, left, right, size, add);
}
