/* generate: whole bars, equal seeds, batches, steps, faders, posteriors of pieces. */
#define _GNU_SOURCE
#include "classify.h"
#include "generate.h"
#include "latent.h"
#include "model_fixture.h"
#include "random.h"
#include "runner.h"
#include "smf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const suite_name = "generate";

enum { BATCH = 32, MOST_PIECES = 40 }; /* one batch and a part of another */

/* What the visits have seen. */
struct album {
    size_t n;
    unsigned char *bytes[MOST_PIECES];
    size_t size[MOST_PIECES];
    int tonic[MOST_PIECES];
    int64_t length[MOST_PIECES]; /* ticks */
    size_t bars;                 /* asked for */
    double tempo;
    enum status answer; /* of the visit */
};

static void check_piece(const struct album *album, const struct generated *piece)
{
    const struct score *score = piece->score;
    int64_t sounding[128] = {0};
    CU_ASSERT_EQUAL(piece->index, album->n);
    CU_ASSERT(score->n_notes > 0);
    CU_ASSERT(piece->tonic >= 0 && piece->tonic < 12);
    CU_ASSERT_EQUAL_FATAL(score->n_tempi, 1);
    CU_ASSERT_EQUAL_FATAL(score->n_signatures >= 1, 1);
    CU_ASSERT_EQUAL(score->tempi[0].tick, 0);
    CU_ASSERT_EQUAL(score->tempi[0].microseconds, (uint32_t)lround(60e6 / piece->tempo));
    const int64_t bar = 4 * score->division * (int64_t)score->signatures[0].numerator /
                        score->signatures[0].denominator;
    CU_ASSERT_EQUAL(score->end, bar * (int64_t)album->bars);
    const double seconds = (double)score->end / score->division * 60 / piece->tempo;
    CU_ASSERT_DOUBLE_EQUAL(piece->seconds, seconds, 1e-5 * seconds);
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        CU_ASSERT(note->onset >= sounding[note->pitch]);
        CU_ASSERT(note->end > note->onset && note->end <= score->end);
        sounding[note->pitch] = note->end;
    }
}

static enum status keep(void *context, const struct generated *piece)
{
    struct album *album = context;
    check_piece(album, piece);
    if (album->tempo > 0) CU_ASSERT_EQUAL(piece->tempo, album->tempo);
    album->tonic[album->n] = piece->tonic;
    album->length[album->n] = piece->score->end;
    CU_ASSERT_EQUAL(smf_encode(&album->bytes[album->n], &album->size[album->n], piece->score, 60),
                    OK);
    album->n++;
    return album->answer;
}

static void album_fini(struct album *album)
{
    for (size_t i = 0; i < album->n; i++) free(album->bytes[i]);
    *album = (struct album){0};
}

static struct generate_request plain_request(void)
{
    return (struct generate_request){.steps = {{latent_emotion(EMOTION_SAD), 11}},
                                     .n_steps = 1,
                                     .count = 3,
                                     .seed = 9,
                                     .temperature = 1,
                                     .top_p = 0.95,
                                     .drafts = 1,
                                     .tonic = GENERATE_ANY_TONIC};
}

static struct album generate(const struct generate_request *request)
{
    struct album album = {.bars = generate_bars(request), .tempo = request->tempo};
    CU_ASSERT_EQUAL(generate_pieces(&fixture.model, request, keep, &album), OK);
    CU_ASSERT_EQUAL(album.n, request->count);
    return album;
}

static bool same_piece(const struct album *a, const struct album *b, size_t i)
{
    return a->size[i] == b->size[i] && memcmp(a->bytes[i], b->bytes[i], a->size[i]) == 0;
}

static bool same_bytes(const struct album *album, size_t i, size_t j)
{
    return album->size[i] == album->size[j] &&
           memcmp(album->bytes[i], album->bytes[j], album->size[i]) == 0;
}

static void bars_are_whole(void)
{
    static const size_t bars[] = {1, 7, 8, 9, 24};
    struct generate_request request = plain_request();
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        for (int emotion = 0; emotion < N_EMOTIONS; emotion++) {
            request.steps[0] = (struct generate_step){latent_emotion(emotion), bars[i]};
            struct album album = generate(&request);
            album_fini(&album);
        }
    }
}

static void seeds_decide(void)
{
    struct generate_request request = plain_request();
    struct album a = generate(&request), b = generate(&request);
    request.seed++;
    struct album c = generate(&request);
    for (size_t i = 0; i < request.count; i++) {
        CU_ASSERT(same_piece(&a, &b, i));
        CU_ASSERT_FALSE(same_piece(&a, &c, i));
        CU_ASSERT(i == 0 || !same_bytes(&a, 0, i));
    }
    album_fini(&a);
    album_fini(&b);
    album_fini(&c);
}

/* Pieces of a full batch, of a part of one, and alone are the same. */
static void count_does_not_matter(void)
{
    struct generate_request request = plain_request();
    request.count = MOST_PIECES;
    request.steps[0].bars = 9;
    struct album many = generate(&request);
    request.count = 5;
    struct album some = generate(&request);
    request.count = 1;
    struct album one = generate(&request);
    for (size_t i = 0; i < some.n; i++) CU_ASSERT(same_piece(&many, &some, i));
    CU_ASSERT(same_piece(&many, &one, 0));
    album_fini(&many);
    album_fini(&some);
    album_fini(&one);
}

/* Without a word from the latents only the draws of events tell the pieces of two batches apart;
 * the tonics tell the draws of latents apart. */
static void batches_draw_anew(void)
{
    struct generate_request request = plain_request();
    const struct decoder *decoder = &fixture.model.vae.decoder;
    const size_t count = fixture.model.vae.parameters.count;
    real *kept = malloc(count * sizeof *kept);
    size_t n_alike = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(kept);
    memcpy(kept, fixture.model.theta, count * sizeof *kept);
    for (size_t layer = 0; layer < decoder->shape.layers; layer++)
        memset(fixture.model.theta + decoder->condition[layer], 0,
               decoder->shape.condition * decoder->shape.width * sizeof *kept);
    request.count = MOST_PIECES;
    request.steps[0].bars = 2;
    struct album album = generate(&request);
    for (size_t i = BATCH; i < album.n; i++) {
        CU_ASSERT_FALSE(same_bytes(&album, i - BATCH, i));
        n_alike += album.tonic[i] == album.tonic[i - BATCH];
    }
    CU_ASSERT(n_alike < album.n - BATCH);
    memcpy(fixture.model.theta, kept, count * sizeof *kept);
    album_fini(&album);
    free(kept);
}

static void key_and_tempo_are_kept(void)
{
    struct generate_request request = plain_request();
    request.count = 12;
    request.steps[0].bars = 2;
    struct album drawn = generate(&request);
    size_t n_alike = 0;
    for (size_t i = 0; i < drawn.n; i++) n_alike += drawn.tonic[i] == drawn.tonic[0];
    CU_ASSERT(n_alike < drawn.n);
    request.tonic = 7;
    request.tempo = 97.5;
    struct album fixed = generate(&request);
    for (size_t i = 0; i < fixed.n; i++) CU_ASSERT_EQUAL(fixed.tonic[i], 7);
    album_fini(&drawn);
    album_fini(&fixed);
}

/* The notes that start before a tick, as (onset, pitch). */
static size_t notes_before(const struct album *album, int64_t tick, uint64_t *notes, size_t room)
{
    const struct smf_options options = {.pedal = false};
    struct score score;
    struct smf_report report;
    size_t n = 0;
    CU_ASSERT_EQUAL_FATAL(smf_parse(&score, &report, album->bytes[0], album->size[0], &options),
                          OK);
    for (size_t i = 0; i < score.n_notes && n < room; i++)
        if (score.notes[i].onset < tick)
            notes[n++] = (uint64_t)score.notes[i].onset * 128 + score.notes[i].pitch;
    score_fini(&score);
    return n;
}

/* Two paths with the same beginning are the same music until they part, and then no longer, though
 * that is in the middle of what would have been a segment. */
static void paths_part_where_they_say(void)
{
    enum { ROOM = 8192 };
    static uint64_t a[ROOM], b[ROOM];
    struct generate_request request = plain_request();
    request.count = 1;
    request.n_steps = 2;
    request.steps[0] = (struct generate_step){latent_emotion(EMOTION_HAPPY), 5};
    request.steps[1] = (struct generate_step){latent_emotion(EMOTION_SAD), 75};
    request.tempo = 100;
    struct album sad = generate(&request);
    request.steps[1].point = latent_emotion(EMOTION_TENSE);
    struct album tense = generate(&request);
    CU_ASSERT_EQUAL_FATAL(sad.length[0], tense.length[0]);
    const int64_t edge = sad.length[0] / 80 * 5;
    const size_t n = notes_before(&sad, edge, a, ROOM);
    CU_ASSERT_EQUAL_FATAL(n, notes_before(&tense, edge, b, ROOM));
    CU_ASSERT(n > 0 && memcmp(a, b, n * sizeof *a) == 0);
    const size_t all = notes_before(&sad, INT64_MAX, a, ROOM);
    CU_ASSERT(all != notes_before(&tense, INT64_MAX, b, ROOM) ||
              memcmp(a, b, all * sizeof *a) != 0);
    album_fini(&sad);
    album_fini(&tense);
}

static enum status check_tempi(void *context, const struct generated *piece)
{
    const struct score *score = piece->score;
    size_t *n_changes = context;
    CU_ASSERT(score->n_tempi == 1 || score->n_tempi == 2);
    if (score->n_tempi == 2) {
        CU_ASSERT_EQUAL(score->tempi[1].tick, score->end / 10 * 3);
        *n_changes += 1;
    }
    return OK;
}

/* A step keeps one tempo; another may begin with the next step. */
static void tempi_change_between_steps(void)
{
    struct generate_request request = plain_request();
    size_t n_changes = 0;
    request.n_steps = 2;
    request.count = 12;
    request.steps[0] = (struct generate_step){latent_emotion(EMOTION_TENSE), 3};
    request.steps[1] = (struct generate_step){latent_emotion(EMOTION_SAD), 7};
    CU_ASSERT_EQUAL(generate_pieces(&fixture.model, &request, check_tempi, &n_changes), OK);
    CU_ASSERT(n_changes > 0);
}

static void points_blend_the_emotions(void)
{
    const size_t latent = vae_latent(&fixture.model.vae.shape),
                 mixed = fixture.model.vae.shape.latent_mixture;
    const struct latent_key key = {.seed = 3, .piece = 2};
    real *numbers = calloc(4 * latent, sizeof *numbers), *blend = calloc(latent, sizeof *blend);
    real *const point[N_FACTORS] = {numbers, numbers + latent};
    real *const corner[N_FACTORS] = {numbers + 2 * latent, numbers + 3 * latent};
    double weight[N_EMOTIONS];
    latent_weights(weight, (struct latent_point){0.5, -1});
    CU_ASSERT_EQUAL(weight[EMOTION_CALM], 0.75);
    CU_ASSERT_EQUAL(weight[EMOTION_SAD], 0.25);
    CU_ASSERT_EQUAL(weight[EMOTION_HAPPY], 0);
    for (int y = 0; y < N_EMOTIONS; y++) {
        latent_draw_emotion(corner, &fixture.model, y, 0.7, &key);
        latent_draw_point(point, &fixture.model, latent_emotion(y), 0.7, &key);
        for (int g = 0; g < N_FACTORS; g++)
            CU_ASSERT_EQUAL(memcmp(point[g], corner[g], mixed * sizeof *blend), 0);
        for (size_t d = 0; d < mixed; d++) blend[d] += corner[1][d] / 4;
    }
    latent_draw_point(point, &fixture.model, (struct latent_point){0, 0}, 0.7, &key);
    for (size_t d = 0; d < mixed; d++)
        CU_ASSERT_DOUBLE_EQUAL((double)point[1][d], (double)blend[d], 1e-5);
    free(numbers);
    free(blend);
}

/* Faders reach the decoder: other values, other music from the same draws. */
static void faders_change_the_music(void)
{
    struct generate_request request = plain_request();
    for (int f = 0; f < BATCH_FADERS; f++) {
        request.faders = (struct fader_target){0};
        struct album plain = generate(&request);
        request.faders.set[f] = true;
        request.faders.coordinate[f] = 40;
        struct album moved = generate(&request);
        CU_ASSERT_FALSE(same_piece(&plain, &moved, 0));
        album_fini(&plain);
        album_fini(&moved);
    }
}

static void files_read_back(void)
{
    const struct smf_options options = {.pedal = false};
    const struct generate_request request = plain_request();
    struct album album = generate(&request);
    for (size_t i = 0; i < album.n; i++) {
        struct score score;
        struct smf_report report;
        struct piece piece;
        CU_ASSERT_EQUAL_FATAL(smf_parse(&score, &report, album.bytes[i], album.size[i], &options),
                              OK);
        CU_ASSERT_FALSE(report.damaged);
        CU_ASSERT_STRING_EQUAL(report.warning, "");
        CU_ASSERT_EQUAL(piece_from_score(&piece, &score, &fixture.model.vocabulary, -1), OK);
        piece_fini(&piece);
        score_fini(&score);
    }
    album_fini(&album);
}

/* A model that ends every bar at once writes no note; it is told so in the end. */
static void silence_is_refused(void)
{
    struct generate_request request = plain_request();
    struct album album = {.bars = generate_bars(&request)};
    const size_t bias = fixture.model.vae.decoder.heads.type_bias;
    const real before = fixture.model.theta[bias + TYPE_BAR];
    fixture.model.theta[bias + TYPE_BAR] = 1e4F;
    CU_ASSERT_EQUAL(generate_pieces(&fixture.model, &request, keep, &album), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(),
                           "piece 1 has no note in 16 draws; try a higher temperature");
    CU_ASSERT_EQUAL(album.n, 0);
    fixture.model.theta[bias + TYPE_BAR] = before;
}

/* One that seldom writes a note is drawn anew, with the same result whatever the count. */
static void empty_pieces_are_drawn_anew(void)
{
    struct generate_request request = plain_request();
    const size_t bias = fixture.model.vae.decoder.heads.type_bias;
    const real before = fixture.model.theta[bias + TYPE_BAR];
    request.steps[0].bars = 1;
    request.top_p = 1;
    request.count = MOST_PIECES;
    fixture.model.theta[bias + TYPE_BAR] = before + 3;
    struct album many = generate(&request);
    request.count = 10;
    struct album some = generate(&request);
    for (size_t i = 0; i < some.n; i++) CU_ASSERT(same_piece(&many, &some, i));
    album_fini(&many);
    album_fini(&some);
    fixture.model.theta[bias + TYPE_BAR] = before;
}

static void a_failing_visit_ends_it(void)
{
    const struct generate_request request = plain_request();
    struct album album = {.bars = generate_bars(&request), .answer = FAILED};
    CU_ASSERT_EQUAL(generate_pieces(&fixture.model, &request, keep, &album), FAILED);
    CU_ASSERT_EQUAL(album.n, 1);
    album_fini(&album);
}

/* A piece classified whole is the mean over its segments classified one by one. */
static void posteriors_are_averaged_in_the_log(void)
{
    struct generate_request request = plain_request();
    const struct smf_options options = {.pedal = false};
    request.count = 1;
    request.steps[0].bars = 24;
    struct album album = generate(&request);
    struct classifier classifier;
    struct classification whole, part;
    struct score score;
    struct smf_report report;
    struct piece piece;
    double latent[N_FACTORS * 256], sum[N_EMOTIONS] = {0}, total = 0;
    CU_ASSERT_EQUAL_FATAL(classifier_init(&classifier, &fixture.model), OK);
    CU_ASSERT_EQUAL_FATAL(smf_parse(&score, &report, album.bytes[0], album.size[0], &options), OK);
    CU_ASSERT_EQUAL_FATAL(piece_from_score(&piece, &score, &fixture.model.vocabulary, -1), OK);
    CU_ASSERT_EQUAL_FATAL(classifier_piece(&classifier, &piece, &whole, latent), OK);
    CU_ASSERT_EQUAL(whole.n_segments, piece.n_segments);
    CU_ASSERT(piece.n_segments >= 2);
    for (size_t s = 0; s < piece.n_segments; s++) {
        const struct piece one = {.events = piece.events,
                                  .n_events = piece.n_events,
                                  .segments = &piece.segments[s],
                                  .n_segments = 1};
        CU_ASSERT_EQUAL(classifier_piece(&classifier, &one, &part, NULL), OK);
        for (int y = 0; y < N_EMOTIONS; y++)
            sum[y] += log(part.probability[y]) / (double)piece.n_segments;
    }
    for (int y = 0; y < N_EMOTIONS; y++) total += exp(sum[y]);
    for (int y = 0; y < N_EMOTIONS; y++) {
        CU_ASSERT_DOUBLE_EQUAL(whole.probability[y], exp(sum[y]) / total, 1e-9);
        CU_ASSERT(whole.probability[y] <= whole.probability[whole.emotion]);
    }
    for (size_t i = 0; i < N_FACTORS * fixture.model.vae.shape.latent_mixture; i++)
        CU_ASSERT(isfinite(latent[i]));
    real *weight =
        &fixture.model.theta[fixture.model.vae.mixture_log_weight + 2 * EMOTION_TENSE + 1];
    *weight += 100;
    CU_ASSERT_EQUAL(classifier_piece(&classifier, &piece, &part, NULL), OK);
    CU_ASSERT_EQUAL(part.emotion, EMOTION_TENSE);
    CU_ASSERT(part.probability[EMOTION_TENSE] > 0.99);
    *weight -= 100;
    status_fault_set(1);
    CU_ASSERT_EQUAL(classifier_piece(&classifier, &piece, &whole, latent), FAILED);
    status_fault_set(0);
    piece_fini(&piece);
    score_fini(&score);
    classifier_fini(&classifier);
    album_fini(&album);
}

static enum status count(void *context, const struct generated *piece)
{
    *(size_t *)context += 1;
    (void)piece;
    return OK;
}

static void memory_failures_are_clean(void)
{
    struct generate_request request = plain_request();
    enum status status = FAILED;
    request.steps[0].bars = 2;
    for (long k = 1; k < 200 && status != OK; k++) {
        struct classifier classifier;
        size_t n = 0;
        status_fault_set(k);
        status = classifier_init(&classifier, &fixture.model);
        if (status == OK) classifier_fini(&classifier);
        if (status == OK) status = generate_pieces(&fixture.model, &request, count, &n);
        status_fault_set(0);
        if (status == OK) CU_ASSERT_EQUAL(n, request.count);
    }
    CU_ASSERT_EQUAL(status, OK);
}

const struct suite_test suite_tests[] = {
    {"makes a model", fixture_make},
    {"bars are whole", bars_are_whole},
    {"seeds decide", seeds_decide},
    {"count does not matter", count_does_not_matter},
    {"batches draw anew", batches_draw_anew},
    {"key and tempo are kept", key_and_tempo_are_kept},
    {"paths part where they say", paths_part_where_they_say},
    {"tempi change between steps", tempi_change_between_steps},
    {"points blend the emotions", points_blend_the_emotions},
    {"faders change the music", faders_change_the_music},
    {"files read back", files_read_back},
    {"silence is refused", silence_is_refused},
    {"empty pieces are drawn anew", empty_pieces_are_drawn_anew},
    {"a failing visit ends it", a_failing_visit_ends_it},
    {"posteriors are averaged in the log", posteriors_are_averaged_in_the_log},
    {"memory failures are clean", memory_failures_are_clean},
    {"removes its files", fixture_remove},
    {NULL, NULL},
};
