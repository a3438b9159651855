/* Names and signs of the four emotions. */
#define _GNU_SOURCE
#include "emotion.h"

#include <strings.h>

const char *const emotion_names[N_EMOTIONS] = {"happy", "tense", "sad", "calm"};
const int emotion_valence[N_EMOTIONS] = {+1, -1, -1, +1};
const int emotion_arousal[N_EMOTIONS] = {+1, +1, -1, -1};

int emotion_parse(const char *name)
{
    for (int i = 0; i < N_EMOTIONS; i++) {
        const char quadrant[] = {'Q', (char)('1' + i), 0};
        if (strcasecmp(name, emotion_names[i]) == 0 || strcasecmp(name, quadrant) == 0) return i;
    }
    return -1;
}

int emotion_of(double valence, double arousal)
{
    if (arousal >= 0) return valence >= 0 ? EMOTION_HAPPY : EMOTION_TENSE;
    return valence >= 0 ? EMOTION_CALM : EMOTION_SAD;
}
