/* Parsing with argp, without its own messages and exits: those would come once a rank. */
#define _GNU_SOURCE
#include "command.h"

#include "nearest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { KEY_JSON = 0x10000, KEY_HELP = 'h' };

static const struct argp_option shared_options[] = {
    {"json", KEY_JSON, NULL, 0, "Write the results as one JSON document on stdout", -1},
    {"help", KEY_HELP, NULL, 0, "Print this text", -1},
    {0},
};

/* The outer parser's view of a command line. */
struct parse {
    struct command_line *line;
    int next; /* the argument after the one that getopt refused */
};

static error_t parse_shared(int key, char *argument, struct argp_state *state)
{
    struct parse *parse = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = parse->line->input; return 0;
    case ARGP_KEY_ERROR: parse->next = state->next; return 0;
    case KEY_JSON: parse->line->json = true; return 0;
    case KEY_HELP: parse->line->help = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The option of that name without its dashes, in the verb's table or the shared one. */
static const struct argp_option *find_option(const struct argp_option *table, const char *name,
                                             struct nearest *nearest)
{
    for (; table && (table->name || table->key || table->doc); table++) {
        if (!table->name) continue;
        if (strcmp(table->name, name) == 0) return table;
        nearest_offer(nearest, table->name);
    }
    return NULL;
}

/* Says why getopt refused the argument; it tells no more than that it did. */
static enum status refuse(const struct command_line *line, const char *argument)
{
    char name[64];
    if (strncmp(argument, "--", 2) != 0)
        return status_fail(USAGE, "unknown option or missing value: '%.80s'", argument);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    struct nearest nearest = {.wanted = name};
    const struct argp_option *option = find_option(shared_options, name, &nearest);
    if (!option) option = find_option(line->argp->options, name, &nearest);
    if (!option && nearest.best)
        return status_fail(USAGE, "unknown option '--%s'; did you mean '--%s'?", name,
                           nearest.best);
    if (!option) return status_fail(USAGE, "unknown option '--%s'", name);
    return status_fail(
        USAGE, option->arg ? "option '--%s' needs a value" : "option '--%s' takes no value", name);
}

static void print_help(const struct argp *argp, const char *verb)
{
    char name[64];
    snprintf(name, sizeof name, "affekt %s", verb);
    argp_help(argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

enum status command_parse(struct command_line *line, const struct group *world, int argc,
                          char **argv)
{
    struct parse parse = {.line = line, .next = 1};
    const struct argp_child children[] = {{line->argp, 0, NULL, 0}, {0}};
    const struct argp argp = {
        .options = shared_options, .parser = parse_shared, .children = children};
    int rest = argc;
    error_t error = 0;
    line->help = asks_help(argc, argv); /* before anything else can be wrong with the line */
    if (!line->help)
        error = argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, &rest,
                           &parse);
    if (line->help) {
        if (group_rank(world) == 0) print_help(&argp, argv[0]);
        return OK;
    }
    if (error == COMMAND_REFUSED) return USAGE;
    if (error == ENOMEM) return status_fail(FAILED, "no memory to read the command line");
    if (error) return refuse(line, argv[parse.next - 1]);
    if (rest < argc) return status_fail(USAGE, "unexpected argument '%.80s'", argv[rest]);
    return OK;
}

enum status command_size(size_t *value, const char *option, const char *text, size_t low,
                         size_t high)
{
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    const bool digits = *text && strspn(text, "0123456789") == strlen(text);
    if (!digits || errno || number < low || number > high)
        return status_fail(USAGE, "%s = %.60s: want a whole number from %zu to %zu", option, text,
                           low, high);
    *value = (size_t)number;
    return OK;
}

enum status command_real(double *value, const char *option, const char *text, double low,
                         double high)
{
    char *end;
    const double number = strtod(text, &end);
    const bool decimal = *text && strspn(text, "+-.0123456789eE") == strlen(text);
    if (!decimal || end == text || *end || number < low || number > high)
        return status_fail(USAGE, "%s = %.60s: want a number from %g to %g", option, text, low,
                           high);
    *value = number;
    return OK;
}

enum status command_result(const struct group *world, json_t *result)
{
    if (!result)
        return status_fail(FAILED, "results are not JSON (no memory, or a name not in UTF-8)");
    int failed = 0;
    if (group_rank(world) == 0) {
        failed = json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputc('\n', stdout);
    }
    json_decref(result);
    return failed ? status_fail(FAILED, "stdout: cannot write the results") : OK;
}

void command_progress(struct progress *progress, const struct group *world)
{
    progress_init(progress, group_rank(world) == 0 ? stderr : NULL, PROGRESS_INTERVAL);
}
