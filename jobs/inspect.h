/**
 * What `affekt inspect` says of a file, by kind.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include "command.h"

struct inspect {
    const char *path; /* of the file; of a run folder, its latest checkpoint */
    bool verify;      /* check the content against its digests */
    bool digest;      /* one line: the hash of the content */
    bool json;
};

/** Reports on a corpus.  Local.  Fails on a file that is none, or damaged. */
STATUS_CHECKED enum status inspect_corpus(const struct inspect *inspect, const struct group *world);

/** Reports on a checkpoint.  Local.  Fails on a file that is none, or damaged. */
STATUS_CHECKED enum status inspect_checkpoint(const struct inspect *inspect,
                                              const struct group *world);

#endif
