/* affekt report: run folders to one page. */
#include "report.h"

#include "command.h"
#include "file.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

struct asked {
    const char *paths[REPORT_RUNS];
    size_t n_paths;
    const char *out, *music;
};

static const struct argp_option options_table[] = {
    {"out", 'o', "R.html", 0, "The page; a file of that name is replaced by the whole new one", 0},
    {"music", 'm', "DIR", 0, "Also show the MIDI files of this folder", 0},
    {0},
};

static enum status check_complete(const struct asked *asked)
{
    if (asked->n_paths == 0) return status_fail(USAGE, "no RUN given");
    if (!asked->out || !*asked->out) return status_fail(USAGE, "--out R.html is missing");
    return OK;
}

static enum status add_path(struct asked *asked, const char *path)
{
    if (asked->n_paths == REPORT_RUNS) return status_fail(USAGE, "more than %d runs", REPORT_RUNS);
    if (!*path) return status_fail(USAGE, "an empty RUN");
    asked->paths[asked->n_paths++] = path;
    return OK;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct asked *asked = state->input;
    enum status status = OK;
    switch (key) {
    case 'o': asked->out = text; break;
    case 'm': asked->music = text; break;
    case ARGP_KEY_ARG: status = add_path(asked, text); break;
    case ARGP_KEY_END: status = check_complete(asked); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static void write_text(struct page *page, const json_t *string)
{
    page_text(page, json_string_value(string));
}

/* What was left out of a run, or of none (NULL). */
static void write_missing(struct report *report, const char *run, bool *any)
{
    struct page *page = &report->page;
    json_t *name = run ? page_string(run) : json_null(), *entry;
    bool named = false;
    size_t i;
    json_array_foreach(report->left_out, i, entry)
    {
        if (!json_equal(json_object_get(entry, "run"), name)) continue;
        page_put(page, *any ? "; " : "");
        *any = true;
        if (run && !named) {
            page_put(page, "<strong>");
            page_text(page, run);
            page_put(page, "</strong>: ");
        }
        named = true;
        write_text(page, json_object_get(entry, "what"));
        page_put(page, " (");
        write_text(page, json_object_get(entry, "why"));
        page_put(page, ")");
    }
    json_decref(name);
}

/* What was left out, in one line. */
static void write_left_out(struct report *report)
{
    bool any = false;
    if (json_array_size(report->left_out) == 0) return;
    page_put(&report->page, "<h2>Left out</h2>\n<p id=\"left-out\">");
    for (size_t r = 0; r < report->n_runs; r++) {
        size_t before = 0;
        while (strcmp(report->runs[before].name, report->runs[r].name) != 0) before++;
        if (before == r) write_missing(report, report->runs[r].name, &any);
    }
    write_missing(report, NULL, &any);
    page_put(&report->page, ".</p>\n");
}

static enum status write_page(struct report *report, const char *out)
{
    struct page *page = &report->page;
    page_begin(page);
    report_head(report);
    report_curves(report);
    report_measures(report);
    report_plane(report);
    report_rolls(report);
    write_left_out(report);
    page_end(page, AFFEKT_VERSION);
    if (page->failed) return status_fail(FAILED, "%s: no memory for the page", out);
    return file_write(out, page->text, page->n);
}

static json_t *run_json(const struct report_run *run)
{
    const double last = run->has_curves ? run->curves.last_step : -1;
    return json_pack("{s:o, s:o, s:o, s:b, s:b, s:I, s:I}", "run", page_string(run->name),
                     "last_step", last < 0 ? json_null() : json_integer((json_int_t)last),
                     "checkpoint_step", run->step < 0 ? json_null() : json_integer(run->step),
                     "complete", run->complete, "evaluated", run->evaluation != NULL,
                     "metrics_lines", (json_int_t)run->curves.n_lines, "metrics_lines_passed_over",
                     (json_int_t)run->curves.n_bad);
}

static json_t *result_json(const struct report *report, const char *out)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < report->n_runs; i++)
        json_array_append_new(runs, run_json(&report->runs[i]));
    return json_pack("{s:o, s:I, s:o, s:I, s:O}", "file", page_string(out), "bytes",
                     (json_int_t)report->page.n, "runs", runs, "pieces",
                     (json_int_t)report->n_pieces, "left_out", report->left_out);
}

static enum status tell(const struct report *report, const struct group *world, const char *out,
                        bool json)
{
    const size_t n = json_array_size(report->left_out);
    struct progress progress;
    if (json) return command_result(world, result_json(report, out));
    puts(out);
    command_progress(&progress, world);
    if (n > 0) progress_note(&progress, "left out: %zu parts, named at the end of the page", n);
    progress_fini(&progress);
    return OK;
}

static enum status make(const struct asked *asked, const struct group *world, bool json)
{
    enum status status = OK;
    struct report *report = calloc(1, sizeof *report);
    if (report) report->left_out = json_array();
    if (!report || !report->left_out) FAIL(FAILED, "no memory for the report");
    report->music = asked->music;
    for (size_t i = 0; i < asked->n_paths; i++) TRY(report_read(report, asked->paths[i]));
    TRY(write_page(report, asked->out));
    TRY(tell(report, world, asked->out, json));
done:
    for (size_t i = 0; report && i < report->n_runs; i++) report_run_fini(&report->runs[i]);
    if (report) {
        json_decref(report->left_out);
        page_fini(&report->page);
    }
    free(report);
    return status;
}

enum status report_verb_run(struct group *world, int argc, char **argv)
{
    enum status status = OK;
    struct asked asked = {0};
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .args_doc = "RUN...",
        .doc = "Makes one page of HTML of run folders: what they are, learning curves, what affekt "
               "evaluate measured, held-out pieces in the plane of the emotions, piano rolls of "
               "the pieces in RUN/samples."
               "\vThe page needs no network, no script and no other file.  What a run folder does "
               "not hold is left out and named at the page's end.  Several runs are drawn into "
               "the same plots.",
    };
    struct command_line line = {.argp = &argp, .input = &asked};
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    TRY(make(&asked, world, line.json));
done:
    return status;
}
