/* Piano rolls of generated pieces. */
#define _GNU_SOURCE
#include "emotion.h"
#include "folder.h"
#include "report.h"
#include "smf.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    BARS = 16,         /* shown of a piece */
    MOST_NOTES = 3000, /* drawn of a piece */
    MOST_NAMES = 100000,
    WIDTH = 560,
    LEFT = 30,
    TOP = 6,
    BOTTOM = 20,
    LOUDNESSES = 3,
};

/* Names of MIDI files in a folder. */
struct names {
    char **name; /* (n) owned */
    size_t n;
};

static int is_midi(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name &&
           (strcasecmp(dot, ".mid") == 0 || strcasecmp(dot, ".midi") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A folder that cannot be listed has none. */
static void names_find(struct names *names, const char *folder)
{
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, is_midi, by_name);
    *names = (struct names){0};
    if (n <= 0) {
        free(entries);
        return;
    }
    names->name = calloc((size_t)n, sizeof *names->name);
    for (int i = 0; i < n; i++) {
        char *name = names->name ? strdup(entries[i]->d_name) : NULL;
        if (name) names->name[names->n++] = name;
        free(entries[i]);
    }
    free(entries);
}

static void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->n; i++) free(names->name[i]);
    free(names->name);
}

/* What of a piece is drawn. */
struct roll {
    const struct score *score;
    int64_t bar[BARS + 1]; /* ticks where bars begin; the first one holds the first note */
    int low, high;         /* pitches, the highest one beyond */
    double row;            /* height of a pitch */
    size_t n_notes;        /* in these bars */
};

static int64_t bar_length(const struct score *score, size_t *next, int64_t tick, int64_t length)
{
    while (*next < score->n_signatures && score->signatures[*next].tick <= tick) {
        const struct score_signature *signature = &score->signatures[(*next)++];
        length = (int64_t)score->division * 4 * signature->numerator / signature->denominator;
    }
    return length > 0 ? length : 1;
}

static bool is_shown(const struct roll *roll, const struct score_note *note)
{
    return note->channel != 9 && note->onset >= roll->bar[0] && note->onset < roll->bar[BARS];
}

/* Finds bars and pitches; false when there is nothing but drums. */
static bool lay_out(struct roll *roll, const struct score *score)
{
    const struct score_note *first = NULL;
    int64_t tick = 0, length = (int64_t)score->division * 4;
    size_t next = 0;
    *roll = (struct roll){.score = score, .low = 128, .high = 0};
    for (size_t i = 0; i < score->n_notes && !first; i++)
        if (score->notes[i].channel != 9) first = &score->notes[i];
    if (!first) return false;
    length = bar_length(score, &next, tick, length);
    while (tick + length <= first->onset) {
        tick += length;
        length = bar_length(score, &next, tick, length);
    }
    for (int b = 0; b <= BARS; b++) {
        roll->bar[b] = tick;
        tick += length;
        length = bar_length(score, &next, tick, length);
    }
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        if (!is_shown(roll, note)) continue;
        roll->n_notes++;
        if (note->pitch < roll->low) roll->low = note->pitch;
        if (note->pitch >= roll->high) roll->high = note->pitch + 1;
    }
    while (roll->high - roll->low < 24) {
        roll->low -= roll->low > 0;
        roll->high += roll->high < 128;
    }
    roll->row = 140.0 / (roll->high - roll->low);
    return true;
}

static double place(const struct roll *roll, int64_t tick)
{
    const double all = (double)(roll->bar[BARS] - roll->bar[0]);
    const double x = (double)(tick - roll->bar[0]) / all;
    return LEFT + (WIDTH - LEFT - 2) * (x < 1 ? x : 1);
}

static void draw_grid(struct page *page, const struct roll *roll)
{
    const double bottom = TOP + roll->row * (roll->high - roll->low);
    for (int b = 0; b <= BARS; b++) {
        const double x = place(roll, roll->bar[b]);
        page_format(page, "<path class=\"grid\" d=\"M%.1f %dV%.1f\"/>", x, TOP, bottom);
        if (b % 4 == 0 && b < BARS)
            page_format(page, "<text class=\"t\" x=\"%.1f\" y=\"%.1f\">%d</text>", x + 2,
                        bottom + 14, b + 1);
    }
    for (int pitch = (roll->low + 11) / 12 * 12; pitch < roll->high; pitch += 12) {
        const double y = TOP + roll->row * (roll->high - pitch);
        page_format(page, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y, WIDTH - 2);
        page_format(page, "<text class=\"t e\" x=\"%d\" y=\"%.1f\">C%d</text>", LEFT - 4, y,
                    pitch / 12 - 1);
    }
    page_put(page, "\n");
}

/* Notes as lines, the soft ones paler: a path for each loudness. */
static void draw_notes(struct page *page, const struct roll *roll)
{
    static const double OPACITY[LOUDNESSES] = {0.5, 0.75, 1};
    for (int l = 0; l < LOUDNESSES; l++) {
        size_t n = 0;
        page_format(page, "<path class=\"note\" stroke-width=\"%.1f\" stroke-opacity=\"%g\" d=\"",
                    0.85 * roll->row, OPACITY[l]);
        for (size_t i = 0; i < roll->score->n_notes && n < MOST_NOTES; i++) {
            const struct score_note *note = &roll->score->notes[i];
            if (!is_shown(roll, note)) continue;
            n++;
            if (note->velocity * LOUDNESSES / 128 != l) continue;
            const double x = place(roll, note->onset), end = place(roll, note->end);
            page_format(page, "M%.1f %.1fh%.1f", x,
                        TOP + roll->row * (roll->high - note->pitch - 0.5),
                        end - x > 1.2 ? end - x - 0.5 : 0.7);
        }
        page_put(page, "\"/>\n");
    }
}

/* "happy" of happy-0001.mid; NULL of other names. */
static const char *emotion_of_name(const char *name)
{
    char word[16];
    const size_t n = strcspn(name, "-.");
    if (n == 0 || n >= sizeof word) return NULL;
    memcpy(word, name, n);
    word[n] = 0;
    const int emotion = emotion_parse(word);
    return emotion < 0 ? NULL : emotion_names[emotion];
}

static void draw_piece(struct report *report, const char *path, const char *name,
                       const struct score *score)
{
    struct roll roll;
    char shows[256], caption[REPORT_PATH];
    struct page *page = &report->page;
    if (!lay_out(&roll, score)) {
        report_miss(report, NULL, path, "no pitched notes");
        return;
    }
    const char *emotion = emotion_of_name(name);
    snprintf(shows, sizeof shows,
             "Piano roll of %zu notes, pitches %d to %d, in the first %d bars.", roll.n_notes,
             roll.low, roll.high - 1, BARS);
    snprintf(caption, sizeof caption, "%s: %s%s%zu notes in the first %d bars", name,
             emotion ? emotion : "", emotion ? ", " : "", roll.n_notes, BARS);
    page_format(page, "<div class=\"%s\">", emotion ? emotion : "s0");
    page_picture_begin(page, WIDTH, (int)(TOP + roll.row * (roll.high - roll.low) + BOTTOM), name,
                       shows);
    draw_grid(page, &roll);
    draw_notes(page, &roll);
    page_picture_end(page, caption);
    page_put(page, "</div>\n");
    report->n_pieces++;
}

static void read_piece(struct report *report, const char *folder, const char *name)
{
    const struct smf_options options = {.pedal = false};
    struct smf_report said;
    struct score score = {0};
    char path[FOLDER_PATH_BYTES];
    if (folder_join(path, folder, name) != OK) return;
    if (smf_read(&score, &said, path, &options) == OK)
        draw_piece(report, path, name, &score);
    else
        report_miss(report, NULL, path, "no MIDI file that can be read");
    score_fini(&score);
}

/* Opens the section with its first folder. */
static void begin_folder(struct report *report, const char *folder, size_t shown, size_t n,
                         bool *any)
{
    struct page *page = &report->page;
    if (!*any)
        page_put(page,
                 "<h2>Generated pieces</h2>\n<p class=\"soft\">Notes by time (bars, from left "
                 "to right) and pitch (C4 is the middle C); paler ones are softer.</p>\n");
    *any = true;
    page_put(page, "<h3>");
    page_text(page, folder);
    page_put(page, "</h3>\n");
    if (shown < n)
        page_format(page, "<p class=\"soft\">%zu of %zu pieces, evenly drawn by name.</p>\n", shown,
                    n);
    page_put(page, "<div class=\"rolls\">\n");
}

/* Draws at most `most` of a folder's pieces; how many it has. */
static size_t draw_folder(struct report *report, const char *folder, size_t most, bool *any)
{
    struct names names;
    names_find(&names, folder);
    const size_t n = names.n, shown = n < most ? n : most;
    if (shown > 0) {
        begin_folder(report, folder, shown, n, any);
        for (size_t i = 0; i < shown; i++) read_piece(report, folder, names.name[i * n / shown]);
        page_put(&report->page, "</div>\n");
    }
    names_fini(&names);
    return n;
}

void report_rolls(struct report *report)
{
    bool any = false;
    char samples[FOLDER_PATH_BYTES];
    const size_t share = REPORT_PIECES / report->n_runs, most = share > 0 ? share : 1;
    for (size_t r = 0; r < report->n_runs; r++) {
        const char *name = report->runs[r].name;
        size_t n = 0;
        if (folder_join(samples, name, "samples") == OK)
            n = draw_folder(report, samples, most, &any);
        if (n < most) n += draw_folder(report, name, most - n, &any);
        if (n == 0) report_miss(report, name, "samples", "no MIDI files");
    }
    if (report->music && draw_folder(report, report->music, REPORT_PIECES, &any) == 0)
        report_miss(report, NULL, report->music, "no MIDI files");
}
