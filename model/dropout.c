/* Dropout masks: Philox words of (seed, step, id, site, column), 16 bits a number. */
#include "layers.h"

#include "random.h"
#include "simd.h"
#include "status.h"

enum { PER_BLOCK = 8, COLUMN_BITS = 20, SITES = 4096 };

/* Eight numbers: each is kept when its 16 bits reach the threshold. */
static void mask_block(real *x, const uint32_t words[4], uint32_t threshold, real scale,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = (words[i / 2] >> 16 * (i % 2)) & 0xffff;
        x[i] = bits >= threshold ? x[i] * scale : 0;
    }
}

void dropout_apply(real *x, const struct dropout *dropout, const uint32_t *id, uint32_t site,
                   size_t n, size_t width)
{
    if (dropout->rate <= 0) return;
    ASSERT(site < SITES && width <= (size_t)PER_BLOCK << COLUMN_BITS);
    const uint32_t threshold = (uint32_t)(dropout->rate * 65536 + REAL(0.5));
    const real scale = 1 / (1 - dropout->rate);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j += PER_BLOCK) {
            uint32_t words[4];
            random_block(words, dropout->seed, RANDOM_DROPOUT, dropout->step, id[i],
                         site << COLUMN_BITS | (uint32_t)(j / PER_BLOCK));
            mask_block(x + i * width + j, words, threshold, scale,
                       width - j < PER_BLOCK ? width - j : PER_BLOCK);
        }
}
