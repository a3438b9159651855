/**
 * Loss spikes: steps whose loss stands far above those of the steps before.
 *
 * Compared is the loss over the mean events of a segment, since rows differ in length, with the
 * running mean and variance of the last hundred steps or so.  The state belongs to the checkpoint:
 * a resumed run judges as an uninterrupted one does.
 */
#ifndef SPIKE_H
#define SPIKE_H

/** Zero before the first step. */
struct spike {
    double mean, variance; /* of that, in nats */
    double n;              /* steps seen; whole numbers, in doubles as checkpoints keep them */
};

/**
 * Takes a finite loss into account, a spike as no more than the threshold, so that a lasting change
 * soon is the rule.  Local.
 *
 * @param threshold  standard deviations, 2 or more; 0: there are no spikes
 * @return deviations above the mean of a spike, 0 of any other step and of the first fifty
 */
double spike_judge(struct spike *spike, double loss, double threshold);

#endif
