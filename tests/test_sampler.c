/* sampler: every segment once an epoch, labels on their own counter, restarts, label shares, folds.
 */
#include "make_corpus.h"
#include "runner.h"
#include "sampler.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 120, MOST_ROWS = 16 };

static struct made_corpus made;

static struct config config_with(const char *first, const char *second)
{
    return make_config((const char *const[]){first, second, NULL});
}

static struct config config_rows(size_t row_segments)
{
    char text[64];
    snprintf(text, sizeof text, "data.row_segments=%zu", row_segments);
    return config_with(text, NULL);
}

static void begin(struct sampler *sampler, const struct config *config, size_t n_labelled,
                  size_t n_unlabelled)
{
    made = make_corpus(n_labelled, n_unlabelled);
    CU_ASSERT_EQUAL_FATAL(sampler_init(sampler, &made.corpus, config), OK);
}

static void end(struct sampler *sampler)
{
    sampler_fini(sampler);
    make_corpus_free(&made);
}

static const struct row *batch_of(struct sampler *sampler, uint64_t step, size_t *n)
{
    const struct row *rows = NULL;
    CU_ASSERT_EQUAL_FATAL(sampler_batch(sampler, step, &rows, n), OK);
    return rows;
}

/* Segments of one kind as they come: an epoch must end before any is seen twice. */
struct tally {
    int *seen;                /* (n_segments) in this epoch */
    size_t wanted, n, epochs; /* segments an epoch, in this epoch, whole epochs so far */
};

static void tally_init(struct tally *tally, bool labelled)
{
    *tally = (struct tally){.seen = calloc(made.corpus.n_segments, sizeof *tally->seen)};
    for (size_t i = 0; i < made.corpus.n_pieces; i++)
        if (made.pieces[i].split == SPLIT_TRAIN &&
            (made.pieces[i].label != CORPUS_UNLABELLED) == labelled)
            tally->wanted += made.pieces[i].n_segments;
}

static void tally_row(struct tally *tally, const struct row *row, size_t row_segments)
{
    const uint32_t piece = made.segments[row->first_segment].piece;
    const struct corpus_piece *of = &made.pieces[piece];
    const uint32_t place = row->first_segment - of->first_segment;
    CU_ASSERT_EQUAL(of->split, SPLIT_TRAIN);
    CU_ASSERT_EQUAL(of->label, row->label);
    CU_ASSERT(row->n_segments >= 1 && row->n_segments <= row_segments);
    CU_ASSERT_FATAL(place + row->n_segments <= of->n_segments); /* inside one piece */
    /* cut at the epoch's offset: only the first and the last row of a piece may be short */
    CU_ASSERT(place == 0 || place % row_segments == tally->epochs % row_segments);
    for (uint32_t s = 0; s < row->n_segments; s++)
        CU_ASSERT_EQUAL(tally->seen[row->first_segment + s]++, 0);
    tally->n += row->n_segments;
    if (tally->n < tally->wanted) return;
    CU_ASSERT_EQUAL(tally->n, tally->wanted);
    memset(tally->seen, 0, made.corpus.n_segments * sizeof *tally->seen);
    tally->n = 0;
    tally->epochs++;
}

static void each_segment_once_an_epoch(void)
{
    for (size_t row_segments = 1; row_segments <= SAMPLER_MAX_ROW_SEGMENTS; row_segments++) {
        const struct config config = config_rows(row_segments);
        struct sampler sampler;
        struct tally labelled, unlabelled;
        begin(&sampler, &config, 23, 33);
        tally_init(&labelled, true);
        tally_init(&unlabelled, false);
        for (uint64_t step = 0; step < STEPS; step++) {
            size_t n;
            const struct row *rows = batch_of(&sampler, step, &n);
            CU_ASSERT_EQUAL(n, config.train.batch);
            for (size_t i = 0; i < n; i++)
                tally_row(i < sampler.n_unlabelled ? &unlabelled : &labelled, &rows[i],
                          row_segments);
        }
        CU_ASSERT(unlabelled.epochs >= 5 && labelled.epochs >= 3);
        CU_ASSERT_NOT_EQUAL(unlabelled.epochs, labelled.epochs);
        free(labelled.seen);
        free(unlabelled.seen);
        end(&sampler);
    }
}

static void orders_change_with_epoch_and_seed(void)
{
    const struct config config = config_with("data.row_segments=1", NULL);
    struct config other = config;
    struct sampler a, b;
    size_t n, equal = 0, same_seed = 0;
    struct row first[MOST_ROWS];
    other.train.seed++;
    begin(&a, &config, 0, 40);
    CU_ASSERT_EQUAL_FATAL(sampler_init(&b, &made.corpus, &other), OK);
    const struct row *rows = batch_of(&a, 0, &n);
    memcpy(first, rows, n * sizeof *first);
    rows = batch_of(&b, 0, &n);
    for (size_t i = 0; i < n; i++) same_seed += rows[i].first_segment == first[i].first_segment;
    rows = batch_of(&a, a.unlabelled.per_offset[0] / n + 1, &n); /* of the next epoch */
    for (size_t i = 0; i < n; i++) equal += rows[i].first_segment == first[i].first_segment;
    CU_ASSERT(equal < n && same_seed < n);
    sampler_fini(&b);
    end(&a);
}

static void any_step_can_be_the_first(void)
{
    const struct config config = config_with(NULL, NULL);
    static const uint64_t ORDER[] = {57, 3, 4, 90, 0, 33};
    struct sampler sequential, fresh;
    begin(&sequential, &config, 30, 30);
    CU_ASSERT_EQUAL_FATAL(sampler_init(&fresh, &made.corpus, &config), OK);
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
        size_t n, m;
        const struct row *a = NULL;
        for (uint64_t step = 0; step <= ORDER[i]; step++) a = batch_of(&sequential, step, &n);
        const struct row *b = batch_of(&fresh, ORDER[i], &m);
        CU_ASSERT_EQUAL_FATAL(n, m);
        for (size_t r = 0; r < n; r++)
            CU_ASSERT(a[r].first_segment == b[r].first_segment &&
                      a[r].n_segments == b[r].n_segments && a[r].label == b[r].label);
    }
    sampler_fini(&fresh);
    end(&sequential);
}

static void shares_of_a_batch(void)
{
    static const struct {
        const char *share;
        size_t n_labelled, n_unlabelled, labelled_rows;
    } CASES[] = {{"data.labelled_share=0.25", 20, 20, 2}, {"data.labelled_share=0", 20, 20, 0},
                 {"data.labelled_share=0.01", 20, 20, 1}, {"data.labelled_share=1", 20, 20, 8},
                 {"data.labelled_share=0.25", 20, 0, 8},  {"data.labelled_share=0", 20, 0, 8},
                 {"data.labelled_share=0.5", 0, 20, 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct config config = config_with(CASES[i].share, NULL);
        struct sampler sampler;
        size_t n, labelled = 0;
        begin(&sampler, &config, CASES[i].n_labelled, CASES[i].n_unlabelled);
        const struct row *rows = batch_of(&sampler, 3, &n);
        CU_ASSERT_EQUAL(n, 8);
        for (size_t r = 0; r < n; r++) {
            labelled += rows[r].label != CORPUS_UNLABELLED;
            CU_ASSERT(rows[r].label == CORPUS_UNLABELLED || r >= sampler.n_unlabelled);
        }
        CU_ASSERT_EQUAL(labelled, CASES[i].labelled_rows);
        CU_ASSERT(sampler_epochs(&sampler, 0) == 0 && sampler_epochs(&sampler, 100) > 1);
        end(&sampler);
    }
}

static void count_labels(const struct sampler *sampler, size_t kept[4])
{
    memset(kept, 0, 4 * sizeof *kept);
    for (size_t i = 0; i < made.corpus.n_pieces; i++)
        if (made.pieces[i].split == SPLIT_TRAIN && sampler->label[i] != CORPUS_UNLABELLED) {
            CU_ASSERT_EQUAL(sampler->label[i], made.pieces[i].label);
            kept[sampler->label[i]]++;
        } else if (made.pieces[i].split != SPLIT_TRAIN) {
            CU_ASSERT_EQUAL(sampler->label[i], made.pieces[i].label);
        }
}

/* Rows that the mixture fit and validation read carry no label that training may not see. */
static size_t count_leaks(const struct sampler *sampler, const struct config *config)
{
    size_t n, leaks = 0;
    struct row *rows;
    for (enum split split = 0; split < N_SPLITS; split++) {
        CU_ASSERT_EQUAL_FATAL(sampler_held_out(sampler, config, split, SIZE_MAX, &rows, &n), OK);
        for (size_t i = 0; i < n; i++)
            leaks += rows[i].label != sampler->label[made.segments[rows[i].first_segment].piece];
        free(rows);
    }
    return leaks;
}

static void keeps_a_share_of_each_emotions_labels(void)
{
    static const size_t PERCENT[] = {0, 1, 7, 14, 28, 29, 50, 55, 57, 100};
    for (size_t i = 0; i < sizeof PERCENT / sizeof *PERCENT; i++) {
        char text[64];
        size_t kept[4], have[4] = {0};
        struct sampler sampler;
        snprintf(text, sizeof text, "data.label_fraction=%.2f", (double)PERCENT[i] / 100);
        const struct config config = config_with(text, NULL);
        begin(&sampler, &config, 664, 8);
        for (size_t p = 0; p < made.corpus.n_pieces; p++)
            if (made.pieces[p].split == SPLIT_TRAIN && made.pieces[p].label >= 0)
                have[made.pieces[p].label]++;
        count_labels(&sampler, kept);
        CU_ASSERT_EQUAL(have[0], 100);
        for (int e = 0; e < 4; e++) CU_ASSERT_EQUAL(kept[e], (PERCENT[i] * have[e] + 99) / 100);
        CU_ASSERT_EQUAL(count_leaks(&sampler, &config), 0);
        end(&sampler);
    }
}

static void folds_partition_the_groups(void)
{
    enum { FOLDS = 5 };
    made = make_corpus(40, 20);
    for (size_t i = 0; i < made.corpus.n_pieces; i++) made.pieces[i].group = i / 3;
    for (size_t i = 0; i < made.corpus.n_pieces; i++) {
        size_t count[N_SPLITS] = {0};
        for (size_t fold = 0; fold < FOLDS; fold++) {
            struct config config = config_with("data.folds=5", NULL);
            config.data.fold = fold;
            const enum split split = sampler_split(&config, &made.pieces[i]);
            count[split]++;
            CU_ASSERT_EQUAL(split, sampler_split(&config, &made.pieces[i / 3 * 3]));
        }
        CU_ASSERT(count[SPLIT_TEST] == 1 && count[SPLIT_VALIDATION] == 1 &&
                  count[SPLIT_TRAIN] == FOLDS - 2);
    }
    make_corpus_free(&made);
}

static void held_out_rows_cover_their_split_once(void)
{
    const struct config config = config_with("data.folds=4", "data.fold=2");
    struct sampler sampler;
    begin(&sampler, &config, 20, 30);
    for (enum split split = 0; split < N_SPLITS; split++) {
        struct row *rows, *few;
        size_t n, n_few, wanted = 0;
        int *seen = calloc(made.corpus.n_segments, sizeof *seen);
        CU_ASSERT_EQUAL_FATAL(sampler_held_out(&sampler, &config, split, SIZE_MAX, &rows, &n), OK);
        CU_ASSERT_EQUAL_FATAL(sampler_held_out(&sampler, &config, split, 3, &few, &n_few), OK);
        CU_ASSERT_EQUAL(n_few, 3);
        for (size_t i = 0; i < n_few; i++)
            CU_ASSERT_EQUAL(rows[i].first_segment, few[i].first_segment);
        for (size_t i = 0; i < n; i++)
            for (uint32_t s = 0; s < rows[i].n_segments; s++) seen[rows[i].first_segment + s]++;
        for (size_t s = 0; s < made.corpus.n_segments; s++) {
            const struct corpus_piece *piece = &made.pieces[made.segments[s].piece];
            const bool inside = sampler_split(&config, piece) == split;
            CU_ASSERT_EQUAL(seen[s], inside);
            wanted += inside;
        }
        CU_ASSERT(wanted > 0);
        free(seen);
        free(rows);
        free(few);
    }
    end(&sampler);
}

static void refuses_a_corpus_without_training_pieces(void)
{
    const struct config config = config_with(NULL, NULL);
    struct sampler sampler;
    made = make_corpus(8, 8);
    for (size_t i = 0; i < made.corpus.n_pieces; i++) made.pieces[i].split = SPLIT_TEST;
    CU_ASSERT_EQUAL(sampler_init(&sampler, &made.corpus, &config), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "training"));
    make_corpus_free(&made);
}

const char *const suite_name = "sampler";
const struct suite_test suite_tests[] = {
    {"each segment once an epoch", each_segment_once_an_epoch},
    {"orders change with epoch and seed", orders_change_with_epoch_and_seed},
    {"any step can be the first", any_step_can_be_the_first},
    {"shares of a batch", shares_of_a_batch},
    {"keeps a share of each emotion's labels", keeps_a_share_of_each_emotions_labels},
    {"folds partition the groups", folds_partition_the_groups},
    {"held-out rows cover their split once", held_out_rows_cover_their_split_once},
    {"refuses a corpus without training pieces", refuses_a_corpus_without_training_pieces},
    {NULL, NULL},
};
