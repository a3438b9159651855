/* What a corpus holds. */
#include "corpus.h"
#include "emotion.h"
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>

enum { UNLABELLED = N_EMOTIONS, N_KINDS };

/* Pieces counted by what is said of them. */
struct census {
    uint64_t pieces[N_SPLITS][N_KINDS];
    uint64_t segments[N_SPLITS];
    uint64_t tempo_unknown, off_grid;
};

static void take_census(struct census *census, const struct corpus *corpus)
{
    for (uint64_t i = 0; i < corpus->n_pieces; i++) {
        const struct corpus_piece *piece = &corpus->pieces[i];
        census->pieces[piece->split][piece->label < 0 ? UNLABELLED : piece->label]++;
        census->segments[piece->split] += piece->n_segments;
        census->tempo_unknown += piece->tempo_unknown;
        census->off_grid += piece->off_grid;
    }
}

static uint64_t split_pieces(const struct census *census, int split)
{
    uint64_t n = 0;
    for (int kind = 0; kind < N_KINDS; kind++) n += census->pieces[split][kind];
    return n;
}

static const char *kind_name(int kind)
{
    return kind == UNLABELLED ? "unlabelled" : emotion_names[kind];
}

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *split_json(const struct census *census, int split)
{
    json_t *object = json_object();
    json_object_set_new(object, "pieces", count(split_pieces(census, split)));
    json_object_set_new(object, "segments", count(census->segments[split]));
    for (int kind = 0; kind < N_KINDS; kind++)
        json_object_set_new(object, kind_name(kind), count(census->pieces[split][kind]));
    return object;
}

static json_t *corpus_json(const struct inspect *inspect, const struct corpus *corpus,
                           const struct census *census)
{
    json_t *splits = json_object();
    for (int split = 0; split < N_SPLITS; split++)
        json_object_set_new(splits, split_names[split], split_json(census, split));
    return json_pack("{s:s, s:s, s:i, s:I, s:{s:i, s:i}, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b}",
                     "file", inspect->path, "kind", "corpus", "format", CORPUS_VERSION, "bytes",
                     (json_int_t)corpus->map_bytes, "tokeniser", "grid",
                     corpus->vocabulary.settings.grid, "bars", corpus->vocabulary.settings.bars,
                     "pieces", count(corpus->n_pieces), "segments", count(corpus->n_segments),
                     "events", count(corpus->n_events), "tempo_unknown",
                     count(census->tempo_unknown), "off_grid", count(census->off_grid), "splits",
                     splits, "digest", corpus->digest, "verified", inspect->verify);
}

static void print_corpus(const struct inspect *inspect, const struct corpus *corpus,
                         const struct census *census)
{
    printf("%s: corpus, format %d, %zu bytes\n", inspect->path, CORPUS_VERSION, corpus->map_bytes);
    printf("digest: %s%s\n", corpus->digest, inspect->verify ? ", verified" : "");
    printf("tokeniser: %d steps a quarter note, %d bars a segment\n",
           corpus->vocabulary.settings.grid, corpus->vocabulary.settings.bars);
    printf("%" PRIu64 " pieces, %" PRIu64 " segments, %" PRIu64 " events\n", corpus->n_pieces,
           corpus->n_segments, corpus->n_events);
    for (int split = 0; split < N_SPLITS; split++) {
        printf("%s: %" PRIu64 " pieces, %" PRIu64 " segments", split_names[split],
               split_pieces(census, split), census->segments[split]);
        for (int kind = 0; kind < N_KINDS; kind++)
            printf(", %" PRIu64 " %s", census->pieces[split][kind], kind_name(kind));
        putchar('\n');
    }
    printf("tempo unknown: %" PRIu64 " pieces\noff the grid: %" PRIu64 " pieces\n",
           census->tempo_unknown, census->off_grid);
}

enum status inspect_corpus(const struct inspect *inspect, const struct group *world)
{
    enum status status = OK;
    struct corpus corpus;
    struct census census = {0};
    TRY(corpus_open(&corpus, inspect->path));
    if (inspect->verify && corpus_verify(&corpus) != OK)
        TRY(status_prefix(FAILED, "%s", inspect->path));
    take_census(&census, &corpus);
    if (inspect->json)
        TRY(command_result(world, corpus_json(inspect, &corpus, &census)));
    else if (inspect->digest)
        puts(corpus.digest);
    else
        print_corpus(inspect, &corpus, &census);
done:
    corpus_close(&corpus);
    return status;
}
