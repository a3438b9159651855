/* Decoding tampered latents. */
#include "evaluate_control.h"
#include "generator.h"
#include "random.h"
#include "tonic.h"
#include "writer.h"
#include "written.h"

#include <math.h>
#include <string.h>

enum { TOGETHER = 16 }; /* latents decoded side by side: the same groups on any number of ranks */

/* Draws apart from the resamples of measures.c, whose replicates count from 0. */
static const uint64_t DRAWS = UINT64_C(1) << 40;

static void set_latent(struct evaluate_control *control, const struct evaluation *evaluation,
                       size_t at, const size_t from[N_FACTORS])
{
    const struct evaluate_latents *held = &evaluation->held;
    const size_t latent = held->latent;
    for (int f = 0; f < N_FACTORS; f++)
        for (size_t d = 0; d < latent; d++)
            control->z[f][at * latent + d] = (real)held->z[f][from[f] * latent + d];
    const uint32_t segment = held->segment[from[FACTOR_TONAL]];
    control->tonic[at] = (uint8_t)((evaluation->corpus.segments[segment].tonic + 12) % 12);
}

static size_t draw_segment(const struct evaluation *evaluation, uint64_t draw, uint32_t which)
{
    return random_below((uint32_t)evaluation->held.n_segments, evaluation->settings->seed,
                        RANDOM_EVALUATE, DRAWS + draw, which, 0);
}

static void prepare_swaps(struct evaluate_control *control, const struct evaluation *evaluation)
{
    for (size_t i = 0; i < control->n_swaps; i++) {
        size_t from[N_FACTORS];
        for (uint32_t f = 0; f < N_FACTORS; f++) {
            from[f] = draw_segment(evaluation, i, f);
            control->source[f][i] = evaluation->held.segment[from[f]];
        }
        set_latent(control, evaluation, i, from);
    }
}

/* Mean -2..+2 deviations of the coordinate over the training segments. */
static void place_values(double value[CONTROL_VALUES], const struct evaluate_latents *train,
                         int fader)
{
    const double *z = train->z[vae_fader_factor(fader)];
    const size_t coordinate = vae_fader_coordinate(fader), n = train->n_segments;
    double sum = 0, square = 0;
    for (size_t s = 0; s < n; s++) sum += z[s * train->latent + coordinate];
    const double mean = sum / (double)n;
    for (size_t s = 0; s < n; s++) square += pow(z[s * train->latent + coordinate] - mean, 2);
    for (int k = 0; k < CONTROL_VALUES; k++)
        value[k] = mean + sqrt(square / (double)n) * (4.0 * k / (CONTROL_VALUES - 1) - 2);
}

static void prepare_sweeps(struct evaluate_control *control, const struct evaluation *evaluation)
{
    const size_t latent = evaluation->held.latent;
    size_t at = control->n_swaps;
    for (int fader = 0; fader < BATCH_FADERS; fader++) {
        struct fader_target target = {.set = {false}};
        target.set[fader] = true;
        place_values(control->value[fader], &evaluation->train, fader);
        for (size_t i = 0; i < control->n_sweeps; i++) {
            const size_t segment = draw_segment(evaluation, control->n_swaps + i, 0);
            const size_t from[N_FACTORS] = {segment, segment};
            for (int k = 0; k < CONTROL_VALUES; k++, at++) {
                real *const z[N_FACTORS] = {control->z[0] + at * latent,
                                            control->z[1] + at * latent};
                target.coordinate[fader] = control->value[fader][k];
                set_latent(control, evaluation, at, from);
                faders_apply(&evaluation->model.faders, &target, z, latent);
            }
        }
    }
}

/* The register counts from the tonic that the decoder was told, not from the one found in what it
 * wrote: the two may differ by up to an octave where the key is ambiguous. */
static void measure_segment(double measured[CONTROL_MEASURES], const struct generator_event *from,
                            size_t count, uint8_t tonic, const struct events_vocabulary *vocabulary)
{
    struct event events[EVENTS_SEGMENT_EVENTS];
    struct segment segment = {.count = (uint32_t)count};
    double *chroma = measured + N_ATTRIBUTES;
    for (size_t i = 0; i < count; i++) {
        events[i] = written_event(&from[i], tonic);
        if (from[i].type == TYPE_NOTE) chroma[(events[i].pitch + 12 - tonic) % 12]++;
    }
    segment_measure(&segment, events, vocabulary, 0);
    for (int a = 0; a < N_ATTRIBUTES; a++) measured[a] = (double)segment.attributes[a];
    measured[ATTRIBUTE_REGISTER] += segment.tonic - tonic_signed(tonic);
}

/* Decodes n latents from `first` on. */
static enum status decode(struct evaluate_control *control, const struct evaluation *evaluation,
                          size_t first, size_t n)
{
    enum status status = OK;
    const struct model *model = &evaluation->model;
    const size_t latent = evaluation->held.latent;
    const struct generator_settings settings = {.temperature = 0.9,
                                                .top_p = 0.95,
                                                .seed = evaluation->settings->seed,
                                                .max_events = EVENTS_SEGMENT_EVENTS,
                                                .bar_steps = model->vocabulary.bar_steps,
                                                .tempo = -1,
                                                .signature = -1};
    struct generator_pitches pitches[TOGETHER];
    for (size_t i = 0; i < n; i++) pitches[i] = written_pitches(control->tonic[first + i]);
    const struct generator_request request = {
        .z = {control->z[0] + first * latent, control->z[1] + first * latent},
        .tonic = control->tonic + first,
        .pitches = pitches,
        .bars = (size_t)model->vocabulary.settings.bars};
    struct writer *writer = NULL;
    struct generator_event *events = calloc(n * EVENTS_SEGMENT_EVENTS, sizeof *events);
    size_t counts[TOGETHER];
    if (!events || status_fault()) FAIL(FAILED, "no memory for %zu segments", n);
    TRY(writer_create(&writer, model, n, (uint32_t)first, &settings, evaluation->settings->drafts));
    writer_segment(writer, &request, events, counts);
    for (size_t i = 0; i < n; i++)
        measure_segment(control->measured + (first + i) * CONTROL_MEASURES,
                        events + i * EVENTS_SEGMENT_EVENTS, counts[i], control->tonic[first + i],
                        &model->vocabulary);
done:
    writer_destroy(writer);
    free(events);
    return status;
}

static enum status decode_share(struct evaluate_control *control,
                                const struct evaluation *evaluation)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(evaluation->group);
    const size_t rank = (size_t)group_rank(evaluation->group);
    for (size_t first = 0; first < control->n; first += TOGETHER) {
        const size_t left = control->n - first;
        if (first / TOGETHER % size != rank) continue;
        TRY(decode(control, evaluation, first, left < TOGETHER ? left : TOGETHER));
    }
done:
    return status;
}

static enum status control_init(struct evaluate_control *control,
                                const struct evaluation *evaluation)
{
    const size_t latent = evaluation->held.latent;
    control->n_sweeps = evaluation->settings->sweeps;
    control->n_swaps = CONTROL_PAIRS * control->n_sweeps;
    const size_t n = control->n =
        control->n_swaps + BATCH_FADERS * control->n_sweeps * CONTROL_VALUES;
    for (int f = 0; f < N_FACTORS; f++) {
        control->source[f] = calloc(control->n_swaps + 1, sizeof *control->source[f]);
        control->z[f] = calloc(n * latent + 1, sizeof(real));
        if (!control->source[f] || !control->z[f])
            return status_fail(FAILED, "no memory for %zu latents", n);
    }
    control->tonic = calloc(n + 1, 1);
    control->measured = calloc(n * CONTROL_MEASURES + 1, sizeof *control->measured);
    if (!control->tonic || !control->measured || status_fault())
        return status_fail(FAILED, "no memory for %zu segments", n);
    return OK;
}

enum status evaluate_control_create(struct evaluate_control *control,
                                    const struct evaluation *evaluation)
{
    enum status status = OK;
    *control = (struct evaluate_control){0};
    enum status local = control_init(control, evaluation);
    if (local == OK) {
        prepare_swaps(control, evaluation);
        prepare_sweeps(control, evaluation);
        local = decode_share(control, evaluation);
    }
    TRY(group_agree(evaluation->group, local));
    group_sum_doubles(evaluation->group, control->measured, control->n * CONTROL_MEASURES);
done:
    if (status != OK) evaluate_control_fini(control);
    return status;
}

void evaluate_control_fini(struct evaluate_control *control)
{
    for (int f = 0; f < N_FACTORS; f++) {
        free(control->source[f]);
        free(control->z[f]);
    }
    free(control->tonic);
    free(control->measured);
    *control = (struct evaluate_control){0};
}
