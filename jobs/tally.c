/* Counting what was told of what. */
#include "tally.h"

#include <math.h>
#include <stdio.h>

void tally_add(struct tally *tally, int truth, int told)
{
    tally->count[truth][told]++;
}

size_t tally_total(const struct tally *tally)
{
    size_t total = 0;
    for (int i = 0; i < N_EMOTIONS; i++)
        for (int j = 0; j < N_EMOTIONS; j++) total += tally->count[i][j];
    return total;
}

struct accuracy tally_accuracy(const struct tally *tally)
{
    const double total = (double)tally_total(tally);
    double quadrant = 0, arousal = 0, valence = 0;
    for (int i = 0; i < N_EMOTIONS; i++)
        for (int j = 0; j < N_EMOTIONS; j++) {
            const double n = (double)tally->count[i][j];
            if (i == j) quadrant += n;
            if (emotion_arousal[i] == emotion_arousal[j]) arousal += n;
            if (emotion_valence[i] == emotion_valence[j]) valence += n;
        }
    if (total <= 0) return (struct accuracy){NAN, NAN, NAN};
    return (struct accuracy){quadrant / total, arousal / total, valence / total};
}

void tally_print(const struct tally *tally)
{
    const size_t total = tally_total(tally);
    const struct accuracy accuracy = tally_accuracy(tally);
    if (total == 0) {
        printf("no labelled file\n");
        return;
    }
    printf("accuracy of %zu labelled files: quadrant %.4f, arousal %.4f, valence %.4f\n", total,
           accuracy.quadrant, accuracy.arousal, accuracy.valence);
    printf("%-12s", "true \\ told");
    for (int j = 0; j < N_EMOTIONS; j++) printf(" %6s", emotion_names[j]);
    putchar('\n');
    for (int i = 0; i < N_EMOTIONS; i++) {
        printf("%-12s", emotion_names[i]);
        for (int j = 0; j < N_EMOTIONS; j++) printf(" %6zu", tally->count[i][j]);
        putchar('\n');
    }
}

static json_t *share_json(double share)
{
    return isnan(share) ? json_null() : json_real(share);
}

json_t *tally_json(const struct tally *tally)
{
    const struct accuracy accuracy = tally_accuracy(tally);
    json_t *matrix = json_array();
    for (int i = 0; i < N_EMOTIONS; i++) {
        json_t *row = json_array();
        for (int j = 0; j < N_EMOTIONS; j++)
            json_array_append_new(row, json_integer((json_int_t)tally->count[i][j]));
        json_array_append_new(matrix, row);
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "labelled", (json_int_t)tally_total(tally),
                     "quadrant", share_json(accuracy.quadrant), "arousal",
                     share_json(accuracy.arousal), "valence", share_json(accuracy.valence),
                     "confusion", matrix);
}
