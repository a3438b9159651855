/* Swap test and faders. */
#include "evaluate_control.h"

#include "measures_music.h"

#include <math.h>
#include <stdio.h>

/* What fader `of` measures when `sweep->fader` stands at place k of a segment's sweep. */
static double swept(const struct fader_sweep *sweep, size_t segment, size_t k, int of)
{
    const struct evaluate_control *control = sweep->control;
    const size_t row = ((size_t)sweep->fader * control->n_sweeps + segment) * CONTROL_VALUES + k;
    const enum attribute attribute = collate_faders[of];
    return control->measured[(control->n_swaps + row) * CONTROL_MEASURES + attribute] /
           sweep->standard->deviation[attribute];
}

/* Running sums of numbers, unknown ones left out. */
struct spread {
    double n, sum, square;
};

static void spread_add(struct spread *spread, double x)
{
    if (isnan(x)) return;
    spread->n++;
    spread->sum += x;
    spread->square += x * x;
}

static double spread_deviation(const struct spread *spread)
{
    const double mean = spread->sum / spread->n;
    return sqrt(fmax(0, spread->square / spread->n - mean * mean));
}

double control_consistency(const void *context, const uint32_t *index, size_t n)
{
    const struct fader_sweep *sweep = context;
    double sum = 0, places = 0;
    for (size_t k = 0; k < CONTROL_VALUES; k++) {
        struct spread spread = {0};
        for (size_t i = 0; i < n; i++) spread_add(&spread, swept(sweep, index[i], k, sweep->fader));
        if (spread.n < 2) continue;
        sum += spread_deviation(&spread);
        places++;
    }
    return places > 0 ? 1 - sum / places : (double)NAN;
}

double control_restrictiveness(const void *context, const uint32_t *index, size_t n)
{
    const struct fader_sweep *sweep = context;
    double sum = 0, sweeps = 0;
    for (size_t i = 0; i < n; i++)
        for (int other = 0; other < BATCH_FADERS; other++) {
            struct spread spread = {0};
            if (other == sweep->fader) continue;
            for (size_t k = 0; k < CONTROL_VALUES; k++)
                spread_add(&spread, swept(sweep, index[i], k, other));
            if (spread.n < 2) continue;
            sum += spread_deviation(&spread);
            sweeps++;
        }
    return sweeps > 0 ? 1 - sum / sweeps : (double)NAN;
}

double control_linearity(const void *context, const uint32_t *index, size_t n)
{
    static const uint32_t PLACES[CONTROL_VALUES] = {0, 1, 2, 3, 4, 5, 6, 7};
    const struct fader_sweep *sweep = context;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double y[CONTROL_VALUES];
        for (size_t k = 0; k < CONTROL_VALUES; k++) y[k] = swept(sweep, index[i], k, sweep->fader);
        const struct correlated pair = {sweep->control->value[sweep->fader], y};
        const double r2 = measures_correlation(&pair, PLACES, CONTROL_VALUES);
        sum += isnan(r2) ? 0 : r2;
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}

enum status evaluate_faders(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_control *control = evaluation->control;
    const uint64_t seed = evaluation->settings->seed;
    json_t *entry = NULL;
    for (int f = 0; f < BATCH_FADERS; f++) {
        const struct fader_sweep sweep = {control, &evaluation->model.standard, f};
        json_decref(entry);
        entry = json_object();
        TRY(evaluate_figure(entry, "consistency", control_consistency, &sweep, control->n_sweeps,
                            seed));
        TRY(evaluate_figure(entry, "restrictiveness", control_restrictiveness, &sweep,
                            control->n_sweeps, seed));
        TRY(evaluate_figure(entry, "linearity", control_linearity, &sweep, control->n_sweeps,
                            seed));
        if (json_object_set(section, attribute_names[collate_faders[f]], entry) != 0)
            FAIL(FAILED, "no memory for the results");
    }
done:
    json_decref(entry);
    return status;
}

/* Tonic-relative note counts of a corpus segment. */
static void count_classes(double chroma[BATCH_PITCH_CLASSES], const struct corpus *corpus,
                          uint32_t segment)
{
    const struct corpus_segment *from = &corpus->segments[segment];
    for (int c = 0; c < BATCH_PITCH_CLASSES; c++) chroma[c] = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        const struct event *event = &corpus->events[from->first + i];
        if (event->position != EVENTS_BAR) chroma[(event->pitch + 12 - from->tonic) % 12]++;
    }
}

/* Columns over the swaps. */
struct columns {
    double *made, *real, *cosine, *known;
};

/* How an attribute and the chroma of the output follow one of the two sources. */
static enum status add_source(json_t *section, const struct evaluation *evaluation,
                              const struct columns *columns, int factor)
{
    enum status status = OK;
    static const char *const SOURCES[N_FACTORS] = {"rhythm_source", "tonal_source"};
    static const enum attribute ATTRIBUTES[] = {ATTRIBUTE_RHYTHM_DENSITY, ATTRIBUTE_MODE_MARGIN};
    const struct evaluate_control *control = evaluation->control;
    const struct correlated pair = {columns->real, columns->made};
    const struct ratio mean = {columns->cosine, columns->known};
    const size_t n = control->n_swaps;
    const uint64_t seed = evaluation->settings->seed;
    char name[64];
    for (int a = 0; a < 2; a++) {
        for (size_t i = 0; i < n; i++) {
            columns->made[i] = control->measured[i * CONTROL_MEASURES + ATTRIBUTES[a]];
            columns->real[i] = (double)evaluation->corpus.segments[control->source[factor][i]]
                                   .attributes[ATTRIBUTES[a]];
        }
        snprintf(name, sizeof name, "%s_follows_%s", attribute_names[ATTRIBUTES[a]],
                 SOURCES[factor]);
        TRY(evaluate_figure(section, name, measures_correlation, &pair, n, seed));
    }
    for (size_t i = 0; i < n; i++) {
        double chroma[BATCH_PITCH_CLASSES];
        count_classes(chroma, &evaluation->corpus, control->source[factor][i]);
        const double like =
            music_chroma_cosine(chroma, control->measured + i * CONTROL_MEASURES + N_ATTRIBUTES);
        columns->known[i] = !isnan(like);
        columns->cosine[i] = isnan(like) ? 0 : like;
    }
    snprintf(name, sizeof name, "chroma_cosine_to_%s", SOURCES[factor]);
    TRY(evaluate_figure(section, name, measures_ratio, &mean, n, seed));
done:
    return status;
}

enum status evaluate_swaps(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const size_t n = evaluation->control->n_swaps;
    double *block = malloc((4 * n + 1) * sizeof *block);
    if (!block || status_fault()) FAIL(FAILED, "no memory for %zu swaps", n);
    const struct columns columns = {block, block + n, block + 2 * n, block + 3 * n};
    for (int f = 0; f < N_FACTORS; f++) TRY(add_source(section, evaluation, &columns, f));
done:
    free(block);
    return status;
}
