/**
 * Training state and models in checkpoint files.
 *
 * The file holds `model/TENSOR`, `optimizer/first/TENSOR`, `optimizer/second/TENSOR`,
 * `attributes/standard` (mean and deviation rows), `trainer/step`, `faders/attribute` and
 * `faders/coordinate` (quantiles), `faders/slope`, `labels/count` (labelled training pieces of each
 * emotion), `labels/rule` (segments whose emotion the fit took from the rule, of each),
 * `trainer/window` (what the mixture's components held since the last update of their weights),
 * `trainer/patience` and `trainer/spike` (their states), and the texts `config` and `tokeniser`:
 * enough to generate or to go on without the corpus.  Faders and counts are made anew for each
 * save; files without them still load.
 */
#ifndef MODEL_FILE_H
#define MODEL_FILE_H

#include "checkpoint.h"
#include "emotion.h"
#include "faders.h"
#include "trainer.h"

/** A model for use without training: what generate, classify and transfer load. */
struct model {
    struct config config;
    struct events_vocabulary vocabulary;
    struct standard standard;
    struct vae vae;
    struct arena block;
    real *theta;
    uint64_t step; /* updates behind it */
    struct faders faders;
    int64_t n_labelled[N_EMOTIONS]; /* training pieces; -1: the file does not say */
    int64_t n_ruled[N_EMOTIONS];    /* segments that the fit placed by rule */
};

enum { MODEL_FILE_TOKENISER = 64 }; /* room for the text */

/** The text `tokeniser`.  Local. */
void model_file_tokeniser(char text[MODEL_FILE_TOKENISER], const struct events_settings *settings);

/** Saves the trainer's whole state, and what is measured for its users.  Collective. */
STATUS_CHECKED enum status model_file_save(struct trainer *trainer, const char *path);

/** The part of model_file_save that comes after faders_measure: writes the file.  Collective. */
STATUS_CHECKED enum status model_file_write(struct trainer *trainer, const struct faders *faders,
                                            const char *path);

/**
 * Loads the trainer's whole state from a file of the same model; rank 0 reads, the others receive.
 * A file of another shape fails and names the first difference.  Collective.
 */
STATUS_CHECKED enum status model_file_resume(struct trainer *trainer, const char *path);

/**
 * Loads a model from a checkpoint file or a run folder (its best checkpoint, or latest).  Local.
 * Refuses one that never trained or is not finite.
 */
STATUS_CHECKED enum status model_open(struct model *model, const char *path);
void model_close(struct model *model);

/** The checkpoint behind a path: the file itself, or RUN/checkpoints/latest.  `out` has room for
 *  `size` bytes.  Local. */
STATUS_CHECKED enum status model_file_resolve(char *out, size_t size, const char *path);

#endif
