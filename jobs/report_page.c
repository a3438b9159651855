/* Markup and escaped text. */
#include "report_page.h"

#include "report_style.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT_ROOM = 1024, FIRST_ROOM = 1 << 16 };

static void add(struct page *page, const char *bytes, size_t n)
{
    if (page->failed) return;
    if (page->n + n > page->room) {
        size_t room = page->room ? page->room : FIRST_ROOM;
        while (room < page->n + n) room *= 2;
        char *text = status_fault() ? NULL : realloc(page->text, room);
        if (!text) {
            page->failed = true;
            return;
        }
        page->text = text;
        page->room = room;
    }
    memcpy(page->text + page->n, bytes, n);
    page->n += n;
}

void page_put(struct page *page, const char *markup)
{
    add(page, markup, strlen(markup));
}

void page_format(struct page *page, const char *format, ...)
{
    char text[FORMAT_ROOM];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ASSERT(n >= 0 && n < FORMAT_ROOM);
    add(page, text, (size_t)n);
}

/* Bytes of the UTF-8 character at `text`, 0 if there is none: overlong forms, surrogates and what
 * lies beyond U+10FFFF are none.  Source: RFC 3629, section 4. */
static size_t character_size(const unsigned char *text)
{
    const unsigned char lead = text[0];
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    if (lead == 0xEF && text[1] == 0xBF && text[2] >= 0xBE) return 0; /* no characters in XML */
    return size;
}

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* Adds text made UTF-8, escaped or not. */
static void add_text(struct page *page, const char *text, bool escaped)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        const size_t size = character_size(at);
        const char *escape = escaped ? escape_of(*at) : NULL;
        const bool control = (*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7F;
        if (size == 0 || control)
            page_put(page, "\xEF\xBF\xBD");
        else if (escape)
            page_put(page, escape);
        else
            add(page, (const char *)at, size);
        at += size ? size : 1;
    }
}

void page_text(struct page *page, const char *text)
{
    add_text(page, text, true);
}

void page_count(struct page *page, long long n)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%lld", n);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') add(page, ",", 1);
        add(page, digits + i, 1);
    }
}

json_t *page_string(const char *text)
{
    struct page clean = {0};
    add_text(&clean, text, false);
    json_t *string = clean.failed ? NULL : json_stringn(clean.text ? clean.text : "", clean.n);
    page_fini(&clean);
    return string;
}

void page_picture_begin(struct page *page, int width, int height, const char *name,
                        const char *shows)
{
    const size_t id = ++page->n_pictures;
    page_format(page,
                "<figure><svg viewBox=\"0 0 %d %d\" style=\"max-width:%dpx\" role=\"img\" "
                "aria-labelledby=\"t%zu d%zu\"><title id=\"t%zu\">",
                width, height, width, id, id, id);
    page_text(page, name);
    page_format(page, "</title><desc id=\"d%zu\">", id);
    page_text(page, shows);
    page_put(page, "</desc>\n");
}

void page_picture_end(struct page *page, const char *caption)
{
    page_put(page, "</svg><figcaption>");
    page_text(page, caption);
    page_put(page, "</figcaption></figure>\n");
}

void page_begin(struct page *page)
{
    page_put(page,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
             "'unsafe-inline'\"/>\n<title>affekt report</title>\n<style>\n");
    for (size_t i = 0; report_style[i]; i++) {
        page_put(page, report_style[i]);
        page_put(page, "\n");
    }
    page_put(page, "</style>\n</head>\n<body>\n<main>\n<h1>affekt report</h1>\n");
}

void page_end(struct page *page, const char *version)
{
    page_put(page, "<footer>Made by affekt ");
    page_text(page, version);
    page_put(page, " from what the run folders hold.</footer>\n</main>\n</body>\n</html>\n");
}

void page_fini(struct page *page)
{
    free(page->text);
    *page = (struct page){0};
}
