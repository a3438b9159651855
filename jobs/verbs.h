/**
 * The verbs of the program: one line each, V(name, function, parallel, help).
 *
 * A parallel verb gets the world group, the others the group of one, without MPI.
 */
#ifndef VERBS_H
#define VERBS_H

#include "group.h"

/* clang-format off */
#define VERBS(V)                                                                                   \
    V("pack", pack_verb_run, true, "MIDI files, folders and archives to one corpus file")           \
    V("train", train_run, true, "train a model on a corpus")                                         \
    V("generate", generate_run, false, "new music of a chosen emotion from a checkpoint")           \
    V("transfer", transfer_run, false, "own music in another emotion")                              \
    V("classify", classify_run, false, "emotion probabilities of MIDI files")                       \
    V("evaluate", evaluate_run, true, "every measure of a checkpoint on a corpus")                    \
    V("report", report_verb_run, false, "run folders to one page of HTML")                           \
    V("inspect", inspect_run, false, "what a corpus or checkpoint file holds; verifies digests")    \
    V("compose", compose_run, false, "compose labelled pieces by rule, with known factors")           \
    V("bench", bench_run, true, "speed of each part beside the limit of this machine")
/* clang-format on */

#define VERB_PROTOTYPE(name, function, parallel, help)                                             \
    STATUS_CHECKED enum status function(struct group *world, int argc, char **argv);
VERBS(VERB_PROTOTYPE)

#endif
