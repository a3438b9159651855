/* Generated music. */
#include "evaluate_generation.h"

#include "evaluate_judge.h"
#include "generate.h"
#include "measures_bars.h"

#include <math.h>
#include <string.h>

/* Pieces of one emotion made by one call: the unit of work, the same on any number of ranks. */
enum { UNIT = 8 };

struct unit {
    struct evaluate_music *music;
    const struct evaluation *evaluation;
    size_t first; /* place of its first piece among all */
};

/* Emotions below `end` that the model can be asked for. */
static size_t count_emotions(const struct evaluation *evaluation, int end)
{
    size_t n = 0;
    for (int y = 0; y < end; y++) n += evaluate_can(evaluation, y);
    return n;
}

/* An emotion's share of all pieces. */
static size_t pieces_of(const struct evaluation *evaluation, size_t count, int emotion)
{
    const size_t n = count_emotions(evaluation, N_EMOTIONS);
    const size_t place = count_emotions(evaluation, emotion);
    if (!evaluate_can(evaluation, emotion)) return 0;
    return count / n + (place < count % n);
}

static void keep_bars(const struct unit *unit, size_t at, const struct piece *piece)
{
    double *contents = unit->music->bars + at * MUSIC_BARS;
    size_t n = 0;
    for (size_t s = 0; s < piece->n_segments; s++) {
        const struct segment *segment = &piece->segments[s];
        n += bar_contents(contents + n, MUSIC_BARS - n, piece->events + segment->first,
                          segment->count, segment->tonic);
    }
}

/* Keeps a piece's notes as numbers that ranks can add up. */
static enum status keep_notes(const struct unit *unit, size_t at, const struct piece *piece)
{
    struct evaluate_music *music = unit->music;
    struct copying_note *notes = status_fault() ? NULL : malloc(piece->n_events * sizeof *notes);
    if (!notes) return status_fail(FAILED, "no memory for %zu notes", piece->n_events);
    size_t n = copying_notes(notes, piece->events, piece->n_events, MUSIC_BARS);
    if (n > music->note_room) n = music->note_room;
    for (size_t i = 0; i < n; i++)
        music->notes[at * music->note_room + i] =
            (double)notes[i].token + ldexp((double)notes[i].bar, 32);
    music->n_notes[at] = (double)n;
    free(notes);
    return OK;
}

static enum status measure_piece(void *context, const struct generated *made)
{
    enum status status = OK;
    const struct unit *unit = context;
    const struct events_vocabulary *vocabulary = &unit->evaluation->model.vocabulary;
    const size_t at = unit->first + made->index;
    struct piece piece = {0};
    TRY(piece_from_score(&piece, made->score, vocabulary, -1));
    TRY(judge_attributes(unit->music->attributes + at * N_ATTRIBUTES, &piece));
    TRY(keep_notes(unit, at, &piece));
    keep_bars(unit, at, &piece);
    music_measure(unit->music->figures + at * N_MUSIC, piece.events, piece.n_events, vocabulary);
done:
    piece_fini(&piece);
    return status;
}

/* This rank's units.  A unit's seed is the settings' plus its number. */
static enum status make_units(struct evaluate_music *music, const struct evaluation *evaluation)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(evaluation->group);
    const size_t rank = (size_t)group_rank(evaluation->group);
    size_t number = 0;
    struct unit unit = {music, evaluation, 0};
    for (int emotion = 0; emotion < N_EMOTIONS; emotion++) {
        size_t left = pieces_of(evaluation, music->n, emotion);
        for (size_t n; left > 0; left -= n, unit.first += n, number++) {
            n = left < UNIT ? left : UNIT;
            for (size_t i = 0; i < n; i++) music->asked[unit.first + i] = (int8_t)emotion;
            if (number % size != rank) continue;
            const struct generate_request request = {
                .steps = {{latent_emotion(emotion), MUSIC_BARS}},
                .n_steps = 1,
                .count = (uint32_t)n,
                .seed = evaluation->settings->seed + number,
                .temperature = 0.9,
                .top_p = 0.95,
                .drafts = evaluation->settings->drafts,
                .tonic = GENERATE_ANY_TONIC};
            TRY(generate_pieces(&evaluation->model, &request, measure_piece, &unit));
        }
    }
done:
    return status;
}

enum status evaluate_music_create(struct evaluate_music *music, const struct evaluation *evaluation)
{
    enum status status = OK;
    const size_t bars = (size_t)evaluation->model.vocabulary.settings.bars;
    const size_t room = (MUSIC_BARS + bars - 1) / bars * EVENTS_SEGMENT_EVENTS;
    const bool any = count_emotions(evaluation, N_EMOTIONS) > 0;
    const size_t n = any ? evaluation->settings->count : 0;
    const size_t each = N_ATTRIBUTES + N_MUSIC + 1 + MUSIC_BARS + room;
    *music = (struct evaluate_music){.n = n, .note_room = room};
    music->asked = malloc(n + 1);
    music->attributes = calloc(n * each + 1, sizeof *music->attributes);
    enum status local = OK;
    if (!music->asked || !music->attributes || status_fault())
        local = status_fail(FAILED, "no memory for %zu pieces", n);
    if (local == OK) {
        music->figures = music->attributes + n * N_ATTRIBUTES;
        music->n_notes = music->figures + n * N_MUSIC;
        music->bars = music->n_notes + n;
        music->notes = music->bars + n * MUSIC_BARS;
        local = make_units(music, evaluation);
    }
    TRY(group_agree(evaluation->group, local));
    group_sum_doubles(evaluation->group, music->attributes, n * each);
done:
    if (status != OK) evaluate_music_fini(music);
    return status;
}

void evaluate_music_fini(struct evaluate_music *music)
{
    free(music->asked);
    free(music->attributes);
    *music = (struct evaluate_music){0};
}

/* Figures of the measured split's pieces, (n_pieces, N_MUSIC), owned by the caller. */
static double *real_figures(const struct evaluation *evaluation)
{
    const struct corpus *corpus = &evaluation->corpus;
    const struct evaluate_latents *held = &evaluation->held;
    double *figures = status_fault() ? NULL : calloc(held->n_pieces * N_MUSIC + 1, sizeof *figures);
    for (size_t s = 0; figures && s < held->n_segments; s++) {
        const uint32_t number = corpus->segments[held->segment[s]].piece;
        const struct corpus_piece *piece = &corpus->pieces[number];
        if (held->segment[s] != piece->first_segment) continue;
        const struct corpus_segment *first = &corpus->segments[piece->first_segment];
        size_t n_events = 0;
        for (uint32_t i = 0; i < piece->n_segments; i++) n_events += first[i].count;
        music_measure(figures + held->piece[s] * N_MUSIC, corpus->events + first->first, n_events,
                      &corpus->vocabulary);
    }
    return figures;
}

static void copy_column(double *column, const double *figures, size_t n, size_t which)
{
    for (size_t i = 0; i < n; i++) column[i] = figures[i * N_MUSIC + which];
}

static enum status add_overlap(json_t *section, const struct evaluation *evaluation,
                               const struct evaluate_music *music)
{
    enum status status = OK;
    const size_t n_real = evaluation->held.n_pieces;
    double *known = real_figures(evaluation),
           *column = malloc((n_real + music->n + 1) * sizeof *column);
    if (!known || !column) FAIL(FAILED, "no memory for the figures of %zu pieces", n_real);
    for (size_t i = 0; i < N_MUSIC; i++) {
        copy_column(column, known, n_real, i);
        copy_column(column + n_real, music->figures, music->n, i);
        const struct music_overlap overlap =
            music_compare(column, n_real, column + n_real, music->n);
        json_t *entry = json_pack("{s:o, s:o}", "overlap_area", evaluate_number(overlap.area),
                                  "divergence", evaluate_number(overlap.divergence));
        if (json_object_set_new(section, music_names[i], entry) != 0)
            FAIL(FAILED, "no memory for the results");
    }
done:
    free(known);
    free(column);
    return status;
}

enum status evaluate_generation(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_music *music = evaluation->music;
    const struct baseline_pieces made = {music->attributes, music->asked, music->n};
    json_t *overlap = json_object();
    json_object_set_new(section, "pieces", json_integer((json_int_t)music->n));
    TRY(evaluate_hearing(section, "heard_as_asked", evaluation->judge, &made,
                         evaluation->settings->seed));
    TRY(add_overlap(overlap, evaluation, music));
    if (json_object_set(section, "overlap", overlap) != 0)
        FAIL(FAILED, "no memory for the results");
done:
    json_decref(overlap);
    return status;
}
