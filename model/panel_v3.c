/* The tile of CPUs of the level x86-64-v3: 16 vector registers. */
#define LANES 8
#define TALL 6
#include "panel_cpu.h"

#ifdef PANEL_X86
#include "panel_tile.h"

void panel_product_v3(real *c, size_t ldc, const struct panel_left *left,
                      const struct panel_right *right, struct panel_size size, bool add)
{
    product(c, ldc, left, right, size, add);
}
#else
typedef int panel_v3_is_empty; /* ISO C wants a declaration */
#endif
