/**
 * An emotion by rule, where no listener gave one: fast, short and loud notes arouse, major is
 * pleasant.
 *
 * Arousal is the sum of the standardised note rate, velocity and, negated, note length; valence is
 * the standardised mode margin.  Unit weights, since nothing is fitted: the rule has seen no label.
 *
 * Source: Gabrielsson & Lindstroem 2010; Eerola, Friberg & Bresin 2013 (mode and tempo weigh most);
 * unit weights: Dawes 1979.
 */
#ifndef WEAK_LABEL_H
#define WEAK_LABEL_H

#include "collate.h"

struct trainer;

/** The emotion 0-3 of a segment; an unknown attribute counts as the mean.  Local. */
int8_t weak_label(const float attributes[N_ATTRIBUTES], const struct standard *standard);

/** The label of a row; of one without, the rule's word on its s-th segment, CORPUS_UNLABELLED when
 *  fit.weak is 0.  Local. */
int8_t weak_told(const struct trainer *trainer, const struct row *row, uint32_t s);

#endif
