/* Drafts, and the choice among them. */
#include "writer.h"

#include "collate.h"
#include "posterior.h"
#include "tonic.h"
#include "written.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Deviations of the training set by which a fader's attribute may miss what is asked for.  Of .1,
 * .2 and .3 the first brought faders closest, with emotions and swaps alike within chance.
 */
static const double FADER_TOLERANCE = 0.1;

struct writer {
    const struct model *model;
    size_t n_pieces, drafts, max_events;
    struct generator *generator;
    struct posterior_encoder encoder;
    /* owned, of all drafts; those of a piece follow each other */
    struct generator_event *events; /* (n, max_events) */
    size_t *counts;                 /* (n) */
    real *z[N_FACTORS];             /* (n, latent) */
    uint8_t *tonic;                 /* (n) */
    struct generator_pitches *pitches;
};

static enum status take_memory(struct writer *writer)
{
    const size_t n = writer->n_pieces * writer->drafts;
    const size_t latent = vae_latent(&writer->model->vae.shape);
    writer->events = calloc(n * writer->max_events, sizeof *writer->events);
    writer->counts = calloc(n, sizeof *writer->counts);
    for (int g = 0; g < N_FACTORS; g++) writer->z[g] = calloc(n * latent, sizeof(real));
    writer->tonic = calloc(n, 1);
    writer->pitches = calloc(n, sizeof *writer->pitches);
    if (!writer->events || !writer->counts || !writer->z[0] || !writer->z[1] || !writer->tonic ||
        !writer->pitches || status_fault())
        return status_fail(FAILED, "no memory for %zu drafts", n);
    return OK;
}

enum status writer_create(struct writer **out, const struct model *model, size_t n_pieces,
                          uint32_t first_piece, const struct generator_settings *settings,
                          size_t drafts)
{
    enum status status = OK;
    struct writer *writer = status_fault() ? NULL : calloc(1, sizeof *writer);
    ASSERT(drafts >= 1 && drafts <= WRITER_MAX_DRAFTS);
    *out = NULL;
    if (!writer) return status_fail(FAILED, "no memory for %zu pieces", n_pieces);
    *writer = (struct writer){
        .model = model, .n_pieces = n_pieces, .drafts = drafts, .max_events = settings->max_events};
    TRY(generator_create(&writer->generator, &model->vae, model->theta, n_pieces * drafts,
                         first_piece * (uint32_t)drafts, settings));
    if (drafts > 1) {
        TRY(take_memory(writer));
        TRY(posterior_encoder_init(&writer->encoder, model));
    }
    *out = writer;
    writer = NULL;
done:
    writer_destroy(writer);
    return status;
}

void writer_destroy(struct writer *writer)
{
    if (!writer) return;
    generator_destroy(writer->generator);
    posterior_encoder_fini(&writer->encoder);
    free(writer->events);
    free(writer->counts);
    for (int g = 0; g < N_FACTORS; g++) free(writer->z[g]);
    free(writer->tonic);
    free(writer->pitches);
    free(writer);
}

/* Every draft of a piece is asked for the same. */
static struct generator_request request_drafts(const struct writer *writer,
                                               const struct generator_request *request)
{
    const size_t latent = vae_latent(&writer->model->vae.shape);
    struct generator_request all = *request;
    for (size_t i = 0; i < writer->n_pieces * writer->drafts; i++) {
        const size_t piece = i / writer->drafts;
        for (int g = 0; g < N_FACTORS; g++)
            memcpy(writer->z[g] + i * latent, request->z[g] + piece * latent,
                   latent * sizeof(real));
        writer->tonic[i] = request->tonic[piece];
        if (request->pitches) writer->pitches[i] = request->pitches[piece];
    }
    for (int g = 0; g < N_FACTORS; g++) all.z[g] = writer->z[g];
    all.tonic = writer->tonic;
    if (request->pitches) all.pitches = writer->pitches;
    return all;
}

/* What draft i holds, as a segment of the key that was asked for; false without a note. */
static bool read_draft(const struct writer *writer, size_t i, struct event *events,
                       struct segment *segment)
{
    const struct generator_event *from = writer->events + i * writer->max_events;
    *segment = (struct segment){.count = (uint32_t)writer->counts[i]};
    for (size_t j = 0; j < writer->counts[i]; j++) {
        events[j] = written_event(&from[j], writer->tonic[i]);
        segment->bars = (uint16_t)(segment->bars + (from[j].type == TYPE_BAR));
    }
    if (!written_has_note(events, segment->count)) return false;
    segment_measure(segment, events, &writer->model->vocabulary, 0);
    const int told = tonic_signed(writer->tonic[i]), found = segment->tonic;
    segment->attributes[ATTRIBUTE_REGISTER] += (float)(found - told);
    segment->tonic = (int8_t)told;
    return true;
}

/* log N(a; asked, (FADER_TOLERANCE deviations)^2) of the faders' attributes, up to a constant. */
static double faders_worth(const struct writer *writer, size_t i, const struct segment *segment)
{
    const struct model *model = writer->model;
    const size_t latent = vae_latent(&model->vae.shape);
    double sum = 0;
    for (int f = 0; f < BATCH_FADERS; f++) {
        const enum attribute attribute = collate_faders[f];
        const real *z = writer->z[vae_fader_factor(f)] + i * latent;
        const double asked =
            faders_attribute(&model->faders, f, (double)z[vae_fader_coordinate(f)]);
        const double miss = ((double)segment->attributes[attribute] - asked) /
                            (FADER_TOLERANCE * model->standard.deviation[attribute]);
        sum -= miss * miss / 2;
    }
    return sum;
}

/*
 * How clearly draft i, as far as it is written, says what was asked for: the faders' attributes are
 * measured in it; of the other mixture coordinates log N(z; m, e^s), up to a constant, by what the
 * encoders hear.  -infinity without a note.  With all coordinates the many of the residual outvote
 * what was asked for: of 8 drafts by a tiny model the best by these was heard as asked in 66 % of
 * pieces, by those in 60 %, one draft in 54 %.
 */
static double worth(struct writer *writer, size_t i)
{
    const struct vae_shape *shape = &writer->model->vae.shape;
    const size_t latent = vae_latent(shape);
    const bool measured = writer->model->faders.known;
    struct event events[EVENTS_SEGMENT_EVENTS];
    struct segment segment;
    const real *moments[N_FACTORS];
    if (!read_draft(writer, i, events, &segment)) return -HUGE_VAL;
    double sum = measured ? faders_worth(writer, i, &segment) : 0;
    posterior_encoder_moments(&writer->encoder, moments, events, &segment);
    for (int g = 0; g < N_FACTORS; g++)
        for (size_t d = measured ? VAE_FADERS : 0; d < shape->latent_mixture; d++) {
            const double s = (double)moments[g][latent + d];
            const double miss = (double)(writer->z[g][i * latent + d] - moments[g][d]);
            sum -= (miss * miss * exp(-s) + s) / 2;
        }
    return sum;
}

/* The best draft of a piece; the first of equals. */
static size_t choose(struct writer *writer, size_t piece)
{
    const size_t first = piece * writer->drafts;
    double most = -HUGE_VAL;
    size_t best = first;
    for (size_t i = first; i < first + writer->drafts; i++) {
        const double x = worth(writer, i);
        if (x > most) best = i;
        if (x > most) most = x;
    }
    return best;
}

/* Lets all drafts of a piece go on from its best. */
static void keep_best(struct writer *writer, size_t piece)
{
    const size_t room = writer->max_events, best = choose(writer, piece);
    const struct generator_event *from = writer->events + best * room;
    for (size_t i = piece * writer->drafts; i < (piece + 1) * writer->drafts; i++) {
        if (i == best) continue;
        generator_copy(writer->generator, i, best);
        /* and one more: the next bar has begun, unless that was the last one's end */
        const size_t n = writer->counts[best] + (writer->counts[best] < room);
        memcpy(writer->events + i * room, from, n * sizeof *from);
        writer->counts[i] = writer->counts[best];
    }
}

void writer_segment(struct writer *writer, const struct generator_request *request,
                    struct generator_event *events, size_t *counts)
{
    if (writer->drafts == 1) {
        generator_segment(writer->generator, request, events, counts);
        return;
    }
    const size_t room = writer->max_events;
    const struct generator_request all = request_drafts(writer, request);
    generator_begin(writer->generator, &all);
    for (size_t bars = 1; bars <= request->bars; bars++) {
        generator_write(writer->generator, bars, writer->events, writer->counts);
        for (size_t piece = 0; piece < writer->n_pieces; piece++) keep_best(writer, piece);
    }
    for (size_t piece = 0; piece < writer->n_pieces; piece++) {
        const size_t first = piece * writer->drafts;
        counts[piece] = writer->counts[first];
        memcpy(events + piece * room, writer->events + first * room,
               counts[piece] * sizeof *events);
    }
}
