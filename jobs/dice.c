/* Sequences over the counter-based generator. */
#include "dice.h"

double dice_uniform(struct dice *d)
{
    return random_uniform(d->seed, RANDOM_COMPOSE, d->piece, d->purpose, d->count++);
}

bool dice_chance(struct dice *d, double p)
{
    return dice_uniform(d) < p;
}

int dice_below(struct dice *d, int n)
{
    return (int)random_below((uint32_t)n, d->seed, RANDOM_COMPOSE, d->piece, d->purpose,
                             d->count++);
}

double dice_normal(struct dice *d, double mean, double deviation)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += dice_uniform(d);
    return mean + deviation * sum;
}

int dice_choose(struct dice *d, const double *weights, int n)
{
    double total = 0;
    for (int i = 0; i < n; i++) total += weights[i];
    double left = dice_uniform(d) * total;
    int last = 0;
    for (int i = 0; i < n; i++) {
        if (weights[i] <= 0) continue;
        last = i;
        left -= weights[i];
        if (left < 0) break;
    }
    return last;
}
