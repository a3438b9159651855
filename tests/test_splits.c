/* splits: duplicate groups and the proportions of splits. */
#include "runner.h"
#include "splits.h"

#include <string.h>

enum { MANY = 4000 };
static const int percent[N_SPLITS] = {90, 5, 5};
static struct corpus_piece pieces[MANY];
static struct tie ties[MANY];

static void begin(void)
{
    memset(pieces, 0, sizeof pieces);
    for (int i = 0; i < MANY; i++) {
        pieces[i].label = CORPUS_UNLABELLED;
        ties[i] = (struct tie){
            .shape = 1000 + (uint64_t)i * 7919, .asked = SPLIT_NONE, .old = SPLIT_NONE};
    }
}

static struct tie tie_of(const void *context, uint64_t i)
{
    struct tie tie = ties[i];
    (void)context;
    tie.label = pieces[i].label;
    return tie;
}

static void place(void *context, uint64_t i, uint64_t group, enum split split)
{
    (void)context;
    pieces[i].group = group;
    pieces[i].split = (uint8_t)split;
}

static enum status assign(uint64_t n)
{
    const struct splits splits = {.n = n, .tie = tie_of, .place = place};
    return splits_assign(&splits, percent);
}

static int count(int n, int split, int label)
{
    int sum = 0;
    for (int i = 0; i < n; i++) sum += pieces[i].split == split && pieces[i].label == label;
    return sum;
}

static void keeps_the_proportions(void)
{
    begin();
    CU_ASSERT_EQUAL(assign(MANY), OK);
    CU_ASSERT(count(MANY, SPLIT_TRAIN, -1) > 3520 && count(MANY, SPLIT_TRAIN, -1) < 3680);
    CU_ASSERT(count(MANY, SPLIT_TEST, -1) > 145 && count(MANY, SPLIT_TEST, -1) < 255);
}

static void deals_small_labelled_sets_evenly(void)
{
    begin();
    for (int i = 0; i < 400; i++) pieces[i].label = (int8_t)(i % 4);
    CU_ASSERT_EQUAL(assign(400), OK);
    for (int label = 0; label < 4; label++) {
        CU_ASSERT_EQUAL(count(400, SPLIT_TRAIN, label), 90);
        CU_ASSERT_EQUAL(count(400, SPLIT_VALIDATION, label), 5);
        CU_ASSERT_EQUAL(count(400, SPLIT_TEST, label), 5);
    }
}

static void does_not_depend_on_order(void)
{
    uint8_t splits[MANY];
    uint64_t groups[MANY];
    begin();
    for (int i = 0; i < MANY; i++) {
        pieces[i].label = (int8_t)(i % 5 - 1);
        ties[i].shape = 1000 + (uint64_t)(i / 5) * 31; /* labels differ within a group */
        pieces[i].label = (int8_t)(i / 5 % 5 - 1);
    }
    CU_ASSERT_EQUAL(assign(MANY), OK);
    for (int i = 0; i < MANY; i++) {
        splits[i] = pieces[i].split;
        groups[i] = pieces[i].group;
    }
    for (int i = 0; i < MANY / 2; i++) {
        const struct corpus_piece piece = pieces[i];
        const struct tie tie = ties[i];
        pieces[i] = pieces[MANY - 1 - i];
        ties[i] = ties[MANY - 1 - i];
        pieces[MANY - 1 - i] = piece;
        ties[MANY - 1 - i] = tie;
    }
    CU_ASSERT_EQUAL(assign(MANY), OK);
    int different = 0;
    for (int i = 0; i < MANY; i++)
        different +=
            pieces[i].split != splits[MANY - 1 - i] || pieces[i].group != groups[MANY - 1 - i];
    CU_ASSERT_EQUAL(different, 0);
}

static void keeps_groups_together(void)
{
    begin();
    for (int i = 0; i < MANY; i++) {
        ties[i].shape = 1 + (uint64_t)(i % 1000);
        ties[i].named = i % 3 ? 0 : (uint64_t)1 << 40 | (uint64_t)(i % 1000 / 2);
        pieces[i].label = (int8_t)(i % 6 < 4 ? i % 6 : CORPUS_UNLABELLED);
        ties[i].asked = (int8_t)(i % 97 ? SPLIT_NONE : i % N_SPLITS);
    }
    CU_ASSERT_EQUAL(assign(MANY), OK);
    int straddling = 0;
    for (int i = 0; i < MANY; i++) {
        const struct corpus_piece *other = pieces + i % 1000 / 2 * 2;
        straddling += other->split != pieces[i].split || other->group != pieces[i].group;
    }
    CU_ASSERT_EQUAL(straddling, 0);
}

static void obeys_label_files_and_the_old_corpus(void)
{
    begin();
    ties[0].asked = SPLIT_TEST;
    ties[1].asked = SPLIT_VALIDATION;
    ties[2].shape = ties[1].shape;
    ties[3].shape = ties[4].shape = ties[5].shape;
    ties[3].asked = SPLIT_TRAIN;
    ties[4].asked = SPLIT_TEST; /* the most held-out wins */
    ties[6].old = SPLIT_TRAIN;  /* but what was trained on stays there */
    ties[6].kept = 77;
    ties[7].shape = ties[6].shape;
    ties[7].asked = SPLIT_TEST;
    ties[8].shape = 77; /* a piece whose shape names the old group */
    CU_ASSERT_EQUAL(assign(9), OK);
    static const int want[9] = {2, 1, 1, 2, 2, 2, 0, 0, 0};
    for (int i = 0; i < 9; i++) CU_ASSERT_EQUAL(pieces[i].split, want[i]);
    CU_ASSERT_EQUAL(pieces[7].group, 77);
}

static void leaves_unlabelled_splits_when_others_come(void)
{
    uint8_t splits[MANY / 2];
    begin();
    CU_ASSERT_EQUAL(assign(MANY / 2), OK);
    for (int i = 0; i < MANY / 2; i++) splits[i] = pieces[i].split;
    CU_ASSERT_EQUAL(assign(MANY), OK);
    int moved = 0;
    for (int i = 0; i < MANY / 2; i++) moved += pieces[i].split != splits[i];
    CU_ASSERT_EQUAL(moved, 0);
}

/* Copies of a tune: transposed, slower by a factor, later, with other velocities and tempo. */
static void knows_copies_by_their_shape(void)
{
    const struct events_settings settings = {.grid = 4, .bars = 8};
    struct events_vocabulary vocabulary;
    CU_ASSERT_EQUAL_FATAL(events_vocabulary_init(&vocabulary, &settings), OK);
    const uint8_t four = (uint8_t)events_signature_symbol(&vocabulary, 4, 4);
    const struct event bar = {EVENTS_BAR, 20, four, 0}, other = {EVENTS_BAR, 31, four, 0};
    const struct event tune[] = {bar, {0, 60, 3, 80}, {3, 64, 3, 80}, bar, {0, 67, 5, 90}};
    const struct event transposed[] = {other, {0, 65, 3, 60}, {3, 69, 3, 80}, bar, {0, 72, 1, 90}};
    const struct event later[] = {bar, bar, {5, 60, 3, 80}, {8, 64, 3, 80}, bar, {5, 67, 5, 90}};
    const struct event slower[] = {bar, {0, 60, 3, 80}, {6, 64, 3, 80}, bar, bar, {0, 67, 5, 90}};
    const struct event rhythm[] = {bar, {0, 60, 3, 80}, {2, 64, 3, 80}, bar, {0, 67, 5, 90}};
    const struct event pitch[] = {bar, {0, 60, 3, 80}, {3, 65, 3, 80}, bar, {0, 67, 5, 90}};
    const uint64_t shape = splits_shape(tune, 5, &vocabulary);
    CU_ASSERT_EQUAL(splits_shape(transposed, 5, &vocabulary), shape);
    CU_ASSERT_EQUAL(splits_shape(later, 6, &vocabulary), shape);
    CU_ASSERT_EQUAL(splits_shape(slower, 6, &vocabulary), shape);
    CU_ASSERT_NOT_EQUAL(splits_shape(rhythm, 5, &vocabulary), shape);
    CU_ASSERT_NOT_EQUAL(splits_shape(pitch, 5, &vocabulary), shape);
    CU_ASSERT_NOT_EQUAL(splits_shape(tune, 3, &vocabulary), shape);
}

static void reports_faults(void)
{
    begin();
    for (long k = 1; k <= 2; k++) {
        status_fault_set(k);
        CU_ASSERT_EQUAL(assign(10), FAILED);
    }
    status_fault_set(0);
    CU_ASSERT_EQUAL(assign(0), OK);
}

const char *const suite_name = "splits";
const struct suite_test suite_tests[] = {
    {"keeps the proportions", keeps_the_proportions},
    {"deals small labelled sets evenly", deals_small_labelled_sets_evenly},
    {"does not depend on order", does_not_depend_on_order},
    {"keeps groups together", keeps_groups_together},
    {"obeys label files and the old corpus", obeys_label_files_and_the_old_corpus},
    {"leaves unlabelled splits when others come", leaves_unlabelled_splits_when_others_come},
    {"knows copies by their shape", knows_copies_by_their_shape},
    {"reports faults", reports_faults},
    {NULL, NULL},
};
