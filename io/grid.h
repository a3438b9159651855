/**
 * Ticks to grid steps: the phase of a piece and whether it keeps to the beat at all.
 *
 * A piece on the grid is read in musical ticks, shifted by its phase.  One off the grid (a
 * performance, SMPTE time) is read in seconds at 120 bpm, unshifted.
 */
#ifndef GRID_H
#define GRID_H

#include "tempo_map.h"

/**
 * A piece is off the grid when the circular concentration of its onsets is below this on the grid
 * asked for and on one of GRID_TRIPLETS steps a quarter note.
 */
#define GRID_CONCENTRATION 0.6

enum { GRID_TRIPLETS = 12 };

/** Later ticks are refused: every product with the clock's factors stays inside int64_t. */
#define GRID_MAX_TICK ((int64_t)1 << 40)

/** The clock of one piece. */
struct grid {
    const struct tempo_map *map; /* borrowed; NULL on the grid, else ticks go through seconds */
    double scale;                /* grid steps a tick; steps a second off the grid */
    double phase;                /* grid steps, in (-.5, .5]; (-1, 1] for grids over 12 */
};

/**
 * The circular mean of the onsets modulo a grid step, weighted by velocity.  Local.
 *
 * @param[out] phase          grid steps, in (-.5, .5]
 * @param[out] concentration  length of the mean resultant, 0-1
 * @param      notes          (n_notes), n_notes >= 1, onsets 0 to GRID_MAX_TICK
 * @param      steps          grid steps a quarter note
 *
 * Source: Mardia & Jupp, Directional Statistics, section 2.2.
 */
void grid_phase(double *phase, double *concentration, const struct score_note *notes,
                size_t n_notes, uint32_t division, int steps);

/** The nearest grid step of a tick, >= 0.  Local. */
int64_t grid_step(const struct grid *grid, int64_t tick);

/** The length of a note in grid steps, >= 1.  Local. */
int64_t grid_length(const struct grid *grid, int64_t onset, int64_t end);

#endif
