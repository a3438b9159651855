/* Evaluations read and checked: runs, pieces, and what each teller told. */
#include "config.h"
#include "emotion.h"
#include "pool_parts.h"

#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 4096 };

static enum status load_document(struct pool_run *run, const char *folder)
{
    enum status status = OK;
    char path[PATH_ROOM];
    json_error_t error;
    struct config config;
    snprintf(path, sizeof path, "%s/evaluation.json", folder);
    run->document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!run->document) FAIL(FAILED, "%s: cannot be read: %s", path, error.text);
    run->labelled = json_object_get(run->document, "labelled");
    if (!json_is_array(run->labelled))
        FAIL(FAILED, "%s: has no `labelled` pieces: of an older version; evaluate the run again",
             path);
    if (json_array_size(run->labelled) == 0) FAIL(FAILED, "%s: `labelled` is empty", path);
    snprintf(path, sizeof path, "%s/config.ini", folder);
    TRY(config_init(&config, NULL));
    TRY(config_file(&config, path));
    run->seed = config.train.seed;
    run->fold = config.data.fold;
done:
    return status == OK ? OK : FAILED;
}

static bool is_emotion(const json_t *x)
{
    return json_is_integer(x) && json_integer_value(x) >= 0 && json_integer_value(x) < N_EMOTIONS;
}

/* A labelled piece of a document; FAILED says what is wrong with it. */
static enum status read_piece(struct pool_piece *piece, const json_t *entry, const char *folder,
                              size_t i)
{
    const json_t *label = json_object_get(entry, "label"), *told = json_object_get(entry, "told");
    const char *key;
    json_t *value;
    piece->name = json_string_value(json_object_get(entry, "name"));
    piece->source = json_string_value(json_object_get(entry, "source"));
    if (!piece->name || !piece->source || !is_emotion(label) || !json_is_object(told))
        return status_fail(
            FAILED, "%s/evaluation.json: labelled[%zu]: want name, source, label, told", folder, i);
    piece->label = (int8_t)json_integer_value(label);
    json_object_foreach((json_t *)told, key, value)
    {
        if (!is_emotion(value))
            return status_fail(FAILED, "%s/evaluation.json: piece '%s': told.%s is none of 0 to 3",
                               folder, piece->name, key);
    }
    return OK;
}

/* Gives a piece its place in the table, or checks it against the one it has. */
static enum status place_piece(struct pooling *pooling, const struct pool *pool,
                               const struct pool_piece *piece)
{
    const json_t *place = json_object_get(pooling->places, piece->name);
    const bool first = pool == pooling->pools;
    if (!place && !first)
        return status_fail(FAILED, "pool '%s': has piece '%s', which pool '%s' lacks",
                           pool->request->name, piece->name, pooling->pools->request->name);
    if (!place) {
        pooling->pieces[pooling->n_pieces] = *piece;
        const json_int_t at = (json_int_t)pooling->n_pieces++;
        return json_object_set_new(pooling->places, piece->name, json_integer(at)) == 0
                   ? OK
                   : status_fail(FAILED, "no memory for the pieces of pool '%s'",
                                 pool->request->name);
    }
    const struct pool_piece *known = &pooling->pieces[json_integer_value(place)];
    ASSERT(known->source); /* set with the place */
    if (known->label != piece->label || strcmp(known->source, piece->source) != 0)
        return status_fail(FAILED, "pool '%s': piece '%s': another label or source than before",
                           pool->request->name, piece->name);
    return OK;
}

/* Notes that a run told a piece; no other run of the same seed may have. */
static enum status note_told(json_t *seen, const struct pool *pool, size_t run, const char *piece)
{
    char key[PATH_ROOM];
    const unsigned long long seed = pool->runs[run].seed;
    snprintf(key, sizeof key, "%llu/%s", seed, piece);
    const json_t *before = json_object_get(seen, key);
    if (before)
        return status_fail(FAILED, "pool '%s': %s and %s both told piece '%s' with seed %llu",
                           pool->request->name, pool->request->runs[json_integer_value(before)],
                           pool->request->runs[run], piece, seed);
    return json_object_set_new(seen, key, json_integer((json_int_t)run)) == 0
               ? OK
               : status_fail(FAILED, "no memory for the pieces of pool '%s'", pool->request->name);
}

static enum status read_pieces(struct pooling *pooling, const struct pool *pool)
{
    enum status status = OK;
    const struct pool_request *request = pool->request;
    json_t *seen = json_object(), *mine = json_object();
    for (size_t r = 0; r < request->n_runs; r++)
        for (size_t i = 0; i < json_array_size(pool->runs[r].labelled); i++) {
            struct pool_piece piece;
            TRY(read_piece(&piece, json_array_get(pool->runs[r].labelled, i), request->runs[r], i));
            TRY(note_told(seen, pool, r, piece.name));
            TRY(place_piece(pooling, pool, &piece));
            if (json_object_set_new(mine, piece.name, json_true()) != 0)
                FAIL(FAILED, "no memory for the pieces of pool '%s'", request->name);
        }
    for (size_t i = 0; i < pooling->n_pieces; i++)
        if (!json_object_get(mine, pooling->pieces[i].name))
            FAIL(FAILED, "pool '%s': lacks piece '%s', which pool '%s' has", request->name,
                 pooling->pieces[i].name, pooling->pools->request->name);
done:
    json_decref(seen);
    json_decref(mine);
    return status;
}

static size_t count_seeds(const struct pool *pool)
{
    size_t n = 0;
    for (size_t i = 0; i < pool->request->n_runs; i++) {
        size_t j = 0;
        while (j < i && pool->runs[j].seed != pool->runs[i].seed) j++;
        n += j == i;
    }
    return n;
}

static enum status read_runs(struct pool *pool, const struct pool_request *request)
{
    enum status status = OK;
    pool->request = request;
    if (request->n_runs == 0) FAIL(FAILED, "pool '%s': no run", request->name);
    pool->runs = status_fault() ? NULL : calloc(request->n_runs, sizeof *pool->runs);
    if (!pool->runs) FAIL(FAILED, "no memory for the runs of pool '%s'", request->name);
    for (size_t r = 0; r < request->n_runs; r++)
        TRY(load_document(&pool->runs[r], request->runs[r]));
    pool->n_seeds = count_seeds(pool);
done:
    return status;
}

/* The tellers are those of the first piece; every other piece must have the same. */
static enum status name_tellers(struct pool *pool, size_t n_pieces)
{
    enum status status = OK;
    json_t *told = json_object_get(json_array_get(pool->runs[0].labelled, 0), "told");
    const char *key;
    json_t *value;
    if (json_object_size(told) > POOL_MAX_TELLERS)
        FAIL(FAILED, "pool '%s': more than %d tellers", pool->request->name, POOL_MAX_TELLERS);
    json_object_foreach(told, key, value)
    {
        struct pool_teller *teller = &pool->tellers[pool->n_tellers];
        teller->share =
            status_fault() ? NULL : calloc(n_pieces * N_EMOTIONS, sizeof *teller->share);
        if (!teller->share)
            FAIL(FAILED, "no memory for the pieces of pool '%s'", pool->request->name);
        teller->name = key;
        pool->n_tellers++;
    }
done:
    return status;
}

static enum status add_told(const struct pooling *pooling, struct pool *pool, size_t run,
                            const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const json_t *told = json_object_get(entry, "told");
    const json_int_t place = json_integer_value(json_object_get(pooling->places, name));
    bool same = json_object_size(told) == pool->n_tellers;
    for (size_t t = 0; t < pool->n_tellers && same; t++) {
        const json_t *y = json_object_get(told, pool->tellers[t].name);
        same = y != NULL;
        if (same) pool->tellers[t].share[place * N_EMOTIONS + json_integer_value(y)] += 1;
    }
    return same ? OK
                : status_fail(FAILED,
                              "%s/evaluation.json: piece '%s': other tellers than the first of "
                              "pool '%s'",
                              pool->request->runs[run], name, pool->request->name);
}

static enum status read_told(const struct pooling *pooling, struct pool *pool)
{
    enum status status = OK;
    TRY(name_tellers(pool, pooling->n_pieces));
    for (size_t r = 0; r < pool->request->n_runs; r++)
        for (size_t i = 0; i < json_array_size(pool->runs[r].labelled); i++)
            TRY(add_told(pooling, pool, r, json_array_get(pool->runs[r].labelled, i)));
    for (size_t t = 0; t < pool->n_tellers; t++)
        for (size_t i = 0; i < pooling->n_pieces; i++) {
            double *share = pool->tellers[t].share + i * N_EMOTIONS, sum = 0;
            for (int y = 0; y < N_EMOTIONS; y++) sum += share[y];
            for (int y = 0; y < N_EMOTIONS; y++) share[y] /= sum;
        }
done:
    return status;
}

static enum status take_pieces(struct pooling *pooling)
{
    const struct pool *first = pooling->pools;
    size_t most = 0;
    for (size_t r = 0; r < first->request->n_runs; r++)
        most += json_array_size(first->runs[r].labelled);
    pooling->places = json_object();
    pooling->pieces = status_fault() ? NULL : calloc(most + 1, sizeof *pooling->pieces);
    return pooling->places && pooling->pieces
               ? OK
               : status_fail(FAILED, "no memory for %zu pieces", most);
}

enum status pooling_read(struct pooling *pooling, const struct pool_request *requests, size_t n)
{
    enum status status = OK;
    pooling->pools = status_fault() ? NULL : calloc(n, sizeof *pooling->pools);
    if (!pooling->pools) FAIL(FAILED, "no memory for %zu pools", n);
    pooling->n_pools = n;
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q < p; q++)
            if (strcmp(requests[p].name, requests[q].name) == 0)
                FAIL(FAILED, "pool '%s': named twice", requests[p].name);
    for (size_t p = 0; p < n; p++) TRY(read_runs(&pooling->pools[p], &requests[p]));
    TRY(take_pieces(pooling));
    for (size_t p = 0; p < n; p++) TRY(read_pieces(pooling, &pooling->pools[p]));
    for (size_t p = 0; p < n; p++) TRY(read_told(pooling, &pooling->pools[p]));
done:
    return status;
}

void pooling_fini(struct pooling *pooling)
{
    for (size_t p = 0; p < pooling->n_pools; p++) {
        struct pool *pool = &pooling->pools[p];
        for (size_t t = 0; t < pool->n_tellers; t++) free(pool->tellers[t].share);
        for (size_t r = 0; pool->runs && r < pool->request->n_runs; r++)
            json_decref(pool->runs[r].document);
        free(pool->runs);
    }
    free(pooling->pools);
    free(pooling->pieces);
    json_decref(pooling->places);
    *pooling = (struct pooling){0};
}
