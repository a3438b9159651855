/* Axes of plots. */
#include "axis.h"

#include <math.h>

/* Steps between ticks: the smallest of 1, 2, 5 times a power of ten that needs at most `most`. */
static double round_step(double range, double most)
{
    const double power = pow(10, floor(log10(range / most)));
    const double x = range / most / power;
    return power * (x <= 1 ? 1 : x <= 2 ? 2 : x <= 5 ? 5 : 10);
}

static void order(double *low, double *high)
{
    if (*low > *high) {
        const double swap = *low;
        *low = *high;
        *high = swap;
    }
    /* What rounding cannot tell apart is equal. */
    const double least = 1e-9 * fmax(fabs(*low), fabs(*high));
    if (*high - *low > least) return;
    const double room = *low == 0 ? 1 : 0.1 * fabs(*low);
    *low -= room;
    *high += room;
}

/* Ticks at multiples of `step` within the axis. */
static void place_ticks(struct axis *axis, double step)
{
    const double slack = 1e-6 * step;
    double k = ceil((axis->low - slack) / step);
    axis->n_ticks = 0;
    for (; axis->n_ticks < AXIS_TICKS && k * step <= axis->high + slack; k++)
        axis->tick[axis->n_ticks++] = k * step + 0.0; /* no -0 */
}

/* Ticks at 1, 2, 5 times powers of ten, or at powers alone where the range is wide. */
static void fit_logarithmic(struct axis *axis, double low, double high)
{
    static const double STEPS[] = {1, 2, 5};
    const int first = (int)floor(log10(low)), last = (int)floor(log10(high));
    const bool wide = last - first > 2;
    const int stride = wide ? (last - first) / (AXIS_TICKS - 2) + 1 : 1;
    axis->n_ticks = 0;
    axis->low = low;
    axis->high = high;
    for (int p = first; p <= last; p += stride)
        for (int s = 0; s < (wide ? 1 : 3); s++) {
            const double tick = STEPS[s] * pow(10, p);
            if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9) && axis->n_ticks < AXIS_TICKS)
                axis->tick[axis->n_ticks++] = tick;
        }
}

void axis_fit(struct axis *axis, double low, double high, bool logarithmic)
{
    order(&low, &high);
    axis->logarithmic = logarithmic && low > 0 && high >= 8 * low;
    if (axis->logarithmic) {
        fit_logarithmic(axis, low, high);
        return;
    }
    const double step = round_step(high - low, 5);
    axis->low = step * floor(low / step + 1e-9);
    axis->high = step * ceil(high / step - 1e-9);
    place_ticks(axis, step);
}

void axis_exact(struct axis *axis, double low, double high)
{
    order(&low, &high);
    *axis = (struct axis){.low = low, .high = high};
    place_ticks(axis, round_step(high - low, 6));
}

double axis_place(const struct axis *axis, double value)
{
    double place = (value - axis->low) / (axis->high - axis->low);
    if (axis->logarithmic)
        place = value > 0 ? log(value / axis->low) / log(axis->high / axis->low) : 0;
    return fmin(fmax(place, 0), 1);
}
