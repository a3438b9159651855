/**
 * Validation during training: likelihood on held-out rows beside the bigram baseline, and the
 * emotion of held-out labelled pieces.
 */
#ifndef VALIDATE_H
#define VALIDATE_H

#include "bigram.h"
#include "trainer.h"

/** Fixed for a run: the rows of the validation split and the baseline. */
struct validation {
    struct row *rows, *labelled; /* owned */
    size_t n_rows, n_labelled;   /* labelled: rows of all labelled validation pieces */
    struct bigram *bigram;       /* owned; NULL until the first validation_run */
};

struct validation_report {
    double loss;   /* -ELBO, nats an event: reconstruction of events plus all KL, weight 1 */
    double events; /* reconstruction of events alone, nats an event */
    double bigram; /* the baseline on the same rows, nats an event */
    double emotion, arousal, valence; /* accuracy a labelled piece; NAN without any */
    double label;                     /* -log p(y) a labelled piece, nats; NAN without any */
    size_t n_active, n_coordinates;   /* latent coordinates in use (Burda et al. 2016), and all */
    size_t n_pieces;                  /* labelled pieces behind the accuracies */
    size_t n_events;
};

/** Collective.  A corpus without validation rows gives empty lists. */
STATUS_CHECKED enum status validation_init(struct validation *validation, struct trainer *trainer);
void validation_fini(struct validation *validation);

/** Collective; the report is the same on every rank. */
STATUS_CHECKED enum status validation_run(struct validation *validation, struct trainer *trainer,
                                          struct validation_report *report);

/** KL of the latents of an encoded micro-batch from their prior, with weight 1, in nats: that of
 *  stage 1 (`normal`) or the mixture.  Local. */
double validation_divergence(const struct trainer *trainer, const struct micro *micro, bool normal);

#endif
