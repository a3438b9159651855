#define _GNU_SOURCE
#include "train_group.h"

#include <stdio.h>
#include <string.h>

static char folder[64];
static struct made_corpus made;

struct group *train_world(void)
{
    static struct group *world;
    if (!world && group_world_create(&world, NULL, NULL) != OK) abort();
    return world;
}

static void clean(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (group_rank(train_world()) == 0 && system(command) != 0) abort();
    make_corpus_free(&made);
}

const char *train_path(const char *name)
{
    static char paths[4][128];
    static int next;
    if (!folder[0]) {
        strcpy(folder, "/tmp/affekt-train-XXXXXX");
        if (group_rank(train_world()) == 0 && !mkdtemp(folder)) abort();
        group_broadcast(train_world(), folder, sizeof folder, 0);
        atexit(clean);
    }
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

const struct corpus *train_corpus(void)
{
    if (!made.events) made = make_corpus(40, 40);
    return &made.corpus;
}

int train_equal(const void *bytes, size_t n)
{
    int64_t differ = 0;
    void *first = malloc(n + 1);
    if (!first) abort();
    memcpy(first, bytes, n);
    group_broadcast(train_world(), first, n, 0);
    differ = memcmp(first, bytes, n) != 0;
    free(first);
    group_sum_int64(train_world(), &differ, 1);
    return differ == 0;
}

enum status train_steps(struct trainer *trainer, size_t n, struct step_report *last)
{
    enum status status = OK;
    struct step_report report;
    for (size_t i = 0; i < n; i++) TRY(trainer_step(trainer, false, last ? last : &report));
done:
    return status;
}

void train_digest(struct trainer *trainer, const char *name, char digest[CHECKPOINT_DIGEST_SIZE])
{
    const char *path = train_path(name);
    memset(digest, 0, CHECKPOINT_DIGEST_SIZE);
    if (model_file_save(trainer, path) != OK) return;
    if (checkpoint_digest(path, "", digest) != OK) digest[0] = 0;
}
