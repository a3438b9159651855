#include "kept_latents.h"

#include "checkpoint.h"
#include "corpus.h"
#include "emotion.h"
#include "runner.h"

#include <stdlib.h>
#include <string.h>

/* The emotion of a piece by the latents kept of its segments, -1 without any. */
static int emotion_kept(const int64_t *pieces, const double *log_p, size_t n, size_t piece)
{
    double sum[N_EMOTIONS] = {0};
    int best = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        if ((size_t)pieces[i] != piece) continue;
        found = 1;
        for (int y = 0; y < N_EMOTIONS; y++) sum[y] += log_p[i * N_EMOTIONS + (size_t)y];
    }
    for (int y = 1; y < N_EMOTIONS; y++)
        if (sum[y] > sum[best]) best = y;
    return found ? best : -1;
}

static size_t rows_kept(const char *path, const char *name)
{
    struct checkpoint_field *fields = NULL;
    size_t n = 0, rows = 0;
    CU_ASSERT_EQUAL(checkpoint_list(path, &fields, &n), OK);
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0) rows = fields[i].rows;
    free(fields);
    return rows;
}

void kept_latents_check(const char *path, const char *from, const json_t *document)
{
    struct corpus corpus = {.descriptor = -1};
    const size_t n = rows_kept(path, "test/segment");
    int64_t *places = calloc(3 * n + 1, sizeof *places);
    double *log_p = calloc(n * N_EMOTIONS + 1, sizeof *log_p);
    struct checkpoint_field fields[] = {{"test/segment", CHECKPOINT_INT64, n, 1, places},
                                        {"test/piece", CHECKPOINT_INT64, n, 1, places + n},
                                        {"test/label", CHECKPOINT_INT64, n, 1, places + 2 * n},
                                        {"test/emotion", CHECKPOINT_DOUBLE, n, N_EMOTIONS, log_p}};
    size_t told = 0;
    CU_ASSERT(n > 0 && rows_kept(path, "test/tonal") == n && rows_kept(path, "test/rhythm") == n);
    CU_ASSERT(rows_kept(path, "train/emotion") > 0);
    CU_ASSERT_EQUAL(checkpoint_load(path, fields, sizeof fields / sizeof *fields), OK);
    CU_ASSERT_EQUAL(corpus_open(&corpus, from), OK);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(corpus.segments[places[i]].piece, places[n + i]);
        CU_ASSERT_EQUAL(corpus.pieces[places[n + i]].split, SPLIT_TEST);
        CU_ASSERT_EQUAL(corpus.pieces[places[n + i]].label, places[2 * n + i]);
    }
    size_t at;
    const json_t *labelled = json_object_get(document, "labelled"), *piece;
    json_array_foreach(labelled, at, piece)
    {
        const char *name = json_string_value(json_object_get(piece, "name"));
        const json_t *mixture = json_object_get(json_object_get(piece, "told"), "mixture");
        for (size_t p = 0; p < corpus.n_pieces; p++) {
            if (strcmp(corpus_piece_name(&corpus, p), name) != 0) continue;
            CU_ASSERT_EQUAL(emotion_kept(places + n, log_p, n, p), json_integer_value(mixture));
            told++;
        }
    }
    CU_ASSERT(told > 0 && told == json_array_size(labelled));
    corpus_close(&corpus);
    free(places);
    free(log_p);
}
