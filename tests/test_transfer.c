/* transfer: latents moved, swapped and interpolated; bars, tempi and seeds kept; faders. */
#define _GNU_SOURCE
#include "transfer.h"

#include "composer.h"
#include "music.h"
#include "runner.h"
#include "smf.h"
#include "tiny_model.h"
#include "transfer_score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const suite_name = "transfer";

enum { PATH_ROOM = 256, N_SOURCES = 3 };

static struct model model;
static struct transfer_source source[N_SOURCES]; /* of 3, 1 and 2 segments */
static char folder[] = "/tmp/affekt_transfer_XXXXXX";

static char *in_folder(char path[PATH_ROOM], const char *name)
{
    snprintf(path, PATH_ROOM, "%s/%s", folder, name);
    return path;
}

static void compose(const char *name, int emotion, int bars)
{
    char path[PATH_ROOM];
    struct score score;
    struct composer_factors factors;
    const struct composer_request request = {.seed = 11, .emotion = emotion, .bars = bars};
    CU_ASSERT_EQUAL_FATAL(composer_piece(&score, &factors, &request), OK);
    CU_ASSERT_EQUAL_FATAL(smf_write(&score, 0, in_folder(path, name)), OK);
    score_fini(&score);
}

static void makes_a_model(void)
{
    static const char *const settings[] = {"train.steps=12",   "train.batch=4",
                                           "train.stage1=0.5", "mixture.components=2",
                                           "train.warmup=1",   "train.learning_rate=0.005"};
    static const int bars[N_SOURCES] = {20, 7, 16};
    char corpus[PATH_ROOM], path[PATH_ROOM], name[] = "0.mid";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(tiny_corpus_make(folder, 4), OK);
    const struct tiny_training training = {.corpus = in_folder(corpus, "corpus.h5"),
                                           .out = in_folder(path, "model.h5"),
                                           .steps = 12,
                                           .settings = settings,
                                           .n_settings = 6};
    CU_ASSERT_EQUAL_FATAL(tiny_model_make(&training), OK);
    CU_ASSERT_EQUAL_FATAL(model_open(&model, path), OK);
    for (int i = 0; i < N_SOURCES; i++) {
        name[0] = (char)('0' + i);
        compose(name, i, bars[i]);
        CU_ASSERT_EQUAL_FATAL(transfer_source_open(&source[i], &model, in_folder(path, name)), OK);
        CU_ASSERT_EQUAL(source[i].bars.n, (size_t)bars[i]);
    }
    CU_ASSERT_EQUAL_FATAL(source[0].posterior.n, 3);
    CU_ASSERT_EQUAL_FATAL(source[1].posterior.n, 1);
}

static struct transfer_request plain_request(void)
{
    return (struct transfer_request){.input = &source[0],
                                     .count = 1,
                                     .strength = 1,
                                     .seed = 4,
                                     .temperature = 0.9,
                                     .top_p = 0.95,
                                     .drafts = 1};
}

static struct posterior latents_of(const struct transfer_request *request, uint32_t index,
                                   double *ratio)
{
    struct posterior latents;
    CU_ASSERT_EQUAL_FATAL(transfer_latents(&latents, ratio, &model, request, index), OK);
    return latents;
}

/* Whether the factor's rows are those of another piece, which may start over. */
static bool rows_equal(const struct posterior *a, const struct posterior *b, int factor)
{
    for (size_t s = 0; s < a->n; s++)
        if (memcmp(a->mean[factor] + s * a->latent, b->mean[factor] + s % b->n * b->latent,
                   a->latent * sizeof(real)) != 0)
            return false;
    return true;
}

static void no_strength_moves_nothing(void)
{
    struct transfer_request request = plain_request();
    double ratio;
    request.shift = true;
    request.strength = 0;
    for (int y = 0; y < N_EMOTIONS; y++) {
        request.to = latent_emotion(y);
        struct posterior latents = latents_of(&request, 0, &ratio);
        for (int g = 0; g < N_FACTORS; g++)
            CU_ASSERT(rows_equal(&latents, &source[0].posterior, g));
        CU_ASSERT_EQUAL(ratio, 1);
        posterior_fini(&latents);
    }
}

/* The further, the likelier the model itself finds the target. */
static void strength_moves_the_posterior(void)
{
    struct transfer_request request = plain_request();
    double ratio;
    request.shift = true;
    for (int i = 0; i < N_SOURCES; i++) {
        double total = 0; /* over the targets; 1 before the shift */
        for (int y = 0; y < N_EMOTIONS; y++) {
            double p[N_EMOTIONS];
            request.input = &source[i];
            request.to = latent_emotion(y);
            struct posterior latents = latents_of(&request, 0, &ratio);
            posterior_emotion(p, &latents, &model);
            posterior_fini(&latents);
            total += p[y];
        }
        CU_ASSERT(total > 2);
    }
}

/* Along the axes that tell emotions apart a segment ends where the emotion asked for lies: two
 * targets are as far from each other as the emotions' means. */
static void targets_are_the_means_of_emotions(void)
{
    struct transfer_request request = plain_request();
    const size_t mixed = model.vae.shape.latent_mixture, latent = vae_latent(&model.vae.shape);
    double mean[2][256], ratio;
    struct posterior at[2];
    request.shift = true;
    CU_ASSERT_FATAL(N_FACTORS * mixed <= 256);
    for (int i = 0; i < 2; i++) {
        request.to = latent_emotion(i == 0 ? EMOTION_HAPPY : EMOTION_SAD);
        at[i] = latents_of(&request, 0, &ratio);
    }
    for (size_t s = 0; s < at[0].n; s++) {
        posterior_component_mean(mean[0], &source[0].posterior, &model, s, EMOTION_HAPPY);
        posterior_component_mean(mean[1], &source[0].posterior, &model, s, EMOTION_SAD);
        for (size_t d = 0; d < N_FACTORS * mixed; d++) {
            const size_t z = s * latent + d % mixed;
            const double way = (double)at[1].mean[d / mixed][z] - (double)at[0].mean[d / mixed][z];
            CU_ASSERT_DOUBLE_EQUAL(way, mean[1][d] - mean[0][d], 1e-4);
        }
    }
    for (int i = 0; i < 2; i++) posterior_fini(&at[i]);
}

/* Along a straight line from the input, and in the mixture coordinates alone. */
static void shifts_are_straight(void)
{
    struct transfer_request request = plain_request();
    const size_t mixed = model.vae.shape.latent_mixture, latent = vae_latent(&model.vae.shape);
    double ratio, moved = 0;
    request.shift = true;
    request.to = (struct latent_point){-0.5, 0.25};
    struct posterior whole = latents_of(&request, 0, &ratio);
    request.strength = 0.5;
    struct posterior half = latents_of(&request, 0, &ratio);
    for (int g = 0; g < N_FACTORS; g++)
        for (size_t i = 0; i < whole.n * latent; i++) {
            const double a = (double)source[0].posterior.mean[g][i];
            const double b = (double)whole.mean[g][i];
            CU_ASSERT_DOUBLE_EQUAL((double)half.mean[g][i], (a + b) / 2, 1e-5);
            if (i % latent >= mixed) CU_ASSERT_EQUAL(a, b);
            moved += fabs(a - b);
        }
    CU_ASSERT(moved > 0.1);
    posterior_fini(&whole);
    posterior_fini(&half);
}

static void swaps_follow_their_sources(void)
{
    struct transfer_request request = plain_request();
    double ratio;
    request.rhythm = &source[1];
    struct posterior latents = latents_of(&request, 0, &ratio);
    CU_ASSERT_EQUAL(latents.n, source[0].posterior.n);
    CU_ASSERT(rows_equal(&latents, &source[1].posterior, FACTOR_RHYTHM));
    CU_ASSERT(rows_equal(&latents, &source[0].posterior, FACTOR_TONAL));
    CU_ASSERT(ratio > 0 && ratio != 1);
    posterior_fini(&latents);
    request.rhythm = NULL;
    request.tonal = &source[2];
    latents = latents_of(&request, 0, &ratio);
    CU_ASSERT(rows_equal(&latents, &source[0].posterior, FACTOR_RHYTHM));
    CU_ASSERT(rows_equal(&latents, &source[2].posterior, FACTOR_TONAL));
    CU_ASSERT_EQUAL(ratio, 1);
    posterior_fini(&latents);
}

static void interpolations_have_their_ends(void)
{
    struct transfer_request request = plain_request();
    double ratio;
    request.end = &source[2];
    request.count = 3;
    struct posterior first = latents_of(&request, 0, &ratio);
    CU_ASSERT_EQUAL(ratio, 1);
    struct posterior middle = latents_of(&request, 1, &ratio);
    struct posterior last = latents_of(&request, 2, &ratio);
    for (int g = 0; g < N_FACTORS; g++) {
        CU_ASSERT(rows_equal(&first, &source[0].posterior, g));
        CU_ASSERT(rows_equal(&last, &source[2].posterior, g));
        for (size_t i = 0; i < middle.n * middle.latent; i++)
            CU_ASSERT_DOUBLE_EQUAL((double)middle.mean[g][i],
                                   ((double)first.mean[g][i] + (double)last.mean[g][i]) / 2, 1e-5);
    }
    posterior_fini(&first);
    posterior_fini(&middle);
    posterior_fini(&last);
}

/* What a visit kept of the latest piece. */
struct kept {
    unsigned char *bytes;
    size_t size, n;
    struct transferred piece; /* its score is gone */
};

static enum status keep(void *context, const struct transferred *piece)
{
    struct kept *kept = context;
    free(kept->bytes);
    CU_ASSERT_EQUAL(piece->index, kept->n);
    kept->n++;
    kept->piece = *piece;
    CU_ASSERT_EQUAL(smf_encode(&kept->bytes, &kept->size, piece->score, 60), OK);
    return OK;
}

static struct kept transferred(const struct transfer_request *request)
{
    struct kept kept = {0};
    CU_ASSERT_EQUAL_FATAL(transfer_pieces(&model, request, keep, &kept), OK);
    CU_ASSERT_EQUAL(kept.n, request->count);
    return kept;
}

static void seeds_decide(void)
{
    struct transfer_request request = plain_request();
    request.shift = true;
    request.to = latent_emotion(EMOTION_TENSE);
    struct kept a = transferred(&request), b = transferred(&request);
    request.seed++;
    struct kept c = transferred(&request);
    CU_ASSERT(a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0);
    CU_ASSERT_FALSE(a.size == c.size && memcmp(a.bytes, c.bytes, a.size) == 0);
    free(a.bytes);
    free(b.bytes);
    free(c.bytes);
}

/* Two silent bars, drums in them; meters and tempi that change, one inside a bar; eleven bars of
 * silence; a division that is no multiple of the grid. */
static void write_awkward(struct music *music)
{
    const int division = 30; /* bars of 120, later 90 and 90 ticks */
    music_init(music, (uint32_t)division);
    music_tempo(music, 0, 500000);
    music_tempo(music, 290, 411111);
    music_tempo(music, 1000, 600001);
    music_signature(music, 0, 4, 4);
    music_signature(music, 600, 3, 4);
    music_signature(music, 960, 6, 8);
    music_note(music, 0, 10, 40, 90);
    music->notes[0].channel = 9;
    for (int64_t tick = 240; tick < 1140; tick += 15)
        music_note(music, tick, 15, 60 + (int)(tick / 15 % 7), 80);
    for (int64_t tick = 2130; tick < 2220; tick += 30) music_note(music, tick, 30, 64, 80);
    score_sort(&music->score);
}

static void keeps_bars_and_tempi(void)
{
    static struct music music;
    char path[PATH_ROOM];
    struct transfer_source input;
    struct score score;
    struct smf_report report;
    const struct smf_options options = {.pedal = false};
    struct transfer_request request = plain_request();
    write_awkward(&music);
    CU_ASSERT_EQUAL_FATAL(smf_write(&music.score, 0, in_folder(path, "awkward.mid")), OK);
    CU_ASSERT_EQUAL_FATAL(transfer_source_open(&input, &model, path), OK);
    CU_ASSERT_FALSE(input.piece.off_grid);
    request.input = &input;
    request.shift = true;
    request.strength = 0;
    struct kept kept = transferred(&request);
    CU_ASSERT_EQUAL(kept.piece.tempo_ratio, 1);
    CU_ASSERT_EQUAL_FATAL(smf_parse(&score, &report, kept.bytes, kept.size, &options), OK);
    CU_ASSERT_STRING_EQUAL(report.warning, "");
    CU_ASSERT_EQUAL_FATAL(score.division % 30, 0);
    CU_ASSERT_EQUAL(score.division % 4, 0);
    const int64_t factor = score.division / 30;
    CU_ASSERT_EQUAL_FATAL(score.n_tempi, music.score.n_tempi);
    CU_ASSERT_EQUAL_FATAL(score.n_signatures, music.score.n_signatures);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(score.tempi[i].tick, music.tempi[i].tick * factor);
        CU_ASSERT_EQUAL(score.tempi[i].microseconds, music.tempi[i].microseconds);
        CU_ASSERT_EQUAL(score.signatures[i].tick, music.signatures[i].tick * factor);
        CU_ASSERT_EQUAL(score.signatures[i].numerator, music.signatures[i].numerator);
    }
    for (size_t i = 0; i < score.n_notes; i++)
        CU_ASSERT(score.notes[i].onset >= 240 * factor && score.notes[i].end <= 2220 * factor);
    score_fini(&score);
    free(kept.bytes);
    transfer_source_fini(&input);
}

/* Every bar with a note lies where the note is; the second bar is where 4/4 began. */
static void bars_are_found_again(void)
{
    static struct music music;
    struct piece piece;
    struct bar_map map;
    const struct events_vocabulary vocabulary = music_vocabulary(4, 8);
    write_awkward(&music);
    CU_ASSERT_EQUAL_FATAL(piece_from_score(&piece, &music.score, &vocabulary, -1), OK);
    CU_ASSERT_EQUAL_FATAL(bar_map_init(&map, &piece, &music.score, &vocabulary), OK);
    /* in steps of 7.5 ticks: 3 bars of 16, 4 of 12, 2 of 12, silence, and the last */
    static const int64_t starts[] = {32, 48, 64, 80, 92, 104, 116, 128, 140};
    CU_ASSERT_FATAL(map.n > 9);
    for (size_t i = 0; i < 9; i++) CU_ASSERT_EQUAL(map.bars[i].start, starts[i]);
    for (size_t i = 1; i < map.n; i++)
        CU_ASSERT(map.bars[i].start >= map.bars[i - 1].start + map.bars[i - 1].steps);
    CU_ASSERT_EQUAL(map.bars[map.n - 1].start, 284);
    CU_ASSERT_EQUAL(map.n, music_n_bars(piece.events, piece.n_events));
    bar_map_fini(&map);
    piece_fini(&piece);
}

static void tempi_are_scaled(void)
{
    struct transfer_layout layout = {.score = &source[0].score,
                                     .piece = &source[0].piece,
                                     .bars = &source[0].bars,
                                     .vocabulary = &model.vocabulary,
                                     .tempo_ratio = 1.25};
    struct score score;
    CU_ASSERT_EQUAL_FATAL(
        transfer_score(&score, &layout, source[0].piece.events, source[0].piece.n_events), OK);
    CU_ASSERT_EQUAL_FATAL(score.n_tempi, source[0].score.n_tempi);
    for (size_t i = 0; i < score.n_tempi; i++)
        CU_ASSERT_EQUAL(score.tempi[i].microseconds,
                        (uint32_t)round(source[0].score.tempi[i].microseconds / 1.25));
    score_fini(&score);
}

/* A performance: no beat to keep to, so seconds are kept. */
static void performances_keep_their_seconds(void)
{
    static struct music music;
    char path[PATH_ROOM];
    uint64_t state = 5;
    int64_t tick = 0;
    struct transfer_source input;
    struct transfer_request request = plain_request();
    music_init(&music, 480);
    music_tempo(&music, 0, 750000);
    music_tempo(&music, 4801, 900000);
    for (int i = 0; i < 120; i++, tick += 40 + music_random(&state, 400))
        music_note(&music, tick, 200, 50 + music_random(&state, 30), 70);
    score_sort(&music.score);
    CU_ASSERT_EQUAL_FATAL(smf_write(&music.score, 0, in_folder(path, "free.mid")), OK);
    CU_ASSERT_EQUAL_FATAL(transfer_source_open(&input, &model, path), OK);
    CU_ASSERT_FATAL(input.piece.off_grid);
    request.input = &input;
    request.shift = true;
    struct kept kept = transferred(&request);
    CU_ASSERT_EQUAL(kept.piece.tempo_ratio, 1);
    struct score score;
    struct smf_report report;
    const struct smf_options options = {.pedal = false};
    CU_ASSERT_EQUAL_FATAL(smf_parse(&score, &report, kept.bytes, kept.size, &options), OK);
    CU_ASSERT_EQUAL(score.division, 480);
    CU_ASSERT_EQUAL_FATAL(score.n_tempi, 2);
    CU_ASSERT_EQUAL(score.tempi[0].microseconds, 750000);
    CU_ASSERT_EQUAL(score.tempi[1].microseconds, 900000);
    CU_ASSERT_EQUAL(score.tempi[1].tick, 4801);
    /* every onset is a whole number of eighths of a second */
    for (size_t i = 0; i < score.n_notes; i++) {
        const double at = (double)score.notes[i].onset;
        const double seconds = at < 4801 ? at / 640 : 4801.0 / 640 + (at - 4801) / 480 * 0.9;
        CU_ASSERT_DOUBLE_EQUAL(seconds * 8, round(seconds * 8), 0.02);
        CU_ASSERT(score.notes[i].end > score.notes[i].onset);
    }
    score_fini(&score);
    free(kept.bytes);
    transfer_source_fini(&input);
}

static void silence_is_refused(void)
{
    struct transfer_request request = plain_request();
    struct kept kept = {0};
    const size_t bias = model.vae.decoder.heads.type_bias;
    const real before = model.theta[bias + TYPE_BAR];
    model.theta[bias + TYPE_BAR] = 1e4F;
    CU_ASSERT_EQUAL(transfer_pieces(&model, &request, keep, &kept), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(),
                           "the piece has no note in 16 draws; try a higher temperature");
    CU_ASSERT_EQUAL(kept.n, 0);
    model.theta[bias + TYPE_BAR] = before;
}

static void faders_move_every_segment(void)
{
    struct transfer_request plain = plain_request(), request = plain;
    double ratio;
    for (int f = 0; f < BATCH_FADERS; f++) {
        request.faders = (struct fader_target){0};
        request.faders.set[f] = true;
        request.faders.coordinate[f] = 3.25;
        struct posterior want = latents_of(&plain, 0, &ratio);
        struct posterior latents = latents_of(&request, 0, &ratio);
        for (size_t s = 0; s < want.n; s++) {
            real *const z[N_FACTORS] = {want.mean[0] + s * want.latent,
                                        want.mean[1] + s * want.latent};
            faders_apply(&model.faders, &request.faders, z, want.latent);
        }
        for (int g = 0; g < N_FACTORS; g++)
            CU_ASSERT(!memcmp(latents.mean[g], want.mean[g], want.n * want.latent * sizeof(real)));
        posterior_fini(&want);
        posterior_fini(&latents);
    }
}

static enum status count(void *context, const struct transferred *piece)
{
    *(size_t *)context += 1;
    (void)piece;
    return OK;
}

static void memory_failures_are_clean(void)
{
    struct transfer_request request = plain_request();
    char path[PATH_ROOM];
    enum status status = FAILED;
    request.input = &source[1];
    in_folder(path, "1.mid");
    for (long k = 1; k < 200 && status != OK; k++) {
        struct transfer_source again;
        size_t n = 0;
        status_fault_set(k);
        status = transfer_source_open(&again, &model, path);
        if (status == OK) {
            transfer_source_fini(&again);
            status = transfer_pieces(&model, &request, count, &n);
        }
        status_fault_set(0);
        if (status == OK) CU_ASSERT_EQUAL(n, 1);
    }
    CU_ASSERT_EQUAL(status, OK);
}

static void removes_its_files(void)
{
    char command[PATH_ROOM];
    for (int i = 0; i < N_SOURCES; i++) transfer_source_fini(&source[i]);
    model_close(&model);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

const struct suite_test suite_tests[] = {
    {"makes a model", makes_a_model},
    {"no strength moves nothing", no_strength_moves_nothing},
    {"strength moves the posterior", strength_moves_the_posterior},
    {"targets are the means of emotions", targets_are_the_means_of_emotions},
    {"shifts are straight", shifts_are_straight},
    {"swaps follow their sources", swaps_follow_their_sources},
    {"interpolations have their ends", interpolations_have_their_ends},
    {"seeds decide", seeds_decide},
    {"keeps bars and tempi", keeps_bars_and_tempi},
    {"bars are found again", bars_are_found_again},
    {"tempi are scaled", tempi_are_scaled},
    {"performances keep their seconds", performances_keep_their_seconds},
    {"silence is refused", silence_is_refused},
    {"faders move every segment", faders_move_every_segment},
    {"memory failures are clean", memory_failures_are_clean},
    {"removes its files", removes_its_files},
    {NULL, NULL},
};
