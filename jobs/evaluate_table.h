/**
 * The document of `affekt evaluate` for people: a heading a section, a line a figure, a table where
 * neighbours have the same figures.
 */
#ifndef EVALUATE_TABLE_H
#define EVALUATE_TABLE_H

#include <jansson.h>

/** Prints the document to stdout.  Local.  Lists of pieces and confusion matrices are for machines
 *  and left out. */
void evaluate_table_print(json_t *document);

#endif
