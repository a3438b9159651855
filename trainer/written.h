/**
 * What a generator wrote: its events as those of a piece, its score made fit for a file.
 */
#ifndef WRITTEN_H
#define WRITTEN_H

#include "events.h"
#include "generator.h"

enum { WRITTEN_ATTEMPTS = 16 }; /* draws of a piece that comes out empty */

/** An event as a piece in that key has it, its tonic 0-11: the decoder writes pitch minus tonic.
 *  Local. */
struct event written_event(const struct generator_event *event, uint8_t tonic);

/** The keyboard as pitch symbols of a segment in that key.  Local. */
struct generator_pitches written_pitches(uint8_t tonic);

/** Whether there is a note among the events.  Local. */
bool written_has_note(const struct event *events, size_t n_events);

/** The median tempo symbol of the bars (0 without any).  Local. */
int written_median_tempo(const struct event *events, size_t n_events);

/** The seed of the events of an attempt; the first has the request's own.  Local. */
uint64_t written_seed(uint64_t seed, uint32_t attempt);

/** Lets notes end with the score, and where their key is struck again.  Local. */
void written_cut_notes(struct score *score);

/** How long the score lasts.  Local. */
double written_seconds(const struct score *score);

#endif
