/* Contents of bars, and sets of them. */
#include "measures_bars.h"
#include "music.h"
#include "runner.h"

const char *const suite_name = "measures_bars";

enum { N = 4 };

static void contents_are_notes_above_the_tonic(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event bar = music_bar(&v, 10, 4, 4), other_bar = music_bar(&v, 20, 3, 4);
    const struct event events[] = {bar, {0, 60, 3, 80}, {4, 64, 3, 80}, bar, bar, {0, 67, 3, 80}};
    const struct event higher[] = {other_bar, {0, 65, 3, 20}, {4, 69, 3, 90},
                                   other_bar, other_bar,      {0, 72, 3, 1}};
    double a[N], b[N];
    CU_ASSERT_EQUAL_FATAL(bar_contents(a, N, events, 6, 0), 3);
    CU_ASSERT_EQUAL_FATAL(bar_contents(b, N, higher, 6, 5), 3);
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(a[i], b[i]);
    CU_ASSERT_EQUAL(a[1], 0);
    CU_ASSERT(a[0] > 0 && a[0] < 9007199254740992.0 && a[0] != a[2]);
    CU_ASSERT_EQUAL_FATAL(bar_contents(b, N, events, 6, 1), 3);
    CU_ASSERT_NOT_EQUAL(a[0], b[0]);
    CU_ASSERT_EQUAL(bar_contents(b, 2, events, 6, 0), 2);
    CU_ASSERT_EQUAL(bar_contents(b, 0, events, 6, 0), 0);
}

/* A change of any part of any note is another content. */
static void any_change_is_another_content(void)
{
    const struct events_vocabulary v = music_vocabulary(4, 8);
    const struct event bar = music_bar(&v, 10, 4, 4);
    const struct event all[][3] = {
        {bar, {0, 60, 3, 80}, {4, 64, 3, 80}}, {bar, {1, 60, 3, 80}, {4, 64, 3, 80}},
        {bar, {0, 61, 3, 80}, {4, 64, 3, 80}}, {bar, {0, 60, 4, 80}, {4, 64, 3, 80}},
        {bar, {0, 60, 3, 80}, {5, 64, 3, 80}}, {bar, {0, 60, 3, 80}, {4, 65, 3, 80}},
        {bar, {0, 60, 3, 80}, {4, 64, 2, 80}}, {bar, {4, 64, 3, 80}, {0, 60, 3, 80}}};
    enum { KINDS = sizeof all / sizeof *all };
    double content[KINDS + 1];
    for (int i = 0; i < KINDS; i++) (void)bar_contents(&content[i], 1, all[i], 3, 0);
    (void)bar_contents(&content[KINDS], 1, all[0], 2, 0);
    for (int i = 0; i <= KINDS; i++)
        for (int j = 0; j < i; j++) CU_ASSERT_NOT_EQUAL(content[i], content[j]);
}

static void sets_find_what_was_marked(void)
{
    static const double asked[] = {5, 0, 3, 5, 5, 9, 3, 0}, none[] = {0};
    struct bar_set set;
    CU_ASSERT_EQUAL_FATAL(bar_set_init(&set, asked, 8), OK);
    CU_ASSERT_EQUAL(set.n, 3);
    CU_ASSERT_FALSE(bar_set_found(&set, 5));
    bar_set_mark(&set, 5);
    bar_set_mark(&set, 4);
    bar_set_mark(&set, 0);
    CU_ASSERT_TRUE(bar_set_found(&set, 5));
    CU_ASSERT_FALSE(bar_set_found(&set, 3) || bar_set_found(&set, 9) || bar_set_found(&set, 0) ||
                    bar_set_found(&set, 4));
    bar_set_fini(&set);
    CU_ASSERT_EQUAL_FATAL(bar_set_init(&set, none, 1), OK);
    CU_ASSERT_EQUAL(set.n, 0);
    CU_ASSERT_FALSE(bar_set_found(&set, 0));
    bar_set_fini(&set);
}

const struct suite_test suite_tests[] = {
    {"contents are notes above the tonic", contents_are_notes_above_the_tonic},
    {"any change is another content", any_change_is_another_content},
    {"sets find what was marked", sets_find_what_was_marked},
    {NULL, NULL},
};
