/**
 * Pictures of music.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include "score.h"

/**
 * Draws a score as a piano roll into a PNG file: time from left to right with bars numbered, pitch
 * upwards with each C named, louder notes darker.  At most PICTURE_WIDTH pixels wide.  Local.
 *
 * @return FAILED with `path: reason`; what had that name before then still has it
 */
STATUS_CHECKED enum status picture_score(const struct score *score, const char *path);

enum { PICTURE_WIDTH = 8000 };

#endif
