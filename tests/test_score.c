/* score: the order of notes, the stability of tempi and signatures, freeing. */
#include "runner.h"
#include "score.h"

#include <string.h>

enum { N = 2000 };

static uint64_t state;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static bool in_order(const struct score_note *a, const struct score_note *b)
{
    if (a->onset != b->onset) return a->onset < b->onset;
    if (a->pitch != b->pitch) return a->pitch < b->pitch;
    return a->end <= b->end;
}

static void sorts_notes(void)
{
    struct score score = {.notes = calloc(N, sizeof *score.notes), .n_notes = N};
    CU_ASSERT_PTR_NOT_NULL_FATAL(score.notes);
    int64_t sum = 0, sorted_sum = 0;
    state = 1;
    for (int i = 0; i < N; i++) {
        const int64_t onset = draw(40);
        score.notes[i] = (struct score_note){
            .onset = onset, .end = onset + 1 + draw(5), .pitch = (uint8_t)draw(8), .velocity = 1};
        sum += onset;
    }
    score_sort(&score);
    for (int i = 0; i < N; i++) sorted_sum += score.notes[i].onset;
    for (int i = 1; i < N; i++) CU_ASSERT(in_order(&score.notes[i - 1], &score.notes[i]));
    CU_ASSERT_EQUAL(sum, sorted_sum);
    score_fini(&score);
}

/* Values count up, so equal ticks in order mean increasing values. */
static void check_marks(uint32_t n, uint32_t n_ticks)
{
    struct score score = {
        .tempi = calloc(n, sizeof *score.tempi),
        .n_tempi = n,
        .signatures = calloc(n, sizeof *score.signatures),
        .n_signatures = n,
    };
    CU_ASSERT_PTR_NOT_NULL_FATAL(score.tempi);
    CU_ASSERT_PTR_NOT_NULL_FATAL(score.signatures);
    for (uint32_t i = 0; i < n; i++) {
        score.tempi[i] = (struct score_tempo){draw(n_ticks), i + 1};
        score.signatures[i] =
            (struct score_signature){draw(n_ticks), (uint8_t)(i / 8 % 255 + 1), 4};
    }
    score_sort(&score);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += score.tempi[i].microseconds;
    CU_ASSERT_EQUAL(sum, (uint64_t)n * (n + 1) / 2);
    for (uint32_t i = 1; i < n; i++) {
        const struct score_tempo *a = &score.tempi[i - 1], *b = a + 1;
        CU_ASSERT(a->tick < b->tick || (a->tick == b->tick && a->microseconds < b->microseconds));
        const struct score_signature *s = &score.signatures[i - 1], *t = s + 1;
        CU_ASSERT(s->tick < t->tick || (s->tick == t->tick && s->numerator <= t->numerator));
    }
    score_fini(&score);
}

static void sorts_marks_stably(void)
{
    state = 2;
    for (uint32_t n = 1; n < 70; n++) check_marks(n, 1 + n / 3);
    check_marks(N, 1);
    check_marks(N, 50);
    check_marks(N, 1 << 30);
}

static void frees_and_zeroes(void)
{
    struct score score = {0}, zero = {0};
    score_sort(&score);
    score_fini(&score);
    score.tempi = calloc(1, sizeof *score.tempi);
    score.n_tempi = 1;
    score_fini(&score);
    CU_ASSERT_EQUAL(memcmp(&score, &zero, sizeof zero), 0);
}

const char *const suite_name = "score";
const struct suite_test suite_tests[] = {
    {"sorts notes", sorts_notes},
    {"sorts marks stably", sorts_marks_stably},
    {"frees and zeroes", frees_and_zeroes},
    {NULL, NULL},
};
