/* Moving pieces. */
#include "evaluate_transfer.h"

#include "judge.h"
#include "measures_music.h"
#include "transfer.h"

#include <string.h>

/* One piece on its way to one emotion. */
struct move {
    const struct evaluation *evaluation;
    const struct transfer_source *source;
    double *made; /* (N_TRANSFER_MEASURES) */
};

/* The first MUSIC_BARS bars of a corpus's piece as a score. */
static enum status write_score(struct score *score, const struct corpus *corpus,
                               const struct corpus_piece *piece)
{
    const struct corpus_segment *first = &corpus->segments[piece->first_segment];
    const struct event *events = corpus->events + first->first;
    size_t most = 0, n = 0, bars = 0;
    for (uint32_t s = 0; s < piece->n_segments; s++) most += first[s].count;
    for (; n < most; n++)
        if (events[n].position == EVENTS_BAR && bars++ == MUSIC_BARS) break;
    return score_from_events(score, events, n, &corpus->vocabulary);
}

/* The tonic of each of the first bars. */
static void list_tonics(int8_t tonic[MUSIC_BARS], const struct piece *piece)
{
    size_t bar = 0;
    for (size_t s = 0; s < piece->n_segments; s++)
        for (uint16_t b = 0; b < piece->segments[s].bars && bar < MUSIC_BARS; b++)
            tonic[bar++] = piece->segments[s].tonic;
    while (bar < MUSIC_BARS) tonic[bar++] = 0;
}

static enum status measure_moved(void *context, const struct transferred *moved)
{
    enum status status = OK;
    const struct move *move = context;
    const struct events_vocabulary *vocabulary = &move->evaluation->model.vocabulary;
    const struct piece *from = &move->source->piece;
    const struct music_run before = {from->events, from->n_events};
    const struct music_run after = {moved->events, moved->n_events};
    int8_t tonic[MUSIC_BARS];
    struct piece piece = {0};
    TRY(piece_from_score(&piece, moved->score, vocabulary, -1));
    TRY(judge_attributes(move->made, &piece));
    list_tonics(tonic, from);
    const struct music_likeness like = music_compare_pieces(&before, &after, tonic, vocabulary);
    move->made[TRANSFER_CHROMA] = like.chroma;
    move->made[TRANSFER_GROOVE] = like.groove;
done:
    piece_fini(&piece);
    return status;
}

/* Piece k to every emotion.  Its moves share their random numbers. */
static enum status move_piece(struct evaluate_transfers *transfers,
                              const struct evaluation *evaluation, size_t k)
{
    enum status status = OK;
    const struct evaluate_pieces *asked = &evaluation->asked;
    const uint32_t place = transfers->place[k];
    struct score score = {0};
    struct transfer_source source = {0};
    TRY(write_score(&score, &evaluation->corpus, &evaluation->corpus.pieces[asked->piece[place]]));
    TRY(transfer_source_init(&source, &evaluation->model, &score));
    TRY(judge_attributes(transfers->source + k * N_ATTRIBUTES, &source.piece));
    for (size_t y = 0; y < N_EMOTIONS; y++) {
        const bool own = asked->label[place] == (int8_t)y;
        struct move move = {evaluation, &source,
                            transfers->made + (k * N_EMOTIONS + y) * N_TRANSFER_MEASURES};
        const struct transfer_request request = {.input = &source,
                                                 .count = 1,
                                                 .shift = !own,
                                                 .to = latent_emotion((int)y),
                                                 .strength = 1,
                                                 .seed = evaluation->settings->seed + k,
                                                 .temperature = 0.9,
                                                 .top_p = 0.95,
                                                 .drafts = evaluation->settings->drafts};
        if (!own && !transfers->can[y]) continue;
        TRY(transfer_pieces(&evaluation->model, &request, measure_moved, &move));
    }
done:
    if (status != OK)
        status_prefix(status, "%s", corpus_piece_name(&evaluation->corpus, asked->piece[place]));
    score_fini(&score);
    transfer_source_fini(&source);
    return status;
}

static enum status transfers_init(struct evaluate_transfers *transfers,
                                  const struct evaluation *evaluation)
{
    const size_t all = evaluation->asked.n, most = evaluation->settings->transfers;
    const size_t n = most < all ? most : all;
    const size_t each = N_ATTRIBUTES + N_EMOTIONS * N_TRANSFER_MEASURES;
    *transfers = (struct evaluate_transfers){.n = n};
    transfers->place = malloc((n + 1) * sizeof *transfers->place);
    transfers->source = calloc(n * each + 1, sizeof *transfers->source);
    if (!transfers->place || !transfers->source || status_fault())
        return status_fail(FAILED, "no memory to move %zu pieces", n);
    transfers->made = transfers->source + n * N_ATTRIBUTES;
    for (size_t k = 0; k < n; k++) transfers->place[k] = (uint32_t)(k * all / n);
    for (int y = 0; y < N_EMOTIONS; y++) transfers->can[y] = evaluate_can(evaluation, y);
    return OK;
}

enum status evaluate_transfers_create(struct evaluate_transfers *transfers,
                                      const struct evaluation *evaluation)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(evaluation->group);
    enum status local = transfers_init(transfers, evaluation);
    for (size_t k = (size_t)group_rank(evaluation->group); local == OK && k < transfers->n;
         k += size)
        local = move_piece(transfers, evaluation, k);
    TRY(group_agree(evaluation->group, local));
    group_sum_doubles(evaluation->group, transfers->source,
                      transfers->n * (N_ATTRIBUTES + N_EMOTIONS * N_TRANSFER_MEASURES));
done:
    if (status != OK) evaluate_transfers_fini(transfers);
    return status;
}

void evaluate_transfers_fini(struct evaluate_transfers *transfers)
{
    free(transfers->place);
    free(transfers->source);
    *transfers = (struct evaluate_transfers){0};
}
