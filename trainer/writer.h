/**
 * Writes segments from latents, each as the best of several drafts.
 *
 * A draft is encoded again, and its worth is the density of the asked latents under what the
 * encoders hear in it: so the draft is kept that says most clearly what was asked for.  All drafts
 * of the next segment then go on from it.  One draft is plain sampling.
 */
#ifndef WRITER_H
#define WRITER_H

#include "generator.h"
#include "model_file.h"

enum { WRITER_DRAFTS = 8, WRITER_MAX_DRAFTS = 64 }; /* the usual number; the most */

struct writer; /* opaque */

/**
 * Prepares pieces first_piece .. first_piece + n_pieces.  What a piece draws depends on its number
 * and on the number of drafts.  Local.  Fails only for want of memory.
 *
 * @param model   used until writer_destroy
 * @param drafts  1..WRITER_MAX_DRAFTS
 */
STATUS_CHECKED enum status writer_create(struct writer **writer, const struct model *model,
                                         size_t n_pieces, uint32_t first_piece,
                                         const struct generator_settings *settings, size_t drafts);
void writer_destroy(struct writer *writer);

/** As generator_segment. */
void writer_segment(struct writer *writer, const struct generator_request *request,
                    struct generator_event *events, size_t *counts);

#endif
