/* Shared runs by a suffix automaton. */
#include "measures_copying.h"

#include <string.h>

enum { MOST_LINES = 7 };

static const uint32_t NONE = UINT32_MAX;

size_t copying_notes(struct copying_note *notes, const struct event *events, size_t n_events,
                     size_t most_bars)
{
    size_t n = 0, bars = 0, lines = 0;
    int before = -1;
    for (size_t i = 0; i < n_events; i++) {
        const struct event *event = &events[i];
        if (event->position == EVENTS_BAR) {
            if (bars++ == most_bars) break;
            lines += lines < MOST_LINES;
            continue;
        }
        const int interval = before < 0 ? 0 : event->pitch - before;
        notes[n++] = (struct copying_note){(uint32_t)lines << 24 | (uint32_t)event->position << 16 |
                                               (uint32_t)(interval + 128) << 8 | event->duration,
                                           (uint32_t)bars - 1};
        before = event->pitch;
        lines = 0;
    }
    return n;
}

/* A transition; those of one state are a list. */
struct edge {
    uint32_t from, token, to, next;
};

struct state {
    uint32_t length, link, edges;
};

struct copying {
    struct state *states; /* owned; state 0 is the empty run */
    struct edge *edges;   /* owned */
    uint32_t *slots;      /* owned; (n_slots) edges hashed by state and token */
    uint32_t *prefix;     /* owned; (n_notes) state of the text that ends at a note */
    double *matched;      /* owned; (n_states) longest run matched in a state, 0: none */
    size_t n_states, n_edges, n_slots, n_notes;
};

static size_t slot_of(const struct copying *copying, uint32_t from, uint32_t token)
{
    uint64_t hash = ((uint64_t)from << 32 | token) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash >> 32) & (copying->n_slots - 1);
    for (; copying->slots[slot] != NONE; slot = (slot + 1) & (copying->n_slots - 1)) {
        const struct edge *edge = &copying->edges[copying->slots[slot]];
        if (edge->from == from && edge->token == token) break;
    }
    return slot;
}

static struct edge *find_edge(const struct copying *copying, uint32_t from, uint32_t token)
{
    const uint32_t at = copying->slots[slot_of(copying, from, token)];
    return at == NONE ? NULL : &copying->edges[at];
}

static void add_edge(struct copying *copying, uint32_t from, uint32_t token, uint32_t to)
{
    struct state *state = &copying->states[from];
    ASSERT(copying->edges);
    copying->slots[slot_of(copying, from, token)] = (uint32_t)copying->n_edges;
    copying->edges[copying->n_edges] = (struct edge){from, token, to, state->edges};
    state->edges = (uint32_t)copying->n_edges++;
}

static uint32_t add_state(struct copying *copying, uint32_t length)
{
    copying->states[copying->n_states] = (struct state){length, NONE, NONE};
    return (uint32_t)copying->n_states++;
}

/* A state for the runs of `of` that are no longer than `length`. */
static uint32_t split(struct copying *copying, uint32_t from, uint32_t token, uint32_t of)
{
    const uint32_t copy = add_state(copying, copying->states[from].length + 1);
    for (uint32_t e = copying->states[of].edges; e != NONE; e = copying->edges[e].next)
        add_edge(copying, copy, copying->edges[e].token, copying->edges[e].to);
    copying->states[copy].link = copying->states[of].link;
    copying->states[of].link = copy;
    for (uint32_t s = from; s != NONE; s = copying->states[s].link) {
        struct edge *edge = find_edge(copying, s, token);
        if (!edge || edge->to != of) break;
        edge->to = copy;
    }
    return copy;
}

/* The state of a text one note longer. */
static uint32_t extend(struct copying *copying, uint32_t last, uint32_t token)
{
    const uint32_t state = add_state(copying, copying->states[last].length + 1);
    uint32_t s = last;
    for (; s != NONE && !find_edge(copying, s, token); s = copying->states[s].link)
        add_edge(copying, s, token, state);
    if (s == NONE) {
        copying->states[state].link = 0;
        return state;
    }
    const uint32_t to = find_edge(copying, s, token)->to;
    const bool exact = copying->states[to].length == copying->states[s].length + 1;
    copying->states[state].link = exact ? to : split(copying, s, token, to);
    return state;
}

static enum status copying_init(struct copying *copying, size_t n_notes, size_t n_pieces)
{
    const size_t text = n_notes + n_pieces, most = 2 * text + 2;
    copying->n_notes = n_notes;
    copying->n_slots = 16;
    while (copying->n_slots < 8 * text) copying->n_slots *= 2;
    copying->states = malloc(most * sizeof *copying->states);
    copying->edges = malloc((3 * text + 4) * sizeof *copying->edges);
    copying->slots = malloc(copying->n_slots * sizeof *copying->slots);
    copying->prefix = malloc((n_notes + 1) * sizeof *copying->prefix);
    copying->matched = calloc(most, sizeof *copying->matched);
    if (!copying->states || !copying->edges || !copying->slots || !copying->prefix ||
        !copying->matched || status_fault())
        return status_fail(FAILED, "no memory to index %zu notes", n_notes);
    for (size_t i = 0; i < copying->n_slots; i++) copying->slots[i] = NONE;
    (void)add_state(copying, 0);
    return OK;
}

enum status copying_create(struct copying **out, const struct copying_note *notes,
                           const size_t *start, size_t n_pieces)
{
    enum status status = OK;
    struct copying *copying = calloc(1, sizeof *copying);
    *out = NULL;
    if (!copying) FAIL(FAILED, "no memory to index %zu notes", start[n_pieces]);
    TRY(copying_init(copying, start[n_pieces], n_pieces));
    uint32_t last = 0;
    for (size_t p = 0; p < n_pieces; p++) {
        for (size_t i = start[p]; i < start[p + 1]; i++)
            copying->prefix[i] = last = extend(copying, last, notes[i].token);
        last = extend(copying, last, UINT32_MAX - (uint32_t)p); /* no run spans two pieces */
    }
    *out = copying;
    copying = NULL;
done:
    copying_destroy(copying);
    return status;
}

void copying_destroy(struct copying *copying)
{
    if (!copying) return;
    free(copying->states);
    free(copying->edges);
    free(copying->slots);
    free(copying->prefix);
    free(copying->matched);
    free(copying);
}

void copying_read(struct copying *copying, const struct copying_note *notes, size_t n)
{
    uint32_t state = 0, length = 0;
    for (size_t i = 0; i < n; i++) {
        const struct edge *edge = find_edge(copying, state, notes[i].token);
        while (!edge && state != 0) {
            state = copying->states[state].link;
            length = copying->states[state].length;
            edge = find_edge(copying, state, notes[i].token);
        }
        if (!edge) continue;
        state = edge->to;
        length++;
        if (length > copying->matched[state]) copying->matched[state] = length;
    }
}

double *copying_matches(struct copying *copying, size_t *n)
{
    *n = copying->n_states;
    return copying->matched;
}

/* States by length: counts, then places. */
static void sort_states(const struct copying *copying, uint32_t *order, uint32_t *first)
{
    const size_t n = copying->n_states;
    memset(first, 0, (n + 1) * sizeof *first);
    for (size_t s = 0; s < n; s++) first[copying->states[s].length + 1]++;
    for (size_t i = 1; i <= n; i++) first[i] += first[i - 1];
    for (size_t s = 0; s < n; s++) order[first[copying->states[s].length]++] = (uint32_t)s;
}

enum status copying_runs(struct copying *copying, uint32_t *run)
{
    enum status status = OK;
    const size_t n = copying->n_states;
    const struct state *states = copying->states;
    uint32_t *order = calloc(n + 1, sizeof *order), *first = calloc(n + 2, sizeof *first);
    if (!order || !first || status_fault()) FAIL(FAILED, "no memory to sort %zu states", n);
    sort_states(copying, order, first);
    /* what was matched in a state holds the whole of the shorter runs it links to */
    for (size_t i = n; i-- > 1;) {
        const uint32_t s = order[i], link = states[s].link;
        if (copying->matched[s] > 0) copying->matched[link] = states[link].length;
    }
    for (size_t i = 1; i < n; i++) {
        const uint32_t s = order[i];
        if (copying->matched[s] <= 0) copying->matched[s] = copying->matched[states[s].link];
    }
    for (size_t i = 0; i < copying->n_notes; i++)
        run[i] = (uint32_t)copying->matched[copying->prefix[i]];
done:
    free(order);
    free(first);
    return status;
}
