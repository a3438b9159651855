/* writer: one draft is plain sampling; of several the best stays, and the next go on from it. */
#include "writer.h"

#include "model_fixture.h"
#include "posterior.h"
#include "random.h"
#include "runner.h"
#include "tonic.h"
#include "written.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const suite_name = "writer";

enum { PIECES = 3, SEGMENTS = 3, DRAFTS = 5, ROOM = EVENTS_SEGMENT_EVENTS };

/* What some pieces are asked for, and what was written. */
struct pages {
    size_t n; /* pieces */
    real *z[SEGMENTS][N_FACTORS];
    uint8_t tonic[PIECES * DRAFTS];
    struct generator_pitches pitches[PIECES * DRAFTS];
    struct generator_event *events[SEGMENTS]; /* (n, ROOM) */
    size_t counts[SEGMENTS][PIECES * DRAFTS];
};

static struct generator_settings settings_of(void)
{
    return (struct generator_settings){.temperature = 1,
                                       .top_p = 1,
                                       .seed = 4,
                                       .max_events = ROOM,
                                       .bar_steps = fixture.model.vocabulary.bar_steps,
                                       .tempo = -1,
                                       .signature = -1};
}

/* Latents of pieces `first` on, each of them `times` in a row. */
static struct pages *pages_make(size_t n, uint32_t first, size_t times)
{
    const size_t latent = vae_latent(&fixture.model.vae.shape);
    struct pages *pages = calloc(1, sizeof *pages);
    CU_ASSERT_FATAL(pages != NULL);
    pages->n = n * times;
    for (size_t s = 0; s < SEGMENTS; s++) {
        pages->events[s] = calloc(pages->n * ROOM, sizeof **pages->events);
        for (size_t g = 0; g < N_FACTORS; g++) {
            pages->z[s][g] = calloc(pages->n * latent, sizeof(real));
            CU_ASSERT_FATAL(pages->events[s] && pages->z[s][g]);
            for (uint32_t i = 0; i < pages->n; i++)
                random_normals(pages->z[s][g] + i * latent, latent, 3, RANDOM_TEST, 2 * s + g,
                               first + i / (uint32_t)times);
        }
    }
    for (size_t i = 0; i < pages->n; i++) {
        pages->tonic[i] = (uint8_t)((first + i / times) % 12);
        pages->pitches[i] = written_pitches(pages->tonic[i]);
    }
    return pages;
}

static void pages_destroy(struct pages *pages)
{
    for (size_t s = 0; s < SEGMENTS; s++) {
        free(pages->events[s]);
        for (size_t g = 0; g < N_FACTORS; g++) free(pages->z[s][g]);
    }
    free(pages);
}

static struct generator_request request_of(const struct pages *pages, size_t s)
{
    return (struct generator_request){.z = {pages->z[s][0], pages->z[s][1]},
                                      .tonic = pages->tonic,
                                      .pitches = pages->pitches,
                                      .bars = 1 + s};
}

static struct pages *write_pages(size_t n, uint32_t first, size_t drafts)
{
    const struct generator_settings settings = settings_of();
    struct pages *pages = pages_make(n, first, 1);
    struct writer *writer = NULL;
    CU_ASSERT_EQUAL_FATAL(writer_create(&writer, &fixture.model, n, first, &settings, drafts), OK);
    for (size_t s = 0; s < SEGMENTS; s++) {
        const struct generator_request request = request_of(pages, s);
        writer_segment(writer, &request, pages->events[s], pages->counts[s]);
    }
    writer_destroy(writer);
    return pages;
}

static bool same_segment(const struct pages *a, size_t i, const struct pages *b, size_t j, size_t s)
{
    return a->counts[s][i] == b->counts[s][j] &&
           memcmp(a->events[s] + i * ROOM, b->events[s] + j * ROOM,
                  a->counts[s][i] * sizeof(struct generator_event)) == 0;
}

static void one_draft_is_plain_sampling(void)
{
    const struct generator_settings settings = settings_of();
    struct pages *got = write_pages(PIECES, 7, 1), *want = pages_make(PIECES, 7, 1);
    struct generator *generator = NULL;
    CU_ASSERT_EQUAL_FATAL(
        generator_create(&generator, &fixture.model.vae, fixture.model.theta, PIECES, 7, &settings),
        OK);
    for (size_t s = 0; s < SEGMENTS; s++) {
        const struct generator_request request = request_of(want, s);
        generator_segment(generator, &request, want->events[s], want->counts[s]);
        for (size_t i = 0; i < PIECES; i++) CU_ASSERT(same_segment(got, i, want, i, s));
    }
    generator_destroy(generator);
    pages_destroy(got);
    pages_destroy(want);
}

/* The attribute's log density around what its coordinate stands for, a tenth of a deviation wide.
 */
static double fader_worth(const struct pages *pages, size_t s, size_t i, int f,
                          const struct segment *segment)
{
    static const enum attribute NAMES[] = {ATTRIBUTE_RHYTHM_DENSITY, ATTRIBUTE_NOTE_DENSITY,
                                           ATTRIBUTE_MODE_MARGIN, ATTRIBUTE_REGISTER};
    const size_t latent = vae_latent(&fixture.model.vae.shape);
    const real *z = pages->z[s][f / 2] + i * latent;
    const double asked = faders_attribute(&fixture.model.faders, f, (double)z[f % 2]);
    double found = (double)segment->attributes[NAMES[f]];
    if (f == 3) found += segment->tonic - tonic_signed(pages->tonic[i]);
    return -50 * pow((found - asked) / fixture.model.standard.deviation[NAMES[f]], 2);
}

/* log density of what page i was asked for, as far as it is written, by posterior_encode of the
 * segment as a piece. */
static double worth(const struct pages *pages, size_t s, size_t i, size_t bars)
{
    const struct vae_shape *shape = &fixture.model.vae.shape;
    const size_t latent = vae_latent(shape);
    struct event events[ROOM];
    struct segment segment = {.count = (uint32_t)pages->counts[s][i], .bars = (uint16_t)bars};
    const struct piece piece = {
        .events = events, .n_events = segment.count, .segments = &segment, .n_segments = 1};
    struct posterior heard;
    double sum = 0;
    for (size_t j = 0; j < segment.count; j++)
        events[j] = written_event(&pages->events[s][i * ROOM + j], pages->tonic[i]);
    if (!written_has_note(events, segment.count)) return -HUGE_VAL;
    segment_measure(&segment, events, &fixture.model.vocabulary, 0);
    for (int f = 0; f < BATCH_FADERS && fixture.model.faders.known; f++)
        sum += fader_worth(pages, s, i, f, &segment);
    segment.tonic = (int8_t)tonic_signed(pages->tonic[i]);
    CU_ASSERT_EQUAL_FATAL(posterior_encode(&heard, &fixture.model, &piece), OK);
    for (size_t g = 0; g < N_FACTORS; g++)
        for (size_t d = fixture.model.faders.known ? 2 : 0; d < shape->latent_mixture; d++) {
            const double deviation = exp((double)heard.log_variance[g][d] / 2);
            const double z = (double)pages->z[s][g][i * latent + d];
            const double away = (z - (double)heard.mean[g][d]) / deviation;
            sum += -away * away / 2 - log(deviation);
        }
    posterior_fini(&heard);
    return sum;
}

/* Whether every draft has exactly so many bars of segment s. */
static bool all_have_bars(const struct pages *pages, size_t s, size_t bars)
{
    for (size_t i = 0; i < pages->n; i++) {
        size_t n = 0;
        for (size_t j = 0; j < pages->counts[s][i]; j++)
            n += pages->events[s][i * ROOM + j].type == TYPE_BAR;
        if (n != bars) return false;
    }
    return true;
}

/* Copies the best draft of a piece over the others; whether it was another than the first. */
static bool copy_best(struct generator *generator, struct pages *all, size_t s, size_t piece,
                      size_t bars)
{
    const size_t first = piece * DRAFTS;
    size_t best = first;
    for (size_t i = first; i < first + DRAFTS; i++)
        if (worth(all, s, i, bars) > worth(all, s, best, bars)) best = i;
    for (size_t i = first; i < first + DRAFTS; i++) {
        if (i == best) continue;
        generator_copy(generator, i, best);
        memcpy(all->events[s] + i * ROOM, all->events[s] + best * ROOM,
               ROOM * sizeof *all->events[s]);
        all->counts[s][i] = all->counts[s][best];
    }
    return best != first;
}

/* The drafts of every bar by hand: all of them by a generator, the best copied over the others. */
static void the_best_draft_stays(void)
{
    const struct generator_settings settings = settings_of();
    struct pages *got = write_pages(PIECES, 2, DRAFTS), *all = pages_make(PIECES, 2, DRAFTS);
    struct generator *generator = NULL;
    size_t not_first = 0;
    CU_ASSERT_EQUAL_FATAL(generator_create(&generator, &fixture.model.vae, fixture.model.theta,
                                           PIECES * DRAFTS, 2 * DRAFTS, &settings),
                          OK);
    for (size_t s = 0; s < SEGMENTS; s++) {
        const struct generator_request request = request_of(all, s);
        generator_begin(generator, &request);
        for (size_t bars = 1; bars <= request.bars; bars++) {
            generator_write(generator, bars, all->events[s], all->counts[s]);
            CU_ASSERT(all_have_bars(all, s, bars));
            for (size_t piece = 0; piece < PIECES; piece++)
                not_first += copy_best(generator, all, s, piece, bars);
        }
        for (size_t piece = 0; piece < PIECES; piece++)
            CU_ASSERT(same_segment(got, piece, all, piece * DRAFTS, s));
    }
    CU_ASSERT(not_first > 4);
    generator_destroy(generator);
    pages_destroy(got);
    pages_destroy(all);
}

/* A checkpoint without faders: their coordinates are what the encoders hear, as the others. */
static void older_models_draft_too(void)
{
    fixture.model.faders.known = false;
    the_best_draft_stays();
    fixture.model.faders.known = true;
}

static void pieces_depend_on_their_number_alone(void)
{
    struct pages *all = write_pages(PIECES, 4, DRAFTS), *last = write_pages(1, 6, DRAFTS);
    for (size_t s = 0; s < SEGMENTS; s++) CU_ASSERT(same_segment(all, 2, last, 0, s));
    pages_destroy(all);
    pages_destroy(last);
}

static void wants_memory(void)
{
    const struct generator_settings settings = settings_of();
    struct writer *writer;
    unsigned failures = 0;
    for (long place = 1; place < 30; place++) {
        status_fault_set(place);
        const enum status status = writer_create(&writer, &fixture.model, 2, 0, &settings, DRAFTS);
        status_fault_set(0);
        CU_ASSERT((status == OK) == (writer != NULL));
        failures += status != OK;
        writer_destroy(writer);
        if (status == OK) break;
    }
    CU_ASSERT_EQUAL(failures, 9);
}

const struct suite_test suite_tests[] = {
    {"make", fixture_make},
    {"one draft is plain sampling", one_draft_is_plain_sampling},
    {"the best draft stays", the_best_draft_stays},
    {"older models draft too", older_models_draft_too},
    {"pieces depend on their number alone", pieces_depend_on_their_number_alone},
    {"wants memory", wants_memory},
    {"remove", fixture_remove},
    {NULL, NULL},
};
