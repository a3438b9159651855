/**
 * Faders: attributes of the music that reserved latent coordinates follow.
 *
 * Training only makes a coordinate rise with its attribute, so the two are tied by their places in
 * the training set: the q-quantile of the coordinate stands for the q-quantile of the attribute.
 * Other coordinates know the attribute too, and would hold the music back: when a fader moves, they
 * go with it as they do over the training set.
 *
 * Source: model.md section 2; Music FaderNets (Tan & Herremans 2020), section 3.
 */
#ifndef FADERS_H
#define FADERS_H

#include "vae.h"

#include <stdbool.h>

enum { FADERS_QUANTILES = 21, FADERS_MAX_LATENT = 1280 };

/** Quantiles 0, 1/20, ... 1 over training segments. */
struct faders {
    double attribute[BATCH_FADERS][FADERS_QUANTILES];  /* as measured: see enum attribute */
    double coordinate[BATCH_FADERS][FADERS_QUANTILES]; /* of the posterior means */
    /* (BATCH_FADERS, latent): how a coordinate of the fader's factor rises with the fader's own, by
     * least squares with the factor's other fader held; zero for the faders' coordinates */
    double slope[BATCH_FADERS * FADERS_MAX_LATENT];
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

/** The attribute that a coordinate stands for; that of the table's second or last but one quantile
 *  beyond them, since single segments set the ends.  Local. */
double faders_attribute(const struct faders *faders, int fader, double coordinate);

/** Sets the coordinates of z (latent each) that are not free, and lets the others of their factors
 *  follow.  Local. */
void faders_apply(const struct faders *faders, const struct fader_target *target,
                  real *const z[N_FACTORS], size_t latent);

struct trainer;

/**
 * Measures tables and slopes on a bounded drawn sample of training rows with the trainer's present
 * weights.  Collective; the same bits on any number of ranks; the training state is not touched.
 */
STATUS_CHECKED enum status faders_measure(struct faders *faders, struct trainer *trainer);

#endif
