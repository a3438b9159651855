/* affekt inspect: what a corpus or a checkpoint holds. */
#define _GNU_SOURCE
#include "inspect.h"

#include "checkpoint.h"
#include "folder.h"
#include "model_file.h"
#include "verbs.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { KEY_VERIFY = 0x100, KEY_DIGEST };

static const struct argp_option options_table[] = {
    {"verify", KEY_VERIFY, NULL, 0, "Read everything and check it against the file's digests", 0},
    {"digest", KEY_DIGEST, NULL, 0,
     "Print one line: a hash of a corpus's content, or of a checkpoint's whole training state "
     "(weights, moments, step); with --json also the hash of the weights alone",
     0},
    {0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct inspect *inspect = state->input;
    switch (key) {
    case KEY_VERIFY: inspect->verify = true; return 0;
    case KEY_DIGEST: inspect->digest = true; return 0;
    case ARGP_KEY_ARG:
        if (inspect->path) return ARGP_ERR_UNKNOWN;
        inspect->path = text;
        return 0;
    case ARGP_KEY_END:
        if (inspect->path) return 0;
        (void)status_fail(USAGE, "no FILE given");
        return COMMAND_REFUSED;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Whether the file starts as HDF5 does without a user block: a corpus may. */
static bool is_plain_hdf5(const char *path)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    char start[sizeof signature - 1];
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return false;
    const ssize_t n = read(descriptor, start, sizeof start);
    close(descriptor);
    return n == (ssize_t)sizeof start && memcmp(start, signature, sizeof start) == 0;
}

static enum status run(const struct inspect *inspect, const struct group *world)
{
    enum status status = OK;
    char path[FOLDER_PATH_BYTES], digest[CHECKPOINT_DIGEST_SIZE];
    struct inspect resolved = *inspect;
    TRY(model_file_resolve(path, sizeof path, inspect->path));
    resolved.path = path;
    if (is_plain_hdf5(path)) return inspect_corpus(&resolved, world);
    TRY(checkpoint_file_digest(path, digest)); /* says what is wrong with a file of another kind */
    TRY(inspect_checkpoint(&resolved, world));
done:
    return status;
}

enum status inspect_run(struct group *world, int argc, char **argv)
{
    enum status status = OK;
    struct inspect inspect = {0};
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .args_doc = "FILE|RUN",
        .doc = "Tells what a corpus, a checkpoint or the latents of an evaluation hold.  Of a run "
               "folder, its latest checkpoint.",
    };
    struct command_line line = {.argp = &argp, .input = &inspect};
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    inspect.json = line.json;
    TRY(run(&inspect, world));
done:
    return status;
}
