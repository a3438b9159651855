/**
 * Faders: attributes of the music that reserved latent coordinates follow.
 *
 * Training only makes a coordinate rise with its attribute, so the two are tied by their places in
 * the training set: the q-quantile of the coordinate stands for the q-quantile of the attribute.
 *
 * Source: model.md section 2; Music FaderNets (Tan & Herremans 2020), section 3.
 */
#ifndef FADERS_H
#define FADERS_H

#include "vae.h"

#include <stdbool.h>

enum { FADERS_QUANTILES = 21 };

/** Quantiles 0, 1/20, ... 1 over training segments. */
struct faders {
    double attribute[BATCH_FADERS][FADERS_QUANTILES];  /* as measured: see enum attribute */
    double coordinate[BATCH_FADERS][FADERS_QUANTILES]; /* of the posterior means */
    bool known; /* false: the checkpoint is older than they are */
};

/** What one fader is asked to be. */
struct fader_setting {
    enum { FADER_FREE, FADER_PLACE, FADER_MEASURED } kind;
    double value; /* -1..1, the least and the greatest of the training set; or the measured unit */
};

/** Values of the reserved coordinates; zeroed: all free. */
struct fader_target {
    bool set[BATCH_FADERS];
    double coordinate[BATCH_FADERS];
};

extern const char *const fader_names[BATCH_FADERS]; /* "rhythm-density", ... as options say */

/** Reads `0.5` or `abs:0.4`.  USAGE names the option.  Local. */
STATUS_CHECKED enum status fader_parse(struct fader_setting *setting, int fader, const char *text);

/**
 * Settings -> coordinates.  Local.
 *
 * @param path  of the checkpoint, for messages
 * @return FAILED when a fader is asked for that the checkpoint knows nothing of; USAGE when a
 *         measured value lies outside the training set
 */
STATUS_CHECKED enum status faders_resolve(struct fader_target *target, const struct faders *faders,
                                          const struct fader_setting settings[BATCH_FADERS],
                                          const char *path);

/** Sets the coordinates of z (latent) that are not free.  Local. */
void faders_apply(const struct fader_target *target, real *const z[N_FACTORS]);

struct trainer;

/**
 * Measures the tables on a bounded drawn sample of training rows with the trainer's present
 * weights.  Collective; the same bits on any number of ranks; the training state is not touched.
 */
STATUS_CHECKED enum status faders_measure(struct faders *faders, struct trainer *trainer);

#endif
