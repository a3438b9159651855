/* Hashes of bars. */
#include "measures_bars.h"

#include <stdlib.h>
#include <string.h>

/* Source: the finaliser of SplitMix64, Steele et al. 2014. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static double as_double(uint64_t hash)
{
    const uint64_t kept = hash >> 11;
    return kept ? (double)kept : 1;
}

size_t bar_contents(double *content, size_t room, const struct event *events, size_t n_events,
                    int tonic)
{
    size_t n = 0;
    uint64_t hash = 0;
    for (size_t i = 0; i < n_events; i++) {
        const struct event *event = &events[i];
        if (event->position == EVENTS_BAR) {
            if (n == room) return n;
            hash = 0;
            content[n++] = 0;
            continue;
        }
        const uint64_t note = (uint64_t)event->position << 16 |
                              (uint64_t)(event->pitch - tonic) << 8 | event->duration;
        hash = mix(hash ^ note);
        content[n - 1] = as_double(hash);
    }
    return n;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum status bar_set_init(struct bar_set *set, const double *contents, size_t n)
{
    size_t kept = 0;
    *set = (struct bar_set){0};
    set->content = calloc(2 * n + 1, sizeof *set->content);
    if (!set->content || status_fault()) {
        bar_set_fini(set);
        return status_fail(FAILED, "no memory for %zu bars", n);
    }
    set->found = set->content + n;
    for (size_t i = 0; i < n; i++)
        if (contents[i] > 0) set->content[kept++] = contents[i];
    qsort(set->content, kept, sizeof *set->content, ascending);
    for (size_t i = 0; i < kept; i++)
        if (set->n == 0 || set->content[i] > set->content[set->n - 1])
            set->content[set->n++] = set->content[i];
    return OK;
}

void bar_set_fini(struct bar_set *set)
{
    free(set->content);
    *set = (struct bar_set){0};
}

static const double *look_up(const struct bar_set *set, double content)
{
    return bsearch(&content, set->content, set->n, sizeof content, ascending);
}

void bar_set_mark(struct bar_set *set, double content)
{
    const double *at = look_up(set, content);
    if (at) set->found[at - set->content] = 1;
}

bool bar_set_found(const struct bar_set *set, double content)
{
    const double *at = look_up(set, content);
    return at && set->found[at - set->content] > 0;
}
