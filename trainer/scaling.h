/**
 * A model of the time of a step over ranks: what a network's latency and bandwidth make of a step
 * measured on one rank.
 *
 * The work is one rank's, shared out: W / P seconds a rank, or W with the batch growing along (weak
 * scaling).  The gradient travels as comm/ sends it: a bucket of b bytes takes
 *
 *     hops * latency + 2 (P-1)/P * b / bandwidth,   hops = 2 log2 P, or 2 (P-1) around a ring,
 *
 * and COURIER_WINDOW buckets are under way at once, so that their latencies overlap but their bytes
 * do not.  Buckets become final at known times of the last micro-batch's backward pass; whatever is
 * not through when the pass ends is waited for.  Before and after it come two small exchanges, each
 * an all-reduce of the batch's statistics.  Ranks differ in load by a given share.
 *
 * Source: Hockney 1994 (latency and bandwidth); Thakur, Rabenseifner & Gropp 2005, section 3.
 */
#ifndef SCALING_H
#define SCALING_H

#include "courier.h"

enum { SCALING_STAGES = 3 }; /* decoders, first encoder, second encoder */

/** What is measured or known. */
struct scaling {
    double step;       /* seconds of a step's work on one rank, no reduction */
    double fixed;      /* seconds of it that every rank does whole: the update of all weights */
    double parameters; /* floats of the gradient */
    double share[SCALING_STAGES]; /* of the parameters that become final with each stage; sum 1 */
    double after[SCALING_STAGES]; /* of the step's shared work that follows when they are */
    double latency;               /* seconds a message */
    double bandwidth;             /* bytes a second that a rank sends while it receives as many */
    double exchange_bytes;        /* of the statistics, all ranks' */
    double imbalance;             /* the slowest rank's work over the mean, less 1 */
    double bucket_bytes;
    double bytes_a_parameter; /* 4, or 2 compressed */
    bool overlap;
    bool weak; /* every rank has a step's work: the batch grows with the ranks */
};

struct scaling_result {
    double seconds;    /* a step */
    double reduction;  /* the reduction, were nothing hidden */
    double waited;     /* what of it is not hidden */
    double hidden;     /* share of the reduction behind the backward pass, 0 to 1 */
    double efficiency; /* speed over ranks times that of one rank */
};

/** The prediction for `ranks` ranks, one a node.  Local.  Cannot fail. */
struct scaling_result scaling_predict(const struct scaling *scaling, int ranks);

/**
 * Latency and bandwidth from two reductions of different size between two ranks, as `reduction`
 * above would take them.  Local.
 *
 * @param[out] scaling    latency (not below 0) and bandwidth are set
 * @param      bytes      of the gradients, bytes[0] < bytes[1], each one bucket
 * @param      seconds    measured
 */
void scaling_fit(struct scaling *scaling, const double bytes[2], const double seconds[2]);

#endif
