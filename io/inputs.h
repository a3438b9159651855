/**
 * What `pack` reads: the MIDI files named by its arguments, found in folders and archives.
 *
 * One rank finds the inputs and shares the list; afterwards any rank reads any of them.  The order
 * is that of the arguments, then of the sorted folders, then of the archives' members.  A file is
 * an input when its extension (.mid, .midi, .kar, .rmi) or its first four bytes say MIDI, or when
 * it is an argument itself; other files are passed over.  Inside folders links to files are
 * followed, links to folders are not.  Archives may lie in folders; an archive inside an archive is
 * not opened.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include "group.h"

#define INPUT_NO_MEMBER UINT32_MAX /* no enumerator: those are ints */

/** What became of an input.  Order and names are part of the report. */
enum outcome { OUTCOME_PACKED, OUTCOME_SKIPPED, OUTCOME_UNREADABLE, OUTCOME_EMPTY, N_OUTCOMES };
extern const char *const outcome_names[N_OUTCOMES]; /* "packed", "skipped", ... */

struct input {
    uint64_t key;      /* identity of the file and member: equal keys, equal bytes */
    uint32_t name;     /* offset of its zero-terminated name, `folder/x.mid` or `a.zip/x.mid` */
    uint32_t reason;   /* offset of why it cannot be packed, 0: it can be tried */
    uint32_t argument; /* index of the argument it was found by */
    uint32_t file;     /* bytes of the name that name the file; what follows names the member */
    uint32_t member;   /* place in the archive, or INPUT_NO_MEMBER */
    uint16_t root;     /* bytes of the name that stand for the argument */
    uint8_t outcome;   /* enum outcome, when there is a reason */
    uint8_t reserved;
};

struct inputs {
    struct input *items;
    size_t n;
    char *text; /* names and reasons */
    size_t n_text;
    const char *const *arguments; /* borrowed from the caller */
    size_t n_arguments;
    uint32_t *by_key; /* items in order of key, on the rank that found them */
    size_t capacity, text_capacity;
};

/**
 * Finds all inputs.  Local.  What cannot be opened becomes an input with a reason; a file found
 * twice is packed once.
 *
 * @param[out] inputs     owned by the caller (inputs_fini), also on failure
 * @param      arguments  (n) paths, must outlive the inputs
 */
STATUS_CHECKED enum status inputs_find(struct inputs *inputs, const char *const *arguments,
                                       size_t n);

/** Gives the list of rank 0 to all.  Collective; `arguments` are the same on every rank. */
STATUS_CHECKED enum status inputs_share(struct inputs *inputs, struct group *group,
                                        const char *const *arguments, size_t n);

/**
 * The input at a path, by the identity of the file (links and `..` do not matter); the path of an
 * archive's member is the archive's path, a slash and the member's name.  Local.
 *
 * @return the index, or SIZE_MAX when no input lies there
 */
size_t inputs_locate(const struct inputs *inputs, const char *path);

const char *input_name(const struct inputs *inputs, size_t i);

/**
 * Called for each input: its bytes, or a failure whose reason is status_message().  A failure
 * returned ends the reading.
 */
typedef enum status inputs_visit(void *context, size_t i, enum status status,
                                 const unsigned char *bytes, size_t size);

/**
 * Reads the inputs first, first + stride, first + 2 stride, ... in order, one at a time.  Local.
 * An archive is run through once, by every rank that has a share of it.
 */
STATUS_CHECKED enum status inputs_read(const struct inputs *inputs, size_t first, size_t stride,
                                       inputs_visit *visit, void *context);

void inputs_fini(struct inputs *inputs);

#endif
