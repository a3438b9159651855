/**
 * Writes segments from latents, bar by bar, each bar as the best of several drafts.
 *
 * What a segment holds with a draft of its next bar is measured and encoded, and its worth is how
 * clearly it says what was asked for: the faders' attributes by themselves, the other coordinates
 * of the mixture by their density under what the encoders hear.  The drafts of the next bar all go
 * on from the best.  One draft is plain sampling.
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
