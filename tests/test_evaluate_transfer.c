/* What is said of moved pieces, against counts by hand. */
#include "evaluate_transfer.h"
#include "judge.h"
#include "runner.h"

#include <math.h>
#include <string.h>

const char *const suite_name = "evaluate_transfer";

enum { N = 2, LESSONS = 16 };

/* A judge that hears arousal in the tempo and valence in the mode. */
static enum status teach(struct judge *judge)
{
    double x[LESSONS * N_ATTRIBUTES] = {0};
    int8_t label[LESSONS];
    for (int i = 0; i < LESSONS; i++) {
        label[i] = (int8_t)(i % N_EMOTIONS);
        x[i * N_ATTRIBUTES + ATTRIBUTE_TEMPO] = emotion_arousal[label[i]];
        x[i * N_ATTRIBUTES + ATTRIBUTE_MODE_MARGIN] = emotion_valence[label[i]];
    }
    const struct logistic_rows rows = {x, label, LESSONS, N_ATTRIBUTES};
    *judge = (struct judge){.kind = JUDGE_LOGISTIC};
    return logistic_fit(&judge->logistic, &rows);
}

static void sound_like(double *measures, int emotion)
{
    measures[ATTRIBUTE_TEMPO] = emotion_arousal[emotion];
    measures[ATTRIBUTE_MODE_MARGIN] = emotion_valence[emotion];
}

/* A happy piece that sounds sad, a sad one that sounds sad; nobody can be calm.  Moves go to tense
 * and sad, and to happy and tense.  What they sound like then: */
static const int SOUNDS[N][N_EMOTIONS] = {{0, 1, 1, 3}, {3, 1, 0, 3}};
static const int BEFORE[N] = {2, 2};

static struct evaluate_transfers transfers;
static double source[N * N_ATTRIBUTES], made[N * N_EMOTIONS * N_TRANSFER_MEASURES];

static void fill(void)
{
    static uint32_t place[N] = {1, 0}; /* of the labels {2, 0} */
    for (int k = 0; k < N; k++) {
        sound_like(source + k * N_ATTRIBUTES, BEFORE[k]);
        for (int y = 0; y < N_EMOTIONS; y++) {
            double *row = made + (k * N_EMOTIONS + y) * N_TRANSFER_MEASURES;
            sound_like(row, SOUNDS[k][y]);
            row[TRANSFER_CHROMA] = 0.1 * (k * N_EMOTIONS + y);
            row[TRANSFER_GROOVE] = 1 - 0.05 * (k * N_EMOTIONS + y);
        }
    }
    made[(1 * N_EMOTIONS + 1) * N_TRANSFER_MEASURES + TRANSFER_CHROMA] = NAN; /* left out */
    transfers = (struct evaluate_transfers){N, place, {true, true, true, false}, source, made};
}

static double value_of(const json_t *section, const char *name)
{
    return json_number_value(json_object_get(json_object_get(section, name), "value"));
}

static void shares_are_those_by_hand(void)
{
    static int8_t label[N] = {2, 0};
    const struct evaluate_settings settings = {.seed = 1};
    struct judge judge;
    struct evaluation evaluation = {.settings = &settings, .judge = &judge};
    json_t *section = json_object();
    CU_ASSERT_EQUAL_FATAL(teach(&judge), OK);
    fill();
    evaluation.asked.label = label;
    evaluation.asked.n = N;
    evaluation.transfers = &transfers;
    CU_ASSERT_EQUAL(evaluate_transfer(&evaluation, section), OK);
    const json_t *targets = json_object_get(section, "reached_by_target");
    const json_t *in_place = json_object_get(section, "in_place");
    /* happy -> tense: tense, -> sad: tense; sad -> happy: calm, -> tense: tense */
    CU_ASSERT_DOUBLE_EQUAL(value_of(section, "reached"), 2.0 / 4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(section, "reached_arousal"), 2.0 / 4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(section, "reached_valence"), 4.0 / 4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(section, "heard_so_before"), 1.0 / 4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(targets, "happy"), 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(targets, "tense"), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(targets, "sad"), 0, 1e-12);
    CU_ASSERT_PTR_NULL(json_object_get(targets, "calm"));
    /* rows 1, 2, 4, and 5 without its chroma */
    CU_ASSERT_DOUBLE_EQUAL(value_of(section, "chroma_cosine"), 0.7 / 3, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(section, "groove_similarity"), 1 - 0.05 * 12 / 4, 1e-12);
    /* rows 0 and 6 */
    CU_ASSERT_DOUBLE_EQUAL(value_of(in_place, "heard_as_own"), 0.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(in_place, "chroma_cosine"), 0.3, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(value_of(in_place, "groove_similarity"), 0.85, 1e-12);
    json_decref(section);
    judge_fini(&judge);
}

const struct suite_test suite_tests[] = {
    {"shares are those by hand", shares_are_those_by_hand},
    {NULL, NULL},
};
