/* Loss spikes. */
#include "spike.h"

#include <math.h>
#include <stdbool.h>

static const double MEMORY = 100; /* steps that the running mean remembers */
static const double LEAST = 50;   /* steps that a deviation is known from */

double spike_judge(struct spike *spike, double loss, double threshold)
{
    const double deviation = sqrt(spike->variance), gap = loss - spike->mean;
    const bool is_spike =
        threshold > 0 && spike->n >= LEAST && deviation > 0 && gap > threshold * deviation;
    const double taken = is_spike ? threshold * deviation : gap;
    spike->n++;
    const double share = 1 / fmin(spike->n, MEMORY);
    spike->variance = (1 - share) * (spike->variance + share * taken * taken);
    spike->mean += share * taken;
    return is_spike ? gap / deviation : 0;
}
