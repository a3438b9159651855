/* status: messages, prefixes, the fault counter. */
#include "runner.h"
#include "status.h"

#include <string.h>

static void keeps_one_line(void)
{
    CU_ASSERT_EQUAL(status_fail(USAGE, "a %d\nb", 3), USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(), "a 3 b");
    CU_ASSERT_EQUAL(status_prefix(FAILED, "file %s", "x.h5"), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "file x.h5: a 3 b");
}

static void cuts_long_messages(void)
{
    char text[4 * STATUS_MESSAGE_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    (void)status_fail(FAILED, "%s", text);
    CU_ASSERT_EQUAL(strlen(status_message()), STATUS_MESSAGE_SIZE - 1);
    (void)status_prefix(FAILED, "%s", text);
    CU_ASSERT(strlen(status_message()) < STATUS_MESSAGE_SIZE);
}

static void counts_faults(void)
{
    status_fault_set(3);
    CU_ASSERT_FALSE(status_fault());
    CU_ASSERT_FALSE(status_fault());
    CU_ASSERT_TRUE(status_fault());
    CU_ASSERT_FALSE(status_fault());
}

const char *const suite_name = "status";
const struct suite_test suite_tests[] = {
    {"keeps one line", keeps_one_line},
    {"cuts long messages", cuts_long_messages},
    {"counts faults", counts_faults},
    {NULL, NULL},
};
