/* Random numbers from Philox4x32-10. */
#include "random.h"

#include <Random123/philox.h>

void random_block(uint32_t out[4], uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b,
                  uint32_t c)
{
    /* a has 56 bits in use at most; the stream takes the upper 8 of its second word. */
    const philox4x32_ctr_t counter = {
        {c, b, (uint32_t)a, (uint32_t)(a >> 32) ^ ((uint32_t)stream << 24)}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    const philox4x32_ctr_t block = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) out[i] = block.v[i];
}

static double unit(uint32_t word)
{
    return ((double)word + 0.5) / 4294967296.0;
}

double random_uniform(uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b, uint32_t c)
{
    uint32_t block[4];
    random_block(block, seed, stream, a, b, c);
    return unit(block[0]);
}

uint32_t random_below(uint32_t n, uint64_t seed, enum random_stream stream, uint64_t a, uint32_t b,
                      uint32_t c)
{
    uint32_t block[4];
    random_block(block, seed, stream, a, b, c);
    const uint64_t word = ((uint64_t)block[0] << 32) | block[1];
    return (uint32_t)(((word >> 32) * n + (((word & 0xffffffffu) * n) >> 32)) >> 32);
}

void random_normals(real *x, size_t n, uint64_t seed, enum random_stream stream, uint64_t a,
                    uint32_t b)
{
    for (size_t i = 0; i < n; i += 4) {
        uint32_t block[4];
        random_block(block, seed, stream, a, b, (uint32_t)(i / 4));
        for (size_t pair = 0; pair < 2; pair++) { /* Box-Muller */
            const double radius = sqrt(-2.0 * log(unit(block[2 * pair])));
            const double angle = 6.283185307179586 * unit(block[2 * pair + 1]);
            if (i + 2 * pair < n) x[i + 2 * pair] = (real)(radius * cos(angle));
            if (i + 2 * pair + 1 < n) x[i + 2 * pair + 1] = (real)(radius * sin(angle));
        }
    }
}
