/* Warm-up, cosine, ramps. */
#include "schedule.h"

#include <math.h>

/* Steps of the first stage, also where no mixture follows. */
static double first_stage(const struct config *config)
{
    return (double)llround(config->train.stage1 * (double)config->train.steps);
}

uint64_t schedule_fit_step(const struct config *config)
{
    if (config->mixture.prior == PRIOR_NORMAL) return UINT64_MAX;
    return (uint64_t)first_stage(config);
}

/* 0 to 1 over the first `share` of `length` steps. */
static double ramp(double step, double length, double share)
{
    const double end = share * length;
    return end <= 0 || step >= end ? 1 : step / end;
}

/* Each stage rises over train.warmup and falls as a cosine of its own; what the first has learnt is
 * settled by its end, and the third has the speed to move it. */
static double learning_rate(const struct config *config, uint64_t step)
{
    static const double FLOOR = 0.05; /* of the peak, at the end of a cosine */
    const double first = first_stage(config), steps = (double)config->train.steps;
    const bool later = (double)step >= first && first > 0 && first < steps;
    const double since = later ? (double)step - first : (double)step;
    const double length = later ? steps - first : first > 0 ? first : steps;
    const double peak = config->train.learning_rate * (later ? config->train.restart : 1);
    const double warmup = fmin((double)config->train.warmup, length);
    const double rise = since < warmup ? (since + 1) / warmup : 1;
    const double turn = since > warmup ? (since - warmup) / (length - warmup) : 0;
    const double x = turn < 0 ? 0 : turn > 1 ? 1 : turn;
    return peak * rise * (FLOOR + (1 - FLOOR) * 0.5 * (1 + cos(3.14159265358979323846 * x)));
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
    /* the ramp of w belongs to the first stage: the third starts where it ended */
    const double weight = config->objective.kl_weight * (normal || fit == 0 ? risen : 1);
    return (struct schedule){
        .learning_rate = learning_rate(config, step),
        .objective =
            {
                .normal = normal,
                .mixture = {.kl = weight * (normal ? 1 : config->objective.mixture_weight),
                            .delta = dispersed ? config->objective.delta * risen : 0,
                            .alpha = dispersed ? config->objective.alpha : 0,
                            .gamma = config->objective.gamma,
                            .temperature = config->objective.temperature_start +
                                           cooled * (config->objective.temperature_end -
                                                     config->objective.temperature_start)},
                .residual = weight,
                .free_nats = config->objective.free_bits,
                .fader_weight = config->objective.attribute_weight,
                .fader_scale = config->objective.attribute_scale,
                .decorrelation = config->objective.decorrelation,
                .separation = dispersed ? config->objective.separation_weight : 0,
            },
    };
}
