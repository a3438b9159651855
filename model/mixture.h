/**
 * The mixture over the emotion coordinates, its closed-form posterior, and every loss that lives on
 * the latents: model.md sections 3 and 4.
 *
 * n counts segments.  m, s (n, D) are the encoders' means and log-variances of the mixture
 * coordinates of both groups side by side: a sum over groups is a sum over these D coordinates.
 * Component k belongs to emotion k / per_emotion.  All functions are Local, cannot fail and work in
 * double inside.
 */
#ifndef MIXTURE_H
#define MIXTURE_H

#include "arena.h"

#include <stdint.h>

enum { MIXTURE_EMOTIONS = 4, MIXTURE_MAX_COMPONENTS = 64, MIXTURE_UNLABELLED = -1 };

struct mixture_shape {
    size_t n_components; /* K = 4 per_emotion, <= MIXTURE_MAX_COMPONENTS */
    size_t per_emotion;
    size_t dimensions; /* D, both groups */
};

/** The prior's parameters: views into the parameter block. */
struct mixture {
    struct mixture_shape shape;
    const real *mean;         /* mu (K, D) */
    const real *log_variance; /* lam (K, D), in [-3, 1] */
    const real *log_weight;   /* log pi (K) */
};

struct mixture_weights {
    double kl;          /* w */
    double delta;       /* dispersion, 0..1 */
    double alpha;       /* mutual information; >= 1, or 0 */
    double gamma;       /* labelled cross-entropy */
    double temperature; /* Temp >= 1 */
};

/** What all ranks share before the backward pass. */
struct mixture_share {
    double n_unlabelled, n_labelled; /* B_u, B_l of the global batch, segments */
    double
        mean_posterior[MIXTURE_MAX_COMPONENTS]; /* qbar over the unlabelled of the global batch */
};

/** Loss parts, summed over this rank's segments, already weighted by 1/B_u or 1/B_l but NOT by w,
 *  delta, gamma: the caller weighs them to show J.  Additive over ranks. */
struct mixture_loss {
    double kl;            /* sum_k q KL */
    double category;      /* sum_k q log(q / pi) */
    double dispersion;    /* L_d, both groups */
    double label;         /* -log sum_C q */
    double entropy;       /* mean H(q_n) over the unlabelled */
    double max_posterior; /* mean over all segments of max_k q, weighted 1/(B_u + B_l) */
    double correct;       /* labelled segments whose emotion argmax is right, share of B_l */
};

/** mu on a simplex about the origin, `distance` sigma apart (orthonormal directions keyed by seed;
 *  when K > D several random bases, so only roughly apart), lam = 0, log pi uniform.
 *  mean, log_variance (K, D), log_weight (K) are set. */
void mixture_initialize(const struct mixture_shape *shape, real *mean, real *log_variance,
                        real *log_weight, double distance, uint64_t seed);

/** kl (n, K) = KL(N(m, e^s) || component k);  q (n, K) = softmax(log pi - kl / temperature). */
void mixture_posterior(real *q, real *kl, const struct mixture *mixture, const real *m,
                       const real *s, double temperature, size_t n);

/** sums[0..K) += sum of q over unlabelled rows; sums[K] += their number; sums[K+1] += labelled. */
void mixture_count(double *sums, const struct mixture_shape *shape, const real *q,
                   const int8_t *label, size_t n);

struct mixture_gradient {
    real *dm, *ds;               /* (n, D) */
    real *dmean, *dlog_variance; /* (K, D) */
};

/**
 * Adds the gradient of J without reconstruction, residual KL, faders and separation.
 *
 * @param[in,out] gradient  +=
 * @param[in,out] loss      +=
 * @param[in] label         (n) 0-3 or MIXTURE_UNLABELLED
 * @param scratch           15 pieces, (5 K + 8) D + 2 K doubles in all, restored on return
 *
 * Source: model.md section 4.
 */
void mixture_backward(const struct mixture_gradient *gradient, struct mixture_loss *loss,
                      const struct mixture *mixture, const real *m, const real *s,
                      const int8_t *label, const struct mixture_share *share,
                      const struct mixture_weights *weights, size_t n, struct arena *scratch);

/** I = H(qbar) - mean H(q_n), of the sum over ranks of mixture_loss.entropy. */
double mixture_information(const struct mixture_share *share, size_t n_components,
                           double mean_entropy);

/** L_sep: squared hinge on the Bhattacharyya distance (both groups together) of components of
 *  different emotions, below `distance`; gradients +=, scaled by `weight`.  Returns L_sep, not
 *  scaled.  NOT additive over ranks: one rank adds it.  *least gets the least distance (infinite
 *  with one emotion). */
double mixture_separation(real *dmean, real *dlog_variance, double *least,
                          const struct mixture *mixture, double distance, double weight);

/** Projects lam into [-3, 1] after an optimiser step. */
void mixture_project(real *log_variance, size_t count);

/**
 * KL of N(m, e^s) against N(0, I), summed over D, per row, scaled by `scale` in the gradients
 * (dm, ds +=); below `free_nats` a row has no gradient.  Returns the plain sum over rows.
 */
double normal_divergence(real *dm, real *ds, const real *m, const real *s, double scale,
                         double free_nats, size_t n, size_t dimensions);

/**
 * The pairwise fader loss of one coordinate: L = (1/B^2) sum_ij (tanh(s0 (z_i - z_j)) -
 * sign(a_i - a_j))^2 over all B rows of the global batch.
 *
 * @param[in,out] dz      (n) += weight * dL/dz_i for this rank's rows first..first+n of all
 * @param[in] z, a        (n_all) coordinate and attribute of every row of the global batch
 * @return the share of L whose i is in this rank's rows (additive over ranks)
 */
double fader_loss(real *dz, const real *z, const real *a, size_t n_all, size_t first, size_t n,
                  double s0, double weight);

/**
 * Semi-supervised EM, sufficient statistics of one pass: labelled rows' responsibilities are
 * clamped to their emotion's components.
 *
 * @param[in,out] sums  (K, 1 + 2 D) doubles += weight, sum of m, sum of m^2 + e^s
 * @return the pass's log likelihood term (sum over rows), for the stopping rule
 */
double mixture_fit_accumulate(double *sums, const struct mixture *mixture, const real *m,
                              const real *s, const int8_t *label, size_t n);

/** Responsibilities alone, q (n, K): a labelled row's lie within its emotion.  Returns the
 *  likelihood term of the rows. */
double mixture_fit_responsibilities(double *q, const struct mixture *mixture, const real *m,
                                    const real *s, const int8_t *label, size_t n);

/** Adds q's sums over rows, as mixture_fit_accumulate does; m, s may lie in other coordinates than
 *  those q was found in. */
void mixture_fit_moments(double *sums, const struct mixture_shape *shape, const double *q,
                         const real *m, const real *s, size_t n);

/** The M step from global sums; empty components keep their parameters.  pi is smoothed so that no
 *  component falls under 1 %; lam is projected. */
void mixture_fit_update(const struct mixture_shape *shape, real *mean, real *log_variance,
                        real *log_weight, const double *sums);

/** pi from what each component holds, count (K): in proportion, but at least 1 % each.  The sum of
 *  counts is above 0. */
void mixture_fit_weights(real *log_weight, const double *count, size_t n_components);

/** Rows to start the fit from, caller-owned: m, s (n, D), label (n). */
struct mixture_rows {
    const real *m, *s;
    const int8_t *label;
    size_t n;
};

/**
 * Starts the fit: distinct means inside each emotion from its labelled rows (k-means++ draws keyed
 * by seed, then Lloyd's iterations, so that one component an emotion starts at the class mean).  A
 * component for which the labelled rows do not suffice starts at an unlabelled row; with no row
 * left it keeps its mean.  lam is the pooled variance about the nearest mean, log pi uniform.  No
 * rows: nothing changes.  Ranks that pass the same gathered rows get the same bits.
 *
 * @param[in,out] mean  (K, D)
 * @param[out] log_variance, log_weight  (K, D), (K)
 * @param scratch       2 pieces, n + K D doubles in all, restored on return
 *
 * Source: Arthur & Vassilvitskii 2007.
 */
void mixture_fit_seed(const struct mixture_shape *shape, real *mean, real *log_variance,
                      real *log_weight, const struct mixture_rows *rows, uint64_t seed,
                      struct arena *scratch);

#endif
