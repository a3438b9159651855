/* The report: the ranks' reasons gathered, one CSV row an input. */
#define _GNU_SOURCE
#include "pack_report.h"

#include "csv.h"
#include "replace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The reasons of all ranks: rank r's offsets count from starts[r]. */
struct reasons {
    char *text;
    size_t *starts;
};

static enum status gather_reasons(struct reasons *reasons, struct group *group,
                                  const struct pack_store *store)
{
    enum status status = OK;
    const size_t size = (size_t)group_size(group);
    size_t *counts = status_fault() ? NULL : calloc(size, sizeof *counts);
    reasons->starts = status_fault() ? NULL : calloc(size + 1, sizeof *reasons->starts);
    if (!counts || !reasons->starts) status = status_fail(FAILED, "out of memory");
    TRY(group_agree(group, status));
    group_gather_sizes(group, counts, store->n_text);
    for (size_t r = 0; r < size; r++) reasons->starts[r + 1] = reasons->starts[r] + counts[r];
    reasons->text = status_fault() ? NULL : malloc(reasons->starts[size] + 1);
    if (!reasons->text) status = status_fail(FAILED, "out of memory for the report");
    TRY(group_agree(group, status));
    group_gather_all(group, reasons->text, store->text, counts);
done:
    free(counts);
    return status;
}

static void write_row(FILE *file, const struct pack_plan *plan, const struct packed *record,
                      const struct reasons *reasons)
{
    static const char *const notes[] = {
        [NOTE_ALREADY_THERE] = "already in the corpus",
        [NOTE_WITH_COPY] = "its copies lie in another split than asked for, so it does too",
    };
    const char *reason =
        reasons->text + reasons->starts[packed_owner(record, plan->n_ranks)] + record->reason;
    if (record->note) reason = notes[record->note];
    csv_write(file, input_name(plan->inputs, record->input), ',');
    csv_write(file, outcome_names[record->outcome], ',');
    csv_write(file, reason, ',');
    fprintf(file, "%u,%u,%u\n", record->n_segments, record->n_events, record->damaged);
}

static enum status write_file(const struct pack_plan *plan, const struct reasons *reasons,
                              const char *path)
{
    enum status status = OK;
    FILE *file = NULL;
    char *temporary = NULL;
    const size_t n = plan->inputs->n;
    size_t found = 0;
    uint32_t *rows = status_fault() ? NULL : calloc(n + 1, sizeof *rows); /* records */
    if (!rows || asprintf(&temporary, "%s.tmp", path) < 0) {
        temporary = NULL;
        FAIL(FAILED, "%s: out of memory", path);
    }
    for (size_t r = 0; r < plan->n_records; r++) {
        if (plan->records[r].input == PACK_NEW) continue;
        rows[plan->records[r].input] = (uint32_t)r;
        found++;
    }
    ASSERT(found == n); /* every input left one */
    TRY(replace_begin(temporary, 0));
    file = status_fault() ? NULL : fopen(temporary, "we");
    if (!file) FAIL(FAILED, "%s: %s", path, strerror(errno));
    fputs("path,outcome,reason,segments,events,damaged\n", file);
    for (size_t i = 0; i < n; i++) write_row(file, plan, plan->records + rows[i], reasons);
    const int failed = ferror(file) | fclose(file);
    file = NULL;
    if (failed) FAIL(FAILED, "%s: cannot write: %s", path, strerror(errno));
    TRY(replace_finish(temporary, path));
done:
    if (status != OK && temporary) unlink(temporary);
    free(temporary);
    free(rows);
    return status;
}

enum status pack_report_write(const struct pack_plan *plan, struct group *group,
                              const struct pack_store *store, const char *path)
{
    struct reasons reasons = {0};
    enum status status = OK;
    TRY(gather_reasons(&reasons, group, store));
    if (group_rank(group) == 0) status = write_file(plan, &reasons, path);
    TRY(group_agree(group, status));
done:
    free(reasons.text);
    free(reasons.starts);
    return status;
}
