/**
 * A folder of its own with a tiny corpus and a tiny trained model, shared by the suites of what is
 * done with a model.  The first test of a suite makes it, the last removes it.
 */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include "model_file.h"

enum { FIXTURE_PATH = 256 };

struct model_fixture {
    struct model model; /* 12 steps, two components an emotion, mixture fitted */
    char folder[64];
};
extern struct model_fixture fixture;

/** FOLDER/NAME; `path` is returned. */
char *fixture_path(char path[FIXTURE_PATH], const char *name);

/** Trains another model on the fixture's corpus.  Local. */
STATUS_CHECKED enum status fixture_train(const char *name, size_t steps,
                                         const char *const *settings, size_t n_settings);

void fixture_make(void);
void fixture_remove(void);

#endif
