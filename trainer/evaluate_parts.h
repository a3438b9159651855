/**
 * The parts of an evaluation, for evaluate.c: what they share, and one function a section of the
 * document.
 */
#ifndef EVALUATE_PARTS_H
#define EVALUATE_PARTS_H

#include "evaluate.h"
#include "evaluate_latents.h"
#include "measures.h"
#include "model_file.h"

#include <jansson.h>

struct evaluate_music;
struct evaluate_control;
struct evaluate_copies;
struct evaluate_told;
struct evaluate_transfers;
struct judge;
struct discriminant;

struct evaluation {
    const struct evaluate_settings *settings;
    struct group *group; /* borrowed */
    struct model model;
    struct corpus corpus;
    struct trainer trainer;        /* the same weights, and room to encode and decode rows */
    bool mixed;                    /* the mixture has been fitted */
    bool labelled;                 /* the training and the measured split have labelled pieces */
    struct evaluate_latents train; /* labelled rows of the training split and some others */
    struct evaluate_latents held;  /* all rows of the measured split */
    struct evaluate_pieces known; /* labelled pieces of the training split, as the model saw them */
    struct evaluate_pieces asked; /* labelled pieces of the measured split */
    struct evaluate_told *told;   /* what the tellers say of these; on rank 0 */
    struct judge *judge;          /* of generated music; on rank 0 */
    struct evaluate_control *control;        /* what was decoded, or NULL */
    struct evaluate_music *music;            /* what was generated, or NULL */
    struct evaluate_copies *copies;          /* what of it was copied, or NULL */
    struct evaluate_transfers *transfers;    /* what was moved, or NULL */
    const struct discriminant *discriminant; /* axes that separate the training split's emotions */
};

/** Whether the model can be asked for an emotion (latent_check_point).  Local. */
bool evaluate_can(const struct evaluation *evaluation, int emotion);

/** The label in use of a segment's piece, CORPUS_UNLABELLED without one.  Local. */
int8_t evaluate_label(const struct evaluation *evaluation, const struct evaluate_latents *latents,
                      size_t segment);

/** A number, or null when it is not finite; a figure with its interval.  Local. */
json_t *evaluate_number(double x);
json_t *evaluate_interval(const struct interval *interval);

/** Bootstraps a figure and adds it to a section.  Local. */
STATUS_CHECKED enum status evaluate_figure(json_t *section, const char *name, measure_of *measure,
                                           const void *context, size_t n, uint64_t seed);

/** Adds scores and the confusion matrix of predictions.  Local. */
STATUS_CHECKED enum status evaluate_scores(json_t *section, const struct predictions *predictions,
                                           size_t n, uint64_t seed);

/** Likelihood on the measured split.  Local. */
STATUS_CHECKED enum status evaluate_likelihood(const struct evaluation *evaluation,
                                               json_t *section);

/** Emotion from latents, the linear probe, the baselines, and differences from them.  Local. */
STATUS_CHECKED enum status evaluate_emotion(const struct evaluation *evaluation, json_t *section);

/** Clusters of the measured pieces in the mixture coordinates.  Local. */
STATUS_CHECKED enum status evaluate_clusters(const struct evaluation *evaluation, json_t *section);

/** What rhythm and tonal latents tell of rhythm and tonal attributes.  Local. */
STATUS_CHECKED enum status evaluate_leakage(const struct evaluation *evaluation, json_t *section);

/**
 * Mutual information gap, separated attribute predictability and modularity over segments of the
 * measured split, of all attributes in all latent coordinates.  Without intervals: histograms of a
 * resample, in which pieces occur twice, find information that is not there.  Local.
 */
STATUS_CHECKED enum status evaluate_disentanglement(const struct evaluation *evaluation,
                                                    json_t *section);

#endif
