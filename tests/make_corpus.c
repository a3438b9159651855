#include "make_corpus.h"

#include "composer.h"
#include "corpus_write.h"
#include "emotion.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BARS = 2, MOST_SEGMENTS = 5, NAME = sizeof "piece-00000", PIECE_EVENTS = 2048 };

static void *grab(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (!memory) abort();
    return memory;
}

static void need(enum status status)
{
    if (status == OK) return;
    fprintf(stderr, "make_corpus: %s\n", status_message());
    abort();
}

static void compose(struct piece *piece, const struct events_vocabulary *vocabulary, size_t i)
{
    struct score score;
    struct composer_factors factors;
    const struct composer_request request = {.seed = 11,
                                             .index = (uint32_t)i / N_EMOTIONS,
                                             .emotion = (int)(i % N_EMOTIONS),
                                             .bars = BARS * (int)(i % MOST_SEGMENTS + 1)};
    need(composer_piece(&score, &factors, &request));
    need(piece_from_score(piece, &score, vocabulary, -1));
    if (i % 5 == 4) piece_forget_tempo(piece);
    score_fini(&score);
}

static struct corpus_piece describe(size_t i, bool labelled)
{
    static const enum split SPLITS[] = {SPLIT_TRAIN, SPLIT_TRAIN, SPLIT_TRAIN, SPLIT_VALIDATION,
                                        SPLIT_TEST};
    const size_t emotion = i % N_EMOTIONS;
    return (struct corpus_piece){
        .name = i * NAME,
        .hash = i * 17,
        .group = i,
        .valence = labelled ? (float)emotion_valence[emotion] : NAN,
        .arousal = labelled ? (float)emotion_arousal[emotion] : NAN,
        .label = labelled ? (int8_t)emotion : CORPUS_UNLABELLED,
        .split = (uint8_t)SPLITS[i / N_EMOTIONS % (sizeof SPLITS / sizeof *SPLITS)],
        .tempo_unknown = i % 5 == 4};
}

static void append(struct made_corpus *made, const struct piece *piece, uint32_t index)
{
    struct corpus *corpus = &made->corpus;
    struct corpus_piece *to = &made->pieces[index];
    to->first_segment = (uint32_t)corpus->n_segments;
    to->n_segments = (uint32_t)piece->n_segments;
    snprintf(made->names + index * NAME, NAME, "piece-%05u", (unsigned)index);
    if (piece->n_events > PIECE_EVENTS || piece->n_segments > MOST_SEGMENTS + 1) abort();
    for (size_t s = 0; s < piece->n_segments; s++) {
        const struct segment *from = &piece->segments[s];
        struct corpus_segment *segment = &made->segments[corpus->n_segments++];
        *segment = (struct corpus_segment){.first = corpus->n_events,
                                           .count = from->count,
                                           .piece = index,
                                           .bars = from->bars,
                                           .tonic = from->tonic};
        memcpy(segment->attributes, from->attributes, sizeof segment->attributes);
        memcpy(made->events + corpus->n_events, piece->events + from->first,
               from->count * sizeof *made->events);
        corpus->n_events += from->count;
    }
}

struct made_corpus make_corpus(size_t n_labelled, size_t n_unlabelled)
{
    const size_t n = n_labelled + n_unlabelled;
    struct made_corpus made = {
        .corpus = {.n_pieces = n, .n_name_bytes = n * NAME, .descriptor = -1}};
    const struct events_settings settings = {.grid = 4, .bars = BARS};
    need(events_vocabulary_init(&made.corpus.vocabulary, &settings));
    made.pieces = grab(n, sizeof *made.pieces);
    made.names = grab(n, NAME);
    made.segments = grab(n * (MOST_SEGMENTS + 1), sizeof *made.segments);
    made.events = grab(n * PIECE_EVENTS, sizeof *made.events);
    for (size_t i = 0; i < n; i++) {
        struct piece piece;
        compose(&piece, &made.corpus.vocabulary, i);
        made.pieces[i] = describe(i, i < n_labelled);
        append(&made, &piece, (uint32_t)i);
        piece_fini(&piece);
    }
    made.corpus.events = made.events;
    made.corpus.segments = made.segments;
    made.corpus.pieces = made.pieces;
    made.corpus.names = made.names;
    return made;
}

void make_corpus_free(struct made_corpus *made)
{
    free(made->events);
    free(made->segments);
    free(made->pieces);
    free(made->names);
    *made = (struct made_corpus){.events = NULL};
}

void make_corpus_write(const struct made_corpus *made, const char *path)
{
    need(corpus_save(&made->corpus, path));
}

struct config make_config(const char *const *more)
{
    static const char *const SMALL[] = {
        "model.width=16",         "model.encoder_layers=1",  "model.decoder_layers=1",
        "model.latent_mixture=4", "model.latent_residual=4", "model.memory=32",
        "data.row_segments=3",    "train.steps=12",          "train.batch=8",
        "train.micro_events=160", "train.warmup=4",          "train.validate_every=10",
        "train.validate_rows=12", "fit.iterations=5",        "checkpoint.every=5",
    };
    struct config config;
    need(config_init(&config, "tiny"));
    for (size_t i = 0; i < sizeof SMALL / sizeof *SMALL; i++) need(config_set(&config, SMALL[i]));
    for (; more && *more; more++) need(config_set(&config, *more));
    need(config_check(&config));
    return config;
}
