/* pack: from MIDI files to a corpus, the same on any number of ranks. */
#define _GNU_SOURCE
#include "pack.h"
#include "runner.h"
#include "smf.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct group *world;
static char folder[64];

static const char *at(const char *name)
{
    static char paths[64][128]; /* valid for 64 calls */
    static int next;
    next = (next + 1) % 64;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static void begin(void)
{
    CU_ASSERT_EQUAL(group_world_create(&world, NULL, NULL), OK);
    strcpy(folder, "/tmp/affekt-pack-XXXXXX");
    if (group_rank(world) == 0 &&
        (!mkdtemp(folder) || mkdir(at("in"), 0755) || mkdir(at("more"), 0755)))
        abort();
    group_broadcast(world, folder, sizeof folder, 0);
}

static void end(void)
{
    char command[128];
    group_barrier(world);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (group_rank(world) == 0 && system(command) != 0) abort();
    group_world_destroy(world);
}

/* A tune of 64 notes that depends on the seed alone. */
static void tune(const char *name, unsigned seed, int shift, uint32_t microseconds)
{
    struct score_note notes[64];
    struct score_tempo tempo = {0, microseconds};
    unsigned state = seed * 2654435761U + 12345;
    int64_t tick = 0;
    for (int i = 0; i < 64; i++) {
        state = state * 1664525U + 1013904223U;
        tick += 120 * (1 + (state >> 28) % 3);
        notes[i] = (struct score_note){.onset = tick,
                                       .end = tick + 120,
                                       .pitch = (uint8_t)(50 + shift + (int)((state >> 20) % 24)),
                                       .velocity = 80};
    }
    const struct score score = {
        .division = 480, .notes = notes, .n_notes = 64, .tempi = &tempo, .n_tempi = 1};
    if (smf_write(&score, 0, at(name)) != OK) abort();
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) abort();
}

/* Rank 0 fills in/: 30 tunes with own tempi, copies of tune 0, and what cannot be packed. */
static void fill(void)
{
    char name[64];
    if (group_rank(world) != 0) return;
    FILE *labels = fopen(at("labels.csv"), "w");
    fputs("path,label\n", labels);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "in/%02u.mid", i);
        tune(name, i, 0, 400000 + 7000 * i);
        if (i >= 10) fprintf(labels, "%s,Q%u\n", name, 1 + i % 4);
    }
    fclose(labels);
    tune("in/copy.mid", 0, 0, 400000);
    tune("in/transposed.mid", 0, 5, 400000);
    tune("in/retimed.mid", 0, 0, 600000);
    put("in/broken.mid", "MThd");
    put("in/text.mid", "hello");
    put("in/other.txt", "hello");
    tune("more/a.mid", 100, 0, 500000);
    tune("more/b.mid", 101, 0, 510000);
    tune("more/c.mid", 1, 2, 510000); /* a copy of in/01.mid */
}

static struct pack_options options_for(const char *const *inputs, size_t n, const char *out)
{
    return (struct pack_options){
        .inputs = inputs, .n_inputs = n, .out = out, .percent = {90, 5, 5}};
}

static int files_equal(const char *a, const char *b)
{
    char command[300];
    snprintf(command, sizeof command, "cmp %s %s", a, b);
    return system(command) == 0;
}

static void packs_equal_bytes_on_any_ranks(void)
{
    struct pack_result result, alone;
    begin();
    fill();
    const char *const inputs[] = {at("in")}, *const labels[] = {at("labels.csv")};
    struct pack_options options = options_for(inputs, 1, at("all.h5"));
    options.labels = labels;
    options.n_labels = 1;
    options.report = at("all.csv");
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    CU_ASSERT_EQUAL(result.n_inputs, 35);
    CU_ASSERT_EQUAL(result.outcomes[OUTCOME_PACKED], 33);
    CU_ASSERT_EQUAL(result.outcomes[OUTCOME_UNREADABLE], 2);
    CU_ASSERT_EQUAL(result.n_pieces, 33);
    CU_ASSERT_EQUAL(result.n_groups, 30);
    for (int e = 0; e < 4; e++) CU_ASSERT_EQUAL(result.labelled[e], 5);
    CU_ASSERT_EQUAL(result.n_tempo_forgot, 0);
    if (group_rank(world) == 0) {
        options.out = at("one.h5");
        options.report = at("one.csv");
        options.memory = 1; /* every piece goes to disk meanwhile */
        CU_ASSERT_EQUAL(pack_run(group_self(), &options, &alone), OK);
        CU_ASSERT(files_equal(at("all.h5"), at("one.h5")));
        CU_ASSERT(files_equal(at("all.csv"), at("one.csv")));
        CU_ASSERT_STRING_EQUAL(alone.digest, result.digest);
    }
    end();
}

static uint64_t find_piece(const struct corpus *corpus, const char *name)
{
    for (uint64_t i = 0; i < corpus->n_pieces; i++)
        if (strcmp(corpus_piece_name(corpus, i), name) == 0) return i;
    return 0;
}

static void keeps_copies_together(void)
{
    struct pack_result result;
    struct corpus corpus;
    begin();
    fill();
    const char *const inputs[] = {at("in")};
    const struct pack_options options = options_for(inputs, 1, at("c.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    const enum status status = corpus_open(&corpus, at("c.h5"));
    CU_ASSERT_EQUAL(status, OK);
    if (status == OK) {
        const struct corpus_piece *first = corpus.pieces + find_piece(&corpus, "in/00.mid");
        static const char *const names[] = {"in/copy.mid", "in/transposed.mid", "in/retimed.mid"};
        for (int i = 0; i < 3; i++) {
            const struct corpus_piece *copy = corpus.pieces + find_piece(&corpus, names[i]);
            CU_ASSERT_EQUAL(copy->group, first->group);
            CU_ASSERT_EQUAL(copy->split, first->split);
            CU_ASSERT_EQUAL(copy->hash == first->hash, i == 0);
        }
        CU_ASSERT_EQUAL(corpus_verify(&corpus), OK);
        corpus_close(&corpus);
    }
    end();
}

/* What is added by --append gives the file that one packing of all would have given. */
static void appends_like_packing_at_once(void)
{
    struct pack_result result;
    begin();
    fill();
    const char *const inputs[] = {at("in"), at("more")};
    struct pack_options options = options_for(inputs, 2, at("once.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    options = options_for(inputs, 1, at("c.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    options = options_for(inputs + 1, 1, at("c.h5"));
    options.append = true;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    CU_ASSERT_EQUAL(result.n_inputs, 3);
    CU_ASSERT_EQUAL(result.n_pieces, 36);
    if (group_rank(world) == 0) CU_ASSERT(files_equal(at("once.h5"), at("c.h5")));
    options = options_for(inputs, 2, at("c.h5")); /* once more: nothing new */
    options.append = true;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    CU_ASSERT_EQUAL(result.n_already, 36);
    if (group_rank(world) == 0) CU_ASSERT(files_equal(at("once.h5"), at("c.h5")));
    options.settings.bars = 4;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "has grid 4 and 8 bars"));
    options.out = at("none.h5");
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "none.h5: No such file"));
    end();
}

/* Appending labelled pieces moves no piece that was there. */
static void keeps_splits_when_appending(void)
{
    struct pack_result result;
    struct corpus before, after;
    begin();
    fill();
    const char *const inputs[] = {at("more"), at("in")}, *const labels[] = {at("labels.csv")};
    struct pack_options options = options_for(inputs, 1, at("c.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    const enum status first = corpus_open(&before, at("c.h5"));
    group_barrier(world);
    options = options_for(inputs + 1, 1, at("c.h5"));
    options.append = true;
    options.labels = labels;
    options.n_labels = 1;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    const enum status second = corpus_open(&after, at("c.h5"));
    CU_ASSERT_EQUAL(first, OK);
    CU_ASSERT_EQUAL(second, OK);
    if (first == OK && second == OK) {
        CU_ASSERT_EQUAL(after.n_pieces, 36);
        for (uint64_t i = 0; i < before.n_pieces; i++) {
            const uint64_t j = find_piece(&after, corpus_piece_name(&before, i));
            CU_ASSERT_EQUAL(after.pieces[j].split, before.pieces[i].split);
        }
        const uint64_t a = find_piece(&after, "in/01.mid"), b = find_piece(&after, "more/c.mid");
        CU_ASSERT_EQUAL(after.pieces[a].split, after.pieces[b].split);
    }
    if (first == OK) corpus_close(&before);
    if (second == OK) corpus_close(&after);
    end();
}

static void forgets_constant_tempi(void)
{
    struct pack_result result;
    struct corpus corpus;
    char name[64];
    begin();
    for (unsigned i = 0; i < 20 && group_rank(world) == 0; i++) {
        snprintf(name, sizeof name, "in/%02u.mid", i);
        tune(name, i, 0, i < 2 ? 450000 + i : 504202);
        snprintf(name, sizeof name, "more/%02u.mid", i);
        if (i < 19) tune(name, 50 + i, 0, 504202);
    }
    group_barrier(world);
    const char *const inputs[] = {at("in"), at("more")};
    struct pack_options options = options_for(inputs, 2, at("c.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    CU_ASSERT_EQUAL(result.n_tempo_forgot, 18); /* 19 files are too few to tell */
    options.out = at("aside.h5");
    options.memory = 1;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    CU_ASSERT(group_rank(world) != 0 || files_equal(at("c.h5"), at("aside.h5")));
    const enum status status = corpus_open(&corpus, at("c.h5"));
    CU_ASSERT_EQUAL(status, OK);
    for (uint64_t i = 0; status == OK && i < corpus.n_pieces; i++) {
        const struct corpus_segment *segment = corpus.segments + corpus.pieces[i].first_segment;
        const int unknown = corpus.events[segment->first].pitch == EVENTS_TEMPO_UNKNOWN;
        CU_ASSERT_EQUAL(unknown, i >= 2 && i < 20);
        CU_ASSERT_EQUAL(corpus.pieces[i].tempo_unknown, unknown);
    }
    if (status == OK) corpus_close(&corpus);
    end();
}

static void fails_when_nothing_is_readable(void)
{
    struct pack_result result;
    begin();
    if (group_rank(world) == 0) put("in/text.mid", "hello");
    group_barrier(world);
    const char *const inputs[] = {at("in")}, *const none[] = {at("more")};
    struct pack_options options = options_for(inputs, 1, at("c.h5"));
    options.report = at("r.csv");
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "none of 1 inputs could be packed"));
    CU_ASSERT_EQUAL(result.outcomes[OUTCOME_UNREADABLE], 1);
    CU_ASSERT_EQUAL(access(at("r.csv"), F_OK), 0);
    CU_ASSERT_NOT_EQUAL(access(at("c.h5"), F_OK), 0);
    if (group_rank(world) == 0) tune("more/a.mid", 1, 0, 500000);
    group_barrier(world);
    options = options_for(none, 1, at("c.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), OK);
    options = options_for(inputs, 1, at("c.h5"));
    options.append = true;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "in/text.mid: not a MIDI file"));
    if (group_rank(world) == 0) unlink(at("more/a.mid"));
    group_barrier(world);
    options = options_for(none, 1, at("c.h5"));
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "no MIDI files in"));
    end();
}

static void passes_label_errors_on(void)
{
    struct pack_result result;
    begin();
    fill();
    if (group_rank(world) == 0) put("bad.csv", "path,label\nin/00.mid,sad\nx.mid,sad\n");
    group_barrier(world);
    const char *const inputs[] = {at("in")}, *const labels[] = {at("bad.csv")};
    struct pack_options options = options_for(inputs, 1, at("c.h5"));
    options.labels = labels;
    options.n_labels = 1;
    CU_ASSERT_EQUAL(pack_run(world, &options, &result), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "bad.csv:3: no input x.mid"));
    end();
}

/* A fault at any point of any rank fails all ranks, or costs an input its outcome. */
static void agrees_on_any_fault(void)
{
    struct pack_result result;
    begin();
    if (group_rank(world) == 0)
        for (unsigned i = 0; i < 4; i++) {
            char name[64];
            snprintf(name, sizeof name, "in/%02u.mid", i);
            tune(name, i, 0, 500000);
        }
    group_barrier(world);
    const char *const inputs[] = {at("in")};
    struct pack_options options = options_for(inputs, 1, at("c.h5"));
    options.report = at("r.csv");
    options.memory = 1;
    for (int rank = 0; rank < group_size(world); rank++) {
        int64_t failures = 0;
        bool clean = false;
        for (int k = 1; !clean && k < 300; k++) {
            if (group_rank(world) == rank) status_fault_set(k);
            const enum status status = pack_run(world, &options, &result);
            status_fault_set(0);
            failures = status != OK;
            group_sum_int64(world, &failures, 1);
            CU_ASSERT(failures == 0 || failures == group_size(world));
            clean = status == OK && result.outcomes[OUTCOME_PACKED] == 4;
        }
        CU_ASSERT(clean);
    }
    end();
}

const char *const suite_name = "pack";
const struct suite_test suite_tests[] = {
    {"packs equal bytes on any ranks", packs_equal_bytes_on_any_ranks},
    {"keeps copies together", keeps_copies_together},
    {"appends like packing at once", appends_like_packing_at_once},
    {"keeps splits when appending", keeps_splits_when_appending},
    {"forgets constant tempi", forgets_constant_tempi},
    {"fails when nothing is readable", fails_when_nothing_is_readable},
    {"passes label errors on", passes_label_errors_on},
    {"agrees on any fault", agrees_on_any_fault},
    {NULL, NULL},
};
