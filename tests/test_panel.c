/* panel_product: against plain loops on every level of this CPU, edges, addition, places. */
#include "numeric.h"
#include "panel_cpu.h"

enum { ROOM = 1 << 16, LDC = 200 };
static real a_data[ROOM], b_data[ROOM], c[ROOM], before[ROOM];
static double want[ROOM];

static void fill(void)
{
    numeric_normals(a_data, ROOM, 1);
    numeric_normals(b_data, ROOM, 2);
    numeric_normals(before, ROOM, 3);
}

static void check(panel_product_cpu *product, const struct panel_left *left, size_t panel_stride,
                  struct panel_size size, bool add)
{
    const struct panel_right right = {b_data, panel_stride, PANEL_COLUMNS};
    memcpy(c, before, sizeof c);
    for (size_t i = 0; i < ROOM; i++) want[i] = (double)before[i];
    for (size_t i = 0; i < size.rows; i++)
        for (size_t j = 0; j < size.columns; j++) {
            double sum = add ? (double)before[i * LDC + j] : 0;
            for (size_t k = 0; k < size.depth; k++)
                sum += (double)a_data[i * left->row_stride + k * left->term_stride] *
                       (double)b_data[j / PANEL_COLUMNS * panel_stride + k * PANEL_COLUMNS +
                                      j % PANEL_COLUMNS];
            want[i * LDC + j] = sum;
        }
    product(c, LDC, left, &right, size, add);
    for (size_t i = 0; i < size.rows; i++)
        CU_ASSERT(numeric_error(c + i * LDC, want + i * LDC, size.columns) <
                  (sizeof(real) == 4 ? 1e-5 : 1e-13));
    /* nothing beyond the rounded size */
    const size_t rows = panel_round(size.rows, PANEL_ROWS);
    const size_t columns = panel_round(size.columns, PANEL_COLUMNS);
    for (size_t i = 0; i < rows; i++)
        CU_ASSERT_EQUAL(memcmp(c + i * LDC + columns, before + i * LDC + columns,
                               (LDC - columns) * sizeof(real)),
                        0);
    CU_ASSERT_EQUAL(memcmp(c + rows * LDC, before + rows * LDC, LDC * sizeof(real)), 0);
}

static void check_all(panel_product_cpu *product)
{
    const struct panel_size sizes[] = {{1, 1, 1},    {12, 32, 32}, {5, 40, 7},    {24, 16, 3},
                                       {13, 17, 64}, {30, 65, 33}, {48, 160, 48}, {12, 128, 0}};
    fill();
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int add = 0; add < 2; add++) {
            const struct panel_left across = {a_data, 70, 1}, down = {a_data, 1, 90};
            check(product, &across, sizes[s].depth * PANEL_COLUMNS, sizes[s], add);
            check(product, &down, sizes[s].depth * PANEL_COLUMNS, sizes[s], add);
        }
}

static void matches_plain_loops(void)
{
    check_all(panel_product);
}

static void matches_on_every_level(void)
{
#ifdef PANEL_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        check_all(panel_product_v3);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        check_all(panel_product_v4);
#endif
}

/* A number's bits are the same in the first tile and in the last strip. */
static void bits_do_not_depend_on_place(void)
{
    enum { DEPTH = 50, WIDTH = PANEL_COLUMNS };
    static real one[ROOM];
    fill();
    const struct panel_left all = {a_data, DEPTH, 1}, later = {a_data + 7 * DEPTH, DEPTH, 1};
    const struct panel_right right = {b_data, 0, WIDTH};
    panel_product(one, LDC, &all, &right, (struct panel_size){36, WIDTH, DEPTH}, false);
    panel_product(c, LDC, &later, &right, (struct panel_size){20, 9, DEPTH}, false);
    for (size_t i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(memcmp(c + i * LDC, one + (i + 7) * LDC, 9 * sizeof(real)), 0);
}

const char *const suite_name = "panel";
const struct suite_test suite_tests[] = {
    {"matches plain loops", matches_plain_loops},
    {"matches on every level", matches_on_every_level},
    {"bits do not depend on place", bits_do_not_depend_on_place},
    {NULL, NULL},
};
