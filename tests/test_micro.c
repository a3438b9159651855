/* micro: cuts that depend on the rows alone, in order, of one kind, no larger than asked; shares
 * that balance events. */
#include "make_corpus.h"
#include "micro.h"
#include "runner.h"

enum { MOST = 40 };

static struct made_corpus made;

/* Some unlabelled rows, then some labelled ones, of 1 to 3 segments. */
static size_t make_rows(struct row rows[MOST], size_t n_unlabelled, size_t n_labelled)
{
    const size_t n = n_unlabelled + n_labelled;
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct row){.first_segment = (uint32_t)(i * 3),
                               .n_segments = (uint32_t)(1 + i % 3),
                               .label = i < n_unlabelled ? CORPUS_UNLABELLED : (int8_t)(i % 4)};
    return n;
}

static struct source source_of(void)
{
    return (struct source){made.corpus.events, made.corpus.segments};
}

/* Micro-batches when each takes what fits. */
static size_t fewest_micros(const struct row *rows, size_t n, size_t max_events)
{
    const struct source source = source_of();
    size_t micros = 0, events = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t more = collate_row_events(&source, &rows[i]);
        const bool same = i > 0 && (rows[i].label == CORPUS_UNLABELLED) ==
                                       (rows[i - 1].label == CORPUS_UNLABELLED);
        const bool fits = same && events + more <= max_events;
        if (!fits) micros++;
        events = fits ? events + more : more;
    }
    return micros;
}

static void check_cut(const struct micro_plan *plan, const struct row *rows, size_t n,
                      size_t max_events)
{
    const struct source source = source_of();
    size_t row = 0, segment = 0, all = 0;
    for (size_t i = 0; i < plan->n_micros; i++) {
        const struct micro *micro = &plan->micros[i];
        size_t events = 0, segments = 0;
        CU_ASSERT(micro->first_row == row && micro->first_segment == segment && micro->n_rows > 0);
        for (size_t r = row; r < row + micro->n_rows; r++) {
            CU_ASSERT_EQUAL(rows[r].label != CORPUS_UNLABELLED, micro->labelled);
            events += collate_row_events(&source, &rows[r]);
            segments += rows[r].n_segments;
        }
        CU_ASSERT(micro->n_events == events && micro->n_segments == segments);
        CU_ASSERT(events <= max_events || micro->n_rows == 1);
        row += micro->n_rows;
        segment += segments;
        all += events;
    }
    const size_t fewest = fewest_micros(rows, n, max_events);
    CU_ASSERT(plan->n_micros == fewest || (fewest > 1 && plan->n_micros == fewest + 1));
    CU_ASSERT(plan->n_micros % 2 == 0 || plan->n_micros == 1 || plan->n_micros == n);
    CU_ASSERT(row == n && segment == plan->n_segments && all == plan->n_events);
    CU_ASSERT_EQUAL(plan->n_labelled + plan->n_unlabelled, segment);
}

static void cuts_in_order_and_by_kind(void)
{
    static const size_t LIMITS[] = {1, 64, 150, 400, 100000};
    static const size_t SHARES[][2] = {{12, 4}, {0, 7}, {9, 0}, {1, 1}};
    struct row rows[MOST];
    struct micro_plan plan;
    made = make_corpus(20, 20);
    CU_ASSERT_EQUAL_FATAL(micro_plan_init(&plan, MOST, 3), OK);
    for (size_t i = 0; i < 4; i++) {
        const size_t n = make_rows(rows, SHARES[i][0], SHARES[i][1]);
        const struct source source = source_of();
        for (size_t l = 0; l < sizeof LIMITS / sizeof *LIMITS; l++) {
            micro_plan_cut(&plan, &source, rows, n, LIMITS[l]);
            check_cut(&plan, rows, n, LIMITS[l]);
            if (LIMITS[l] == 1) CU_ASSERT_EQUAL(plan.n_micros, n);
            if (l == 4) CU_ASSERT_EQUAL(plan.n_micros, (SHARES[i][0] > 0) + (SHARES[i][1] > 0));
        }
    }
    micro_plan_cut(&plan, &(struct source){made.events, made.segments}, rows, 0, 100);
    CU_ASSERT(plan.n_micros == 0 && plan.n_events == 0);
    micro_plan_fini(&plan);
    make_corpus_free(&made);
}

/* The cut is the same for any number of ranks; loads differ by one micro-batch at most. */
static void ranks_share_the_same_cut(void)
{
    struct row rows[MOST];
    struct micro_plan one, many;
    made = make_corpus(20, 20);
    const size_t n = make_rows(rows, 20, 6);
    const struct source source = source_of();
    CU_ASSERT_EQUAL_FATAL(micro_plan_init(&one, MOST, 1), OK);
    micro_plan_cut(&one, &source, rows, n, 120);
    for (int ranks = 1; ranks <= 40; ranks++) {
        size_t load[40] = {0}, largest = 0, least = SIZE_MAX, most = 0;
        CU_ASSERT_EQUAL_FATAL(micro_plan_init(&many, MOST, ranks), OK);
        micro_plan_cut(&many, &source, rows, n, 120);
        CU_ASSERT_EQUAL_FATAL(many.n_micros, one.n_micros);
        for (size_t i = 0; i < one.n_micros; i++) {
            const struct micro *a = &one.micros[i], *b = &many.micros[i];
            CU_ASSERT(a->first_row == b->first_row && a->n_rows == b->n_rows && a->rank == 0);
            CU_ASSERT_FATAL(b->rank >= 0 && b->rank < ranks);
            load[b->rank] += b->n_events;
            if (b->n_events > largest) largest = b->n_events;
        }
        for (int r = 0; r < ranks; r++) {
            if (load[r] < least) least = load[r];
            if (load[r] > most) most = load[r];
        }
        CU_ASSERT(most - least <= largest);
        micro_plan_fini(&many);
    }
    micro_plan_fini(&one);
    make_corpus_free(&made);
}

/* The largest micro-batch of a kind is as small as any cut into as many allows. */
static void cuts_evenly(void)
{
    enum { ROWS = 12, MICROS = 4 };
    struct row rows[MOST];
    struct micro_plan plan;
    made = make_corpus(20, 20);
    make_rows(rows, ROWS, 0);
    const struct source source = source_of();
    size_t before[ROWS + 1] = {0}, least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < ROWS; i++)
        before[i + 1] = before[i] + collate_row_events(&source, &rows[i]);
    for (size_t a = 1; a < ROWS; a++)
        for (size_t b = a + 1; b < ROWS; b++)
            for (size_t c = b + 1; c < ROWS; c++) {
                const size_t cut[] = {0, a, b, c, ROWS};
                size_t largest = 0;
                for (size_t i = 0; i < MICROS; i++) {
                    const size_t events = before[cut[i + 1]] - before[cut[i]];
                    largest = events > largest ? events : largest;
                }
                least = largest < least ? largest : least;
            }
    CU_ASSERT_EQUAL_FATAL(micro_plan_init(&plan, MOST, 2), OK);
    for (size_t limit = least; limit < before[ROWS]; limit += 20) {
        micro_plan_cut(&plan, &source, rows, ROWS, limit);
        if (plan.n_micros != MICROS) continue;
        for (size_t i = 0; i < MICROS; i++)
            if (plan.micros[i].n_events > most) most = plan.micros[i].n_events;
        CU_ASSERT_EQUAL(most, least);
    }
    CU_ASSERT_EQUAL(most, least); /* some limit did lead to as many */
    micro_plan_fini(&plan);
    make_corpus_free(&made);
}

const char *const suite_name = "micro";
const struct suite_test suite_tests[] = {
    {"cuts in order and by kind", cuts_in_order_and_by_kind},
    {"cuts evenly", cuts_evenly},
    {"ranks share the same cut", ranks_share_the_same_cut},
    {NULL, NULL},
};
