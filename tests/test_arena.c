/* arena: alignment, marks, peak, failure to reserve. */
#include "arena.h"
#include "runner.h"

#include <stdint.h>

static void aligns_and_resets(void)
{
    struct arena arena;
    CU_ASSERT_EQUAL_FATAL(arena_init(&arena, 1 << 20), OK);
    unsigned char *a = arena_take(&arena, 1);
    const size_t mark = arena_mark(&arena);
    unsigned char *b = arena_take(&arena, 100);
    CU_ASSERT_EQUAL((uintptr_t)a % 64, 0);
    CU_ASSERT_EQUAL((uintptr_t)b % 64, 0);
    CU_ASSERT_EQUAL(b - a, 64);
    CU_ASSERT_EQUAL(arena.peak, 192);
    arena_reset(&arena, mark);
    CU_ASSERT_PTR_EQUAL(arena_take(&arena, 8), b);
    CU_ASSERT_EQUAL(arena.peak, 192);
    arena_fini(&arena);
}

static void zeros_are_zero(void)
{
    struct arena arena;
    CU_ASSERT_EQUAL_FATAL(arena_init(&arena, 1 << 12), OK);
    arena_reals(&arena, 10)[3] = 1;
    arena_reset(&arena, 0);
    const real *x = arena_zeros(&arena, 10);
    for (int i = 0; i < 10; i++) CU_ASSERT_EQUAL(x[i], 0);
    arena_fini(&arena);
}

static void reports_refusal(void)
{
    struct arena arena;
    CU_ASSERT_EQUAL(arena_init(&arena, SIZE_MAX / 2), FAILED);
    arena_fini(&arena);
}

const char *const suite_name = "arena";
const struct suite_test suite_tests[] = {
    {"aligns and resets", aligns_and_resets},
    {"zeros are zero", zeros_are_zero},
    {"reports refusal", reports_refusal},
    {NULL, NULL},
};
