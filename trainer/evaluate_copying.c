/* What generated music shares with the training split, and real music beside it. */
#include "evaluate_generation.h"

#include <math.h>

/* Generated pieces, then real ones, as notes. */
struct collection {
    struct copying_note *notes; /* owned */
    size_t *start;              /* owned; (n_pieces + 1) */
    size_t n_pieces;
};

static size_t piece_events(const struct corpus *corpus, const struct corpus_piece *piece)
{
    size_t n = 0;
    for (uint32_t s = 0; s < piece->n_segments; s++)
        n += corpus->segments[piece->first_segment + s].count;
    return n;
}

static size_t piece_notes(struct copying_note *notes, const struct corpus *corpus,
                          const struct corpus_piece *piece, size_t most_bars)
{
    return copying_notes(notes, corpus->events + corpus->segments[piece->first_segment].first,
                         piece_events(corpus, piece), most_bars);
}

static bool is_held(const struct evaluation *evaluation, const struct corpus_piece *piece)
{
    return sampler_split(&evaluation->model.config, piece) == evaluation->settings->split;
}

static size_t longest_piece(const struct corpus *corpus)
{
    size_t most = 0;
    for (uint64_t i = 0; i < corpus->n_pieces; i++) {
        const size_t n = piece_events(corpus, &corpus->pieces[i]);
        if (n > most) most = n;
    }
    return most;
}

/* Room for the notes of all pieces: real ones have at most `most` events. */
static enum status collection_init(struct collection *collection,
                                   const struct evaluation *evaluation,
                                   const struct evaluate_music *music)
{
    const struct corpus *corpus = &evaluation->corpus;
    size_t room = music->n * music->note_room, n = music->n;
    for (uint64_t i = 0; i < corpus->n_pieces && n < 2 * music->n; i++) {
        if (!is_held(evaluation, &corpus->pieces[i])) continue;
        room += piece_events(corpus, &corpus->pieces[i]);
        n++;
    }
    collection->notes = malloc((room + 1) * sizeof *collection->notes);
    collection->start = calloc(n + 1, sizeof *collection->start);
    if (!collection->notes || !collection->start || status_fault())
        return status_fail(FAILED, "no memory for the notes of %zu pieces", n);
    return OK;
}

static void collection_fini(struct collection *collection)
{
    free(collection->notes);
    free(collection->start);
}

static void collect_made(struct collection *collection, const struct evaluate_music *music)
{
    static const double BAR = 4294967296.0;
    size_t at = 0;
    for (size_t p = 0; p < music->n; p++) {
        for (size_t i = 0; i < (size_t)music->n_notes[p]; i++) {
            const double note = music->notes[p * music->note_room + i];
            const double bar = floor(note / BAR);
            collection->notes[at++] =
                (struct copying_note){(uint32_t)(note - bar * BAR), (uint32_t)bar};
        }
        collection->start[++collection->n_pieces] = at;
    }
}

/* The first pieces of the measured split, as many as were generated. */
static void collect_real(struct collection *collection, const struct evaluation *evaluation,
                         size_t most)
{
    const struct corpus *corpus = &evaluation->corpus;
    for (uint64_t i = 0; i < corpus->n_pieces && collection->n_pieces < 2 * most; i++) {
        if (!is_held(evaluation, &corpus->pieces[i])) continue;
        const size_t at = collection->start[collection->n_pieces];
        collection->start[++collection->n_pieces] =
            at + piece_notes(collection->notes + at, corpus, &corpus->pieces[i], MUSIC_BARS);
    }
}

/* This rank's share of the training split. */
static enum status read_training(struct copying *copying, const struct evaluation *evaluation)
{
    const struct corpus *corpus = &evaluation->corpus;
    const uint64_t size = (uint64_t)group_size(evaluation->group);
    const size_t room = longest_piece(corpus);
    struct copying_note *notes = status_fault() ? NULL : malloc((room + 1) * sizeof *notes);
    if (!notes) return status_fail(FAILED, "no memory for a piece of %zu events", room);
    for (uint64_t i = (uint64_t)group_rank(evaluation->group); i < corpus->n_pieces; i += size)
        if (sampler_split(&evaluation->model.config, &corpus->pieces[i]) == SPLIT_TRAIN)
            copying_read(copying, notes, piece_notes(notes, corpus, &corpus->pieces[i], SIZE_MAX));
    free(notes);
    return OK;
}

/* Sums up one piece: its notes, and the run that ends at each. */
static void sum_piece(struct evaluate_copies *copies, size_t piece,
                      const struct collection *collection, const uint32_t *run)
{
    const size_t first = collection->start[piece], end = collection->start[piece + 1];
    size_t reach = 0; /* notes before this one that a later run of COPIED_RUN or more covers */
    bool whole = true;
    for (size_t i = end; i-- > first;) {
        if (run[i] > copies->longest[piece]) copies->longest[piece] = run[i];
        if (run[i] >= COPIED_RUN && run[i] > reach) reach = run[i];
        whole = whole && reach > 0;
        reach -= reach > 0;
        if (i > first && collection->notes[i - 1].bar == collection->notes[i].bar) continue;
        copies->bars[piece]++;
        copies->copied[piece] += whole;
        whole = true;
    }
}

static enum status copies_init(struct evaluate_copies *copies, const struct collection *collection,
                               size_t n_made)
{
    const size_t n = collection->n_pieces;
    *copies = (struct evaluate_copies){.n = n, .n_made = n_made};
    copies->longest = calloc(5 * n + 1, sizeof *copies->longest);
    if (!copies->longest || status_fault())
        return status_fail(FAILED, "no memory for %zu pieces", n);
    copies->bars = copies->longest + n;
    copies->copied = copies->bars + n;
    copies->filled = copies->copied + n;
    copies->found = copies->filled + n;
    return OK;
}

void evaluate_copies_fini(struct evaluate_copies *copies)
{
    free(copies->longest);
    *copies = (struct evaluate_copies){0};
}

static enum status index_pieces(struct copying **copying, struct collection *collection,
                                const struct evaluation *evaluation,
                                const struct evaluate_music *music)
{
    enum status status = OK;
    TRY(collection_init(collection, evaluation, music));
    collect_made(collection, music);
    collect_real(collection, evaluation, music->n);
    TRY(copying_create(copying, collection->notes, collection->start, collection->n_pieces));
    TRY(read_training(*copying, evaluation));
done:
    return status;
}

enum status evaluate_copies_create(struct evaluate_copies *copies,
                                   const struct evaluation *evaluation,
                                   const struct evaluate_music *music)
{
    enum status status = OK;
    struct collection collection = {0};
    struct copying *copying = NULL;
    uint32_t *run = NULL;
    size_t n = 0;
    *copies = (struct evaluate_copies){0};
    TRY(group_agree(evaluation->group, index_pieces(&copying, &collection, evaluation, music)));
    double *matches = copying_matches(copying, &n);
    group_max_doubles(evaluation->group, matches, n);
    enum status local = copies_init(copies, &collection, music->n);
    run = malloc((collection.start[collection.n_pieces] + 1) * sizeof *run);
    if (local == OK && !run) local = status_fail(FAILED, "no memory for the runs of all notes");
    if (local == OK) local = copying_runs(copying, run);
    TRY(group_agree(evaluation->group, local));
    for (size_t p = 0; p < collection.n_pieces; p++) sum_piece(copies, p, &collection, run);
    TRY(evaluate_bars_find(copies, evaluation, music));
done:
    copying_destroy(copying);
    collection_fini(&collection);
    free(run);
    if (status != OK) evaluate_copies_fini(copies);
    return status;
}

static enum status add_copies(json_t *all, const char *name, const struct evaluation *evaluation,
                              size_t first, size_t n)
{
    enum status status = OK;
    const struct evaluate_copies *copies = evaluation->copies;
    const struct ratio longest = {copies->longest + first, NULL};
    const struct ratio bars = {copies->copied + first, copies->bars + first};
    const struct ratio found = {copies->found + first, copies->filled + first};
    const uint64_t seed = evaluation->settings->seed;
    double most = 0;
    json_t *section = json_object();
    for (size_t i = first; i < first + n; i++) most = fmax(most, copies->longest[i]);
    json_object_set_new(section, "pieces", json_integer((json_int_t)n));
    json_object_set_new(section, "longest_run_notes", json_integer((json_int_t)most));
    TRY(evaluate_figure(section, "mean_longest_run_notes", measures_ratio, &longest, n, seed));
    TRY(evaluate_figure(section, "bars_copied", measures_ratio, &bars, n, seed));
    TRY(evaluate_figure(section, "bars_found", measures_ratio, &found, n, seed));
    if (json_object_set(all, name, section) != 0) FAIL(FAILED, "no memory for the results");
done:
    json_decref(section);
    return status;
}

enum status evaluate_copying(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct evaluate_copies *copies = evaluation->copies;
    TRY(add_copies(section, "generated", evaluation, 0, copies->n_made));
    TRY(add_copies(section, "real", evaluation, copies->n_made, copies->n - copies->n_made));
done:
    return status;
}
