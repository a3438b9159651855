/* Packing panels: plain copies where a term's numbers are neighbours, 4 x 4 transpositions where a
 * line's are. */
#include "gemm_pack.h"

#include "simd.h"

enum { SIDE = 4 };

typedef real four __attribute__((vector_size(SIDE * sizeof(real)), aligned(sizeof(real))));

/* out[t] (SIDE numbers, `height` apart) = the t-th number of each of SIDE lines. */
SIMD_INLINE void transpose(real *out, size_t height, const real *in, ptrdiff_t stride)
{
    const four a = *(const four *)in, b = *(const four *)(in + stride);
    const four c = *(const four *)(in + 2 * stride), d = *(const four *)(in + 3 * stride);
    const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(four *)(out + height) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(four *)(out + 2 * height) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(four *)(out + 3 * height) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

/* Terms [first, depth) of lines [line, line + count), one by one. */
SIMD_INLINE void pack_singly(real *panel, const struct gemm_lines *lines, size_t height,
                             size_t line, size_t count, size_t first, size_t depth)
{
    for (size_t t = first; t < depth; t++)
        for (size_t i = line; i < line + count; i++)
            panel[t * height + i] =
                lines->data[(ptrdiff_t)i * lines->line_stride + (ptrdiff_t)t * lines->term_stride];
}

SIMD_INLINE void pack_transposed(real *panel, const struct gemm_lines *lines, size_t height,
                                 size_t count, size_t depth)
{
    const ptrdiff_t stride = lines->line_stride;
    const size_t terms = depth - depth % SIDE;
    size_t i = 0;
    for (; i + SIDE <= count; i += SIDE) {
        for (size_t t = 0; t < terms; t += SIDE)
            transpose(panel + t * height + i, height, lines->data + (ptrdiff_t)i * stride + t,
                      stride);
        pack_singly(panel, lines, height, i, SIDE, terms, depth);
    }
    pack_singly(panel, lines, height, i, count - i, 0, depth);
}

/* A term's numbers are neighbours: `count` is a constant where speed matters. */
SIMD_INLINE void pack_copied(real *restrict panel, const struct gemm_lines *lines, size_t height,
                             size_t count, size_t depth)
{
    for (size_t t = 0; t < depth; t++)
        memcpy(panel + t * height, lines->data + (ptrdiff_t)t * lines->term_stride,
               count * sizeof(real));
}

SIMD_INLINE void add_terms(real *restrict sums, const real *restrict panel, size_t height,
                           size_t count, size_t depth)
{
    enum { MOST = 64 };
    real sum[MOST] = {0};
    if (height > MOST) return;
    for (size_t t = 0; t < depth; t++)
        for (size_t i = 0; i < height; i++) sum[i] += panel[t * height + i];
    for (size_t i = 0; i < count; i++) sums[i] += sum[i];
}

SIMD_CLONES void gemm_pack(real *panel, const struct gemm_lines *lines, size_t height, size_t count,
                           size_t depth, real *sums)
{
    for (size_t t = 0; count < height && t < depth; t++)
        memset(panel + t * height + count, 0, (height - count) * sizeof(real));
    if (lines->line_stride != 1)
        pack_transposed(panel, lines, height, count, depth);
    else if (height == 12 && count == height)
        pack_copied(panel, lines, 12, 12, depth);
    else if (height == 32 && count == height)
        pack_copied(panel, lines, 32, 32, depth);
    else
        pack_copied(panel, lines, height, count, depth);
    if (!sums) return;
    if (height == 32)
        add_terms(sums, panel, 32, count, depth);
    else
        add_terms(sums, panel, height, count, depth);
}
