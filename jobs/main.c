/* The program: finds the verb, gives it its group, prints the one error line. */
#define _GNU_SOURCE
#include "command.h"
#include "nearest.h"
#include "placement.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct verb {
    const char *name;
    enum status (*run)(struct group *world, int argc, char **argv);
    bool parallel;
    const char *help;
};

#define VERB_ROW(name, function, parallel, help) {name, function, parallel, help},
static const struct verb verbs[] = {VERBS(VERB_ROW)};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static void print_help(void)
{
    printf(
        "Usage: affekt VERB [OPTION...]\n"
        "Trains an emotion-disentangling mixture VAE on symbolic music and composes from it.\n\n");
    for (size_t i = 0; i < N_VERBS; i++)
        printf("  %-10s %s%s\n", verbs[i].name, verbs[i].help,
               verbs[i].parallel ? " (also under mpirun or srun)" : "");
    printf("\n  affekt VERB --help   a verb's options\n"
           "  affekt --version     versions of the program and its libraries\n\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped early and resumable.\n");
}

static enum status find_verb(const struct verb **verb, const char *name)
{
    char hint[64];
    struct nearest nearest = {.wanted = name};
    for (size_t i = 0; i < N_VERBS; i++) {
        *verb = &verbs[i];
        if (strcmp(verbs[i].name, name) == 0) return OK;
        nearest_offer(&nearest, verbs[i].name);
    }
    return status_fail(USAGE, "unknown verb '%.60s'%s (affekt --help lists them)", name,
                       nearest_hint(&nearest, hint, sizeof hint));
}

/* Results that never reached stdout are a failure, whatever the verb thought. */
static enum status close_output(enum status status)
{
    const int failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && status == OK) return status_fail(FAILED, "stdout: cannot write the results");
    return status;
}

static void print_error(enum status status)
{
    if (status == FAILED || status == USAGE) fprintf(stderr, "error: %s\n", status_message());
}

/* The world group, of as many ranks as were launched. */
static enum status join(struct group **world, struct placement *placement, int *argc, char ***argv)
{
    enum status status = OK;
    struct group *joined = NULL;
    *placement = placement_read();
    TRY(placement_check_wires(placement));
    TRY(group_world_create(&joined, argc, argv));
    *world = joined;
    TRY(placement_check(placement, group_size(joined)));
done:
    return status;
}

static enum status run_verb(const struct verb *verb, int argc, char **argv)
{
    struct group *world = group_self();
    struct placement placement = {0};
    enum status status = OK;
    if (verb->parallel) status = join(&world, &placement, &argc, &argv);
    const bool joined = status == OK;
    if (joined) status = verb->run(world, argc - 1, argv + 1);
    /* ranks that MPI does not join are all its rank 0: the launcher's first one speaks for them */
    const bool speaks = group_rank(world) == 0 && (joined || placement.rank == 0);
    if (!joined && !speaks) sleep(10); /* srun ends all ranks once one fails: let that one speak */
    if (speaks) {
        status = close_output(status);
        print_error(status);
    }
    if (world != group_self()) group_world_destroy(world);
    return status;
}

int main(int argc, char **argv)
{
    const struct verb *verb = NULL;
    enum status status = OK;
    argp_err_exit_status = USAGE;
    if (argc < 2) {
        status = status_fail(USAGE, "no verb given (affekt --help lists them)");
    } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
    } else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        version_print(stdout);
    } else {
        status = find_verb(&verb, argv[1]);
        if (status == OK) return (int)run_verb(verb, argc, argv);
    }
    status = close_output(status);
    print_error(status);
    return (int)status;
}
