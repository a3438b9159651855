/* report_page: escaping, bytes that are not UTF-8, short memory. */
#include "report_page.h"
#include "runner.h"

#include <string.h>

const char *const suite_name = "report_page";

#define LOST "\xEF\xBF\xBD"

static bool becomes(const char *text, const char *markup)
{
    struct page page = {0};
    page_text(&page, text);
    const bool same = page.n == strlen(markup) && memcmp(page.text, markup, page.n) == 0;
    if (!same) printf("%s: %.*s\n", markup, (int)page.n, page.text);
    page_fini(&page);
    return same;
}

static void markup_is_escaped(void)
{
    CU_ASSERT(becomes("a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c&#39;"));
    CU_ASSERT(becomes("&amp;", "&amp;amp;"));
    CU_ASSERT(becomes("M\xC3\xA4rz \xE2\x82\xAC \xF0\x9D\x84\x9E\n\t", "M\xC3\xA4rz \xE2\x82\xAC "
                                                                       "\xF0\x9D\x84\x9E\n\t"));
}

static void what_is_no_text_is_replaced(void)
{
    static const char *const BAD[][2] = {
        {"\xFF", LOST},
        {"a\x01z\x7F", "a" LOST "z" LOST},
        {"\x80", LOST},
        {"\xC0\xAF", LOST LOST},                   /* overlong */
        {"\xE0\x80\xAF", LOST LOST LOST},          /* overlong */
        {"\xED\xA0\x80", LOST LOST LOST},          /* a surrogate */
        {"\xF4\x90\x80\x80", LOST LOST LOST LOST}, /* beyond the last character */
        {"\xC3", LOST},                            /* cut short */
        {"\xE2\x82", LOST LOST},
        {"\xE2\x82<", LOST LOST "&lt;"},
        {"\xEF\xBF\xBF", LOST LOST LOST}, /* no character of XML */
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) CU_ASSERT(becomes(BAD[i][0], BAD[i][1]));
}

static void strings_of_json_take_any_bytes(void)
{
    json_t *string = page_string("<a>\xFF");
    CU_ASSERT_STRING_EQUAL(json_string_value(string), "<a>" LOST);
    json_decref(string);
    string = page_string("");
    CU_ASSERT_STRING_EQUAL(json_string_value(string), "");
    json_decref(string);
}

static void thousands_are_parted(void)
{
    struct page page = {0};
    page_count(&page, 0);
    page_put(&page, " ");
    page_count(&page, 999);
    page_put(&page, " ");
    page_count(&page, 1000);
    page_put(&page, " ");
    page_count(&page, -1234567);
    page_put(&page, " ");
    page_count(&page, -123);
    CU_ASSERT_EQUAL(page.n, strlen("0 999 1,000 -1,234,567 -123"));
    CU_ASSERT_NSTRING_EQUAL(page.text, "0 999 1,000 -1,234,567 -123", page.n);
    page_fini(&page);
}

static void short_memory_fails_the_page(void)
{
    struct page page = {0};
    status_fault_set(1);
    page_put(&page, "lost");
    status_fault_set(0);
    CU_ASSERT(page.failed);
    page_put(&page, "nor this");
    CU_ASSERT_EQUAL(page.n, 0);
    page_fini(&page);
    status_fault_set(1);
    CU_ASSERT_PTR_NULL(page_string("x"));
    status_fault_set(0);
}

const struct suite_test suite_tests[] = {
    {"markup is escaped", markup_is_escaped},
    {"what is no text is replaced", what_is_no_text_is_replaced},
    {"strings of JSON take any bytes", strings_of_json_take_any_bytes},
    {"thousands are parted", thousands_are_parted},
    {"short memory fails the page", short_memory_fails_the_page},
    {NULL, NULL},
};
