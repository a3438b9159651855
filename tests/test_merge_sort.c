/* merge_sort: order and stability on few and many elements, in runs, shuffled and backwards. */
#include "merge_sort.h"
#include "runner.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { N = 700 };

struct element {
    uint32_t key;
    uint32_t place; /* where it lay before */
    uint32_t more;  /* elements of no power of two bytes */
};

static uint64_t state;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static bool before(const void *left, const void *right, const void *context)
{
    const struct element *a = left, *b = right;
    return a->key / *(const uint32_t *)context < b->key / *(const uint32_t *)context;
}

/* As many runs as wanted one after the other, each in order but for some noise. */
static uint32_t make_key(uint32_t i, uint32_t n_runs, uint32_t noise)
{
    return i * n_runs % N * 10 + draw(noise);
}

static void check(uint32_t n, uint32_t n_runs, uint32_t noise, uint32_t unit)
{
    static struct element elements[N], scratch[N];
    bool seen[N] = {false};
    for (uint32_t i = 0; i < n; i++)
        elements[i] = (struct element){make_key(i, n_runs, noise), i, ~i};
    merge_sort(elements, n, sizeof *elements, before, &unit, scratch);
    for (uint32_t i = 0; i < n; i++) {
        CU_ASSERT(!seen[elements[i].place] && elements[i].more == ~elements[i].place);
        seen[elements[i].place] = true;
        if (i == 0) continue;
        const uint32_t a = elements[i - 1].key / unit, b = elements[i].key / unit;
        CU_ASSERT(a < b || (a == b && elements[i - 1].place < elements[i].place));
    }
}

static void sorts(void)
{
    state = 7;
    for (uint32_t n = 0; n <= N; n += 1 + n / 8)
        for (uint32_t n_runs = 1; n_runs < 6; n_runs++)
            for (uint32_t noise = 1; noise < 10000; noise *= 9) check(n, n_runs, noise, 30);
    for (uint32_t n = 0; n <= N; n += 1 + n / 8) check(n, N - 1, 1, 1); /* backwards */
}

const char *const suite_name = "merge_sort";
const struct suite_test suite_tests[] = {{"sorts, stably", sorts}, {NULL, NULL}};
