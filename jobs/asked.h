/**
 * What generate and transfer are asked for: emotions, points of the plane, paths, faders, seeds.
 *
 * Functions are Local and return USAGE with one line that names the option.
 */
#ifndef ASKED_H
#define ASKED_H

#include "generate.h"

/** Keys of the fader options: ASKED_FADER + i for fader_names[i]; and of --drafts. */
enum { ASKED_FADER = 0x200, ASKED_DRAFTS = 0x300 };

/** What --drafts does, for the option tables. */
#define ASKED_DRAFTS_HELP                                                                          \
    "Drafts of every bar; the one stays that says most clearly what is asked for (8)"

/** JSON readers hold whole numbers below 2^53 exactly. */
#define ASKED_SEED_MAX (((size_t)1 << 53) - 1)

/** `EMOTION`, or `VALENCE,AROUSAL` in [-1, 1]. */
STATUS_CHECKED enum status asked_point(struct latent_point *point, const char *option,
                                       const char *text);

/**
 * `EMOTION`, or a path `EMOTION:BARS,EMOTION:BARS...`.
 *
 * @param[out] steps    (GENERATE_MAX_STEPS); one without bars has 0
 * @param[out] emotion  (GENERATE_MAX_STEPS) 0-3 of each step
 */
STATUS_CHECKED enum status asked_path(struct generate_step *steps, int *emotion, size_t *n_steps,
                                      const char *option, const char *text);

STATUS_CHECKED enum status asked_seed(uint64_t *seed, const char *text);
STATUS_CHECKED enum status asked_drafts(size_t *drafts, const char *text);

/** Reads the fader option of a key; *known tells whether the key is one. */
STATUS_CHECKED enum status asked_fader(bool *known, struct fader_setting settings[BATCH_FADERS],
                                       int key, const char *text);

#endif
