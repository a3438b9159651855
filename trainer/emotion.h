/**
 * The four emotions: quadrants of the plane of valence and arousal.
 *
 * Index 0-3 for Q1 happy, Q2 tense, Q3 sad, Q4 calm, everywhere in the program.
 */
#ifndef EMOTION_H
#define EMOTION_H

enum { EMOTION_HAPPY, EMOTION_TENSE, EMOTION_SAD, EMOTION_CALM, N_EMOTIONS };

extern const char *const emotion_names[N_EMOTIONS]; /* "happy", "tense", "sad", "calm" */
extern const int emotion_valence[N_EMOTIONS];       /* +1 or -1 */
extern const int emotion_arousal[N_EMOTIONS];       /* +1 or -1 */

/** 0-3 for `happy`, `tense`, `sad`, `calm` or `Q1`..`Q4` in any case, else -1.  Local. */
int emotion_parse(const char *name);

/** The quadrant of a point; a coordinate of 0 counts as positive.  Local. */
int emotion_of(double valence, double arousal);

#endif
