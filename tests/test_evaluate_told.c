/* Where pieces come from. */
#include "evaluate_told.h"
#include "runner.h"

#include <string.h>

const char *const suite_name = "evaluate_told";

static bool comes_from(const char *name, const char *source)
{
    char found[TOLD_SOURCE];
    told_source(found, sizeof found, name);
    return strcmp(found, source) == 0;
}

static void sources_are_first_components(void)
{
    char found[4];
    CU_ASSERT(comes_from("vgmidi/8044.mid", "vgmidi"));
    CU_ASSERT(comes_from("a.zip/deep/in/x.mid", "a.zip"));
    CU_ASSERT(comes_from("alone.mid", "."));
    CU_ASSERT(comes_from("", "."));
    told_source(found, sizeof found, "folder/x.mid");
    CU_ASSERT_STRING_EQUAL(found, "fol");
}

static void the_likeliest_is_told_of_equals_the_first(void)
{
    static const double log_p[] = {-2, -1, -3, -1, -4, -4, -4, -0.1};
    int8_t told[2];
    told_likeliest(told, log_p, 2);
    CU_ASSERT_EQUAL(told[0], 1);
    CU_ASSERT_EQUAL(told[1], 3);
}

static void every_teller_has_a_name_of_its_own(void)
{
    for (int a = 0; a < N_TELLERS; a++)
        for (int b = 0; b < a; b++) CU_ASSERT_STRING_NOT_EQUAL(teller_name(a), teller_name(b));
}

const struct suite_test suite_tests[] = {
    {"sources are first components", sources_are_first_components},
    {"the likeliest is told, of equals the first", the_likeliest_is_told_of_equals_the_first},
    {"every teller has a name of its own", every_teller_has_a_name_of_its_own},
    {NULL, NULL},
};
