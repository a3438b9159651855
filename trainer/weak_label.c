/* Emotions by rule. */
#include "weak_label.h"

#include "trainer.h"

#include <math.h>

static double standardised(const float attributes[N_ATTRIBUTES], const struct standard *standard,
                           enum attribute a)
{
    const double x = (double)attributes[a];
    return isnan(x) ? 0 : (x - standard->mean[a]) / standard->deviation[a];
}

int8_t weak_label(const float attributes[N_ATTRIBUTES], const struct standard *standard)
{
    const double arousal = standardised(attributes, standard, ATTRIBUTE_NOTE_RATE) +
                           standardised(attributes, standard, ATTRIBUTE_VELOCITY) -
                           standardised(attributes, standard, ATTRIBUTE_NOTE_LENGTH);
    const double valence = standardised(attributes, standard, ATTRIBUTE_MODE_MARGIN);
    return (int8_t)emotion_of(valence, arousal);
}

int8_t weak_told(const struct trainer *trainer, const struct row *row, uint32_t s)
{
    if (row->label != CORPUS_UNLABELLED || trainer->config.fit.weak == 0) return row->label;
    return weak_label(trainer->corpus->segments[row->first_segment + s].attributes,
                      &trainer->standard);
}
