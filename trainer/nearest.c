/* Levenshtein distance over short names. */
#include "nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t edits(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    const size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; *a; i++, a++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const int same = tolower((unsigned char)*a) == tolower((unsigned char)b[j - 1]);
            const size_t replace = diagonal + !same;
            diagonal = row[j];
            row[j] = least(replace, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    const size_t length = strlen(nearest->wanted);
    if (length > LONGEST || strlen(name) > LONGEST) return;
    const size_t distance = edits(nearest->wanted, name);
    if (2 * distance > length || (nearest->best && distance >= nearest->distance)) return;
    nearest->best = name;
    nearest->distance = distance;
}

char *nearest_hint(const struct nearest *nearest, char *text, size_t size)
{
    text[0] = 0;
    if (nearest->best) snprintf(text, size, "; did you mean '%s'?", nearest->best);
    return text;
}
