/* picture: notes where they should be, sizes, pieces of any length, failures. */
#define _GNU_SOURCE
#include "picture.h"

#include "runner.h"

#include <cairo.h>
#include <string.h>
#include <unistd.h>

static const char *const path = TEST_BINARY_DIR "/test_picture.png";

/* Sum of a pixel's colours, 0 black to 765 white. */
static int brightness(cairo_surface_t *picture, int x, int y)
{
    const unsigned char *row =
        cairo_image_surface_get_data(picture) + y * cairo_image_surface_get_stride(picture);
    return row[4 * x] + row[4 * x + 1] + row[4 * x + 2];
}

static cairo_surface_t *draw(const struct score *score)
{
    CU_ASSERT_EQUAL_FATAL(picture_score(score, path), OK);
    cairo_surface_t *picture = cairo_image_surface_create_from_png(path);
    CU_ASSERT_EQUAL_FATAL(cairo_surface_status(picture), CAIRO_STATUS_SUCCESS);
    return picture;
}

/* Two quarters, soft then loud, a fifth apart: margins of 40, 24 pixels a quarter, 7 a semitone. */
static void draws_notes_in_place(void)
{
    struct score_note notes[] = {{.onset = 0, .end = 480, .pitch = 60, .velocity = 20},
                                 {.onset = 480, .end = 960, .pitch = 67, .velocity = 127}};
    const struct score score = {.division = 480, .notes = notes, .n_notes = 2, .end = 4 * 480};
    cairo_surface_t *picture = draw(&score);
    const int height = cairo_image_surface_get_height(picture);
    CU_ASSERT_EQUAL(cairo_image_surface_get_width(picture), 80 + 4 * 24);
    CU_ASSERT_EQUAL((height - 80) % 7, 0);
    int soft = -1, loud = -1;
    for (int y = 40; y < height - 40; y++) {
        if (brightness(picture, 40 + 12, y) < 600) soft = y;
        if (brightness(picture, 40 + 36, y) < 600) loud = y;
    }
    CU_ASSERT_EQUAL(soft - loud, 7 * 7);
    CU_ASSERT(brightness(picture, 40 + 36, loud) < brightness(picture, 40 + 12, soft) - 100);
    CU_ASSERT(brightness(picture, 40 + 36, soft) > 650); /* the soft one has ended */
    CU_ASSERT(brightness(picture, 40, soft + 14) < 650); /* a bar line */
    cairo_surface_destroy(picture);
}

static void long_and_empty_pieces_fit(void)
{
    struct score_note note = {.onset = 960000000, .end = 960000480, .pitch = 127, .velocity = 64};
    struct score_signature three = {.tick = 0, .numerator = 1, .denominator = 128};
    const struct score endless = {
        .division = 480, .notes = &note, .n_notes = 1, .signatures = &three, .n_signatures = 1};
    const struct score empty = {.division = 480};
    cairo_surface_t *picture = draw(&endless);
    CU_ASSERT(cairo_image_surface_get_width(picture) <= PICTURE_WIDTH);
    cairo_surface_destroy(picture);
    picture = draw(&empty);
    CU_ASSERT(cairo_image_surface_get_width(picture) > 80);
    cairo_surface_destroy(picture);
}

static void failures_leave_what_was_there(void)
{
    const struct score empty = {.division = 480};
    cairo_surface_destroy(draw(&empty));
    status_fault_set(1);
    CU_ASSERT_EQUAL(picture_score(&empty, path), FAILED);
    status_fault_set(0);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "test_picture.png: cannot be drawn"));
    CU_ASSERT_EQUAL(access(path, R_OK), 0);
    CU_ASSERT_EQUAL(picture_score(&empty, "/no/such/folder/a.png"), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/no/such/folder/a.png"));
    unlink(path);
}

const char *const suite_name = "picture";
const struct suite_test suite_tests[] = {
    {"draws notes in place", draws_notes_in_place},
    {"long and empty pieces fit", long_and_empty_pieces_fit},
    {"failures leave what was there", failures_leave_what_was_there},
    {NULL, NULL},
};
