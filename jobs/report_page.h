/**
 * A page of HTML in the making.  It is well-formed XML too, so that any parser can check it.
 *
 * Markup of the program's own goes in by page_put and page_format, everything that comes from files
 * or the command line by page_text.  When memory is short the page is marked as failed and takes
 * nothing more: only its end has to look.  All functions are Local.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct page {
    char *text; /* (n) owned, room for `room`; not zero-terminated */
    size_t n, room;
    size_t n_pictures; /* begun so far: their identifiers */
    bool failed;
};

/** Adds markup as it is. */
void page_put(struct page *page, const char *markup);

/** Adds markup, printf format, at most 1023 bytes: numbers and the program's own words. */
void page_format(struct page *page, const char *format, ...) STATUS_FORMAT(2, 3);

/**
 * Adds text, escaped for HTML, in elements and in quoted attributes.  Bytes that are not UTF-8, and
 * control characters other than newline and tab, become U+FFFD.
 */
void page_text(struct page *page, const char *text);

/** Adds a whole number, its thousands parted by commas. */
void page_count(struct page *page, long long n);

/** `text` as a JSON string, what is not UTF-8 replaced as in page_text; NULL for want of memory. */
json_t *page_string(const char *text);

/**
 * Begins a picture within a figure; its name and, for those who cannot see it, what it shows.
 *
 * @param width, height  of its coordinates
 */
void page_picture_begin(struct page *page, int width, int height, const char *name,
                        const char *shows);

/** Ends the picture and its figure, with a caption of the program's own words. */
void page_picture_end(struct page *page, const char *caption);

/** The document up to its first heading, and its end. */
void page_begin(struct page *page);
void page_end(struct page *page, const char *version);

/** Frees the text. */
void page_fini(struct page *page);

#endif
