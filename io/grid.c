/* Phase estimation, and the rounding of onsets and lengths to grid steps. */
#include "grid.h"

#include <math.h>

static const double two_pi = 6.283185307179586;

/* Angles seen lately: music comes back to few places of a step, and sines are slow. */
enum { N_ANGLES = 256 };

struct angle {
    int64_t rest; /* ticks behind a grid line, -1: none yet */
    double x, y;
};

void grid_phase(double *phase, double *concentration, const struct score_note *notes,
                size_t n_notes, uint32_t division, int steps)
{
    double x = 0.0;
    double y = 0.0;
    double weight = 0.0;
    struct angle angles[N_ANGLES];
    for (int i = 0; i < N_ANGLES; i++) angles[i].rest = -1;
    for (size_t i = 0; i < n_notes; i++) {
        /* the remainder is taken in integers: an onset late in a piece keeps its precision */
        const int64_t rest = notes[i].onset * steps % division;
        struct angle *angle = &angles[rest % N_ANGLES];
        if (angle->rest != rest) {
            const double turn = two_pi * (double)rest / division;
            *angle = (struct angle){rest, cos(turn), sin(turn)};
        }
        x += notes[i].velocity * angle->x;
        y += notes[i].velocity * angle->y;
        weight += notes[i].velocity;
    }
    *phase = atan2(y, x) / two_pi;
    *concentration = fmin(hypot(x, y) / weight, 1.0);
}

int64_t grid_step(const struct grid *grid, int64_t tick)
{
    const double time = grid->map ? tempo_map_seconds(grid->map, (double)tick) : (double)tick;
    const double step = floor(time * grid->scale - grid->phase + 0.5);
    return step > 0.0 ? (int64_t)step : 0;
}

int64_t grid_length(const struct grid *grid, int64_t onset, int64_t end)
{
    double time = (double)(end - onset);
    if (grid->map)
        time =
            tempo_map_seconds(grid->map, (double)end) - tempo_map_seconds(grid->map, (double)onset);
    const double length = floor(time * grid->scale + 0.5);
    return length > 1.0 ? (int64_t)length : 1;
}
