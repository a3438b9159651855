/**
 * How far the emotions lie apart in the mixture coordinates, axis by axis: found on the training
 * split, looked at on the measured one.
 */
#ifndef EVALUATE_DISCRIMINANT_H
#define EVALUATE_DISCRIMINANT_H

#include "discriminant.h"
#include "evaluate_parts.h"

/**
 * The axes of the training split's labelled segments, each rank taking its share; exact, so that
 * they are the same on any number of ranks.  Collective.  Without MPI there are none.
 *
 * @param[out] axes  to be freed by discriminant_fini
 */
STATUS_CHECKED enum status evaluate_discriminant_create(struct discriminant *axes,
                                                        const struct evaluation *evaluation);

/** The section of the document: eigenvalues, the share of the variance that lies between emotions
 *  along each axis, in training and on the measured split, and `centres`, each emotion's mean place
 *  of the training split on the first two axes.  Local. */
STATUS_CHECKED enum status evaluate_discriminant(const struct evaluation *evaluation,
                                                 json_t *section);

#endif
