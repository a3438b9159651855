/** The latents that an evaluation keeps, for the suites of evaluate. */
#ifndef KEPT_LATENTS_H
#define KEPT_LATENTS_H

#include <jansson.h>

/** Asserts that the test split's latents at `path` agree with the corpus file `from` and with what
 *  the document says of labelled pieces.  Local. */
void kept_latents_check(const char *path, const char *from, const json_t *document);

#endif
