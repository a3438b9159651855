/* Shared runs against every run tried by hand. */
#include "measures_copying.h"
#include "music.h"
#include "runner.h"

const char *const suite_name = "measures_copying";

enum { N_MADE = 60, N_READ = 80, N_PIECES = 3 };

static void fill(struct copying_note *notes, size_t n, int alphabet, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        notes[i] = (struct copying_note){(uint32_t)music_random(state, alphabet), 0};
}

/* The longest run that ends at notes[i], within its piece, and occurs in `read`. */
static uint32_t longest_by_hand(const struct copying_note *notes, size_t first, size_t i,
                                const struct copying_note *read, size_t n)
{
    uint32_t longest = 0;
    for (size_t j = 0; j < n; j++) {
        uint32_t run = 0;
        while (run <= i - first && run <= j && notes[i - run].token == read[j - run].token) run++;
        if (run > longest) longest = run;
    }
    return longest;
}

static void runs_are_those_by_hand(void)
{
    static const size_t start[] = {0, 20, 21, N_MADE};
    struct copying_note made[N_MADE], read[2][N_READ];
    uint64_t state = 5;
    for (int trial = 0; trial < 40; trial++) {
        struct copying *copying;
        uint32_t run[N_MADE];
        const int alphabet = 1 + trial % 5;
        fill(made, N_MADE, alphabet, &state);
        for (int r = 0; r < 2; r++) fill(read[r], N_READ, alphabet + 1, &state);
        CU_ASSERT_EQUAL_FATAL(copying_create(&copying, made, start, N_PIECES), OK);
        for (int r = 0; r < 2; r++) copying_read(copying, read[r], N_READ);
        CU_ASSERT_EQUAL_FATAL(copying_runs(copying, run), OK);
        for (size_t p = 0; p < N_PIECES; p++)
            for (size_t i = start[p]; i < start[p + 1]; i++) {
                const uint32_t a = longest_by_hand(made, start[p], i, read[0], N_READ);
                const uint32_t b = longest_by_hand(made, start[p], i, read[1], N_READ);
                CU_ASSERT_EQUAL(run[i], a > b ? a : b);
            }
        copying_destroy(copying);
    }
}

static void transposition_changes_no_note(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event bar = music_bar(&v, 10, 4, 4), fast = music_bar(&v, 30, 4, 4);
    const struct event events[] = {bar, {0, 60, 3, 80}, {4, 64, 3, 80}, bar, {0, 67, 3, 80}};
    const struct event higher[] = {fast, {0, 65, 3, 20}, {4, 69, 3, 90}, fast, {0, 72, 3, 50}};
    const struct event other[] = {bar, {0, 60, 3, 80}, {4, 64, 3, 80}, {8, 67, 3, 80}};
    struct copying_note a[5], b[5], c[5];
    CU_ASSERT_EQUAL(copying_notes(a, events, 5, 16), 3);
    CU_ASSERT_EQUAL(copying_notes(b, higher, 5, 16), 3);
    CU_ASSERT_EQUAL(copying_notes(c, other, 4, 16), 3);
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(a[i].token, b[i].token);
    CU_ASSERT_NOT_EQUAL(a[2].token, c[2].token);
    CU_ASSERT_EQUAL(a[2].bar, 1);
    CU_ASSERT_EQUAL(copying_notes(a, events, 5, 1), 2);
}

const struct suite_test suite_tests[] = {
    {"runs are those by hand", runs_are_those_by_hand},
    {"transposition changes no note", transposition_changes_no_note},
    {NULL, NULL},
};
