/**
 * The whole model: two factored encoders, the mixture over both latents, sub-decoders, decoder.
 *
 * A training step over the global batch is
 *   vae_encode every micro-batch -> share posteriors and fader coordinates between ranks ->
 *   vae_decode and vae_latent_backward every micro-batch -> vae_encode_backward every micro-batch.
 * A micro-batch is either labelled or unlabelled as a whole, so that one scale serves it.
 *
 * Source: model.md sections 2 to 5.
 */
#ifndef VAE_H
#define VAE_H

#include "decoder.h"
#include "encoder.h"
#include "mixture.h"
#include "subdecoder.h"

enum factor { FACTOR_RHYTHM, FACTOR_TONAL, N_FACTORS };

enum { VAE_FADERS = BATCH_FADERS / N_FACTORS }; /* of a group: its latent's first coordinates */

struct vae_shape {
    size_t width, heads, encoder_layers, decoder_layers;
    size_t latent_mixture;  /* D_e of each group */
    size_t latent_residual; /* D_0 of each group */
    size_t memory;          /* decoder steps of earlier segments in sight */
    size_t per_emotion;     /* components an emotion */
    bool full_inputs;       /* both encoders read everything */
    struct vocabulary vocabulary;
};

struct vae {
    struct vae_shape shape;
    struct parameters parameters; /* owned */
    struct decoder decoder;
    struct subdecoder subdecoder;
    size_t mixture_mean, mixture_log_variance, mixture_log_weight;
    struct encoder encoder[N_FACTORS];
    size_t first_mixture, end_mixture; /* run of the mixture's tensors */
};

/** The parts of the loss; each is a mean over labelled plus a mean over unlabelled segments, in
 *  nats, before its weight in J. */
enum loss_part {
    LOSS_EVENT, /* N_EVENT_LOSSES of them, by field, the type last */
    LOSS_ONSET = LOSS_EVENT + N_EVENT_LOSSES,
    LOSS_CHROMA,
    LOSS_ATTRIBUTES,
    LOSS_RESIDUAL, /* KL of the residual coordinates */
    LOSS_KL,       /* KL of the mixture coordinates */
    LOSS_CATEGORY,
    LOSS_DISPERSION,
    LOSS_LABEL,
    LOSS_ENTROPY,
    LOSS_MAX_POSTERIOR,
    LOSS_CORRECT,
    LOSS_FADER,
    LOSS_CORRELATION, /* squared, of the tonal latent with the rhythm's attributes */
    N_LOSS_PARTS,
};
extern const char *const loss_part_names[N_LOSS_PARTS];

/** The weights of one step. */
struct objective {
    bool normal; /* the mixture coordinates have an N(0, I) prior and no label is used */
    struct mixture_weights mixture;
    double residual;      /* w of the residual KL; mixture.kl is that of the mixture coordinates */
    double free_nats;     /* of the residual KL, a segment; half of them a group */
    double fader_weight;  /* eta_A */
    double fader_scale;   /* s0 */
    double decorrelation; /* weight of LOSS_CORRELATION */
    double separation;    /* eta_S; 0: emotions are not kept apart */
};

/** Randomness of one step; rates of 0 and `sample` off give the deterministic pass. */
struct vae_noise {
    struct dropout dropout;
    real token_dropout;
    bool sample; /* z = m + e^{s/2} eps, else z = m */
};

/** What ranks share, and where a micro-batch lies in the global batch. */
struct vae_share {
    struct mixture_share mixture;
    size_t n_all;                      /* segments of the global batch */
    const real *fader_z[BATCH_FADERS]; /* (n_all) */
    const real *fader_a[BATCH_FADERS]; /* (n_all) */
};

/** What a micro-batch keeps from its encoding to its backward pass. */
struct vae_tape {
    const struct batch *batch;
    struct encoder_tape encoder[N_FACTORS];
    real *noise[N_FACTORS];    /* (n_segments, latent) eps */
    real *z[N_FACTORS];        /* (n_segments, latent) */
    real *dz[N_FACTORS];       /* (n_segments, latent) */
    real *dmoments[N_FACTORS]; /* (n_segments, 2 latent) */
    real *m, *s;               /* (n_segments, 2 D_e) mixture coordinates of both groups */
    real *q, *kl;              /* (n_segments, K) */
};

/** Coordinates of one group's latent. */
static inline size_t vae_latent(const struct vae_shape *shape)
{
    return shape->latent_mixture + shape->latent_residual;
}

/** Builds the tensor table.  Local.  Fails only for want of memory. */
STATUS_CHECKED enum status vae_init(struct vae *vae, const struct vae_shape *shape);
void vae_fini(struct vae *vae);

/** Initial parameters, the mixture on its simplex included.  Local. */
void vae_initialize(const struct vae *vae, real *theta, uint64_t seed);

/** Views of the mixture inside the parameter block.  Local. */
struct mixture vae_mixture(const struct vae *vae, const real *theta);

/** The coordinate of fader i: its group and its place in z. */
enum factor vae_fader_factor(int fader);
size_t vae_fader_coordinate(int fader);

/** Encodes a micro-batch; tape lives in `activations`.  Local.  Cannot fail. */
void vae_encode(const struct vae *vae, const real *theta, struct vae_tape *tape,
                const struct batch *batch, const struct vae_noise *noise, double temperature,
                struct arena *activations, struct arena *scratch);

/** Event and sub-decoder losses, loss += scale * nats; with a gradient block also their backward
 *  pass into it and tape->dz (which is zeroed first).  Local.  Cannot fail. */
struct vae_decode_call {
    const struct vae_noise *noise;
    double scale;       /* 1/B_u or 1/B_l */
    struct ready ready; /* for the micro-batch that ends the step on this rank */
};
void vae_decode(const struct vae *vae, const real *theta, real *gradient, struct vae_tape *tape,
                const struct vae_decode_call *call, double loss[N_LOSS_PARTS],
                struct arena *activations, struct arena *scratch);

/** The latent losses of a micro-batch whose first segment is `first` in the global batch: adds to
 *  loss, to the mixture's gradient, and turns tape->dz into tape->dmoments.  Local.  Cannot fail.
 */
void vae_latent_backward(const struct vae *vae, const real *theta, real *gradient,
                         struct vae_tape *tape, const struct objective *objective,
                         const struct vae_share *share, size_t first, double scale,
                         double loss[N_LOSS_PARTS], struct arena *scratch);

/** Backward through both encoders.  Local.  Cannot fail. */
void vae_encode_backward(const struct vae *vae, const real *theta, real *gradient,
                         const struct vae_tape *tape, const struct ready *ready,
                         struct arena *scratch);

/** The condition (n, 2 latent + 12) of the decoder from z of both groups and the tonics. */
void vae_condition(const struct vae_shape *shape, real *condition, const real *const z[N_FACTORS],
                   const uint8_t *tonic, size_t n);

/** What of a micro-batch its memory depends on. */
struct vae_sizes {
    size_t n_events, n_rows, n_segments;
    size_t n_typed;         /* events of the more frequent type, bars or notes */
    size_t n_cells;         /* of the onset grid that exist */
    size_t encoder_count;   /* events of the longest segment */
    size_t decoder_count;   /* decoder steps of the longest segment */
    size_t decoder_context; /* most memory before a segment */
    size_t decoder_keys;    /* most steps of a segment and its memory together */
};

/** The largest sizes of micro-batches of at most so many events, rows and segments.  Local. */
struct vae_sizes vae_most(const struct vae *vae, size_t n_events, size_t n_rows, size_t n_segments);

/** Bytes of activations that the encoding of a micro-batch keeps, and of those that decoding needs
 *  on top; bytes of scratch.  Never less than a micro-batch of those sizes takes.  Local. */
struct vae_memory {
    size_t encode, decode, scratch;
};
struct vae_memory vae_memory(const struct vae *vae, const struct vae_sizes *sizes);

#endif
