/* Reading, checking and writing a configuration. */
#define _GNU_SOURCE
#include "config.h"

#include "file.h"
#include "nearest.h"
#include "options.h"

#include <ctype.h>
#include <ini.h>
#include <string.h>

enum {
    LINE_MAX_BYTES = INI_MAX_LINE - 3, /* inih's buffer less the line's end */
    NAME_MAX_BYTES = 49,               /* inih cuts longer sections and keys */
};

enum status config_init(struct config *config, const char *preset)
{
    char hint[64];
    struct nearest nearest = {.wanted = preset};
    size_t chosen = PRESET_SMALL;
    if (preset) {
        for (chosen = 0; chosen < N_PRESETS; chosen++) {
            if (strcmp(preset_names[chosen], preset) == 0) break;
            nearest_offer(&nearest, preset_names[chosen]);
        }
    }
    if (chosen == N_PRESETS)
        return status_fail(USAGE, "preset '%.40s': is none of tiny, small, base, large%s", preset,
                           nearest_hint(&nearest, hint, sizeof hint));
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < n_options; i++) option_reset(&options[i], config, (enum preset)chosen);
    return OK;
}

const char *config_preset(const struct config *config)
{
    struct config preset = {0};
    for (size_t p = 0; p < N_PRESETS; p++) {
        bool same = true;
        for (size_t i = 0; i < n_options && same; i++) {
            if (strcmp(options[i].section, "model") != 0) continue;
            option_reset(&options[i], &preset, (enum preset)p);
            same = option_same(&options[i], &preset, config);
        }
        if (same) return preset_names[p];
    }
    return "custom";
}

/* What inih sees of the text, line by line, and what has been found in it. */
struct ini_text {
    const char *next;   /* the line not yet given to inih */
    const char *origin; /* names the text in messages */
    int line;           /* of the line given last, from 1 */
    struct config *config;
    bool *seen; /* (n_options) given in this text */
    enum status status;
};

static enum status line_fail(const struct ini_text *text, const char *what)
{
    return status_fail(USAGE, "%.200s:%d: %s", text->origin, text->line, what);
}

static const char *skip_space(const char *s, const char *end)
{
    while (s < end && isspace((unsigned char)*s)) s++;
    return s;
}

/* A section's line: one closed bracket, and nothing after it but a comment. */
static const char *section_fault(const char *line, const char *end)
{
    const char *close = memchr(line, ']', (size_t)(end - line));
    if (!close) return "a section without its ']'";
    if (close - line - 1 > NAME_MAX_BYTES) return "a section's name of more than 49 bytes";
    const char *rest = skip_space(close + 1, end);
    if (rest < end && *rest != ';' && *rest != '#') return "text after a section's ']'";
    return NULL;
}

/* A value's line: `key = value`, where inih would also take a colon, or the first of both. */
static const char *assignment_fault(const char *line, const char *end)
{
    const char *equals = memchr(line, '=', (size_t)(end - line));
    if (!equals) return "no '=' (want key = value)";
    if (memchr(line, ':', (size_t)(equals - line))) return "a ':' before the '='";
    if (equals - line > NAME_MAX_BYTES) return "a key of more than 49 bytes";
    if (skip_space(line, equals) == equals) return "no key before the '='";
    return NULL;
}

/* Why inih would read the line otherwise than it looks, or NULL. */
static const char *line_fault(const char *line, const char *end)
{
    if (end - line > LINE_MAX_BYTES) return "a line of more than 197 bytes";
    for (const char *s = line; s < end; s++)
        if (iscntrl((unsigned char)*s) && *s != '\t') return "a control character";
    const char *start = skip_space(line, end);
    if (start == end || *start == ';' || *start == '#') return NULL;
    if (start > line) return "an indented line (it would continue the line before)";
    return *line == '[' ? section_fault(line, end) : assignment_fault(line, end);
}

_Static_assert(LINE_MAX_BYTES == 197, "the message above names the limit");

/* Where the line that starts at `line` ends, without its \n or \r\n. */
static const char *line_end(const char *line, const char **next)
{
    const char *end = strchrnul(line, '\n');
    *next = *end ? end + 1 : end;
    if (*end && end > line && end[-1] == '\r') end--;
    return end;
}

static enum status check_lines(struct ini_text *text)
{
    const char *line = text->next;
    for (text->line = 1; *line; text->line++) {
        const char *next;
        const char *end = line_end(line, &next);
        const char *fault = line_fault(line, end);
        if (fault) return line_fail(text, fault);
        line = next;
    }
    text->line = 0;
    return OK;
}

/* inih's reader, in the manner of fgets; no line is longer than its buffer. */
static char *give_line(char *buffer, int size, void *stream)
{
    struct ini_text *text = stream;
    const char *next;
    if (!*text->next) return NULL;
    const char *end = line_end(text->next, &next);
    const size_t length = (size_t)(end - text->next);
    ASSERT(length + 2 <= (size_t)size);
    memcpy(buffer, text->next, length);
    memcpy(buffer + length, "\n", 2);
    text->next = next;
    text->line++;
    return buffer;
}

/* inih's handler: 0 tells it of an error; the first one is kept. */
static int take_value(void *user, const char *section, const char *key, const char *value)
{
    struct ini_text *text = user;
    char name[2 * NAME_MAX_BYTES + 4];
    if (text->status != OK) return 0;
    snprintf(name, sizeof name, "%s%s%s", section, *section ? "." : "", key);
    const size_t i = option_find(name);
    if (i == n_options) {
        text->status = option_unknown(name);
    } else if (text->seen[i]) {
        text->status = status_fail(USAGE, "%s: given twice", name);
    } else {
        text->seen[i] = true;
        text->status = option_set(&options[i], text->config, value);
    }
    if (text->status == OK) return 1;
    text->status = status_prefix(text->status, "%.200s:%d", text->origin, text->line);
    return 0;
}

enum status config_text(struct config *config, const char *text, const char *origin)
{
    enum status status = OK;
    struct config changed = *config;
    static const char mark[] = "\xEF\xBB\xBF";
    if (strncmp(text, mark, 3) == 0) text += 3;
    struct ini_text ini = {.next = text, .origin = origin, .config = &changed};
    ini.seen = status_fault() ? NULL : calloc(n_options, sizeof *ini.seen);
    if (!ini.seen) FAIL(FAILED, "%.200s: no memory for the options", origin);
    TRY(check_lines(&ini));
    const int line = ini_parse_stream(give_line, &ini, take_value, &ini);
    TRY(ini.status);
    if (line) FAIL(USAGE, "%.200s:%d: not INI", origin, line);
    *config = changed;
done:
    free(ini.seen);
    return status;
}

enum status config_file(struct config *config, const char *path)
{
    enum status status = OK;
    unsigned char *bytes = NULL;
    char *text = NULL;
    size_t size;
    TRY(file_read(&bytes, &size, path, CONFIG_MAX_BYTES));
    if (memchr(bytes, 0, size)) FAIL(USAGE, "%.200s: not text (a zero byte)", path);
    text = status_fault() ? NULL : strndup((const char *)bytes, size);
    if (!text) FAIL(FAILED, "%.200s: no memory for %zu bytes", path, size);
    TRY(config_text(config, text, path));
done:
    free(text);
    free(bytes);
    return status;
}

/* Copies text without the spaces around it; false when it does not fit. */
static bool copy_trimmed(char *copy, size_t size, const char *start, const char *end)
{
    start = skip_space(start, end);
    while (end > start && isspace((unsigned char)end[-1])) end--;
    if ((size_t)(end - start) >= size) return false;
    memcpy(copy, start, (size_t)(end - start));
    copy[end - start] = 0;
    return true;
}

enum status config_set(struct config *config, const char *assignment)
{
    char name[OPTION_NAME_SIZE], value[OPTION_NAME_SIZE];
    const char *equals = strchr(assignment, '=');
    if (!equals) return status_fail(USAGE, "%.80s: want section.key=value", assignment);
    if (!copy_trimmed(name, sizeof name, assignment, equals))
        return status_fail(USAGE, "%.80s...: no such option", assignment);
    const size_t i = option_find(name);
    if (i == n_options) return option_unknown(name);
    if (!copy_trimmed(value, sizeof value, equals + 1, equals + strlen(equals)))
        return status_fail(USAGE, "%s: a value of more than %zu bytes", name, sizeof value - 1);
    return option_set(&options[i], config, value);
}

enum status config_check(const struct config *config)
{
    if (config->model.width % config->model.heads != 0)
        return status_fail(USAGE, "model.width = %zu: not a multiple of model.heads = %zu",
                           config->model.width, config->model.heads);
    if (config->model.width % 2 != 0)
        return status_fail(USAGE, "model.width = %zu: not even", config->model.width);
    if (config->train.deterministic && config->train.compress != COMPRESS_NONE)
        return status_fail(USAGE,
                           "train.compress = bf16: not with train.deterministic = true: what is "
                           "rounded off depends on the ranks");
    if (config->data.folds == 1)
        return status_fail(USAGE, "data.folds = 1: must be 0 or at least 2");
    if (config->data.folds ? config->data.fold >= config->data.folds : config->data.fold > 0)
        return status_fail(USAGE, "data.fold = %zu: not below data.folds = %zu", config->data.fold,
                           config->data.folds);
    if (config->objective.temperature_end > config->objective.temperature_start)
        return status_fail(USAGE,
                           "objective.temperature_end = %g: above objective.temperature_start = %g",
                           config->objective.temperature_end, config->objective.temperature_start);
    return OK;
}

enum status config_resolve(struct config *config, const char *preset, const char *path,
                           const char *const *assignments, size_t n_assignments)
{
    enum status status = OK;
    TRY(config_init(config, preset));
    if (path) TRY(config_file(config, path));
    for (size_t i = 0; i < n_assignments; i++) TRY(config_set(config, assignments[i]));
    TRY(config_check(config));
done:
    return status;
}

/* Calls `line` for every option, with a heading whenever the section changes. */
static void print_sections(FILE *stream, const struct config *config,
                           void (*line)(FILE *, const struct option_entry *, const struct config *))
{
    const char *section = "";
    for (size_t i = 0; i < n_options; i++) {
        if (strcmp(section, options[i].section) != 0) {
            section = options[i].section;
            fprintf(stream, "%s[%s]\n", i ? "\n" : "", section);
        }
        line(stream, &options[i], config);
    }
}

static void print_value(FILE *stream, const struct option_entry *option,
                        const struct config *config)
{
    char value[OPTION_VALUE_SIZE];
    fprintf(stream, "%s = %s\n", option->key, option_format(option, config, value));
}

char *config_print(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *stream = status_fault() ? NULL : open_memstream(&text, &size);
    if (stream) {
        print_sections(stream, config, print_value);
        const int failed = ferror(stream);
        if (fclose(stream) == 0 && !failed) return text;
    }
    free(text);
    (void)status_fail(FAILED, "no memory to write the configuration");
    return NULL;
}

static bool differs_by_preset(const struct option_entry *option)
{
    for (int i = 1; i < N_PRESETS; i++)
        if (option->value[i] != option->value[0]) return true;
    return false;
}

static void print_help(FILE *stream, const struct option_entry *option, const struct config *config)
{
    char value[OPTION_VALUE_SIZE], range[OPTION_RANGE_SIZE];
    (void)config;
    fprintf(stream, "  %-20s %s\n  %-20s default ", option->key, option->help, "");
    const int n = differs_by_preset(option) ? N_PRESETS : 1;
    for (int i = 0; i < n; i++)
        fprintf(stream, "%s%s", i ? "/" : "", option_format_value(option, option->value[i], value));
    fprintf(stream, ", %s\n", option_range(option, range));
}

void config_help(FILE *stream)
{
    fprintf(stream, "Options (section, key; defaults of tiny/small/base/large):\n\n");
    print_sections(stream, NULL, print_help);
}
