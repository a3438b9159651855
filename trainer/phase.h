/**
 * The phases of a run: one table for the timeline, which measures them, and the watchdog, which
 * says where a rank is.
 */
#ifndef PHASE_H
#define PHASE_H

enum phase {
    PHASE_START,           /* before the first step */
    PHASE_STEP,            /* the whole step; holds the phases up to the update */
    PHASE_FIT,             /* fit of the mixture, once a run */
    PHASE_COLLATE,         /* rows drawn and made a batch */
    PHASE_ENCODE,          /* encoders forward */
    PHASE_SHARE,           /* small exchanges: statistics of the batch, losses */
    PHASE_PREPARE,         /* gradient cleared, separation */
    PHASE_DECODE,          /* decoders forward and backward */
    PHASE_LATENT,          /* losses of the latents, backward */
    PHASE_ENCODE_BACKWARD, /* encoders backward */
    PHASE_REDUCE_WAIT,     /* waiting for the gradient's reduction: its part that is not hidden */
    PHASE_UPDATE,          /* optimiser */
    PHASE_VALIDATE,
    PHASE_SAVE,
    PHASE_BUCKET, /* one bucket of the reduction under way, beside the other phases */
    PHASE_END,    /* after the last step */
    N_PHASES
};

enum phase_kind {
    PHASE_WORKS, /* computes alone: must get on */
    PHASE_WAITS, /* for the other ranks, or may */
    PHASE_SLOW,  /* both, and files: may take any time while the process lives */
    PHASE_OVER   /* the rank has left the run in order */
};
enum phase_kind phase_kind(enum phase phase);

/** "encode_backward": one word, in traces and in the heartbeat file.  Never NULL. */
const char *phase_word(enum phase phase);

/** "the encoders' backward pass", for messages. */
const char *phase_name(enum phase phase);

#endif
