/* Bars of generated and of real music that occur in the training split. */
#include "evaluate_generation.h"
#include "measures_bars.h"

enum { MOST_BARS = 32 }; /* of a segment */

/* Contents of the first bars of a corpus's piece; zeros beyond its end. */
static void piece_bars(double contents[MUSIC_BARS], const struct corpus *corpus,
                       const struct corpus_piece *piece)
{
    size_t n = 0;
    for (uint32_t s = 0; s < piece->n_segments; s++) {
        const struct corpus_segment *segment = &corpus->segments[piece->first_segment + s];
        n += bar_contents(contents + n, MUSIC_BARS - n, corpus->events + segment->first,
                          segment->count, segment->tonic);
    }
    while (n < MUSIC_BARS) contents[n++] = 0;
}

/* Those of generated pieces, then of the first pieces of the measured split. */
static void collect(double *contents, size_t n_pieces, const struct evaluation *evaluation,
                    const struct evaluate_music *music)
{
    const struct corpus *corpus = &evaluation->corpus;
    size_t n = music->n;
    for (size_t i = 0; i < n * MUSIC_BARS; i++) contents[i] = music->bars[i];
    for (uint64_t i = 0; i < corpus->n_pieces && n < n_pieces; i++)
        if (sampler_split(&evaluation->model.config, &corpus->pieces[i]) ==
            evaluation->settings->split)
            piece_bars(contents + n++ * MUSIC_BARS, corpus, &corpus->pieces[i]);
}

static void mark_piece(struct bar_set *set, const struct corpus *corpus,
                       const struct corpus_piece *piece)
{
    double contents[MOST_BARS];
    for (uint32_t s = 0; s < piece->n_segments; s++) {
        const struct corpus_segment *segment = &corpus->segments[piece->first_segment + s];
        const size_t n = bar_contents(contents, MOST_BARS, corpus->events + segment->first,
                                      segment->count, segment->tonic);
        for (size_t b = 0; b < n; b++) bar_set_mark(set, contents[b]);
    }
}

/* This rank's share of the training split. */
static void mark_training(struct bar_set *set, const struct evaluation *evaluation)
{
    const struct corpus *corpus = &evaluation->corpus;
    const uint64_t size = (uint64_t)group_size(evaluation->group);
    for (uint64_t i = (uint64_t)group_rank(evaluation->group); i < corpus->n_pieces; i += size)
        if (sampler_split(&evaluation->model.config, &corpus->pieces[i]) == SPLIT_TRAIN)
            mark_piece(set, corpus, &corpus->pieces[i]);
}

enum status evaluate_bars_find(struct evaluate_copies *copies, const struct evaluation *evaluation,
                               const struct evaluate_music *music)
{
    enum status status = OK, local = OK;
    const size_t n = copies->n * MUSIC_BARS;
    struct bar_set set = {0};
    double *contents = malloc((n + 1) * sizeof *contents);
    if (!contents || status_fault())
        local = status_fail(FAILED, "no memory for the bars of %zu pieces", copies->n);
    if (local == OK) {
        collect(contents, copies->n, evaluation, music);
        local = bar_set_init(&set, contents, n);
    }
    TRY(group_agree(evaluation->group, local));
    mark_training(&set, evaluation);
    group_max_doubles(evaluation->group, set.found, set.n);
    for (size_t i = 0; i < n; i++) {
        copies->filled[i / MUSIC_BARS] += contents[i] > 0;
        copies->found[i / MUSIC_BARS] += bar_set_found(&set, contents[i]);
    }
done:
    bar_set_fini(&set);
    free(contents);
    return status;
}
