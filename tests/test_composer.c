/* composer: same seed same bytes, legal scores, emotions apart in the factors they stand for. */
#include "composer.h"
#include "emotion.h"
#include "runner.h"
#include "smf.h"

#include <math.h>
#include <string.h>

enum { N_PIECES = 150, BARS = 16 };

static void compose(struct score *score, struct composer_factors *factors, int emotion,
                    uint32_t index, int bars, uint64_t seed)
{
    const struct composer_request request = {
        .seed = seed, .index = index, .emotion = emotion, .bars = bars};
    CU_ASSERT_EQUAL_FATAL(composer_piece(score, factors, &request), OK);
}

static void is_legal(const struct score *score, const struct composer_factors *factors, int bars)
{
    const int64_t end = (int64_t)bars * factors->beats * COMPOSER_DIVISION;
    int64_t free_from[128] = {0};
    CU_ASSERT(score->n_notes > 0 && score->n_tempi == 1 && score->n_signatures == 1);
    CU_ASSERT_EQUAL(score->division, COMPOSER_DIVISION);
    CU_ASSERT_EQUAL(score->signatures[0].numerator, factors->beats);
    CU_ASSERT_EQUAL(score->tempi[0].microseconds, 60000000 / factors->tempo);
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        CU_ASSERT(note->onset >= 0 && note->end > note->onset && note->end <= end);
        CU_ASSERT(note->pitch >= 21 && note->pitch <= 108);
        CU_ASSERT(note->velocity >= 1 && note->velocity <= 127);
        CU_ASSERT_EQUAL(note->onset % (COMPOSER_DIVISION / 4), 0);
        CU_ASSERT(i == 0 || score->notes[i - 1].onset <= note->onset);
        CU_ASSERT(note->onset >= free_from[note->pitch]);
        free_from[note->pitch] = note->end;
    }
    CU_ASSERT(score->notes[score->n_notes - 1].onset == end - factors->beats * COMPOSER_DIVISION);
}

static void scores_are_legal(void)
{
    static const int lengths[] = {1, 2, 3, 5, 16, 33};
    for (int emotion = 0; emotion < N_EMOTIONS; emotion++) {
        for (uint32_t i = 0; i < 180; i++) {
            struct score score;
            struct composer_factors factors;
            const int bars = lengths[i % 6];
            compose(&score, &factors, emotion, i, bars, 7);
            is_legal(&score, &factors, bars);
            score_fini(&score);
        }
    }
}

static int same_notes(const struct score *a, const struct score *b)
{
    for (size_t i = 0; i < a->n_notes && i < b->n_notes; i++)
        if (a->notes[i].onset != b->notes[i].onset || a->notes[i].pitch != b->notes[i].pitch ||
            a->notes[i].velocity != b->notes[i].velocity || a->notes[i].end != b->notes[i].end)
            return 0;
    return a->n_notes == b->n_notes;
}

static void equal_requests_give_equal_bytes(void)
{
    struct score a, b, other_seed, other_piece;
    struct composer_factors f, g;
    unsigned char *x, *y;
    size_t n_x, n_y;
    compose(&a, &f, EMOTION_TENSE, 3, BARS, 1);
    compose(&b, &g, EMOTION_TENSE, 3, BARS, 1);
    compose(&other_seed, &g, EMOTION_TENSE, 3, BARS, 2);
    compose(&other_piece, &g, EMOTION_TENSE, 4, BARS, 1);
    CU_ASSERT_EQUAL_FATAL(smf_encode(&x, &n_x, &a, 60), OK);
    CU_ASSERT_EQUAL_FATAL(smf_encode(&y, &n_y, &b, 60), OK);
    CU_ASSERT(n_x == n_y && memcmp(x, y, n_x) == 0);
    CU_ASSERT_FALSE(same_notes(&a, &other_seed));
    CU_ASSERT_FALSE(same_notes(&a, &other_piece));
    free(x);
    free(y);
    score_fini(&a);
    score_fini(&b);
    score_fini(&other_seed);
    score_fini(&other_piece);
}

/* Bar by bar, the opening of a longer piece is that of a shorter one. */
static void longer_pieces_begin_alike(void)
{
    struct score a, b;
    struct composer_factors f;
    compose(&a, &f, EMOTION_CALM, 9, 8, 1);
    const int64_t shared = 6 * (int64_t)f.beats * COMPOSER_DIVISION;
    compose(&b, &f, EMOTION_CALM, 9, 24, 1);
    size_t n = 0;
    while (n < a.n_notes && a.notes[n].onset < shared) n++;
    CU_ASSERT(n > 20 && b.n_notes > n);
    for (size_t i = 0; i < n && i < b.n_notes; i++)
        CU_ASSERT(a.notes[i].onset == b.notes[i].onset && a.notes[i].pitch == b.notes[i].pitch);
    score_fini(&a);
    score_fini(&b);
}

/* Krumhansl's profiles (Krumhansl & Kessler 1982) against the time each pitch class sounds. */
static double correlation(const double *profile, const double *classes, int tonic)
{
    double mean_p = 0, mean_c = 0, pc = 0, pp = 0, cc = 0;
    for (int i = 0; i < 12; i++) {
        mean_p += profile[i] / 12;
        mean_c += classes[i] / 12;
    }
    for (int i = 0; i < 12; i++) {
        const double p = profile[i] - mean_p, c = classes[(i + tonic) % 12] - mean_c;
        pc += p * c;
        pp += p * p;
        cc += c * c;
    }
    return pc / sqrt(pp * cc);
}

/* Best major less best minor correlation, measured from the notes alone. */
static double mode_margin(const struct score *score)
{
    static const double major[12] = {6.35, 2.23, 3.48, 2.33, 4.38, 4.09,
                                     2.52, 5.19, 2.39, 3.66, 2.29, 2.88};
    static const double minor[12] = {6.33, 2.68, 3.52, 5.38, 2.60, 3.53,
                                     2.54, 4.75, 3.98, 2.69, 3.34, 3.17};
    double classes[12] = {0}, best_major = -1, best_minor = -1;
    for (size_t i = 0; i < score->n_notes; i++)
        classes[score->notes[i].pitch % 12] +=
            (double)(score->notes[i].end - score->notes[i].onset);
    for (int tonic = 0; tonic < 12; tonic++) {
        best_major = fmax(best_major, correlation(major, classes, tonic));
        best_minor = fmax(best_minor, correlation(minor, classes, tonic));
    }
    return best_major - best_minor;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x)
{
    qsort(x, N_PIECES, sizeof *x, compare_doubles);
    return x[N_PIECES / 2];
}

/* Medians over an emotion's pieces, and the share whose notes measure as major. */
struct summary {
    double tempo, rate, velocity, register_mean, articulation, major, told_major;
};

static struct summary summarise(int emotion)
{
    static double tempo[N_PIECES], rate[N_PIECES], velocity[N_PIECES], height[N_PIECES],
        touch[N_PIECES];
    struct summary s = {0};
    for (uint32_t i = 0; i < N_PIECES; i++) {
        struct score score;
        struct composer_factors f;
        compose(&score, &f, emotion, i, BARS, 5);
        tempo[i] = f.tempo;
        rate[i] = f.notes_a_second;
        velocity[i] = f.velocity_mean;
        height[i] = f.register_mean;
        touch[i] = f.articulation;
        s.major += (mode_margin(&score) > 0) / (double)N_PIECES;
        s.told_major += f.major / (double)N_PIECES;
        score_fini(&score);
    }
    s.tempo = median(tempo);
    s.rate = median(rate);
    s.velocity = median(velocity);
    s.register_mean = median(height);
    s.articulation = median(touch);
    return s;
}

static void emotions_differ(void)
{
    struct summary s[N_EMOTIONS];
    for (int i = 0; i < N_EMOTIONS; i++) s[i] = summarise(i);
    for (int high = EMOTION_HAPPY; high <= EMOTION_TENSE; high++) {
        for (int low = EMOTION_SAD; low <= EMOTION_CALM; low++) {
            CU_ASSERT(s[high].tempo > s[low].tempo + 20);
            CU_ASSERT(s[high].rate > 1.5 * s[low].rate);
            CU_ASSERT(s[high].velocity > s[low].velocity + 15);
            CU_ASSERT(s[high].articulation < s[low].articulation - 0.1);
        }
    }
    CU_ASSERT(s[EMOTION_HAPPY].register_mean > s[EMOTION_SAD].register_mean + 5);
    CU_ASSERT(s[EMOTION_HAPPY].major > 0.8 && s[EMOTION_CALM].major > 0.8);
    CU_ASSERT(s[EMOTION_TENSE].major < 0.3 && s[EMOTION_SAD].major < 0.3);
    /* Separable, not disjoint: each mode occurs with each emotion. */
    for (int i = 0; i < N_EMOTIONS; i++) {
        CU_ASSERT(s[i].told_major > 0 && s[i].told_major < 1);
    }
}

static void factors_measure_the_notes(void)
{
    struct score score;
    struct composer_factors f;
    compose(&score, &f, EMOTION_SAD, 2, BARS, 5);
    double pitch = 0, velocity = 0;
    for (size_t i = 0; i < score.n_notes; i++) {
        pitch += score.notes[i].pitch;
        velocity += score.notes[i].velocity;
    }
    const double n = (double)score.n_notes;
    CU_ASSERT_DOUBLE_EQUAL(f.register_mean, pitch / n, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(f.velocity_mean, velocity / n, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(f.notes_a_bar, n / BARS, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(f.notes_a_second, n / (BARS * f.beats * 60.0 / f.tempo), 1e-9);
    score_fini(&score);
}

static void survives_short_memory(void)
{
    const struct composer_request request = {.seed = 1, .index = 1, .emotion = 0, .bars = 4};
    for (long k = 1; k <= 3; k++) {
        struct score score;
        struct composer_factors factors;
        status_fault_set(k);
        CU_ASSERT_EQUAL(composer_piece(&score, &factors, &request), FAILED);
        CU_ASSERT_PTR_NULL(score.notes);
    }
    status_fault_set(0);
}

const char *const suite_name = "composer";
const struct suite_test suite_tests[] = {
    {"scores are legal", scores_are_legal},
    {"equal requests give equal bytes", equal_requests_give_equal_bytes},
    {"longer pieces begin alike", longer_pieces_begin_alike},
    {"emotions differ", emotions_differ},
    {"factors measure the notes", factors_measure_the_notes},
    {"survives short memory", survives_short_memory},
    {NULL, NULL},
};
