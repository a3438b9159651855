/* Finding inputs in folders and archives, matching paths to them. */
#define _GNU_SOURCE
#include "inputs.h"

#include "members.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

const char *const outcome_names[N_OUTCOMES] = {"packed", "skipped", "unreadable", "empty"};

const char *input_name(const struct inputs *inputs, size_t i)
{
    return inputs->text + inputs->items[i].name;
}

static bool name_is_midi(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".mid") || !strcasecmp(dot, ".midi") ||
                   !strcasecmp(dot, ".kar") || !strcasecmp(dot, ".rmi"));
}

static bool file_is_midi(const char *path)
{
    char start[4];
    const int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const ssize_t n = read(descriptor, start, sizeof start);
    close(descriptor);
    return n == (ssize_t)sizeof start && memcmp(start, "MThd", sizeof start) == 0;
}

static uint64_t key_of(const struct stat *about, const char *member)
{
    const uint64_t identity[2] = {(uint64_t)about->st_dev, (uint64_t)about->st_ino};
    const uint64_t key = XXH3_64bits(identity, sizeof identity);
    return member ? XXH3_64bits_withSeed(member, strlen(member), key) : key;
}

static enum status add_text(struct inputs *inputs, const char *text, size_t n, uint32_t *offset)
{
    if (inputs->n_text > UINT32_MAX - n - 1)
        return status_fail(FAILED, "the names of the inputs take more than %u bytes", UINT32_MAX);
    if (inputs->text_capacity - inputs->n_text <= n) {
        const size_t larger = 2 * inputs->text_capacity + n + 4096;
        char *grown = status_fault() ? NULL : realloc(inputs->text, larger);
        if (!grown) return status_fail(FAILED, "out of memory for the list of inputs");
        inputs->text = grown;
        inputs->text_capacity = larger;
    }
    *offset = (uint32_t)inputs->n_text;
    memcpy(inputs->text + inputs->n_text, text, n);
    inputs->text[inputs->n_text + n] = 0;
    inputs->n_text += n + 1;
    return OK;
}

static enum status add_input(struct inputs *inputs, const struct input *input, const char *name,
                             const char *reason)
{
    enum status status = OK;
    if (inputs->n == inputs->capacity) {
        const size_t larger = 2 * inputs->capacity + 64;
        struct input *grown =
            status_fault() ? NULL : realloc(inputs->items, larger * sizeof *grown);
        if (!grown || larger > UINT32_MAX) FAIL(FAILED, "out of memory for the list of inputs");
        inputs->items = grown;
        inputs->capacity = larger;
    }
    struct input *added = inputs->items + inputs->n;
    *added = *input;
    TRY(add_text(inputs, name, strlen(name), &added->name));
    if (reason) TRY(add_text(inputs, reason, strlen(reason), &added->reason));
    inputs->n++;
done:
    return status;
}

/* One file while the inputs are being found. */
struct found {
    const char *path; /* to open */
    const char *name; /* relative to the argument, the argument's own name first */
    uint32_t argument;
    uint16_t root;
    bool asked; /* it is the argument itself */
    struct stat about;
};

static struct input found_input(const struct found *found)
{
    return (struct input){
        .key = key_of(&found->about, NULL),
        .argument = found->argument,
        .root = found->root,
        .file = (uint32_t)strlen(found->name),
        .member = INPUT_NO_MEMBER,
    };
}

static enum status add_failed(struct inputs *inputs, const struct found *found, const char *reason)
{
    struct input input = found_input(found);
    input.outcome = OUTCOME_UNREADABLE;
    return add_input(inputs, &input, found->name, reason);
}

static enum status add_member(struct inputs *inputs, const struct found *found,
                              const struct member *member)
{
    enum status status = OK;
    const char *reason = NULL;
    char *name = NULL;
    struct input input = found_input(found);
    input.key = key_of(&found->about, member->name);
    input.member = member->place;
    input.outcome = OUTCOME_SKIPPED;
    if (!member->regular)
        reason = "a link or special file in the archive";
    else if (!member->safe)
        reason = "the name leaves the archive's folder";
    if (status_fault() || asprintf(&name, "%s/%s", found->name, member->name) < 0) {
        name = NULL;
        FAIL(FAILED, "out of memory for the list of inputs");
    }
    TRY(add_input(inputs, &input, name, reason));
done:
    free(name);
    return status;
}

/* Lists an archive; damage ends the list and becomes an input of its own. */
static enum status add_archive(struct inputs *inputs, const struct found *found)
{
    struct members *members = NULL;
    struct member member;
    bool end = false;
    enum status listed = members_open(&members, found->path);
    enum status status = OK;
    while (listed == OK) {
        listed = members_next(members, &member, &end);
        if (listed != OK || end) break;
        const size_t length = strlen(member.name);
        if (length == 0 || length > PATH_MAX || member.name[length - 1] == '/') continue;
        if (!name_is_midi(member.name) && !(member.regular && members_is_midi(members))) continue;
        listed = members_charge(members);
        if (listed == OK) TRY(add_member(inputs, found, &member));
    }
    if (listed != OK) TRY(add_failed(inputs, found, status_message()));
done:
    members_close(members);
    return status;
}

static enum status add_file(struct inputs *inputs, const struct found *found)
{
    if (!S_ISREG(found->about.st_mode))
        return found->asked ? add_failed(inputs, found, "not a regular file") : OK;
    if (members_name_is_archive(found->path)) return add_archive(inputs, found);
    if (!found->asked && !name_is_midi(found->path) && !file_is_midi(found->path)) return OK;
    const struct input input = found_input(found);
    return add_input(inputs, &input, found->name, NULL);
}

static int compare_entries(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static enum status add_entry(struct inputs *inputs, const FTSENT *entry, struct found *found)
{
    found->path = entry->fts_path;
    switch (entry->fts_info) {
    case FTS_F: found->about = *entry->fts_statp; return add_file(inputs, found);
    case FTS_SL: /* a link to a folder is not followed: it may lead in circles */
        if (stat(entry->fts_path, &found->about) != 0)
            return name_is_midi(entry->fts_path) ? add_failed(inputs, found, "a dangling link")
                                                 : OK;
        return S_ISREG(found->about.st_mode) ? add_file(inputs, found) : OK;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        found->about = (struct stat){.st_ino = entry->fts_ino};
        return add_failed(inputs, found, strerror(entry->fts_errno));
    default: return OK;
    }
}

static enum status add_folder(struct inputs *inputs, const struct found *folder)
{
    enum status status = OK;
    char *name = NULL;
    char *const roots[] = {(char *)folder->path, NULL}; /* fts does not change it */
    FTS *walk = status_fault()
                    ? NULL
                    : fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare_entries);
    if (!walk) FAIL(FAILED, "%s: %s", folder->path, strerror(errno));
    const size_t skip = strlen(folder->path);
    struct found found = *folder;
    found.asked = false;
    for (FTSENT *entry = fts_read(walk); entry; entry = fts_read(walk)) {
        const char *rest = entry->fts_path + (entry->fts_pathlen > skip ? skip : 0);
        if (entry->fts_pathlen <= skip) rest = "";
        while (*rest == '/') rest++;
        free(name);
        name = NULL;
        if (asprintf(&name, "%s/%s", folder->name, rest) < 0) {
            name = NULL;
            FAIL(FAILED, "out of memory for the list of inputs");
        }
        found.name = name;
        TRY(add_entry(inputs, entry, &found));
    }
done:
    free(name);
    if (walk) fts_close(walk);
    return status;
}

/* The last part of the real path: `.` and `..` have names too. */
static enum status argument_name(const char *argument, char **name)
{
    char *real = realpath(argument, NULL);
    const char *from = real ? real : argument;
    const char *slash = strrchr(from, '/');
    *name = status_fault() ? NULL : strdup(slash && slash[1] ? slash + 1 : from);
    free(real);
    return *name ? OK : status_fail(FAILED, "out of memory for the list of inputs");
}

static enum status add_argument(struct inputs *inputs, uint32_t argument)
{
    enum status status = OK;
    char *name = NULL;
    const char *path = inputs->arguments[argument];
    TRY(argument_name(path, &name));
    struct found found = {.path = path, .name = name, .argument = argument, .asked = true};
    found.root = (uint16_t)strlen(name); /* of one part of a path */
    if (stat(path, &found.about) != 0) {
        found.about = (struct stat){.st_size = argument};
        TRY(add_failed(inputs, &found, strerror(errno)));
    } else if (S_ISDIR(found.about.st_mode)) {
        TRY(add_folder(inputs, &found));
    } else {
        TRY(add_file(inputs, &found));
    }
done:
    free(name);
    return status;
}

static int compare_keys(const void *a, const void *b, void *context)
{
    const struct input *items = context;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (items[i].key != items[j].key) return items[i].key < items[j].key ? -1 : 1;
    return i < j ? -1 : 1;
}

/* Sorts by key; of inputs with one key the first is packed. */
static enum status index_keys(struct inputs *inputs)
{
    inputs->by_key = status_fault() ? NULL : calloc(inputs->n + 1, sizeof *inputs->by_key);
    if (!inputs->by_key) return status_fail(FAILED, "out of memory for the list of inputs");
    for (size_t i = 0; i < inputs->n; i++) inputs->by_key[i] = (uint32_t)i;
    qsort_r(inputs->by_key, inputs->n, sizeof *inputs->by_key, compare_keys, inputs->items);
    size_t first = 0;
    for (size_t i = 1; i < inputs->n; i++) {
        struct input *input = inputs->items + inputs->by_key[i];
        if (input->key != inputs->items[inputs->by_key[first]].key) first = i;
        if (first == i || input->reason) continue;
        char reason[PATH_MAX];
        snprintf(reason, sizeof reason, "the same file as %s",
                 input_name(inputs, inputs->by_key[first]));
        const enum status status = add_text(inputs, reason, strlen(reason), &input->reason);
        if (status != OK) return status;
        input->outcome = OUTCOME_SKIPPED;
    }
    return OK;
}

enum status inputs_find(struct inputs *inputs, const char *const *arguments, size_t n)
{
    enum status status = OK;
    uint32_t none;
    *inputs = (struct inputs){.arguments = arguments, .n_arguments = n};
    TRY(add_text(inputs, "", 0, &none)); /* so that no reason has offset 0 */
    for (size_t i = 0; i < n; i++) TRY(add_argument(inputs, (uint32_t)i));
    TRY(index_keys(inputs));
done:
    return status;
}

static size_t locate_key(const struct inputs *inputs, uint64_t key)
{
    size_t low = 0, high = inputs->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (inputs->items[inputs->by_key[middle]].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == inputs->n || inputs->items[inputs->by_key[low]].key != key) return SIZE_MAX;
    return inputs->by_key[low];
}

size_t inputs_locate(const struct inputs *inputs, const char *path)
{
    struct stat about;
    char file[PATH_MAX];
    if (stat(path, &about) == 0) return locate_key(inputs, key_of(&about, NULL));
    /* Perhaps a part of the path is an archive. */
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        const size_t n = (size_t)(slash - path);
        if (n == 0 || n >= sizeof file) continue;
        memcpy(file, path, n);
        file[n] = 0;
        if (stat(file, &about) == 0 && S_ISREG(about.st_mode))
            return locate_key(inputs, key_of(&about, slash + 1));
    }
    return SIZE_MAX;
}

enum status inputs_share(struct inputs *inputs, struct group *group, const char *const *arguments,
                         size_t n)
{
    enum status status = OK;
    size_t sizes[2] = {inputs->n, inputs->n_text};
    group_broadcast(group, sizes, sizeof sizes, 0);
    if (group_rank(group) != 0) {
        *inputs = (struct inputs){.arguments = arguments, .n_arguments = n};
        inputs->n = sizes[0];
        inputs->n_text = sizes[1];
        inputs->items = status_fault() ? NULL : calloc(sizes[0] + 1, sizeof *inputs->items);
        inputs->text = status_fault() ? NULL : malloc(sizes[1] + 1);
        if (!inputs->items || !inputs->text)
            status = status_fail(FAILED, "out of memory for the list of inputs");
    }
    TRY(group_agree(group, status));
    group_broadcast(group, inputs->items, inputs->n * sizeof *inputs->items, 0);
    group_broadcast(group, inputs->text, inputs->n_text, 0);
done:
    return status;
}

void inputs_fini(struct inputs *inputs)
{
    free(inputs->items);
    free(inputs->text);
    free(inputs->by_key);
    *inputs = (struct inputs){0};
}
