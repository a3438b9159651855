/* The judge: which kind it is, what it learns from, and that it hears written pieces as it hears
 * those of a corpus. */
#define _GNU_SOURCE
#include "judge.h"

#include "random.h"
#include "runner.h"
#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const suite_name = "judge";

enum { N = 280, SEED = 3, HELD = N / 4 }; /* pieces; the first are of the test split */

struct pieces {
    struct corpus_piece pieces[N];
    struct corpus_segment segments[N];
    struct corpus corpus;
};

static double draw(uint32_t i, uint32_t c)
{
    return 2 * random_uniform(1, RANDOM_TEST, 0, i, c) - 1;
}

/* Pieces of one segment, whose emotion is happy or sad by the signs of two attributes: both count
 * by themselves, or only whether they agree. */
static void fill(struct pieces *all, bool agree)
{
    memset(all, 0, sizeof *all);
    for (uint32_t i = 0; i < N; i++) {
        const double x = draw(i, 0), y = draw(i, 1);
        for (uint32_t a = 0; a < N_ATTRIBUTES; a++)
            all->segments[i].attributes[a] = (float)(0.01 * draw(i, 2 + a));
        all->segments[i].attributes[ATTRIBUTE_TEMPO] = (float)x;
        all->segments[i].attributes[ATTRIBUTE_MODE_MARGIN] = (float)y;
        all->pieces[i] = (struct corpus_piece){.group = i,
                                               .first_segment = i,
                                               .n_segments = 1,
                                               .label = (agree ? x * y > 0 : x + y > 0) ? 0 : 2,
                                               .split = i < HELD ? SPLIT_TEST : SPLIT_TRAIN};
    }
    all->corpus = (struct corpus){.pieces = all->pieces, .segments = all->segments, .n_pieces = N};
}

static double accuracy_on_held(const struct judge *judge, const struct pieces *all)
{
    double x[HELD * N_ATTRIBUTES], right = 0;
    int8_t told[HELD];
    for (size_t i = 0; i < HELD; i++)
        baseline_attributes(x + i * N_ATTRIBUTES, &all->segments[i], 1);
    judge_tell(judge, x, HELD, told);
    for (size_t i = 0; i < HELD; i++) right += told[i] == all->pieces[i].label;
    return right / HELD;
}

static void is_the_better_of_the_two(void)
{
    static struct pieces all;
    static const struct config config;
    struct judge judge;
    fill(&all, false);
    CU_ASSERT_EQUAL_FATAL(judge_init(&judge, &all.corpus, &config, SEED), OK);
    CU_ASSERT_EQUAL(judge.kind, JUDGE_LOGISTIC);
    CU_ASSERT_EQUAL(judge.n_known, N - HELD);
    CU_ASSERT(judge.accuracy[JUDGE_LOGISTIC] > 0.9);
    CU_ASSERT_DOUBLE_EQUAL(accuracy_on_held(&judge, &all), judge.accuracy[JUDGE_LOGISTIC], 0.15);
    judge_fini(&judge);
    fill(&all, true);
    CU_ASSERT_EQUAL_FATAL(judge_init(&judge, &all.corpus, &config, SEED), OK);
    CU_ASSERT_EQUAL(judge.kind, JUDGE_FOREST);
    CU_ASSERT(judge.accuracy[JUDGE_LOGISTIC] < 0.7);
    CU_ASSERT_DOUBLE_EQUAL(accuracy_on_held(&judge, &all), judge.accuracy[JUDGE_FOREST], 0.15);
    judge_fini(&judge);
}

static void held_out_pieces_have_no_say(void)
{
    static struct pieces all;
    static const struct config config;
    struct judge judge, again;
    fill(&all, true);
    CU_ASSERT_EQUAL_FATAL(judge_init(&judge, &all.corpus, &config, SEED), OK);
    for (size_t i = 0; i < HELD; i++) all.pieces[i].label = (int8_t)(2 - all.pieces[i].label);
    CU_ASSERT_EQUAL_FATAL(judge_init(&again, &all.corpus, &config, SEED), OK);
    for (int k = 0; k < N_JUDGES; k++) CU_ASSERT_EQUAL(judge.accuracy[k], again.accuracy[k]);
    CU_ASSERT_EQUAL(accuracy_on_held(&again, &all), accuracy_on_held(&judge, &all));
    judge_fini(&judge);
    judge_fini(&again);
}

/* Copies of a piece stay in one fold: a forest that has seen one of them would know its label. */
static void copies_do_not_flatter(void)
{
    static struct pieces all;
    static const struct config config;
    struct judge judge;
    fill(&all, true);
    for (size_t i = 0; i < N; i++) {
        all.segments[i] = all.segments[i - i % 4];
        all.pieces[i].label = random_below(2, 1, RANDOM_TEST, 1, (uint32_t)(i / 4), 0) ? 0 : 2;
        all.pieces[i].group = i / 4;
    }
    CU_ASSERT_EQUAL_FATAL(judge_init(&judge, &all.corpus, &config, SEED), OK);
    CU_ASSERT(judge.accuracy[JUDGE_FOREST] < 0.75);
    judge_fini(&judge);
}

static void a_judge_needs_a_piece(void)
{
    static struct pieces all;
    static const struct config config;
    struct judge judge;
    fill(&all, false);
    for (size_t i = HELD; i < N; i++) all.pieces[i].label = CORPUS_UNLABELLED;
    CU_ASSERT_EQUAL(judge_init(&judge, &all.corpus, &config, SEED), FAILED);
    all.pieces[HELD].label = 2;
    CU_ASSERT_EQUAL_FATAL(judge_init(&judge, &all.corpus, &config, SEED), OK);
    CU_ASSERT(isnan(judge.accuracy[JUDGE_LOGISTIC]));
    CU_ASSERT_EQUAL(judge.kind, JUDGE_LOGISTIC);
    judge_fini(&judge);
}

/* The attributes of a corpus's piece once it is a score and read as any file. */
static enum status hear_written(double out[N_ATTRIBUTES], const struct corpus *corpus,
                                const struct corpus_piece *from)
{
    enum status status = OK;
    const struct corpus_segment *first = &corpus->segments[from->first_segment];
    struct score score = {0};
    struct piece piece = {0};
    size_t n_events = 0;
    for (uint32_t s = 0; s < from->n_segments; s++) n_events += first[s].count;
    TRY(score_from_events(&score, corpus->events + first->first, n_events, &corpus->vocabulary));
    TRY(piece_from_score(&piece, &score, &corpus->vocabulary, -1));
    TRY(judge_attributes(out, &piece));
done:
    score_fini(&score);
    piece_fini(&piece);
    return status;
}

static void written_pieces_are_heard_like_real_ones(void)
{
    char folder[] = "/tmp/affekt_judge_XXXXXX", path[64], command[64];
    struct corpus corpus = {.descriptor = -1};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/corpus.h5", folder);
    CU_ASSERT_EQUAL(tiny_corpus_make(folder, 3), OK);
    CU_ASSERT_EQUAL_FATAL(corpus_open(&corpus, path), OK);
    for (uint64_t i = 0; i < corpus.n_pieces; i++) {
        const struct corpus_piece *piece = &corpus.pieces[i];
        double real_one[N_ATTRIBUTES], written[N_ATTRIBUTES];
        baseline_attributes(real_one, corpus.segments + piece->first_segment, piece->n_segments);
        CU_ASSERT_EQUAL(hear_written(written, &corpus, piece), OK);
        for (int a = 0; a < N_ATTRIBUTES; a++)
            CU_ASSERT_DOUBLE_EQUAL(written[a], real_one[a], 1e-4 * (1 + fabs(real_one[a])));
    }
    CU_ASSERT(corpus.n_pieces > 0);
    corpus_close(&corpus);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

const struct suite_test suite_tests[] = {
    {"is the better of the two", is_the_better_of_the_two},
    {"held-out pieces have no say", held_out_pieces_have_no_say},
    {"copies do not flatter", copies_do_not_flatter},
    {"a judge needs a piece", a_judge_needs_a_piece},
    {"written pieces are heard like real ones", written_pieces_are_heard_like_real_ones},
    {NULL, NULL},
};
