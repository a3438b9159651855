/* A run folder, part by part. */
#define _GNU_SOURCE
#include "checkpoint.h"
#include "file.h"
#include "folder.h"
#include "report.h"
#include "run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DOCUMENT_BYTES = 64 << 20 };

static const char *const PARTS[] = {"config.ini", "metrics.jsonl", "evaluation.json",
                                    "checkpoints"};
enum { N_PARTS = sizeof PARTS / sizeof *PARTS };

void report_miss(struct report *report, const char *run, const char *what, const char *why)
{
    json_t *entry = json_pack("{s:o, s:o, s:o}", "run", run ? page_string(run) : json_null(),
                              "what", page_string(what), "why", page_string(why));
    if (json_array_append_new(report->left_out, entry) != 0) report->page.failed = true;
}

json_t *report_at(const json_t *document, const char *path)
{
    char part[128];
    json_t *at = NULL;
    for (const char *rest = path; *rest; document = at) {
        const size_t n = strcspn(rest, ".");
        if (n >= sizeof part) return NULL;
        memcpy(part, rest, n);
        part[n] = 0;
        at = json_object_get(document, part);
        if (!at) return NULL;
        rest += n + (rest[n] == '.');
    }
    return at;
}

const char *report_left_out(const struct report_run *run, const char *otherwise)
{
    const char *reason = json_string_value(report_at(run->evaluation, "left_out.reason"));
    return reason ? reason : otherwise;
}

static enum status check_folder(const struct report_run *run)
{
    struct stat about;
    char path[FOLDER_PATH_BYTES];
    if (stat(run->name, &about) != 0)
        return status_fail(FAILED, "%s: %s", run->name, strerror(errno));
    if (!S_ISDIR(about.st_mode)) return status_fail(FAILED, "%s: not a folder", run->name);
    for (int i = 0; i < N_PARTS; i++)
        if (folder_join(path, run->name, PARTS[i]) == OK && access(path, F_OK) == 0) return OK;
    return status_fail(FAILED,
                       "%s: not a run folder: no config.ini, metrics.jsonl, evaluation.json or "
                       "checkpoints in it",
                       run->name);
}

/* Whether the part is there; notes that it is not. */
static bool find_part(struct report *report, const struct report_run *run, const char *part,
                      char path[FOLDER_PATH_BYTES])
{
    if (folder_join(path, run->name, part) == OK && access(path, F_OK) == 0) return true;
    report_miss(report, run->name, part, "not there");
    return false;
}

/* Why a part could not be used, without the path that the message begins with. */
static const char *reason(const char *path)
{
    const char *message = status_message();
    const size_t n = strlen(path);
    return strncmp(message, path, n) == 0 && message[n] == ':'
               ? message + n + 1 + (message[n + 1] == ' ')
               : message;
}

static void read_config(struct report *report, struct report_run *run)
{
    char path[FOLDER_PATH_BYTES];
    unsigned char *bytes = NULL;
    size_t size;
    if (!find_part(report, run, "config.ini", path)) return;
    enum status status = file_read(&bytes, &size, path, CONFIG_MAX_BYTES);
    if (status == OK) run->config_text = strndup((const char *)bytes, size);
    free(bytes);
    if (status == OK) status = config_init(&run->config, NULL);
    if (status == OK) status = config_file(&run->config, path);
    run->has_config = status == OK;
    if (status != OK) report_miss(report, run->name, "config.ini", reason(path));
}

static void read_curves(struct report *report, struct report_run *run)
{
    char path[FOLDER_PATH_BYTES], why[96];
    if (!find_part(report, run, "metrics.jsonl", path)) return;
    run->has_curves = curves_read(&run->curves, path) == OK;
    if (!run->has_curves) report_miss(report, run->name, "metrics.jsonl", reason(path));
    if (run->curves.n_bad == 0) return;
    snprintf(why, sizeof why, "no metrics in them: passed over");
    char what[96];
    snprintf(what, sizeof what, "%zu of %zu lines of metrics.jsonl", run->curves.n_bad,
             run->curves.n_lines);
    report_miss(report, run->name, what, why);
}

static void read_evaluation(struct report *report, struct report_run *run)
{
    char path[FOLDER_PATH_BYTES];
    unsigned char *bytes = NULL;
    size_t size;
    json_error_t error;
    if (!find_part(report, run, "evaluation.json", path)) return;
    if (file_read(&bytes, &size, path, DOCUMENT_BYTES) != OK) {
        report_miss(report, run->name, "evaluation.json", reason(path));
        return;
    }
    run->evaluation = json_loadb((const char *)bytes, size, 0, &error);
    free(bytes);
    if (json_is_object(run->evaluation)) return;
    report_miss(report, run->name, "evaluation.json",
                run->evaluation ? "not an object of JSON" : error.text);
    json_decref(run->evaluation);
    run->evaluation = NULL;
}

static long long count_parameters(const char *path)
{
    struct checkpoint_field *fields = NULL;
    size_t n = 0;
    long long count = 0;
    if (checkpoint_list(path, &fields, &n) != OK) return -1;
    for (size_t i = 0; i < n; i++)
        if (strncmp(fields[i].name, "model/", strlen("model/")) == 0)
            count += (long long)(fields[i].rows * fields[i].columns);
    free(fields);
    return count;
}

static void read_checkpoint(struct report *report, struct report_run *run)
{
    struct run_folder folder = {.lock = -1};
    char path[FOLDER_PATH_BYTES];
    _Static_assert((int)FOLDER_PATH_BYTES >= (int)RUN_FOLDER_PATH, "room for a checkpoint's path");
    if (!find_part(report, run, "checkpoints", path)) return;
    if (strlen(run->name) >= sizeof folder.path) return;
    snprintf(folder.path, sizeof folder.path, "%s", run->name);
    if (run_folder_newest(&folder, path) != OK) {
        report_miss(report, run->name, "checkpoints", reason(run->name));
        return;
    }
    const char *name = strrchr(path, '/');
    if (!name || sscanf(name, "/step-%lld.h5", &run->step) != 1) {
        report_miss(report, run->name, "checkpoints", "none is there");
        return;
    }
    run->n_parameters = count_parameters(path);
}

enum status report_read(struct report *report, const char *path)
{
    enum status status = OK;
    char complete[FOLDER_PATH_BYTES];
    struct report_run *run = &report->runs[report->n_runs];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    *run = (struct report_run){.step = -1, .n_parameters = -1};
    char *name = status_fault() ? NULL : strndup(path, n);
    if (!name) FAIL(FAILED, "no memory for the path of a run");
    run->name = name;
    report->n_runs++;
    TRY(check_folder(run));
    read_config(report, run);
    read_curves(report, run);
    read_evaluation(report, run);
    read_checkpoint(report, run);
    TRY(folder_join(complete, run->name, "complete"));
    run->complete = access(complete, F_OK) == 0;
done:
    return status;
}

void report_run_fini(struct report_run *run)
{
    if (run->has_curves) curves_fini(&run->curves);
    json_decref(run->evaluation);
    free(run->config_text);
    free((char *)run->name);
    *run = (struct report_run){0};
}
