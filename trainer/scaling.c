/* Seconds of a step over ranks. */
#include "scaling.h"

#include <math.h>

static bool power_of_two(int n)
{
    return (n & (n - 1)) == 0;
}

static double hops(int ranks)
{
    if (ranks == 1) return 0;
    return power_of_two(ranks) ? 2 * log2(ranks) : 2.0 * (ranks - 1);
}

/* Seconds that n buckets of `bytes` in all take when nothing else is under way. */
static double carry(const struct scaling *scaling, double bytes, int ranks)
{
    if (bytes <= 0 || ranks == 1) return 0;
    const double buckets = ceil(bytes / scaling->bucket_bytes);
    const double rounds = ceil(buckets / COURIER_WINDOW);
    return rounds * hops(ranks) * scaling->latency +
           2 * (ranks - 1.0) / ranks * bytes / scaling->bandwidth;
}

/* The statistics of the batch, and the losses: the whole array up and down a tree. */
static double exchange(const struct scaling *scaling, int ranks)
{
    if (ranks == 1) return 0;
    const double levels = ceil(log2(ranks));
    return 2 * levels * scaling->latency +
           2 * (ranks - 1.0) / ranks * scaling->exchange_bytes / scaling->bandwidth;
}

struct scaling_result scaling_predict(const struct scaling *scaling, int ranks)
{
    const double bytes = scaling->parameters * scaling->bytes_a_parameter;
    const double shared = scaling->step - scaling->fixed;
    const double work =
        (scaling->weak ? shared : shared / ranks) * (ranks == 1 ? 1 : 1 + scaling->imbalance);
    struct scaling_result result = {.reduction = carry(scaling, bytes, ranks)};
    double through = 0; /* when the link is free again, from the start of the work */
    for (int stage = 0; stage < SCALING_STAGES; stage++) {
        const double final = scaling->overlap ? work * (1 - scaling->after[stage]) : work;
        through = fmax(through, final) + carry(scaling, bytes * scaling->share[stage], ranks);
    }
    result.waited = ranks == 1 ? 0 : fmax(0, through - work);
    result.seconds = work + scaling->fixed + result.waited + 2 * exchange(scaling, ranks);
    if (result.reduction > 0) result.hidden = fmax(0, 1 - result.waited / result.reduction);
    const double ideal = scaling->weak ? scaling->step : scaling->step / ranks;
    result.efficiency = ideal / result.seconds;
    return result;
}

void scaling_fit(struct scaling *scaling, const double bytes[2], const double seconds[2])
{
    /* two ranks send a half there and back: all bytes once, in two hops */
    const double slope = (seconds[1] - seconds[0]) / (bytes[1] - bytes[0]);
    ASSERT(bytes[1] > bytes[0] && slope > 0);
    scaling->bandwidth = 1 / slope;
    scaling->latency = fmax(0, (seconds[0] - bytes[0] * slope) / hops(2));
}
