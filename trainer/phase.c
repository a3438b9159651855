/* The table of phases. */
#include "phase.h"

static const struct {
    const char *word, *name;
    enum phase_kind kind;
} phases[N_PHASES] = {
    [PHASE_START] = {"start", "the start", PHASE_SLOW},
    [PHASE_STEP] = {"step", "the step", PHASE_WORKS},
    [PHASE_FIT] = {"fit", "the mixture fit", PHASE_SLOW},
    [PHASE_COLLATE] = {"collate", "the making of its batch", PHASE_WORKS},
    [PHASE_ENCODE] = {"encode", "the encoding of its batch", PHASE_WORKS},
    [PHASE_SHARE] = {"share", "the exchange of latents and losses", PHASE_WAITS},
    [PHASE_PREPARE] = {"prepare", "the start of the backward pass", PHASE_WORKS},
    [PHASE_DECODE] = {"decode", "the decoding of its batch", PHASE_WORKS},
    [PHASE_LATENT] = {"latent", "the losses of its latents", PHASE_WORKS},
    [PHASE_ENCODE_BACKWARD] = {"encode_backward", "the encoders' backward pass", PHASE_WORKS},
    [PHASE_REDUCE_WAIT] = {"reduce_wait", "the sum of the gradient", PHASE_WAITS},
    [PHASE_UPDATE] = {"update", "the update", PHASE_WAITS},
    [PHASE_VALIDATE] = {"validate", "a validation", PHASE_SLOW},
    [PHASE_SAVE] = {"save", "a save", PHASE_SLOW},
    [PHASE_BUCKET] = {"bucket", "the sum of a bucket", PHASE_WAITS},
    [PHASE_END] = {"end", "the end", PHASE_OVER},
};

enum phase_kind phase_kind(enum phase phase)
{
    return phases[phase].kind;
}

const char *phase_word(enum phase phase)
{
    return phases[phase].word;
}

const char *phase_name(enum phase phase)
{
    return phases[phase].name;
}
