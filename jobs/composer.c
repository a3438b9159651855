/* The plan of a piece, its form, and the truth about it. */
#include "composer.h"

#include "emotion.h"
#include "voices.h"

#include <math.h>
#include <string.h>

enum { MIN_TEMPO = 40, MAX_TEMPO = 208, N_LETTERS = 3, N_FORMS = 5, N_PROGRESSIONS = 8 };

static const char *const texture_names[N_TEXTURES] = {"chords", "pad", "arpeggio", "stride",
                                                      "pulse"};

struct spread {
    double mean, deviation;
};

/* How an emotion sounds. */
struct character {
    double major; /* chance of a major key */
    struct spread tempo, centre, density, velocity, articulation;
    double leap, chromatic, rise;
    double phrygian; /* chance of the phrygian scale when minor */
    double textures[N_TEXTURES];
};

static const struct character characters[N_EMOTIONS] = {
    [EMOTION_HAPPY] = {.major = 0.92,
                       .tempo = {132, 15},
                       .centre = {74, 3.5},
                       .density = {0.68, 0.13},
                       .velocity = {88, 9},
                       .articulation = {0.75, 0.1},
                       .leap = 0.16,
                       .chromatic = 0.01,
                       .rise = 0.52,
                       .phrygian = 0,
                       .textures = {2, 0, 3, 4, 2}},
    [EMOTION_TENSE] = {.major = 0.08,
                       .tempo = {124, 17},
                       .centre = {67, 4.5},
                       .density = {0.72, 0.13},
                       .velocity = {93, 9},
                       .articulation = {0.66, 0.12},
                       .leap = 0.24,
                       .chromatic = 0.12,
                       .rise = 0.5,
                       .phrygian = 0.5,
                       .textures = {2, 0, 2, 1, 5}},
    [EMOTION_SAD] = {.major = 0.12,
                     .tempo = {76, 12},
                     .centre = {65, 4},
                     .density = {0.24, 0.12},
                     .velocity = {57, 8},
                     .articulation = {0.95, 0.04},
                     .leap = 0.06,
                     .chromatic = 0.01,
                     .rise = 0.42,
                     .phrygian = 0,
                     .textures = {3, 3, 3, 0, 0}},
    [EMOTION_CALM] = {.major = 0.92,
                      .tempo = {84, 12},
                      .centre = {70, 4},
                      .density = {0.27, 0.12},
                      .velocity = {55, 8},
                      .articulation = {0.95, 0.04},
                      .leap = 0.08,
                      .chromatic = 0,
                      .rise = 0.5,
                      .phrygian = 0,
                      .textures = {2, 2, 5, 1, 0}},
};

/* Roots of the four chords of a phrase, as scale degrees. */
static const int progressions[N_SCALES][N_PROGRESSIONS][VOICES_PHRASE] = {
    [SCALE_MAJOR] = {{0, 4, 5, 3},
                     {0, 5, 3, 4},
                     {0, 3, 4, 0},
                     {0, 2, 3, 4},
                     {0, 3, 1, 4},
                     {0, 4, 0, 4},
                     {0, 3, 0, 3},
                     {0, 5, 1, 4}},
    [SCALE_MINOR] = {{0, 5, 2, 6},
                     {0, 3, 4, 0},
                     {0, 3, 5, 4},
                     {0, 6, 5, 4},
                     {0, 5, 3, 4},
                     {0, 3, 0, 4},
                     {0, 4, 0, 3},
                     {0, 3, 6, 0}},
    [SCALE_PHRYGIAN] = {{0, 1, 0, 1},
                        {0, 1, 3, 0},
                        {0, 5, 1, 0},
                        {0, 3, 1, 0},
                        {0, 6, 1, 0},
                        {0, 1, 6, 1},
                        {0, 3, 0, 1},
                        {0, 6, 5, 1}},
};

/* Letters of four phrases; longer pieces go round. */
static const int forms[N_FORMS][4] = {
    {0, 0, 1, 0}, {0, 1, 0, 1}, {0, 0, 1, 1}, {0, 1, 0, 2}, {0, 0, 0, 1}};

/* The whole of a piece before any note is written. */
struct outline {
    struct plan plan;
    int tempo; /* bpm */
    const int *form;
    int chords[N_LETTERS][VOICES_PHRASE];
    struct melody melodies[N_LETTERS];
};

static double draw(struct dice *dice, struct spread spread, double low, double high)
{
    return fmin(fmax(dice_normal(dice, spread.mean, spread.deviation), low), high);
}

static void draw_plan(struct plan *plan, struct dice *dice, const struct character *character)
{
    const bool major = dice_chance(dice, character->major);
    const bool phrygian = dice_chance(dice, character->phrygian);
    plan->scale = major ? SCALE_MAJOR : phrygian ? SCALE_PHRYGIAN : SCALE_MINOR;
    plan->leading = plan->scale == SCALE_MINOR && dice_chance(dice, 0.7);
    plan->seventh = dice_chance(dice, 0.2);
    plan->beats = dice_chance(dice, 0.25) ? 3 : 4;
    plan->tonic = dice_below(dice, 12);
    plan->texture = (enum texture)dice_choose(dice, character->textures, N_TEXTURES);
    plan->arpeggio = dice_below(dice, 4);
    plan->density = draw(dice, character->density, 0, 1);
    plan->articulation = draw(dice, character->articulation, 0.4, 1);
    plan->centre = (int)draw(dice, character->centre, 54, 86);
    plan->velocity = (int)draw(dice, character->velocity, 30, 110);
    plan->leap = character->leap;
    plan->chromatic = character->chromatic;
    plan->rise = character->rise;
}

static void draw_outline(struct outline *outline, const struct composer_request *request)
{
    struct plan *plan = &outline->plan;
    const struct character *character = &characters[request->emotion];
    *plan =
        (struct plan){.seed = request->seed,
                      .piece = (uint64_t)request->index * N_EMOTIONS + (uint64_t)request->emotion,
                      .bars = request->bars};
    struct dice dice = plan_dice(plan, PURPOSE_PLAN, 0);
    draw_plan(plan, &dice, character);
    outline->tempo = (int)draw(&dice, character->tempo, MIN_TEMPO, MAX_TEMPO);
    outline->form = forms[dice_below(&dice, N_FORMS)];
    const int first = dice_below(&dice, N_PROGRESSIONS);
    for (int letter = 0; letter < N_LETTERS; letter++) {
        /* Letters differ in harmony: an odd stride visits three different progressions. */
        const int chosen = (first + 3 * letter) % N_PROGRESSIONS;
        memcpy(outline->chords[letter], progressions[plan->scale][chosen],
               sizeof outline->chords[letter]);
        melody_compose(&outline->melodies[letter], plan, letter, outline->chords[letter]);
    }
}

/* The bar before the last leads to the tonic of the last. */
static int chord_of(const struct outline *outline, const struct bar *bar)
{
    const int to_end = outline->plan.bars - 1 - bar->index;
    if (to_end == 0) return 0;
    if (to_end == 1) return outline->plan.scale == SCALE_PHRYGIAN ? 1 : 4;
    return outline->chords[bar->letter][bar->in_phrase];
}

static void play(struct score *score, const struct outline *outline)
{
    const int bars = outline->plan.bars;
    for (int i = 0; i < bars; i++) {
        const int phrase = i / VOICES_PHRASE;
        struct bar bar = {.index = i,
                          .in_phrase = i % VOICES_PHRASE,
                          .letter = outline->form[phrase % 4],
                          .last = i == bars - 1};
        for (int p = 0; p < phrase; p++)
            if (outline->form[p % 4] == bar.letter) bar.varied = true;
        bar.chord = chord_of(outline, &bar);
        const size_t before = score->n_notes;
        melody_play(score, &outline->melodies[bar.letter], &outline->plan, &bar);
        accompaniment_play(score, &outline->plan, &bar);
        ASSERT(score->n_notes - before <= VOICES_MAX_BAR_NOTES);
    }
}

/* One key sounds once at a time: of two notes struck together the first stays, and a note ends
 * where its pitch is struck again.  Expects sorted notes, keeps them sorted. */
static void part_pitches(struct score *score)
{
    struct score_note *latest[128] = {NULL};
    size_t n = 0;
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note note = score->notes[i];
        struct score_note *before = latest[note.pitch];
        if (before && before->onset == note.onset) {
            if (note.end > before->end) before->end = note.end;
            if (note.velocity > before->velocity) before->velocity = note.velocity;
            continue;
        }
        if (before && before->end > note.onset) before->end = note.onset;
        score->notes[n] = note;
        latest[note.pitch] = &score->notes[n++];
    }
    score->n_notes = n;
}

static enum status score_allocate(struct score *score, const struct outline *outline)
{
    const size_t room = (size_t)outline->plan.bars * VOICES_MAX_BAR_NOTES;
    memset(score, 0, sizeof *score);
    score->division = COMPOSER_DIVISION;
    score->notes = status_fault() ? NULL : malloc(room * sizeof *score->notes);
    score->tempi = status_fault() ? NULL : malloc(sizeof *score->tempi);
    score->signatures = status_fault() ? NULL : malloc(sizeof *score->signatures);
    if (score->notes && score->tempi && score->signatures) return OK;
    score_fini(score);
    return status_fail(FAILED, "no memory to compose %d bars", outline->plan.bars);
}

static void measure(struct composer_factors *factors, const struct score *score,
                    const struct outline *outline)
{
    const struct plan *plan = &outline->plan;
    const double notes = (double)score->n_notes;
    const double seconds = 60.0 * plan->beats * plan->bars / outline->tempo;
    *factors = (struct composer_factors){.tonic = plan->tonic,
                                         .major = plan->scale == SCALE_MAJOR,
                                         .tempo = outline->tempo,
                                         .beats = plan->beats,
                                         .texture = texture_names[plan->texture],
                                         .articulation = plan->articulation,
                                         .density = plan->density,
                                         .notes_a_second = notes / seconds,
                                         .notes_a_bar = notes / plan->bars};
    for (size_t i = 0; i < score->n_notes; i++) {
        factors->register_mean += score->notes[i].pitch / notes;
        factors->velocity_mean += score->notes[i].velocity / notes;
    }
}

enum status composer_piece(struct score *score, struct composer_factors *factors,
                           const struct composer_request *request)
{
    struct outline outline;
    ASSERT(request->bars >= 1 && request->bars <= COMPOSER_MAX_BARS);
    ASSERT(request->emotion >= 0 && request->emotion < N_EMOTIONS);
    draw_outline(&outline, request);
    const enum status status = score_allocate(score, &outline);
    if (status != OK) return status;
    score->tempi[score->n_tempi++] =
        (struct score_tempo){.microseconds = (uint32_t)(60000000 / outline.tempo)};
    score->signatures[score->n_signatures++] =
        (struct score_signature){.numerator = (uint8_t)outline.plan.beats, .denominator = 4};
    play(score, &outline);
    score_sort(score);
    part_pitches(score);
    measure(factors, score, &outline);
    return OK;
}
