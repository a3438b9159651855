/* Tiles of 32 x 32 numbers in AMX's registers: 0 to 3 hold C, 4 and 5 the rows, 6 and 7 the
 * columns.
 *
 * A panel's terms lie in groups of 32, each of two blocks of 16 lines.  A block is 16 x 16 pairs of
 * neighbouring terms: a row a line in panels of rows, a row a pair in panels of columns. */
#include "gemm_bf16.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && !defined(REAL_DOUBLE)
#include <immintrin.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum {
    SIDE = 16,            /* of a block */
    TALL = 2 * SIDE,      /* lines of a panel */
    GROUP = 2 * SIDE,     /* terms */
    BLOCK = SIDE * SIDE,  /* pairs, each in the place of a real */
    DEPTH = 16 * GROUP,   /* a panel of it is 32 KiB */
    ROW_BYTES = 4 * SIDE, /* of a register */
};

static __mmask16 first(size_t n)
{
    return (__mmask16)(n < SIDE ? (1U << n) - 1 : 0xFFFF);
}

static __m512i rounded(__m512 low, __m512 high)
{
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* Lines are neighbours: block[p] gets the p-th pair of each of `count` lines.  *sum += the terms.
 */
static void load_pairs(__m512i block[SIDE], const real *from, ptrdiff_t stride, size_t count,
                       size_t depth, __m512 *sum)
{
    const __m512i alternate =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const __mmask16 lines = first(count);
#pragma GCC unroll 16
    for (size_t p = 0; p < SIDE; p++) {
        const real *at = from + (ptrdiff_t)(2 * p) * stride;
        const __m512 even = _mm512_maskz_loadu_ps(2 * p < depth ? lines : 0, at);
        const __m512 odd = _mm512_maskz_loadu_ps(2 * p + 1 < depth ? lines : 0, at + stride);
        *sum = _mm512_add_ps(_mm512_add_ps(*sum, even), odd);
        block[p] = _mm512_permutexvar_epi16(alternate, rounded(even, odd));
    }
}

/* Terms are neighbours: block[i] gets the i-th line's pairs. */
static void load_lines(__m512i block[SIDE], const real *from, ptrdiff_t stride, size_t count,
                       size_t depth)
{
    const __mmask16 low = first(depth), high = depth > SIDE ? first(depth - SIDE) : 0;
#pragma GCC unroll 16
    for (size_t i = 0; i < SIDE; i++) {
        const real *at = from + (ptrdiff_t)i * stride;
        block[i] = rounded(_mm512_maskz_loadu_ps(i < count ? low : 0, at),
                           _mm512_maskz_loadu_ps(i < count ? high : 0, at + SIDE));
    }
}

static void transpose(__m512i x[SIDE])
{
    __m512i y[SIDE];
#pragma GCC unroll 8
    for (size_t i = 0; i < SIDE; i += 2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < SIDE; i += 4) {
        x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        const __m512i a = _mm512_shuffle_i32x4(x[i], x[4 + i], 0x44);
        const __m512i b = _mm512_shuffle_i32x4(x[i], x[4 + i], 0xEE);
        const __m512i c = _mm512_shuffle_i32x4(x[8 + i], x[12 + i], 0x44);
        const __m512i d = _mm512_shuffle_i32x4(x[8 + i], x[12 + i], 0xEE);
        y[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        y[4 + i] = _mm512_shuffle_i32x4(a, c, 0xDD);
        y[8 + i] = _mm512_shuffle_i32x4(b, d, 0x88);
        y[12 + i] = _mm512_shuffle_i32x4(b, d, 0xDD);
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < SIDE; i++) x[i] = y[i];
}

/* sums[i] += the i-th line's terms, where they are neighbours. */
static void add_lines(real *sums, const struct gemm_lines *lines, size_t count, size_t depth)
{
    for (size_t i = 0; i < count; i++) {
        const real *at = lines->data + (ptrdiff_t)i * lines->line_stride;
        real sum = 0;
        for (size_t t = 0; t < depth; t++) sum += at[t];
        sums[i] += sum;
    }
}

static inline __attribute__((always_inline)) void pack(real *panel, const struct gemm_lines *lines,
                                                       size_t count, size_t depth, real *sums,
                                                       bool columns)
{
    const bool neighbours = lines->line_stride == 1;
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512i block[SIDE];
    for (size_t t = 0; t < depth; t += GROUP)
        for (size_t half = 0; half < 2; half++, panel += BLOCK) {
            const size_t line = half * SIDE, some = count > line ? count - line : 0;
            const real *from = lines->data + (ptrdiff_t)line * lines->line_stride +
                               (ptrdiff_t)t * lines->term_stride;
            if (neighbours)
                load_pairs(block, from, lines->term_stride, some, depth - t, &sum[half]);
            else
                load_lines(block, from, lines->line_stride, some, depth - t);
            if (neighbours != columns) transpose(block);
            for (size_t i = 0; i < SIDE; i++) _mm512_store_si512(panel + i * SIDE, block[i]);
        }
    if (!sums) return;
    if (!neighbours) add_lines(sums, lines, count, depth);
    for (size_t half = 0; neighbours && half < 2 && count > half * SIDE; half++) {
        const __mmask16 some = first(count - half * SIDE);
        real *at = sums + half * SIDE;
        _mm512_mask_storeu_ps(at, some, _mm512_add_ps(_mm512_maskz_loadu_ps(some, at), sum[half]));
    }
}

static void pack_rows(real *panel, const struct gemm_lines *lines, size_t height, size_t count,
                      size_t depth, real *sums)
{
    (void)height;
    pack(panel, lines, count, depth, sums, false);
}

static void pack_columns(real *panel, const struct gemm_lines *lines, size_t height, size_t count,
                         size_t depth, real *sums)
{
    (void)height;
    pack(panel, lines, count, depth, sums, true);
}

/* Eight registers of 16 rows.  Constant, since GCC's intrinsic does not tell that it reads all 64
 * bytes: what is written just before may come too late. */
static const struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} layout = {
    .palette = 1,
    .row_bytes = {ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES,
                  ROW_BYTES},
    .rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE},
};
_Static_assert(sizeof layout == 64, "what the CPU reads");

static void begin(void)
{
    _tile_loadconfig(&layout);
}

static void end(void)
{
    _tile_release();
}

/* C's registers: its numbers, or zeros. */
static void load_sums(const real *c, size_t stride, bool from_c)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    if (!from_c) return;
    _tile_loadd(0, c, stride * sizeof(real));
    _tile_loadd(1, c + SIDE, stride * sizeof(real));
    _tile_loadd(2, c + SIDE * stride, stride * sizeof(real));
    _tile_loadd(3, c + SIDE * stride + SIDE, stride * sizeof(real));
}

static void store_sums(real *c, size_t stride)
{
    _tile_stored(0, c, stride * sizeof(real));
    _tile_stored(1, c + SIDE, stride * sizeof(real));
    _tile_stored(2, c + SIDE * stride, stride * sizeof(real));
    _tile_stored(3, c + SIDE * stride + SIDE, stride * sizeof(real));
}

static void add_products(const struct gemm_tile *tile, const real *a, const real *b)
{
    const bool right = tile->columns > SIDE, low = tile->rows > SIDE;
    for (size_t t = 0; t < tile->depth; t += GROUP, a += 2 * BLOCK, b += 2 * BLOCK) {
        _tile_loadd(4, a, ROW_BYTES);
        _tile_loadd(6, b, ROW_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        if (right) {
            _tile_loadd(7, b + BLOCK, ROW_BYTES);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (!low) continue;
        _tile_loadd(5, a + BLOCK, ROW_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        if (right) _tile_dpbf16ps(3, 5, 7);
    }
}

/* A whole tile of A B + C, or of A B, needs no detour. */
static void multiply(const struct gemm_tile *tile, const real *a, const real *b, real *c,
                     size_t ldc)
{
    _Alignas(64) real sums[TALL * TALL];
    const bool onto = tile->alpha == 1 && tile->beta == 1;
    if (tile->rows == TALL && tile->columns == TALL && tile->alpha == 1 &&
        (onto || tile->beta == 0)) {
        load_sums(c, ldc, onto);
        add_products(tile, a, b);
        store_sums(c, ldc);
        return;
    }
    memset(sums, 0, sizeof sums);
    for (size_t i = 0; onto && i < tile->rows; i++)
        memcpy(sums + i * TALL, c + i * ldc, tile->columns * sizeof(real));
    atomic_signal_fence(memory_order_seq_cst); /* the registers' intrinsics do not tell of reads */
    load_sums(sums, TALL, onto);
    add_products(tile, a, b);
    store_sums(sums, TALL);
    for (size_t i = 0; i < tile->rows; i++)
        for (size_t j = 0; j < tile->columns; j++) {
            const real sum = sums[i * TALL + j], before = c[i * ldc + j];
            const real more = tile->beta == 0 || onto ? 0 : tile->beta * before;
            c[i * ldc + j] = tile->alpha * sum + more;
        }
}

bool gemm_amx(struct gemm_micro *micro)
{
    *micro = (struct gemm_micro){
        .shape = {.rows = TALL, .columns = TALL, .depth = DEPTH, .grain = GROUP, .terms_a_real = 2},
        .pack_rows = pack_rows,
        .pack_columns = pack_columns,
        .begin = begin,
        .end = end,
        .tile = multiply};
    return true;
}
#else
bool gemm_amx(struct gemm_micro *micro)
{
    (void)micro;
    return false;
}
#endif
