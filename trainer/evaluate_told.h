/**
 * What each teller says of the labelled pieces of the measured split, for scores, for differences
 * and for pooling with other evaluations.
 */
#ifndef EVALUATE_TOLD_H
#define EVALUATE_TOLD_H

#include "baseline.h"
#include "evaluate_parts.h"

/** Who tells the emotion of a piece: first what hears the model's latents, then the baselines. */
enum teller {
    TELLER_MIXTURE,       /* the likeliest emotion by the mixture */
    TELLER_PROBE,         /* a logistic regression over the mixture coordinates */
    TELLER_LATENT_FOREST, /* a forest over the same: what mixture and probe leave unused */
    TELLER_BASELINES,
    N_TELLERS = TELLER_BASELINES + N_BASELINES,
};

enum { TOLD_SOURCE = 256 }; /* room for a source's name */

/** "mixture", "probe", "latent_forest", or the baseline's name.  Local. */
const char *teller_name(int teller);

struct evaluate_told {
    int first;               /* the first teller there is: a model may have no mixture */
    int8_t *told[N_TELLERS]; /* (asked.n) each; owned through `block` */
    int8_t *block;           /* owned */
};

/** The likeliest emotion of n rows log p (n, N_EMOTIONS).  Local. */
void told_likeliest(int8_t *told, const double *log_p, size_t n);

/** Asks every teller.  Local.  Owned by the caller on OK, zeroed on failure. */
STATUS_CHECKED enum status evaluate_told_create(struct evaluate_told *told,
                                                const struct evaluation *evaluation);
void evaluate_told_fini(struct evaluate_told *told);

/**
 * The source of a piece: its name up to the first slash, which is the folder or archive that
 * `affekt pack` was given; "." for a file that was given by itself.  Local.  Cuts at `room` bytes.
 */
void told_source(char *source, size_t room, const char *name);

/** Adds {name, source, label, told {teller: emotion}, place [x, y]} of each labelled piece, in the
 *  corpus's order; `place`, on the first two discriminant axes, where there are axes.  Local. */
STATUS_CHECKED enum status evaluate_labelled(const struct evaluation *evaluation, json_t *list);

/** Adds {source: {pieces, teller: scores}} when the labelled pieces come from several sources.
 *  Local. */
STATUS_CHECKED enum status evaluate_sources(const struct evaluation *evaluation, json_t *section);

#endif
