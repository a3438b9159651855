/* Piano rolls by cairo. */
#include "picture.h"

#include "file.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MARGIN = 40,
    QUARTER = 24,   /* pixels, in a piece that is not too long */
    SEMITONE = 7,   /* pixels */
    LEAST_ROWS = 25 /* of pitches */
};

/* Where time and pitch lie on the picture. */
struct roll {
    const struct score *score;
    cairo_t *cairo;
    double end;     /* ticks */
    double quarter; /* pixels */
    int low, high;  /* pitches shown */
    int width, height;
};

/* The encoded picture. */
struct png {
    unsigned char *bytes;
    size_t size, room;
};

static cairo_status_t keep_bytes(void *closure, const unsigned char *data, unsigned length)
{
    struct png *png = closure;
    if (png->size + length > png->room) {
        const size_t room = 2 * (png->size + length);
        unsigned char *bytes = status_fault() ? NULL : realloc(png->bytes, room);
        if (!bytes) return CAIRO_STATUS_NO_MEMORY;
        png->bytes = bytes;
        png->room = room;
    }
    memcpy(png->bytes + png->size, data, length);
    png->size += length;
    return CAIRO_STATUS_SUCCESS;
}

static double x_of(const struct roll *roll, double tick)
{
    return MARGIN + tick / roll->score->division * roll->quarter;
}

static double y_of(const struct roll *roll, int pitch)
{
    return MARGIN + (roll->high - pitch) * (double)SEMITONE;
}

static void measure(struct roll *roll)
{
    const struct score *score = roll->score;
    roll->end = (double)score->end;
    roll->low = 127;
    roll->high = 0;
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        roll->end = fmax(roll->end, (double)note->end);
        if (note->pitch < roll->low) roll->low = note->pitch;
        if (note->pitch > roll->high) roll->high = note->pitch;
    }
    if (score->n_notes == 0) roll->low = roll->high = 60;
    while (roll->high - roll->low + 1 < LEAST_ROWS) {
        if (roll->high < 127) roll->high++;
        if (roll->low > 0) roll->low--;
    }
    const double quarters = roll->end / score->division;
    roll->quarter = fmin(QUARTER, (PICTURE_WIDTH - 2 * MARGIN) / fmax(quarters, 1));
    roll->width = 2 * MARGIN + (int)ceil(fmax(quarters, 1) * roll->quarter);
    roll->height = 2 * MARGIN + (roll->high - roll->low + 1) * SEMITONE;
    if (roll->width > PICTURE_WIDTH) roll->width = PICTURE_WIDTH;
}

static void draw_keys(const struct roll *roll)
{
    static const bool BLACK[12] = {[1] = true, [3] = true, [6] = true, [8] = true, [10] = true};
    cairo_t *c = roll->cairo;
    char name[16];
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    for (int pitch = roll->low; pitch <= roll->high; pitch++) {
        cairo_set_source_rgb(c, .94, .95, .96);
        cairo_rectangle(c, MARGIN, y_of(roll, pitch), roll->width - 2.0 * MARGIN, SEMITONE);
        if (BLACK[pitch % 12])
            cairo_fill(c);
        else
            cairo_new_path(c);
        if (pitch % 12 != 0) continue;
        snprintf(name, sizeof name, "C%d", pitch / 12 - 1);
        cairo_set_source_rgb(c, .35, .35, .4);
        cairo_move_to(c, 8, y_of(roll, pitch) + SEMITONE);
        cairo_show_text(c, name);
    }
}

static void draw_line(const struct roll *roll, double tick, double grey)
{
    const double x = floor(x_of(roll, tick)) + 0.5;
    cairo_set_source_rgb(roll->cairo, grey, grey, grey);
    cairo_move_to(roll->cairo, x, MARGIN);
    cairo_line_to(roll->cairo, x, roll->height - MARGIN);
    cairo_stroke(roll->cairo);
}

/* A bar line, with its number where the one before leaves room. */
static void draw_bar(const struct roll *roll, double tick, size_t number, double *numbered)
{
    static const double ROOM = 36; /* pixels of a number */
    const double x = x_of(roll, tick);
    char text[24];
    draw_line(roll, tick, .8);
    if (number > 1 && x - *numbered < ROOM) return;
    *numbered = x;
    snprintf(text, sizeof text, "%zu", number);
    cairo_set_source_rgb(roll->cairo, .35, .35, .4);
    cairo_move_to(roll->cairo, x + 2, MARGIN - 6);
    cairo_show_text(roll->cairo, text);
}

/* Bar lines by the signatures; of bars too short to be seen apart one in many. */
static void draw_bars(const struct roll *roll)
{
    static const double APART = 4; /* pixels between lines */
    const struct score *score = roll->score;
    const double quarter = score->division;
    size_t next = 0, bar = 1;
    double length = 4 * quarter, numbered = 0, tick = 0;
    cairo_set_line_width(roll->cairo, 1);
    while (tick < roll->end) {
        for (; next < score->n_signatures && (double)score->signatures[next].tick <= tick; next++)
            length = 4 * quarter * score->signatures[next].numerator /
                     score->signatures[next].denominator;
        const size_t stride = (size_t)ceil(APART / (length / quarter * roll->quarter));
        draw_bar(roll, tick, bar, &numbered);
        tick += length * (double)stride;
        bar += stride;
    }
    draw_line(roll, roll->end, .8);
}

static void draw_notes(const struct roll *roll)
{
    for (size_t i = 0; i < roll->score->n_notes; i++) {
        const struct score_note *note = &roll->score->notes[i];
        const double x = x_of(roll, (double)note->onset), end = x_of(roll, (double)note->end);
        const double pale = 1 - note->velocity / 127.0;
        cairo_set_source_rgb(roll->cairo, .05 + .6 * pale, .25 + .5 * pale, .55 + .35 * pale);
        cairo_rectangle(roll->cairo, x, y_of(roll, note->pitch), fmax(end - x - 1, 1),
                        SEMITONE - 1);
        cairo_fill(roll->cairo);
    }
}

enum status picture_score(const struct score *score, const char *path)
{
    enum status status = OK;
    struct roll roll = {.score = score};
    struct png png = {0};
    measure(&roll);
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, roll.width, roll.height);
    roll.cairo = cairo_create(surface);
    cairo_select_font_face(roll.cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(roll.cairo, 11);
    draw_keys(&roll);
    draw_bars(&roll);
    draw_notes(&roll);
    const cairo_status_t drawn = cairo_status(roll.cairo);
    cairo_destroy(roll.cairo);
    const cairo_status_t written =
        drawn ? drawn : cairo_surface_write_to_png_stream(surface, keep_bytes, &png);
    cairo_surface_destroy(surface);
    if (written) FAIL(FAILED, "%s: cannot be drawn: %s", path, cairo_status_to_string(written));
    TRY(file_write(path, png.bytes, png.size));
done:
    free(png.bytes);
    return status;
}
