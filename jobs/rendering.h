/**
 * What generate and transfer write beside a MIDI file: the same as sound, and as a picture.
 */
#ifndef RENDERING_H
#define RENDERING_H

#include "score.h"

#include <stdbool.h>

struct rendering {
    bool wav, png;
};

/** Keys of --wav and --png, and their rows of an option table. */
enum { RENDERING_WAV = 0x400, RENDERING_PNG };
#define RENDERING_OPTIONS                                                                          \
    {"wav", RENDERING_WAV, NULL, 0, "Also write each piece as sound (by fluidsynth)", 0},          \
    {                                                                                              \
        "png", RENDERING_PNG, NULL, 0, "Also draw each piece as a piano roll", 0                   \
    }

/** Takes the option of a key; false when the key is none of these.  Local. */
bool rendering_option(struct rendering *rendering, int key);

/** OK when what the options need is there, else FAILED with how to get it.  Local. */
STATUS_CHECKED enum status rendering_check(const struct rendering *rendering);

/** Writes PIECE.wav and PIECE.png beside PIECE.mid, as asked for.  Local.  FAILED names the file.
 */
STATUS_CHECKED enum status rendering_write(const struct rendering *rendering,
                                           const struct score *score, const char *midi);

#endif
