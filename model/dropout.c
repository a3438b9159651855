/* Dropout masks: Philox words of (seed, step, id, site, column), 16 bits a number. */
#include "layers.h"

#include "random.h"
#include "simd.h"
#include "status.h"

#include <Random123/philox.h>

enum {
    BLOCKS = 16,          /* Philox blocks drawn side by side */
    COLUMNS = 8 * BLOCKS, /* numbers that they mask */
    BLOCK_BITS = 20,      /* of the counter; the site takes the others */
    SITES = 4096,
};

/* bits[j] of a run of columns: halves of the words that random_block gives for counters c, c + 1,
 * ...  One block at a time would cost several times the layer norm. */
SIMD_INLINE void draw(uint32_t bits[COLUMNS], const struct dropout *dropout, uint32_t id,
                      uint32_t c)
{
    const uint32_t low = (uint32_t)dropout->step;
    const uint32_t high = (uint32_t)(dropout->step >> 32) ^ ((uint32_t)RANDOM_DROPOUT << 24);
    const philox4x32_key_t key = {{(uint32_t)dropout->seed, (uint32_t)(dropout->seed >> 32)}};
#pragma omp simd
    for (uint32_t i = 0; i < BLOCKS; i++) {
        const philox4x32_ctr_t counter = {{c + i, id, low, high}};
        const philox4x32_ctr_t block = philox4x32(counter, key);
        bits[0 * BLOCKS + i] = block.v[0] & 0xffff;
        bits[1 * BLOCKS + i] = block.v[0] >> 16;
        bits[2 * BLOCKS + i] = block.v[1] & 0xffff;
        bits[3 * BLOCKS + i] = block.v[1] >> 16;
        bits[4 * BLOCKS + i] = block.v[2] & 0xffff;
        bits[5 * BLOCKS + i] = block.v[2] >> 16;
        bits[6 * BLOCKS + i] = block.v[3] & 0xffff;
        bits[7 * BLOCKS + i] = block.v[3] >> 16;
    }
}

SIMD_CLONES void dropout_apply(real *x, const struct dropout *dropout, const uint32_t *id,
                               uint32_t site, size_t n, size_t width)
{
    if (dropout->rate <= 0) return;
    ASSERT(dropout->rate < 1 && site < SITES && width <= (size_t)8 << BLOCK_BITS);
    const uint32_t threshold = (uint32_t)(dropout->rate * 65536 + REAL(0.5));
    const real scale = 1 / (1 - dropout->rate);
    for (size_t i = 0; i < n; i++)
        for (size_t first = 0; first < width; first += COLUMNS) {
            uint32_t bits[COLUMNS];
            draw(bits, dropout, id[i], site << BLOCK_BITS | (uint32_t)(first / 8));
            const size_t count = width - first < COLUMNS ? width - first : COLUMNS;
            real *row = x + i * width + first;
#pragma omp simd
            for (size_t j = 0; j < count; j++) row[j] = bits[j] >= threshold ? row[j] * scale : 0;
        }
}
