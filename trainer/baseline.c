/* Hand-made features. */
#include "baseline.h"

#include <math.h>

const char *const baseline_names[N_BASELINES] = {"rhythm", "rhythm_mode_register", "forest"};

static const enum attribute FEATURES[] = {
    ATTRIBUTE_RHYTHM_DENSITY, ATTRIBUTE_NOTE_DENSITY, ATTRIBUTE_NOTE_RATE, ATTRIBUTE_TEMPO,
    ATTRIBUTE_NOTE_LENGTH,    ATTRIBUTE_VELOCITY,     ATTRIBUTE_POLYPHONY, ATTRIBUTE_MODE_MARGIN,
    ATTRIBUTE_REGISTER,       ATTRIBUTE_PITCH_SPREAD};
static const size_t N_FEATURES[N_BASELINES] = {7, 9, N_ATTRIBUTES};

void baseline_attributes(double out[N_ATTRIBUTES], const struct corpus_segment *segments, size_t n)
{
    for (int a = 0; a < N_ATTRIBUTES; a++) {
        double known = 0, sum = 0;
        for (size_t s = 0; s < n; s++) {
            const double x = (double)segments[s].attributes[a];
            if (isnan(x)) continue;
            known++;
            sum += x;
        }
        out[a] = known > 0 ? sum / known : (double)NAN;
    }
}

static double *select_features(const struct baseline_pieces *pieces, size_t n_features)
{
    double *x = status_fault() ? NULL : malloc((pieces->n * n_features + 1) * sizeof *x);
    for (size_t i = 0; x && i < pieces->n; i++)
        for (size_t f = 0; f < n_features; f++)
            x[i * n_features + f] = pieces->attributes[i * N_ATTRIBUTES + FEATURES[f]];
    return x;
}

enum status baseline_tell(int8_t *told, enum baseline_features features,
                          const struct baseline_pieces *known, const struct baseline_pieces *asked,
                          uint64_t seed)
{
    enum status status = OK;
    const size_t n_features = N_FEATURES[features];
    struct logistic logistic = {0};
    struct forest forest = {0};
    double *x = select_features(known, n_features), *y = select_features(asked, n_features);
    if (!x || !y) FAIL(FAILED, "no memory for the features of %zu pieces", known->n + asked->n);
    const struct logistic_rows rows = {x, known->label, known->n, n_features};
    if (features == BASELINE_FOREST) {
        TRY(forest_fit(&forest, &rows, seed));
        forest_tell(&forest, y, asked->n, told);
    } else {
        TRY(logistic_fit(&logistic, &rows));
        logistic_tell(&logistic, y, asked->n, told);
    }
done:
    forest_fini(&forest);
    logistic_fini(&logistic);
    free(x);
    free(y);
    return status;
}
