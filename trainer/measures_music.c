/* Figures of music. */
#include "measures_music.h"

#include <math.h>
#include <string.h>

enum { MAX_STEPS = MUSIC_BARS * 255, N_GRID = 512 };

const char *const music_names[N_MUSIC] = {"pitch_class_entropy", "scale_consistency",
                                          "groove_consistency", "note_density", "polyphony"};

/* The first bars of a piece on the grid. */
struct layout {
    size_t n_bars, n_notes, n_steps;
    size_t first[MUSIC_BARS + 1]; /* step of each bar */
    bool onset[MAX_STEPS];
    unsigned sounding[MAX_STEPS];
    size_t classes[12]; /* notes a pitch class */
};

/* Bars, their steps, and the events that lie in them. */
static size_t lay_bars(struct layout *layout, const struct event *events, size_t n_events,
                       const struct events_vocabulary *vocabulary)
{
    size_t i = 0;
    for (; i < n_events; i++) {
        if (events[i].position != EVENTS_BAR) continue;
        if (layout->n_bars == MUSIC_BARS) break;
        layout->first[layout->n_bars++] = layout->n_steps;
        layout->n_steps += vocabulary->bar_steps[events[i].duration];
    }
    layout->first[layout->n_bars] = layout->n_steps;
    return i;
}

static void lay_notes(struct layout *layout, const struct event *events, size_t n_events,
                      const struct events_vocabulary *vocabulary)
{
    size_t bar = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].position == EVENTS_BAR) {
            bar++;
            continue;
        }
        const size_t start = layout->first[bar - 1] + events[i].position;
        const size_t end = start + vocabulary->duration_steps[events[i].duration];
        layout->onset[start] = true;
        for (size_t s = start; s < end && s < layout->n_steps; s++) layout->sounding[s]++;
        layout->classes[events[i].pitch % 12]++;
        layout->n_notes++;
    }
}

static double class_entropy(const struct layout *layout)
{
    double bits = 0;
    for (int c = 0; c < 12; c++) {
        const double p = (double)layout->classes[c] / (double)layout->n_notes;
        if (p > 0) bits -= p * log2(p);
    }
    return bits;
}

static double scale_share(const struct layout *layout)
{
    static const int STEPS[] = {0, 2, 4, 5, 7, 9, 11};
    size_t best = 0;
    for (int root = 0; root < 12; root++) {
        size_t inside = 0;
        for (int i = 0; i < 7; i++) inside += layout->classes[(root + STEPS[i]) % 12];
        if (inside > best) best = inside;
    }
    return (double)best / (double)layout->n_notes;
}

static bool onset_at(const struct layout *layout, size_t bar, size_t step)
{
    const size_t at = layout->first[bar] + step;
    return at < layout->first[bar + 1] && layout->onset[at];
}

static double groove(const struct layout *layout)
{
    double sum = 0;
    for (size_t bar = 0; bar + 1 < layout->n_bars; bar++) {
        const size_t a = layout->first[bar + 1] - layout->first[bar];
        const size_t b = layout->first[bar + 2] - layout->first[bar + 1];
        const size_t steps = a > b ? a : b;
        size_t differ = 0;
        for (size_t s = 0; s < steps; s++)
            differ += onset_at(layout, bar, s) != onset_at(layout, bar + 1, s);
        sum += (double)differ / (double)steps;
    }
    return layout->n_bars > 1 ? 1 - sum / (double)(layout->n_bars - 1) : (double)NAN;
}

static double polyphony(const struct layout *layout)
{
    double sum = 0, steps = 0;
    for (size_t s = 0; s < layout->n_steps; s++) {
        sum += layout->sounding[s];
        steps += layout->sounding[s] > 0;
    }
    return sum / steps;
}

void music_measure(double figures[N_MUSIC], const struct event *events, size_t n_events,
                   const struct events_vocabulary *vocabulary)
{
    struct layout layout;
    memset(&layout, 0, sizeof layout);
    const size_t n = lay_bars(&layout, events, n_events, vocabulary);
    lay_notes(&layout, events, n, vocabulary);
    for (int i = 0; i < N_MUSIC; i++) figures[i] = NAN;
    if (layout.n_notes == 0) return;
    figures[MUSIC_PITCH_ENTROPY] = class_entropy(&layout);
    figures[MUSIC_SCALE] = scale_share(&layout);
    figures[MUSIC_GROOVE] = groove(&layout);
    figures[MUSIC_NOTE_DENSITY] = (double)layout.n_notes / (double)layout.n_bars;
    figures[MUSIC_POLYPHONY] = polyphony(&layout);
}

double music_chroma_cosine(const double a[12], const double b[12])
{
    double ab = 0, aa = 0, bb = 0;
    for (int c = 0; c < 12; c++) {
        ab += a[c] * b[c];
        aa += a[c] * a[c];
        bb += b[c] * b[c];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

static void count_classes(double chroma[12], const struct music_run *run, size_t n_bars,
                          const int8_t *tonic)
{
    size_t bars = 0;
    for (int c = 0; c < 12; c++) chroma[c] = 0;
    for (size_t i = 0; i < run->n_events; i++) {
        if (run->events[i].position == EVENTS_BAR && bars++ == n_bars) return;
        if (run->events[i].position != EVENTS_BAR)
            chroma[(run->events[i].pitch + 12 - tonic[bars - 1]) % 12]++;
    }
}

/* Share of a bar's steps whose onset differs between two pieces. */
static double onsets_apart(const struct layout *a, const struct layout *b, size_t bar)
{
    const size_t of_a = a->first[bar + 1] - a->first[bar];
    const size_t of_b = b->first[bar + 1] - b->first[bar], steps = of_a > of_b ? of_a : of_b;
    size_t differ = 0;
    for (size_t s = 0; s < steps; s++) differ += onset_at(a, bar, s) != onset_at(b, bar, s);
    return (double)differ / (double)steps;
}

struct music_likeness music_compare_pieces(const struct music_run *a, const struct music_run *b,
                                           const int8_t *tonic,
                                           const struct events_vocabulary *vocabulary)
{
    struct layout layouts[2];
    const struct music_run *const runs[2] = {a, b};
    double chroma[2][12], apart = 0;
    memset(layouts, 0, sizeof layouts);
    for (int i = 0; i < 2; i++) {
        const size_t n = lay_bars(&layouts[i], runs[i]->events, runs[i]->n_events, vocabulary);
        lay_notes(&layouts[i], runs[i]->events, n, vocabulary);
    }
    const size_t n = layouts[0].n_bars < layouts[1].n_bars ? layouts[0].n_bars : layouts[1].n_bars;
    for (int i = 0; i < 2; i++) count_classes(chroma[i], runs[i], n, tonic);
    for (size_t bar = 0; bar < n; bar++) apart += onsets_apart(&layouts[0], &layouts[1], bar);
    return (struct music_likeness){music_chroma_cosine(chroma[0], chroma[1]),
                                   n > 0 ? 1 - apart / (double)n : (double)NAN};
}

/* The known values of a sample. */
struct sample {
    const double *x;
    size_t n_all;
    double n, mean, deviation, low, high; /* deviation with divisor n - 1 */
};

static struct sample describe(const double *x, size_t n_all)
{
    struct sample sample = {.x = x, .n_all = n_all, .low = HUGE_VAL, .high = -HUGE_VAL};
    double square = 0;
    for (size_t i = 0; i < n_all; i++) {
        if (isnan(x[i])) continue;
        sample.n++;
        sample.mean += x[i];
        sample.low = fmin(sample.low, x[i]);
        sample.high = fmax(sample.high, x[i]);
    }
    sample.mean /= sample.n;
    for (size_t i = 0; i < n_all; i++)
        if (!isnan(x[i])) square += (x[i] - sample.mean) * (x[i] - sample.mean);
    sample.deviation = sample.n > 1 ? sqrt(square / (sample.n - 1)) : 0;
    return sample;
}

static double bandwidth(const struct sample *sample, double range)
{
    return fmax(sample->deviation * pow(sample->n, -0.2), range / 100);
}

/* Density on the grid, made to sum to 1. */
static void estimate(double density[N_GRID], const struct sample *sample, double width, double low,
                     double step)
{
    double total = 0;
    for (size_t g = 0; g < N_GRID; g++) {
        density[g] = 0;
        for (size_t i = 0; i < sample->n_all; i++) {
            const double gap = (low + (double)g * step - sample->x[i]) / width;
            if (!isnan(gap)) density[g] += exp(-0.5 * gap * gap);
        }
        total += density[g];
    }
    for (size_t g = 0; g < N_GRID; g++) density[g] /= total;
}

struct music_overlap music_compare(const double *x, size_t n_x, const double *y, size_t n_y)
{
    static const double LEAST = 1e-12; /* keeps the divergence finite */
    const struct sample a = describe(x, n_x), b = describe(y, n_y);
    double p[N_GRID], q[N_GRID];
    if (a.n < 1 || b.n < 1) return (struct music_overlap){NAN, NAN};
    const double low = fmin(a.low, b.low), range = fmax(a.high, b.high) - low;
    if (range <= 0) return (struct music_overlap){1, 0};
    const double width_a = bandwidth(&a, range), width_b = bandwidth(&b, range);
    const double margin = 3 * fmax(width_a, width_b);
    const double step = (range + 2 * margin) / (N_GRID - 1);
    struct music_overlap overlap = {0, 0};
    estimate(p, &a, width_a, low - margin, step);
    estimate(q, &b, width_b, low - margin, step);
    for (size_t g = 0; g < N_GRID; g++) {
        overlap.area += fmin(p[g], q[g]);
        overlap.divergence += p[g] * log((p[g] + LEAST) / (q[g] + LEAST));
    }
    return overlap;
}
