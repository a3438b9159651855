/* Warm-up, cosine, ramps. */
#include "schedule.h"

#include <math.h>

uint64_t schedule_fit_step(const struct config *config)
{
    if (config->mixture.prior == PRIOR_NORMAL) return UINT64_MAX;
    return (uint64_t)llround(config->train.stage1 * (double)config->train.steps);
}

/* 0 to 1 over the first `share` of `length` steps. */
static double ramp(double step, double length, double share)
{
    const double end = share * length;
    return end <= 0 || step >= end ? 1 : step / end;
}

static double learning_rate(const struct config *config, uint64_t step)
{
    static const double FLOOR = 0.05; /* of the peak, at the end of the cosine */
    const double warmup = (double)config->train.warmup, steps = (double)config->train.steps;
    const double rise = (double)step < warmup ? ((double)step + 1) / warmup : 1;
    const double turn = (double)step > warmup ? ((double)step - warmup) / (steps - warmup) : 0;
    const double x = turn < 0 ? 0 : turn > 1 ? 1 : turn;
    return config->train.learning_rate * rise *
           (FLOOR + (1 - FLOOR) * 0.5 * (1 + cos(3.14159265358979323846 * x)));
}

struct schedule schedule_at(const struct config *config, uint64_t step)
{
    const uint64_t fit = schedule_fit_step(config);
    const double steps = (double)config->train.steps;
    const bool normal = step < fit;
    const double since = normal ? (double)step : (double)(step - fit);
    const double length = normal ? (fit == UINT64_MAX ? steps : (double)fit) : steps - (double)fit;
    const double risen = ramp(since, length, config->objective.kl_ramp);
    const bool dispersed = !normal && config->mixture.prior == PRIOR_DISPERSED;
    const double cooled = ramp(since, length, 0.5);
    return (struct schedule){
        .learning_rate = learning_rate(config, step),
        .objective =
            {
                .normal = normal,
                /* the ramp of w belongs to the first stage: the second starts where it ended */
                .mixture = {.kl = config->objective.kl_weight * (normal || fit == 0 ? risen : 1),
                            .delta = dispersed ? config->objective.delta * risen : 0,
                            .alpha = dispersed ? config->objective.alpha : 0,
                            .gamma = config->objective.gamma,
                            .temperature = config->objective.temperature_start +
                                           cooled * (config->objective.temperature_end -
                                                     config->objective.temperature_start)},
                .free_nats = config->objective.free_bits,
                .fader_weight = config->objective.attribute_weight,
                .fader_scale = config->objective.attribute_scale,
                .separation = dispersed ? config->objective.separation_weight : 0,
            },
    };
}
